// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See EmitKernel.h.
#include "EmitKernel.h"

#include "../ColumnBlocks.h"
#include "dpc/Codegen/Lowering.h"

using namespace mlir;

namespace dpc::codegen {

// Independent pieces of a kernel's work.
static int64_t countPoints(const KernelForm &form, int64_t vectorLanes) {
  switch (form.kind) {
  case KernelForm::Flat:
    return llvm::divideCeil(form.inner, kFlatTile);
  case KernelForm::Rows:
    return form.rows;
  case KernelForm::Columns: {
    int64_t sums = cast<RankedTensorType>(form.root->getResult(0).getType()).getNumElements();
    return sums / form.inner * ColumnBlocks(form.inner, vectorLanes).blocks;
  }
  case KernelForm::Loops:
    return cast<LoopLoweringOpInterface>(form.root).getLoopPoints();
  }
  llvm_unreachable("every form has points");
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
  FailureOr<KernelForm> form = chooseForm(kernel, asked);
  if (failed(form))
    return failure();
  FailureOr<KernelBuffers> buffers = KernelBuffers::get(kernel);
  if (failed(buffers))
    return failure();
  info.symbol = kernel.getName().str();
  info.access = buffers->access;
  for (unsigned i = 0; i < buffers->types.size(); ++i)
    info.bufferBytes.push_back(buffers->bytesOf(i));
  info.range = countPoints(*form, target.vectorLanes);
  info.scratchBytes = form->scratch * sizeof(float);
  info.grain = chooseGrain(info);

  // Buffers, scratch; then the range.
  OpBuilder builder(kernel.getContext());
  builder.setInsertionPointAfter(kernel);
  SmallVector<Type> types = buffers->types;
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
  frame.outputs.values = buffers->results;
  for (unsigned i : buffers->resultBuffers)
    frame.outputs.buffers.push_back(entry->getArgument(i));
  frame.scratch = form->scratch > 0 ? Value(entry->getArgument(types.size() - 3)) : Value();
  frame.begin = entry->getArgument(types.size() - 2);
  frame.end = entry->getArgument(types.size() - 1);
  KernelEmitter emitter(kernel, builder,
                        ValueRange(entry->getArguments()).take_front(kernel.getNumArguments()),
                        target.vectorLanes);
  emitter.b.setInsertionPoint(entry->getTerminator());
  LogicalResult result = success();
  if (info.range > 0)
    result = form->kind == KernelForm::Flat      ? emitFlat(emitter, *form, frame)
             : form->kind == KernelForm::Rows    ? emitRows(emitter, *form, frame)
             : form->kind == KernelForm::Columns ? emitColumns(emitter, *form, frame)
                                                 : emitLoops(emitter, *form, frame);
  if (failed(result))
    return failure();
  kernel.erase();
  return success();
}

} // namespace dpc::codegen
