// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See DeviceLoops.h.
#include "DeviceLoops.h"

#include "dpc/Codegen/Lowering.h"
#include "dpc/Dialect/NN/NN.h"

using namespace mlir;

#include "dpc/Codegen/CUDA/CudaInterfaces.cpp.inc"

namespace dpc::codegen {

static constexpr int64_t kBlock = 128; // threads

void registerDeviceLoops(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, nn::NNDialect *) {
    attachScatterLoops(context);
    attachLineLoops(context);
  });
}

LogicalResult mapLoops(DeviceKernel &kernel) {
  Operation *root = kernel.form.root;
  for (Value value : kernel.buffers.results)
    if (value.getDefiningOp() != root)
      return kernel.lowered.emitOpError() << "has a result beside those of '" << root->getName()
                                          << "', which is computed by loops of its own";
  auto loops = dyn_cast<DeviceLoopsOpInterface>(root);
  if (!loops)
    return root->emitOpError() << "is not computed on CUDA devices";
  return loops.mapToDevice(kernel);
}

static void setOutputs(DeviceFunction &f) {
  for (auto [value, buffer] : llvm::zip(f.outputs.values, f.outputs.buffers))
    f.e.setOutput(value, buffer);
}

LogicalResult mapPoints(DeviceKernel &kernel) {
  auto loops = cast<LoopLoweringOpInterface>(kernel.form.root);
  int64_t points = loops.getLoopPoints();
  return kernel.addFunction("loops: a thread per point", llvm::divideCeil(points, kBlock), kBlock,
                            1, [&](DeviceFunction &f) {
                              setOutputs(f);
                              Value point = f.e.add(f.e.mul(f.block, kBlock), f.thread);
                              Value exists = points % kBlock == 0
                                                 ? Value()
                                                 : f.compare(arith::CmpIPredicate::ult, point,
                                                             f.e.constantIndex(points));
                              return f.emitIf(exists, [&] { return loops.emitLoops(f.e, point); });
                            });
}

LogicalResult mapTasks(DeviceKernel &kernel, StringRef mapping, int64_t count, int64_t lanes,
                       WarpBody body) {
  constexpr int64_t kTasks = kBlock / kWarp;
  return kernel.addFunction(
      mapping, llvm::divideCeil(count, kTasks), kBlock, lanes, [&](DeviceFunction &f) {
        setOutputs(f);
        Value task = f.e.add(f.e.mul(f.block, kTasks), f.div(f.thread, kWarp));
        Value lane = f.rem(f.thread, kWarp);
        Value exists = count % kTasks == 0
                           ? Value()
                           : f.compare(arith::CmpIPredicate::ult, task, f.e.constantIndex(count));
        return f.emitIf(exists, [&] { return body(f, task, lane); });
      });
}

} // namespace dpc::codegen
