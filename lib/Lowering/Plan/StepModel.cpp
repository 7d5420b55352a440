// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reads the module into a StepModel; see StepModel.h.
#include "StepModel.h"

#include "dpc/Dialect/NN/Sharding.h"
#include "dpc/Schedule/core/Forwards.h"
#include "dpc/Schedule/core/Text.h"

using namespace mlir;
using namespace dpc::dualpipe;

namespace dpc::lowering {
namespace {

class StepReader {
public:
  StepReader(StepModel &model, const Machine &machine) : model(model), machine(machine) {}

  LogicalResult read(ScheduleOp schedule) {
    auto parsed = schedule::parseText(schedule.getText().str());
    if (!parsed.ok())
      return schedule.emitOpError() << "has a text that is not a schedule: " << parsed.error();
    model.name = model.entry.name == trainStep().name ? schedule.getSymName() : model.entry.name;
    SmallVector<StageOp> stages;
    for (Attribute attr : schedule.getStages())
      stages.push_back(model.module.lookupSymbol<StageOp>(cast<FlatSymbolRefAttr>(attr).getAttr()));
    if (failed(readTraining()))
      return failure();
    if ((unsigned)model.training.getMicroBatches() != parsed->microBatches)
      return schedule.emitOpError()
             << "is for " << parsed->microBatches << " micro-batches, but a step has "
             << model.training.getMicroBatches();
    return read(*parsed, stages);
  }

  LogicalResult read(const schedule::Table &table) {
    model.name = model.entry.name;
    auto stages = llvm::to_vector(model.module.getOps<StageOp>());
    if (failed(readTraining()))
      return failure();
    if (stages.size() != table.stages)
      return model.training.emitError() << "schedule " << table.name << " is for " << table.stages
                                        << " stages, but the module has " << stages.size();
    return read(table, stages);
  }

private:
  bool forwardsAlone() const { return model.entry.has(Part::Forwards); }

  LogicalResult readTraining() {
    for (TrainingOp training : model.module.getOps<TrainingOp>())
      model.training = training;
    if (!model.training)
      return model.module.emitError()
             << "has no dualpipe.training; the partition phase must come before lowering";
    return success();
  }

  LogicalResult read(const schedule::Table &table, ArrayRef<StageOp> stages) {
    model.table = forwardsAlone() ? schedule::forwardsOf(table) : table;
    model.ranks = table.ranks;
    if (failed(readMesh()) || failed(readStages(stages)) || failed(readEdges()))
      return failure();
    readParameters();
    readTasks();
    return success();
  }

  // Sizes that the schedule fixes must be the schedule's; along axes that nothing
  // uses yet there is one rank.
  LogicalResult readMesh() {
    auto mesh = model.module->getAttrOfType<DictionaryAttr>("nn.mesh");
    if (!mesh)
      return success();
    for (NamedAttribute axis : mesh) {
      StringRef name = axis.getName().getValue();
      int64_t size = cast<IntegerAttr>(axis.getValue()).getInt();
      int64_t possible = name == "pp"       ? model.ranks
                         : name == "mirror" ? (int64_t)model.table.replicas.size()
                         : name == "tp"     ? 1
                                            : size;
      if (size != possible)
        return model.module.emitError()
               << "has 'nn.mesh' axis '" << name << "' = " << size << ", but "
               << (name == "pp" || name == "mirror"
                       ? "the schedule makes it "
                       : "ranks are placed along pp, dp and ep only: it can be ")
               << possible;
    }
    model.dp = *nn::getMeshSize(model.module, "dp");
    model.ep = *nn::getMeshSize(model.module, "ep");
    return success();
  }

  LogicalResult readStages(ArrayRef<StageOp> stages) {
    llvm::StringMap<unsigned> bodies;
    for (StageOp op : stages) {
      stageNumber[op.getSymName()] = model.stages.size();
      StepStage stage;
      stage.op = op;
      auto [it, isNew] = bodies.try_emplace(op.getBody(), model.bodies.size());
      stage.body = it->second;
      if (isNew && failed(readBody(model.module.lookupSymbol<BodyOp>(op.getBodyAttr().getAttr()))))
        return failure();
      for (Attribute feed : op.getFeeds())
        stage.feeds.push_back(cast<StringAttr>(feed).str());
      if (ArrayAttr outputs = op.getGraphOutputsAttr())
        for (Attribute output : outputs)
          stage.graphOutputs.push_back(cast<StringAttr>(output).str());
      model.stages.push_back(std::move(stage));
    }
    return success();
  }

  LogicalResult readBody(BodyOp op) {
    StepBody body;
    body.op = op;
    func::FuncOp functions[3] = {op.getForward(), op.getInputHalf(), op.getWeightHalf()};
    if (forwardsAlone()) {
      functions[0] = op.getEvaluation();
      functions[1] = functions[2] = {};
    }
    body.forward = functions[0];
    for (unsigned half = 0; half < 3; ++half) {
      if (!functions[half])
        continue;
      if (findArg(functions[half], RoleKind::Key, 0) >= 0)
        return functions[half].emitOpError() << "takes a random key; programs have none so far";
      FailureOr<TaskCommands> commands = readTask(functions[half], machine);
      if (failed(commands))
        return failure();
      body.halves[half] = std::move(*commands);
    }
    model.hasFault |= findResult(body.forward, RoleKind::Fault, 0) >= 0;
    model.bodies.push_back(std::move(body));
    return success();
  }

