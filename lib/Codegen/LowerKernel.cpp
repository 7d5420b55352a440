// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// nn to linalg, for one kernel.
#include "LowerKernel.h"
#include "LoweringModels.h"
#include "dpc/Dialect/DualPipe/DualPipe.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;

namespace dpc::codegen {

FailureOr<nn::KernelForm> lowerToLinalg(func::FuncOp kernel) {
  nn::KernelForm form = nn::KernelForm::Map;
  Block &block = kernel.getBody().front();
  // Machine code has integers without a sign; what an operation does with one is in its
  // own types, which therefore stay as they are until all operations are lowered.
  DenseMap<Value, Value> lowered;
  SmallVector<BlockArgument> given(block.getArguments());
  SmallVector<Type> argumentTypes;
  for (BlockArgument argument : given) {
    argumentTypes.push_back(loweredType(argument.getType()));
    lowered[argument] = argument.getType() == argumentTypes.back()
                            ? argument
                            : block.insertArgument(argument.getArgNumber() + 1,
                                                   argumentTypes.back(), argument.getLoc());
  }
  SmallVector<Operation *> operations, done;
  for (Operation &op : block.without_terminator())
    operations.push_back(&op);
  for (Operation *op : operations) {
    auto formed = dyn_cast<nn::KernelFormInterface>(op);
    if (!formed)
      return op->emitOpError() << "is in a kernel, but does not say in which form one computes it "
                                  "(KernelFormInterface)";
    form = nn::joinForms(form, formed.getKernelForm());
    SmallVector<Value> operands, results;
    for (Value operand : op->getOperands())
      operands.push_back(lowered.lookup(operand));
    // Its loops are made from the operation itself, of lowered types.
    if (isa<LoopLoweringOpInterface>(op)) {
      Operation *loops = OpBuilder(op).clone(*op);
      loops->setOperands(operands);
      for (Value result : loops->getResults())
        result.setType(loweredType(result.getType()));
      llvm::append_range(results, loops->getResults());
    } else {
      auto lowering = dyn_cast<LinalgLoweringOpInterface>(op);
      if (!lowering)
        return op->emitOpError() << "is in a kernel, but has no lowering to machine code";
      OpBuilder builder(op);
      if (failed(lowering.lowerToLinalg(builder, operands, results)))
        return failure();
    }
    for (auto [value, result] : llvm::zip_equal(op->getResults(), results))
      lowered[value] = result;
    done.push_back(op);
  }
  Operation *end = block.getTerminator();
  for (OpOperand &operand : end->getOpOperands())
    operand.set(lowered.lookup(operand.get()));
  for (Operation *op : llvm::reverse(done))
    op->erase();
  block.eraseArguments([&](BlockArgument argument) {
    return llvm::is_contained(given, argument) && lowered.lookup(argument) != argument;
  });
  kernel.setFunctionType(
      FunctionType::get(kernel.getContext(), argumentTypes, end->getOperandTypes()));
  return form;
}

void measureWork(func::FuncOp kernel, CompiledKernel &info) {
  int64_t flops = 0, bytes = 0;
  Block &block = kernel.getBody().front();
  for (Operation &op : block.without_terminator())
    if (auto cost = dyn_cast<nn::CostOpInterface>(op))
      flops += cost.getFlops();
  for (BlockArgument argument : block.getArguments()) {
    int64_t size = nn::getByteSize(argument.getType());
    // A table read at indices moves only what is read.
    if (llvm::all_of(argument.getUsers(), [](Operation *user) {
          return isa<nn::GatherOp, nn::GatherNdOp, nn::GatherElementsOp>(user);
        })) {
      int64_t read = 0;
      for (Operation *user : argument.getUsers())
        read += nn::getByteSize(user->getResult(0).getType());
      size = std::min(size, read);
    }
    bytes += size;
  }
  for (Value result : block.getTerminator()->getOperands())
    bytes += nn::getByteSize(result.getType());
  info.flops = flops;
  info.bytes = bytes;
}

LogicalResult checkKernelCode(Operation *root) {
  WalkResult walk = root->walk([](Operation *op) {
    if (isa<memref::AllocOp, memref::AllocaOp, func::CallOp>(op)) {
      op->emitOpError() << "is in a kernel, which may neither allocate nor call";
      return WalkResult::interrupt();
    }
    if (op->getDialect() && op->getDialect()->getNamespace() == "nn") {
      op->emitOpError() << "is left in a kernel after code generation";
      return WalkResult::interrupt();
    }
    return WalkResult::advance();
  });
  return failure(walk.wasInterrupted());
}

} // namespace dpc::codegen
