// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Sums over micro-batches: a gradient is added to what is there.
#include "dpc/Autodiff/Autodiff.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace dpc;
using dualpipe::RoleAttr;
using dualpipe::RoleKind;

unsigned dpc::autodiff::addAccumulators(dualpipe::BodyOp body) {
  func::FuncOp half = body.getWeightHalf();
  if (!half)
    return 0;
  Operation *terminator = half.getBody().front().getTerminator();
  OpBuilder builder(terminator);
  unsigned added = 0;
  for (unsigned i = 0, e = half.getNumResults(); i != e; ++i) {
    RoleAttr role = dualpipe::getResultRole(half, i);
    if (role.getKind() != RoleKind::ParamGrad ||
        dualpipe::findArg(half, RoleKind::Accumulator, role.getIndex()) >= 0)
      continue;
    Value contribution = terminator->getOperand(i);
    auto accumulator = RoleAttr::get(body.getContext(), RoleKind::Accumulator, role.getIndex());
    unsigned argument = half.getNumArguments();
    [[maybe_unused]] LogicalResult inserted = half.insertArgument(
        argument, contribution.getType(),
        builder.getDictionaryAttr(builder.getNamedAttr(dualpipe::kRoleAttr, accumulator)),
        half.getLoc());
    assert(succeeded(inserted));
    terminator->setOperand(i, nn::AddOp::create(builder, contribution.getLoc(),
                                                half.getArgument(argument), contribution));
    ++added;
  }
  return added;
}
