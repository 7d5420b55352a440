// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Making the device, and its captures.
#include "devices/cuda/CudaDevice.h"
#include "devices/cuda/CudaQueue.h"

namespace dpcrt::cuda {

Status CudaDevice::make(std::unique_ptr<Device> &out) {
  const Cuda *cuda = nullptr;
  if (Status s = openCuda(cuda); !s.ok())
    return s;
  std::unique_ptr<Context> context;
  if (Status s = Context::make(*cuda, context); !s.ok())
    return s;
  std::unique_ptr<CudaDevice> made(new CudaDevice(std::move(context), cuda->library));
  if (Status s = made->memory.start(); !s.ok())
    return s;
  if (Status s = made->clock.start(); !s.ok())
    return s;
  out = std::move(made);
  return {};
}

Status CudaDevice::allocate(uint64_t bytes, MemoryKind kind, DeviceAddress &out) {
  if (context->hasFailed())
    return context->failure();
  void *pointer = nullptr;
  if (Status s = memory.allocate(bytes, kind, pointer); !s.ok())
    return s;
  out = addressOf(pointer);
  return {};
}

Status CudaDevice::beginMove(const char *what) {
  return context->hasFailed() ? context->failure() : captureRules.refuse(what);
}

Status CudaDevice::upload(DeviceAddress dst, const void *src, uint64_t bytes) {
  Status s = beginMove("an upload");
  return s.ok() ? memory.upload(pointerTo(dst), src, bytes) : s;
}

Status CudaDevice::download(void *dst, DeviceAddress src, uint64_t bytes) {
  Status s = beginMove("a download");
  return s.ok() ? memory.download(dst, pointerTo(src), bytes) : s;
}

Status CudaDevice::openKernels(const std::string &path, KernelTable table,
                               const std::vector<std::string> &features) {
  if (Status s = checkGpuRuns(context->gpu, features); !s.ok())
    return s;
  return kernels.open(path, std::move(table));
}

Status CudaDevice::prepareLaunch(const fb::Kernel &kernel, const PreparedLaunch *&out) {
  return kernels.prepare(kernel, out);
}

Status CudaDevice::prepareCall(const fb::LibraryCall &call, const PreparedCall *&out) {
  return products.prepare(call, out);
}

Status CudaDevice::finishPreparation() {
  if (context->hasFailed())
    return context->failure();
  return products.warmUp(memory);
}

std::unique_ptr<Queue> CudaDevice::makeQueue(fb::StreamKind kind, const std::string &name) {
  names.push_back(name);
  return std::make_unique<CudaQueue>(*this, kind, names.back());
}

std::unique_ptr<Event> CudaDevice::makeEvent(bool timed) {
  return std::make_unique<CudaEvent>(*context, clock, timed);
}

Status CudaDevice::beginCapture(Queue &given) {
  auto &origin = static_cast<CudaQueue &>(given);
  if (context->hasFailed())
    return context->failure();
  if (Status s = captureRules.begin(origin.member); !s.ok())
    return s;
  captureFailure = {};
  Context::Use use(*context);
  // Other threads of the process may do what they like meanwhile.
  CUresult result =
      context->driver.cuStreamBeginCapture_v2(origin.stream, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL);
  if (result == CUDA_SUCCESS)
    return {};
  (void)captureRules.end(origin.member);
  return context->check(result, "beginning a capture of queue '" + origin.member.name + "'");
}

Status CudaDevice::instantiate(CUgraph graph, std::unique_ptr<Graph> &out) {
  CUgraphExec executable = nullptr;
  CUresult result = context->driver.cuGraphInstantiateWithFlags(&executable, graph, 0);
  if (Status s = context->check(result, "making a graph of what was captured"); !s.ok())
    return s;
  auto made = std::make_unique<CudaGraph>(*context, executable);
  // Or the first launch would do it.
  result = context->driver.cuGraphUpload(executable, memory.ownStream());
  if (result == CUDA_SUCCESS)
    result = context->driver.cuStreamSynchronize(memory.ownStream());
  if (Status s = context->check(result, "uploading a graph"); !s.ok())
    return context->fail(s);
  out = std::move(made);
  return {};
}

// The driver's capture ends with ours, whatever came of it: its streams are as before.
Status CudaDevice::endCapture(Queue &given, std::unique_ptr<Graph> &out) {
  auto &origin = static_cast<CudaQueue &>(given);
  const bool wasUnderWay = captureRules.isUnderWay();
  Status s = captureRules.end(origin.member);
  if (!wasUnderWay || captureRules.isUnderWay())
    return s;
  Context::Use use(*context);
  CUgraph graph = nullptr;
  CUresult result = context->driver.cuStreamEndCapture(origin.stream, &graph);
  if (s.ok())
    s = captureFailure;
  if (s.ok())
    s = context->check(result, "ending the capture of queue '" + origin.member.name + "'");
  if (s.ok())
    s = instantiate(graph, out);
  if (graph)
    context->driver.cuGraphDestroy(graph);
  return s;
}

} // namespace dpcrt::cuda
