// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tensors without elements hold nothing, so nothing that has elements needs
// them: what an operation makes of one (a sum of no terms, a join with nothing)
// is known by its own fold. After this no phase meets a slot, a message or a
// loop of length 0.
#include "dpc/Import/Passes.h"

#include "dpc/Dialect/NN/NN.h"
#include "mlir/IR/Builders.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;
using namespace dpc;

namespace dpc::import {
#define GEN_PASS_DEF_NNDROPEMPTY
#include "dpc/Import/Passes.h.inc"
} // namespace dpc::import

namespace {

bool isEmpty(Type type) {
  auto shaped = dyn_cast<ShapedType>(type);
  return shaped && shaped.hasStaticShape() && shaped.getNumElements() == 0;
}

struct DropEmpty : public dpc::import::impl::NNDropEmptyBase<DropEmpty> {
  void runOnOperation() override {
    for (func::FuncOp function : getOperation().getOps<func::FuncOp>())
      if (!function.isExternal() && function.getBody().hasOneBlock() && failed(drop(function)))
        return signalPassFailure();
  }

  LogicalResult drop(func::FuncOp function) {
    Block &block = function.getBody().front();
    for (Operation &op : llvm::make_early_inc_range(block)) {
      bool reads = llvm::any_of(op.getOperandTypes(), isEmpty);
      if (!reads || llvm::all_of(op.getResultTypes(), isEmpty))
        continue;
      OpBuilder builder(&op);
      SmallVector<Value> values;
      if (failed(builder.tryFold(&op, values)) || values.empty())
        continue; // refused below, or folded in place
      op.replaceAllUsesWith(values);
      op.erase();
      ++numFolded;
    }
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
      if (isOpTriviallyDead(&op))
        op.erase();
    for (Operation &op : block)
      for (Type type : op.getOperandTypes())
        if (isEmpty(type))
          return op.emitError() << "has no value: it is computed from a tensor without "
                                   "elements, "
                                << type;
    for (unsigned i = function.getNumArguments(); i-- > 0;)
      if (isEmpty(function.getArgumentTypes()[i])) {
        if (failed(function.eraseArgument(i)))
          return failure();
        ++numInputs;
      }
    return success();
  }
};

} // namespace
