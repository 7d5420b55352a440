// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The forward of a body once more, for where no backward follows it. It is split off
// before differentiation, so that nothing is in it that a half would want, and
// nothing in the forward that only evaluation computes.
#include "dpc/Autodiff/Autodiff.h"

#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/BitVector.h"

using namespace mlir;
using namespace dpc;
using dualpipe::RoleKind;

// Erases the results that are further outputs of the graph, what only they need, and
// the arguments that nothing reads any more. Returns how many results there were.
static unsigned dropScalars(func::FuncOp forward) {
  Operation *terminator = forward.getBody().front().getTerminator();
  llvm::BitVector results(forward.getNumResults()), arguments(forward.getNumArguments());
  for (unsigned i = 0, e = forward.getNumResults(); i != e; ++i)
    if (dualpipe::getResultRole(forward, i).getKind() == RoleKind::Scalar)
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

unsigned dpc::autodiff::addEvaluation(dualpipe::BodyOp body) {
  if (body.getEvaluation())
    return 0;
  func::FuncOp forward = body.getForward(), evaluation = forward.clone();
  evaluation.setName(dualpipe::kEvaluation);
  for (unsigned i = 0; i < evaluation.getNumArguments(); ++i)
    evaluation.removeArgAttr(i, dualpipe::kFrozenAttr);
  for (unsigned i = 0; i < evaluation.getNumResults(); ++i)
    evaluation.removeResultAttr(i, StringAttr::get(body.getContext(), dualpipe::kFrozenAttr));
  body.getFunctions().front().push_back(evaluation);
  return dropScalars(forward);
}
