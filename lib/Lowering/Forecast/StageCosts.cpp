// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See StageCosts.h.
#include "StageCosts.h"

#include "../Plan/BlockPlan.h"

#include "llvm/Support/JSON.h"

#include <set>

using namespace mlir;
using namespace dpc::dualpipe;

namespace dpc::lowering {
namespace {

using Value = std::pair<RoleKind, unsigned>;

class Reader {
public:
  Reader(const StepModel &model, unsigned stage) : model(model), stage(stage) {}

  schedule::StageCosts run() {
    schedule::StageCosts costs{0, 0, 0, 0, 0, 0, 0};
    double *seconds[] = {&costs.forward, &costs.input, &costs.weight};
    for (Task::Kind kind : {Task::Forward, Task::Input, Task::Weight})
      if (const TaskCommands *half = model.half(stage, Half(kind)))
        *seconds[kind] = planBlock(kind, stage, 0, {half}).duration.total;
    addMessages(costs);
    addActivations(costs);
    return costs;
  }

private:
  // An output goes to each rank once, however many stages read it there; with a
  // model that is a chain it goes to the next stage.
  void addMessages(schedule::StageCosts &costs) {
    for (const std::vector<unsigned> &edges : model.edgesOfOutput[stage])
      if (!edges.empty())
        costs.outputBytes += model.edges[edges.front()].bytes;
    for (unsigned edge : model.edgeOfInput[stage])
      if (model.edges[edge].gradient)
        costs.gradientBytes += model.edges[edge].bytes;
  }

  void addActivations(schedule::StageCosts &costs) {
    const TaskCommands *forward = model.half(stage, Half::Forward),
                       *input = model.half(stage, Half::Input),
                       *weight = model.half(stage, Half::Weight);
    std::set<Value> counted;
    // What is read later and is there behind F: its inputs, and what it makes.
    for (const TaskCommands *half : {input, weight})
      for (const Storage &storage : half ? ArrayRef<Storage>(half->storage) : ArrayRef<Storage>())
        if (isKept(storage) && counted.insert({storage.role, storage.index}).second)
          if (storage.role != RoleKind::Kept ||
              (forward && forward->find(storage.role, storage.index) >= 0))
            costs.activationBytes += storage.bytes();
    // W also reads what I makes for it, and the gradient that I read.
    for (const Storage &storage : weight ? ArrayRef<Storage>(weight->storage) : ArrayRef<Storage>())
      if (isKept(storage) ||
          (storage.kind == Storage::Role && storage.role == RoleKind::OutputGrad))
        costs.weightBytes += storage.bytes();
  }
  static bool isKept(const Storage &storage) {
    return storage.kind == Storage::Role &&
           (storage.role == RoleKind::Input || storage.role == RoleKind::Feed ||
            storage.role == RoleKind::Kept || storage.role == RoleKind::Output);
  }

  const StepModel &model;
  unsigned stage;
};

} // namespace

schedule::Costs stageCosts(const StepModel &model, const Machine &machine) {
  schedule::Costs costs;
  costs.forward = costs.input = costs.weight = 0;
  for (unsigned s = 0; s < model.stages.size(); ++s)
    costs.stages.push_back(Reader(model, s).run());
  std::map<std::pair<unsigned, unsigned>, double> known; // by bodies
  for (unsigned a = 0; a < model.stages.size(); ++a)
    for (unsigned b = 0; b < model.stages.size(); ++b) {
      auto [it, isNew] = known.try_emplace({model.stages[a].body, model.stages[b].body}, 0);
      if (isNew)
        it->second = planBlock(Task::Pair, a, b,
                               {model.half(a, Half::Forward), model.half(b, Half::Input),
                                model.half(b, Half::Weight)})
                         .duration.total;
      costs.pairs.push_back(it->second);
    }
  costs.links = {{machine.messageLatency, machine.messageBandwidth}};
  // Of a device's share, for the closed forms.
  double paired = 0;
  for (unsigned s = 0; s < model.stages.size(); ++s) {
    costs.forward += costs.stages[s].forward / model.ranks;
    costs.input += costs.stages[s].input / model.ranks;
    costs.weight += costs.stages[s].weight / model.ranks;
    paired += costs.pairs[s * model.stages.size() + s] / model.ranks;
  }
  costs.pair = paired;
  return costs;
}

std::string printCosts(const StepModel &model, const schedule::Costs &costs) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  llvm::json::OStream json(stream);
  size_t count = costs.stages.size();
  json.object([&] {
    json.attribute("ranks", model.ranks);
    json.attributeArray("stages", [&] {
      for (size_t s = 0; s < count; ++s) {
        const schedule::StageCosts &stage = costs.stages[s];
        StageOp op = model.stages[s].op;
        json.object([&] {
          json.attribute("name", op.getSymName());
          json.attribute("forward_s", stage.forward);
          json.attribute("input_s", stage.input);
          json.attribute("weight_s", stage.weight);
          json.attribute("output_bytes", int64_t(stage.outputBytes));
          json.attribute("gradient_bytes", int64_t(stage.gradientBytes));
          json.attribute("activation_bytes", int64_t(stage.activationBytes));
          json.attribute("weight_bytes", int64_t(stage.weightBytes));
        });
      }
    });
    json.attributeArray("pairs_s", [&] {
      for (size_t a = 0; a < count; ++a)
        json.array([&] {
          for (size_t b = 0; b < count; ++b)
            json.value(costs.pairs[a * count + b]);
        });
    });
    json.attributeObject("link", [&] {
      json.attribute("latency_s", costs.links.front().latency);
      json.attribute("bytes_per_s", costs.links.front().bandwidth);
    });
  });
  return text;
}

} // namespace dpc::lowering
