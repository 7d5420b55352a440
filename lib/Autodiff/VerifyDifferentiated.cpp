// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the phase promises: every trained parameter has a gradient in every body
// that binds it, every input that needs a gradient gets one, and no gradient is
// computed by both halves.
#include "Equivalence.h"
#include "dpc/Autodiff/Autodiff.h"
#include "dpc/Dialect/NN/Location.h"

using namespace mlir;
using namespace dpc;
using namespace dpc::autodiff;
using dualpipe::RoleAttr;
using dualpipe::RoleKind;

static LogicalResult verifyParameters(dualpipe::BodyOp body, const StageIndex &stages) {
  func::FuncOp forward = body.getForward(), half = body.getWeightHalf();
  bool valid = true;
  auto module = body->getParentOfType<ModuleOp>();
  for (dualpipe::StageOp stage : stages.getStages(body))
    for (auto [i, name] : llvm::enumerate(stage.getParams().getAsRange<FlatSymbolRefAttr>())) {
      auto parameter = SymbolTable::lookupNearestSymbolFrom<nn::ParameterOp>(module, name);
      if (!parameter || !parameter.getTrained())
        continue;
      int argument = dualpipe::findArg(forward, RoleKind::Param, i);
      bool frozen = argument >= 0 && forward.getArgAttr(argument, dualpipe::kFrozenAttr);
      if (!frozen && half && dualpipe::findResult(half, RoleKind::ParamGrad, i) >= 0)
        continue;
      InFlightDiagnostic diagnostic =
          body.emitError() << "the trained parameter '" << parameter.getSymName()
                           << "' gets no gradient in stage '" << stage.getSymName() << "': ";
      if (frozen)
        diagnostic << "body '" << body.getSymName() << "' takes its parameter " << i
                   << " as frozen";
      else
        diagnostic << "no differentiable path leads from it to the loss or to another stage; "
                      "freeze it if that is meant";
      diagnostic.attachNote(parameter.getLoc()) << "the parameter is here";
      valid = false;
    }
  return success(valid);
}

static LogicalResult verifyInputs(dualpipe::BodyOp body) {
  func::FuncOp forward = body.getForward(), half = body.getInputHalf();
  bool valid = true;
  for (unsigned i = 0; i < forward.getNumArguments(); ++i) {
    RoleAttr role = dualpipe::getArgRole(forward, i);
    if (role.getKind() != RoleKind::Input)
      continue;
    bool needed = isa<FloatType>(getElementTypeOrSelf(forward.getArgument(i).getType())) &&
                  !forward.getArgAttr(i, dualpipe::kFrozenAttr);
    bool made = half && dualpipe::findResult(half, RoleKind::InputGrad, role.getIndex()) >= 0;
    if (needed == made)
      continue;
    body.emitError() << "input " << role.getIndex() << " of body '" << body.getSymName() << "' "
                     << (needed ? "needs a gradient, but the input half makes none"
                                : "needs no gradient, but the input half makes one");
    valid = false;
  }
  return success(valid);
}

// An operation of the weight half that equals one of the input half is a
// recomputation if it is cheap, else the same work twice.
static LogicalResult verifyDisjoint(dualpipe::BodyOp body) {
  Joint joint = join(body);
  bool valid = true;
  llvm::DenseMap<Operation *, Operation *> leaders = findLeaders(joint.getBlock());
  for (Operation *op : joint.getOperations(Part::Weight)) {
    Operation *leader = leaders.lookup(op);
    if (joint.parts.lookup(leader) != Part::Input || isCheap(op))
      continue;
    InFlightDiagnostic diagnostic =
        emitError(op->getLoc()) << "'" << op->getName() << "' is computed by both halves of body '"
                                << body.getSymName() << "'";
    diagnostic.attachNote(leader->getLoc()) << "the input half computes it here";
    valid = false;
  }
  // A half does what it makes something from, and nothing else.
  for (Part part : {Part::Input, Part::Weight})
    for (Operation *op : joint.getOperations(part))
      if (op->use_empty() &&
          llvm::none_of(
              llvm::concat<Joint::Result>(joint.inputResults, joint.weightResults),
              [&](Joint::Result &result) { return result.value.getDefiningOp() == op; })) {
        emitError(op->getLoc()) << "nothing uses the results of this '" << op->getName()
                                << "' of body '" << body.getSymName() << "'";
        valid = false;
      }
  return success(valid);
}

LogicalResult dpc::autodiff::verifyDifferentiated(dualpipe::BodyOp body, const StageIndex &stages) {
  bool parameters = succeeded(verifyParameters(body, stages));
  bool inputs = succeeded(verifyInputs(body));
  bool disjoint = succeeded(verifyDisjoint(body));
  return success(parameters && inputs && disjoint);
}
