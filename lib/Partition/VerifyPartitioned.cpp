// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The proof that the partition phase is over, from its result alone: facts about
// values flow through stages in order, from sources to inputs.
#include "Activity.h"
#include "dpc/Dialect/DualPipe/DualPipe.h"
#include "dpc/Partition/Partition.h"

using namespace mlir;
using dpc::dualpipe::BodyOp;
using dpc::dualpipe::RoleKind;
using dpc::dualpipe::StageOp;

namespace dpc::partition {

namespace {
class PartitionedVerifier {
public:
  explicit PartitionedVerifier(ModuleOp module) : module(module), symbols(module) {}
  LogicalResult verify();

private:
  ModuleOp module;
  SymbolTable symbols;
  bool ok = true;
  SmallVector<StageOp> stages;
  llvm::DenseSet<Operation *> boundBodies;
  /// Facts about each output of each stage, and whether a gradient comes back.
  std::map<std::pair<StringRef, unsigned>, Dependence> outputs;
  std::map<std::pair<StringRef, unsigned>, bool> gradientArrives;

  InFlightDiagnostic report(Operation *op) {
    ok = false;
    return op->emitOpError();
  }
  func::FuncOp getForward(StageOp stage) {
    auto body = symbols.lookup<BodyOp>(stage.getBody());
    return body ? body.getForward() : func::FuncOp();
  }
  void checkModule();
  void checkLoss(StageOp stage, func::FuncOp forward);
  void followStage(StageOp stage, func::FuncOp forward);
  void checkMarks(StageOp stage, func::FuncOp forward);
  llvm::DenseMap<Value, Dependence> getFacts(StageOp stage, func::FuncOp forward);
  std::map<Operation *, llvm::DenseMap<Value, Dependence>> facts;
};
} // namespace

void PartitionedVerifier::checkModule() {
  unsigned trainings = llvm::range_size(module.getOps<dualpipe::TrainingOp>());
  if (trainings != 1)
    report(module) << "has " << trainings
                   << " dualpipe.training operations; a partitioned module has "
                      "one";
  for (auto function : module.getOps<func::FuncOp>())
    if (function.getName() == dualpipe::kForward)
      report(function) << "is not divided into stages";
  if (stages.empty())
    report(module) << "has no stages";
  for (StageOp stage : stages)
    if (Operation *body = symbols.lookup(stage.getBody()))
      boundBodies.insert(body);
  for (auto body : module.getOps<BodyOp>())
    if (!boundBodies.contains(body))
      report(body) << "is the body of no stage";
}

void PartitionedVerifier::checkLoss(StageOp stage, func::FuncOp forward) {
  bool isLast = stage == stages.back();
  for (auto [kind, what] :
       {std::pair(RoleKind::Loss, "the loss"), std::pair(RoleKind::Den, "the denominator")})
    if ((dualpipe::findResult(forward, kind, 0) >= 0) != isLast)
      report(stage) << (isLast ? "is the last stage and does not yield " : "yields ") << what
                    << (isLast ? "" : ", which only the last stage does");
}

llvm::DenseMap<Value, Dependence> PartitionedVerifier::getFacts(StageOp stage,
                                                                func::FuncOp forward) {
  llvm::DenseMap<Value, Dependence> facts;
  for (unsigned i = 0; i < forward.getNumArguments(); ++i) {
    auto role = dualpipe::getArgRole(forward, i);
    Dependence &own = facts[forward.getArgument(i)];
    if (!role)
      continue;
    if (role.getKind() == RoleKind::Feed)
      own.input = true;
    if (role.getKind() == RoleKind::Param && role.getIndex() < stage.getParams().size()) {
      auto parameter = symbols.lookup<nn::ParameterOp>(
          cast<FlatSymbolRefAttr>(stage.getParams()[role.getIndex()]).getValue());
      own.trained = parameter && parameter.getTrained();
      own.frozen = !own.trained;
      own.active =
          own.trained && isa<FloatType>(getElementTypeOrSelf(forward.getArgument(i).getType()));
    }
    if (role.getKind() == RoleKind::Input && role.getIndex() < stage.getInputs().size()) {
      auto source = cast<dualpipe::SourceAttr>(stage.getInputs()[role.getIndex()]);
      own = outputs[{source.getStage().getValue(), source.getIndex()}];
    }
  }
  for (Operation &op : forward.front().without_terminator()) {
    Dependence joined = joinOperands(&op, [&](Value v) { return facts.lookup(v); });
    for (OpResult result : op.getResults()) {
      joined.active = isActiveResult(result, [&](Value v) { return facts.lookup(v).active; });
      facts[result] = joined;
    }
  }
  return facts;
}

void PartitionedVerifier::followStage(StageOp stage, func::FuncOp forward) {
  facts[stage] = getFacts(stage, forward);
  Operation *terminator = forward.front().getTerminator();
  for (unsigned i = 0; i < forward.getNumResults(); ++i) {
    auto role = dualpipe::getResultRole(forward, i);
    if (!role || role.getKind() != RoleKind::Output)
      continue;
    Value value = terminator->getOperand(i);
    Dependence own = facts[stage].lookup(value);
    auto key = std::pair(stage.getSymName(), role.getIndex());
    outputs[key] = own;
    gradientArrives.try_emplace(key, false);
    if (!value.getDefiningOp())
      report(stage) << "sends on output " << role.getIndex()
                    << ", which it does not make; a value goes straight from its "
                       "producer to its readers";
    else if (!isa<FloatType>(getElementTypeOrSelf(value.getType())))
      report(stage) << "sends output " << role.getIndex() << " of type " << value.getType()
                    << "; integers and booleans are made again where they are "
                       "read";
    else if (!isTransferable(value, own) && !isView(value.getDefiningOp()))
      report(stage) << "sends output " << role.getIndex() << ", which depends on "
                    << (own.input ? "no trained parameter" : "no input")
                    << "; such values are made again where they are read";
  }
}

// Stages are visited from the last to the first.
void PartitionedVerifier::checkMarks(StageOp stage, func::FuncOp forward) {
  llvm::DenseMap<Value, Dependence> &own = facts[stage];
  llvm::DenseSet<Value> needed;
  Operation *terminator = forward.front().getTerminator();
  auto check = [&](bool frozen, bool hasGradient, StringRef what, unsigned index) {
    if (frozen == !hasGradient)
      return;
    report(stage) << "has " << what << " " << index << (hasGradient ? " marked `" : " not marked `")
                  << dualpipe::kFrozenAttr
                  << (hasGradient ? "`, but a gradient of it is needed"
                                  : "`, but no gradient of it is needed");
  };
  for (unsigned i = 0; i < forward.getNumResults(); ++i) {
    auto role = dualpipe::getResultRole(forward, i);
    if (!role)
      continue;
    bool hasGradient = role.getKind() == RoleKind::Loss;
    if (role.getKind() == RoleKind::Output) {
      hasGradient = gradientArrives[{stage.getSymName(), role.getIndex()}];
      check(!!forward.getResultAttr(i, dualpipe::kFrozenAttr), hasGradient, "output",
            role.getIndex());
    }
    if (hasGradient)
      needed.insert(terminator->getOperand(i));
  }
  for (Operation &op : llvm::reverse(forward.front().without_terminator())) {
    if (llvm::none_of(op.getResults(), [&](Value v) { return needed.contains(v); }))
      continue;
    for (OpOperand &operand : op.getOpOperands())
      if (passesGradient(operand) && own.lookup(operand.get()).active)
        needed.insert(operand.get());
  }
  for (unsigned i = 0; i < forward.getNumArguments(); ++i) {
    auto role = dualpipe::getArgRole(forward, i);
    Value argument = forward.getArgument(i);
    if (!role || role.getKind() == RoleKind::Feed ||
        !isa<FloatType>(getElementTypeOrSelf(argument.getType())))
      continue;
    bool isInput = role.getKind() == RoleKind::Input;
    bool hasGradient = needed.contains(argument);
    check(!!forward.getArgAttr(i, dualpipe::kFrozenAttr), hasGradient,
          isInput ? "input" : "parameter", role.getIndex());
    if (isInput && role.getIndex() < stage.getInputs().size()) {
      auto source = cast<dualpipe::SourceAttr>(stage.getInputs()[role.getIndex()]);
      gradientArrives[{source.getStage().getValue(), source.getIndex()}] |= hasGradient;
    }
  }
}

LogicalResult PartitionedVerifier::verify() {
  stages = llvm::to_vector(module.getOps<StageOp>());
  checkModule();
  if (stages.empty())
    return failure();
  std::set<std::pair<StringRef, unsigned>> read;
  for (StageOp stage : stages) {
    func::FuncOp forward = getForward(stage);
    if (!forward)
      continue;
    checkLoss(stage, forward);
    followStage(stage, forward);
    for (Attribute input : stage.getInputs()) {
      auto source = cast<dualpipe::SourceAttr>(input);
      read.insert({source.getStage().getValue(), source.getIndex()});
    }
  }
  for (auto &[key, fact] : outputs)
    if (!read.count(key))
      report(symbols.lookup(key.first)) << "has output " << key.second << ", which no stage reads";
  if (!ok)
    return failure();
  for (StageOp stage : llvm::reverse(stages))
    checkMarks(stage, getForward(stage));
  return success(ok);
}

LogicalResult verifyPartitioned(ModuleOp module) { return PartitionedVerifier(module).verify(); }

} // namespace dpc::partition
