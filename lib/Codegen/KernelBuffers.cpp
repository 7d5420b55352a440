// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See KernelBuffers.h.
#include "KernelBuffers.h"

#include "ChooseForm.h"
#include "KernelEmitter.h"
#include "dpc/Dialect/DualPipe/DualPipe.h"

using namespace mlir;

namespace dpc::codegen {

static Type flatBuffer(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  return MemRefType::get({tensor.getNumElements()}, bufferElementType(tensor.getElementType()));
}

FailureOr<KernelBuffers> KernelBuffers::get(func::FuncOp lowered) {
  KernelBuffers buffers;
  buffers.results = getOutputs(lowered);
  int64_t results = buffers.results.size();
  std::vector<int64_t> inplace(results, -1);
  for (unsigned i = 0; i < lowered.getNumArguments(); ++i) {
    Type type = lowered.getArgument(i).getType();
    buffers.types.push_back(flatBuffer(type));
    buffers.access.push_back(Access::Read);
    auto result = lowered.getArgAttrOfType<IntegerAttr>(i, dualpipe::kInplaceAttr);
    if (!result)
      continue;
    int64_t r = result.getInt();
    if (r < 0 || r >= results || inplace[r] >= 0 || type != buffers.results[r].getType())
      return lowered.emitOpError() << "has argument #" << i << " in place of result #" << r
                                   << ", which is no other result of its type";
    inplace[r] = i;
    buffers.access.back() = Access::ReadWrite;
  }
  for (auto [result, argument] : llvm::zip(buffers.results, inplace)) {
    buffers.resultBuffers.push_back(argument >= 0 ? argument : buffers.types.size());
    if (argument >= 0)
      continue;
    buffers.types.push_back(flatBuffer(result.getType()));
    buffers.access.push_back(Access::Write);
  }
  return buffers;
}

uint64_t KernelBuffers::bytesOf(unsigned buffer) const {
  auto type = cast<MemRefType>(types[buffer]);
  return type.getNumElements() * type.getElementTypeBitWidth() / 8;
}

} // namespace dpc::codegen
