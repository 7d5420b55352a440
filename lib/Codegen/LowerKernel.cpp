// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// nn to linalg to loops, for one kernel.
#include "LowerKernel.h"
#include "EmitKernel.h"
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

static MemRefType flatBuffer(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  return MemRefType::get({tensor.getNumElements()}, bufferElementType(tensor.getElementType()));
}

// Points worth about 20 µs of one core.
static uint64_t chooseGrain(const CompiledKernel &info) {
  if (info.range == 0)
    return 1;
  double nanoseconds = std::max(info.bytes / 10.0, info.flops / 8.0) / info.range + 5;
  return std::clamp<uint64_t>(static_cast<uint64_t>(20000 / nanoseconds), 1, info.range);
}

LogicalResult emitKernelLoops(func::FuncOp kernel, nn::KernelForm asked, const Target &target,
                              CompiledKernel &info) {
  FailureOr<KernelForm> form = chooseForm(kernel, asked, target.vectorLanes);
  if (failed(form))
    return failure();
  SmallVector<Value> outputs = getOutputs(kernel);
  unsigned arguments = kernel.getNumArguments();

  // Buffers: arguments, results of their own, scratch; then the range.
  SmallVector<Type> types;
  std::vector<int64_t> inplace(outputs.size(), -1);
  info.symbol = kernel.getName().str();
  for (unsigned i = 0; i < arguments; ++i) {
    types.push_back(flatBuffer(kernel.getArgument(i).getType()));
    info.access.push_back(Access::Read);
    if (auto result = kernel.getArgAttrOfType<IntegerAttr>(i, dualpipe::kInplaceAttr)) {
      int64_t r = result.getInt();
      if (r < 0 || r >= static_cast<int64_t>(outputs.size()) || inplace[r] >= 0 ||
          kernel.getArgument(i).getType() != outputs[r].getType())
        return kernel.emitOpError() << "has argument #" << i << " in place of result #" << r
                                    << ", which is no other result of its type";
      inplace[r] = i;
      info.access.back() = Access::ReadWrite;
    }
  }
  std::vector<unsigned> bufferOf;
  for (auto [i, output] : llvm::enumerate(outputs)) {
    bufferOf.push_back(inplace[i] >= 0 ? inplace[i] : types.size());
    if (inplace[i] >= 0)
      continue;
    types.push_back(flatBuffer(output.getType()));
    info.access.push_back(Access::Write);
  }
  for (Type type : types) {
    auto memref = cast<MemRefType>(type);
    info.bufferBytes.push_back(memref.getNumElements() * memref.getElementTypeBitWidth() / 8);
  }
  OpBuilder builder(kernel.getContext());
  builder.setInsertionPointAfter(kernel);
  if (form->scratch > 0)
    types.push_back(MemRefType::get({form->scratch}, builder.getF32Type()));
  types.append(2, builder.getIndexType());
  auto function =
      func::FuncOp::create(builder, kernel.getLoc(), (kernel.getName() + "__loops").str(),
                           FunctionType::get(kernel.getContext(), types, {}));
  Block *entry = function.addEntryBlock();
  builder.setInsertionPointToEnd(entry);
  func::ReturnOp::create(builder, kernel.getLoc());
  builder.setInsertionPointToStart(entry);

  KernelFrame frame;
  frame.lowered = kernel;
  frame.outputs.values = outputs;
  for (unsigned i : bufferOf)
    frame.outputs.buffers.push_back(entry->getArgument(i));
  frame.scratch = form->scratch > 0 ? Value(entry->getArgument(types.size() - 3)) : Value();
  frame.begin = entry->getArgument(types.size() - 2);
  frame.end = entry->getArgument(types.size() - 1);
  KernelEmitter emitter(kernel, builder, ValueRange(entry->getArguments()).take_front(arguments),
                        target.vectorLanes);
  emitter.b.setInsertionPoint(entry->getTerminator());
  LogicalResult result = success();
  if (form->range > 0)
    result = form->kind == KernelForm::Flat      ? emitFlat(emitter, *form, frame)
             : form->kind == KernelForm::Rows    ? emitRows(emitter, *form, frame)
             : form->kind == KernelForm::Columns ? emitColumns(emitter, *form, frame)
                                                 : emitLoops(emitter, *form, frame);
  if (failed(result))
    return failure();
  info.range = form->range;
  info.scratchBytes = form->scratch * sizeof(float);
  info.grain = chooseGrain(info);
  kernel.erase();
  return success();
}

} // namespace dpc::codegen
