// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See Mirrors.h.
#include "Mirrors.h"

#include "StepModel.h"
#include "StepSums.h"

namespace dpc::lowering {

Mirrors findMirrors(const StepModel &model) {
  std::map<std::pair<std::vector<unsigned>, bool>, MirrorSet> sets;
  uint64_t ranks = 1;
  for (auto [p, parameter] : llvm::enumerate(model.parameters)) {
    const prog::Axes over = model.axesOver(parameter.sharded);
    if (parameter.holders.size() * model.copiesOver(over) < 2)
      continue;
    MirrorSet &set = sets[{parameter.holders, parameter.sharded}];
    set.holders = parameter.holders;
    set.over = over;
    set.parameters.push_back(p);
    ranks = std::max<uint64_t>(ranks, uint64_t(parameter.holders.size()) * model.dp * model.ep);
  }
  Mirrors mirrors;
  mirrors.digitBits = optimizer::mirrorDigitBits(ranks);
  for (auto &[key, set] : sets) {
    llvm::sort(set.parameters, [&](unsigned a, unsigned b) {
      return nn::ParameterOp(model.parameters[a].op).getSymName() <
             nn::ParameterOp(model.parameters[b].op).getSymName();
    });
    mirrors.sets.push_back(std::move(set));
  }
  return mirrors;
}

int64_t MirroredValue::hashBytes() const { return alignUp(4 * hashRows(words.count).count()); }

std::vector<MirroredValue> mirroredValues(const StepModel &model, unsigned p, bool isSharded) {
  const StepParameter &parameter = model.parameters[p];
  auto wordsOf = [](prog::SlotType type) {
    return optimizer::hashedWords(type.getElementType(), type.getCount());
  };
  std::vector<MirroredValue> values = {{p, false, wordsOf(parameter.type)}};
  if (parameter.hasMaster() && !isSharded)
    values.push_back({p, true, wordsOf(parameter.kept)});
  return values;
}

} // namespace dpc::lowering
