// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "StateDictFile.h"

#include "weights/Layout.h"

#include <set>

using namespace dpcrt;

namespace dpc::exporting {
namespace {

// Why a tensor of which the file holds `p` cannot be written whole.
std::string explainPartial(const Manifest::Parameter &p) {
  std::string stored = "'" + p.initializerName() + "' " + shapeText(p.shape);
  if (p.folding == "lookup")
    return "the model's file holds only the rows that the exporter looked up in it, " + stored +
           ", and says neither which these are nor how many it has";
  if (p.folding == "slice")
    return "the model's file holds only a part of it, " + stored +
           ", and says neither where this lies nor how large it is";
  if (p.folding == "rearrangement")
    return "the model's file holds it rearranged by the exporter, " + stored +
           ", and does not say how";
  return "the model's file holds only what was folded from it, " + stored;
}

} // namespace

StateDictPlan planStateDict(const Manifest &manifest) {
  StateDictPlan plan;
  plan.recorded = !manifest.stateDict.empty();
  std::set<std::string> keys, done; // done: parameters that some key names
  auto partial = [&](const std::string &key, const Manifest::Parameter &p) {
    plan.missing.push_back("'" + key + "': " + explainPartial(p));
  };
  for (const Manifest::StateEntry &entry : manifest.stateDict) {
    keys.insert(entry.key);
    const Manifest::Parameter *p =
        entry.parameter.empty() ? nullptr : manifest.parameter(entry.parameter);
    if (p)
      done.insert(p->name);
    if (p && p->partial)
      partial(entry.key, *p);
    else if (p || entry.source.index())
      plan.tensors.push_back({entry.key, p, &entry});
    else
      plan.missing.push_back("'" + entry.key +
                             "': the model's file does not hold it under a name that is known "
                             "(perhaps it is tied to another)");
  }
  for (const Manifest::Parameter &p : manifest.parameters) {
    // What is not trained and has no name of the framework is a mask or a table of the graph.
    if (done.count(p.name) || (!p.trained && p.framework.empty()))
      continue;
    // A name that is no path of modules was made up by the exporter.
    bool isPath =
        p.name.find('.') != std::string::npos && p.name.find_first_of(":/") == std::string::npos;
    if (p.framework.empty() && (plan.recorded || !p.initializer.empty() || !isPath))
      plan.unnamed.push_back(p.name);
    for (const std::string &key :
         p.framework.empty() ? std::vector<std::string>{p.name} : p.framework) {
      if (!keys.insert(key).second)
        continue;
      if (p.partial)
        partial(key, p);
      else
        plan.tensors.push_back({key, &p, nullptr});
    }
  }
  return plan;
}

Status writeStateDict(const StateDictPlan &plan, Weights &weights, const std::string &path) {
  std::vector<TensorToWrite> tensors;
  for (const StateDictPlan::Tensor &t : plan.tensors) {
    Element type = t.parameter ? t.parameter->storageType() : t.entry->type;
    std::vector<uint64_t> shape = t.parameter ? t.parameter->shape : t.entry->shape;
    if (t.parameter ? t.parameter->transposed : t.entry->transposed)
      shape = transposedShape(shape);
    tensors.push_back({t.key, type, shape, nullptr});
  }
  std::map<std::string, std::string> metadata = layoutMetadata(Layout::Framework);
  metadata["format"] = "pt"; // transformers reads files that say so
  std::vector<char> bytes;
  return writeSafetensors(path, tensors, metadata, nullptr, [&](size_t i, const void *&data) {
    const StateDictPlan::Tensor &t = plan.tensors[i];
    Status s = t.parameter ? weights.read(*t.parameter, t.parameter->transposed, bytes)
                           : weights.read(*t.entry, bytes);
    data = bytes.data();
    return s;
  });
}

} // namespace dpc::exporting
