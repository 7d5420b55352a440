// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The forward of a body once more, for where no backward follows it. It is split off
// before differentiation, so that nothing is in it that a half would want, and
// nothing in the forward that only evaluation computes.
#include "dpc/Autodiff/Autodiff.h"

#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/BitVector.h"

#include <set>

using namespace mlir;
using namespace dpc;
using dualpipe::BodyOp;
using dualpipe::RoleAttr;
using dualpipe::RoleKind;
using dualpipe::StageOp;

// Erases the results for which `isDropped`, what only they need, and the arguments that
// nothing reads any more. Returns how many results there were.
static unsigned dropResults(func::FuncOp forward, llvm::function_ref<bool(RoleAttr)> isDropped) {
  Operation *terminator = forward.getBody().front().getTerminator();
  llvm::BitVector results(forward.getNumResults()), arguments(forward.getNumArguments());
  for (unsigned i = 0, e = forward.getNumResults(); i != e; ++i)
    if (isDropped(dualpipe::getResultRole(forward, i)))
      results.set(i);
  if (results.none())
    return 0;
  for (BlockArgument argument : forward.getArguments())
    if (argument.use_empty())
      arguments.set(argument.getArgNumber());
  terminator->eraseOperands(results);
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(forward.getBody().front())))
    if (isOpTriviallyDead(&op))
      op.erase();
  // Those that were read by nothing before stay what they were.
  for (BlockArgument argument : forward.getArguments())
    arguments[argument.getArgNumber()] =
        argument.use_empty() && !arguments[argument.getArgNumber()];
  [[maybe_unused]] LogicalResult changed = forward.eraseResults(results);
  assert(succeeded(changed));
  changed = forward.eraseArguments(arguments);
  assert(succeeded(changed));
  return results.count();
}

static unsigned addEvaluation(BodyOp body) {
  if (body.getEvaluation())
    return 0;
  func::FuncOp forward = body.getForward(), evaluation = forward.clone();
  evaluation.setName(dualpipe::kEvaluation);
  for (unsigned i = 0; i < evaluation.getNumArguments(); ++i)
    evaluation.removeArgAttr(i, dualpipe::kFrozenAttr);
  for (unsigned i = 0; i < evaluation.getNumResults(); ++i)
    evaluation.removeResultAttr(i, StringAttr::get(body.getContext(), dualpipe::kFrozenAttr));
  body.getFunctions().front().push_back(evaluation);
  return dropResults(forward,
                     [](RoleAttr role) { return role.getKind() == RoleKind::GraphOutput; });
}

// What a stage's @forward made for further outputs in later stages. A result that goes may
// take with it the last reader of a result of a stage before.
static void dropUnreadOutputs(ModuleOp module) {
  SymbolTable symbols(module);
  for (unsigned dropped = 1; dropped;) {
    dropped = 0;
    std::set<std::pair<Operation *, unsigned>> read; // by body
    SetVector<BodyOp> bound;
    for (auto stage : module.getOps<StageOp>()) {
      auto body = symbols.lookup<BodyOp>(stage.getBody());
      bound.insert(body);
      func::FuncOp forward = body.getForward();
      for (unsigned i = 0; i < forward.getNumArguments(); ++i) {
        RoleAttr role = dualpipe::getArgRole(forward, i);
        if (role.getKind() != RoleKind::Input)
          continue;
        auto source = cast<dualpipe::SourceAttr>(stage.getInputs()[role.getIndex()]);
        auto producer = symbols.lookup<StageOp>(source.getStage().getValue());
        read.insert({symbols.lookup(producer.getBody()), source.getIndex()});
      }
    }
    for (BodyOp body : bound)
      dropped += dropResults(body.getForward(), [&](RoleAttr role) {
        return role.getKind() == RoleKind::Output && !read.count({body, role.getIndex()});
      });
  }
}

unsigned dpc::autodiff::addEvaluation(ModuleOp module) {
  unsigned graphOutputs = 0;
  for (auto body : module.getOps<BodyOp>())
    graphOutputs += ::addEvaluation(body);
  if (graphOutputs)
    dropUnreadOutputs(module);
  return graphOutputs;
}