  LogicalResult readEdges() {
    model.edgeOfInput.resize(model.stages.size());
    model.edgesOfOutput.resize(model.stages.size());
    for (auto [consumer, stage] : llvm::enumerate(model.stages)) {
      for (auto [input, attr] : llvm::enumerate(stage.op.getInputs())) {
        auto source = cast<SourceAttr>(attr);
        auto it = stageNumber.find(source.getStage().getValue());
        if (it == stageNumber.end())
          return stage.op.emitOpError()
                 << "reads from " << source.getStage() << ", which is not in the schedule";
        Edge edge{it->second, source.getIndex(), (unsigned)consumer, (unsigned)input, false, 0};
        StepBody &body = model.bodies[stage.body];
        int argument = findArg(body.forward, RoleKind::Input, input);
        RankedTensorType type;
        if (argument >= 0) {
          type = cast<RankedTensorType>(body.forward.getArgument(argument).getType());
          edge.bytes = nn::getByteSize(type);
        }
        edge.read = argument >= 0;
        func::FuncOp inputHalf = forwardsAlone() ? func::FuncOp() : body.op.getInputHalf();
        edge.gradient = inputHalf && findResult(inputHalf, RoleKind::InputGrad, input) >= 0;
        model.edgeOfInput[consumer].push_back(model.edges.size());
        auto &outputs = model.edgesOfOutput[edge.producer];
        if (outputs.size() <= edge.output)
          outputs.resize(edge.output + 1);
        outputs[edge.output].push_back(model.edges.size());
        model.edges.push_back(edge);
        model.edgeTypes.push_back(type);
      }
    }
    return success();
  }

  void readParameters() {
    llvm::StringMap<unsigned> numbers;
    for (auto [s, stage] : llvm::enumerate(model.stages))
      for (Attribute attr : stage.op.getParams()) {
        StringRef name = cast<FlatSymbolRefAttr>(attr).getValue();
        auto [it, isNew] = numbers.try_emplace(name, model.parameters.size());
        if (isNew) {
          StepParameter parameter;
          parameter.op = model.module.lookupSymbol<nn::ParameterOp>(name);
          parameter.sharded = nn::isSharded(parameter.op);
          parameter.type = prog::SlotType::get(cast<ShapedType>(parameter.op.getType()));
          parameter.kept = prog::SlotType::get(parameter.op.getMasterType());
          model.parameters.push_back(parameter);
        }
        StepParameter &parameter = model.parameters[it->second];
        stage.parameters.push_back(it->second);
        if (!llvm::is_contained(parameter.stages, s))
          parameter.stages.push_back(s);
        // Trained is what some weight half sums a gradient for.
        BodyOp body = model.bodies[stage.body].op;
        unsigned index = stage.parameters.size() - 1;
        if (!forwardsAlone() && body.getWeightHalf() &&
            findResult(body.getWeightHalf(), RoleKind::ParamGrad, index) >= 0)
          parameter.trained = true;
      }
    for (StepParameter &parameter : model.parameters) {
      for (unsigned s : parameter.stages)
        for (const schedule::Replica &replica : model.table.replicas)
          parameter.holders.push_back(replica.rankOfStage[s]);
      llvm::sort(parameter.holders);
      parameter.holders.erase(std::unique(parameter.holders.begin(), parameter.holders.end()),
                              parameter.holders.end());
    }
  }

  // A task whose half does not exist (nothing to differentiate) is left out; a
  // pair with no backward is a forward.
  void readTasks() {
    model.tasks.resize(model.ranks);
    for (unsigned rank = 0; rank < model.ranks; ++rank)
      for (const schedule::Action &action : model.table.actions[rank]) {
        if (action.second) {
          addPair(rank, action.first, *action.second);
          continue;
        }
        addTask(rank, action.first);
      }
  }
  void addTask(unsigned rank, const schedule::Task &task) {
    auto add = [&](Task::Kind kind, Half half) {
      if (kind == Task::Forward || model.half(task.stage, half))
        model.tasks[rank].push_back({kind, task.stage, task.microBatch, 0, 0});
    };
    if (task.kind == schedule::Kind::Forward)
      return add(Task::Forward, Half::Forward);
    // The input half's place is kept even if it is empty: the weight half waits
    // for the gradients that it would have waited for.
    if (task.kind == schedule::Kind::Backward || task.kind == schedule::Kind::Input)
      model.tasks[rank].push_back({Task::Input, task.stage, task.microBatch, 0, 0});
    if (task.kind == schedule::Kind::Backward || task.kind == schedule::Kind::Weight)
      add(Task::Weight, Half::Weight);
  }
  void addPair(unsigned rank, const schedule::Task &forward, const schedule::Task &backward) {
    model.tasks[rank].push_back(
        {Task::Pair, forward.stage, forward.microBatch, backward.stage, backward.microBatch});
  }

  StepModel &model;
  const Machine &machine;
  llvm::StringMap<unsigned> stageNumber;
};

StepModel finish(StepModel model) {
  if (model.entry.has(Part::Statistics))
    model.mirrors = findMirrors(model);
  return model;
}

} // namespace

bool hasEntryPoint(ModuleOp module, const EntryPoint &entry) {
  return !entry.has(Part::Forwards) || llvm::all_of(module.getOps<BodyOp>(), [](BodyOp body) {
    return (bool)body.getEvaluation();
  });
}

FailureOr<StepModel> readStep(ModuleOp module, ScheduleOp schedule, const Machine &machine,
                              const EntryPoint &entry) {
  StepModel model;
  model.module = module;
  model.entry = entry;
  if (failed(StepReader(model, machine).read(schedule)))
    return failure();
  return finish(std::move(model));
}

FailureOr<StepModel> readStep(ModuleOp module, const schedule::Table &table, const Machine &machine,
                              const EntryPoint &entry) {
  StepModel model;
  model.module = module;
  model.entry = entry;
  if (failed(StepReader(model, machine).read(table)))
    return failure();
  return finish(std::move(model));
}

} // namespace dpc::lowering
