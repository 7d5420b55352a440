// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Commands to the driver, and what its answers mean.
#include "devices/cuda/CudaQueue.h"
#include <algorithm>

namespace dpcrt::cuda {

CudaGraph::~CudaGraph() {
  Context::Use use(context);
  if (!context.isAbandoned())
    context.driver.cuGraphExecDestroy(executable);
}

CudaQueue::CudaQueue(CudaDevice &device, fb::StreamKind kind, const std::string &name)
    : member(name), device(device), context(*device.context), driver(context.driver), name(name) {
  const bool computes = kind == fb::StreamKind::Compute;
  if (Status s = makeStream(computes); !s.ok()) {
    (void)context.fail(s);
    return;
  }
  // Kernels with scratch and library calls are put on the streams that compute, and on no others:
  // each queue of a rank would have to have room for the largest.
  if (!computes)
    return;
  auto allocate = [&](uint64_t bytes, CUdeviceptr &address, uint64_t &size) {
    if (bytes == 0)
      return;
    Status s = device.memory.allocateScratch(bytes, address);
    if (s.ok())
      size = bytes;
    else
      (void)context.fail(s.within("queue '" + name + "'"));
  };
  allocate(device.kernels.scratchBytes(), scratch, scratchBytes);
  allocate(device.products.workspaceBytes(), workspace, workspaceBytes);
  device.queueBytes += scratchBytes + workspaceBytes;
}

Status CudaQueue::makeStream(bool computes) {
  held = device.onlyStream.lock();
  if (!held) {
    // What others wait for goes ahead of what computes: it is short, and needs little of the GPU.
    Context::Use use(context);
    CUstream made = nullptr;
    CUresult result = driver.cuStreamCreateWithPriority(
        &made, CU_STREAM_NON_BLOCKING, computes ? context.leastPriority : context.greatestPriority);
    if (result != CUDA_SUCCESS)
      return context.check(result, "making queue '" + name + "'");
    held.reset(made, [&context = context](CUstream stream) {
      Context::Use use(context);
      if (context.drain(stream))
        context.driver.cuStreamDestroy_v2(stream);
    });
    if (device.disturbance.isSerial())
      device.onlyStream = held;
  }
  stream = held.get();
  return {};
}

CudaQueue::~CudaQueue() {
  Context::Use use(context);
  device.queueBytes -= scratchBytes + workspaceBytes;
  if (!stream || !context.drain(stream))
    return;
  for (CUdeviceptr address : {scratch, workspace})
    if (address)
      device.memory.freeScratch(address);
}

Status CudaQueue::begin() {
  if (context.hasFailed())
    return context.failure();
  Status s = device.captureRules.holds(member) ? device.captureRules.work(member) : Status();
  return s.ok() ? perhapsStandStill() : s;
}

Status CudaQueue::perhapsStandStill() {
  const int64_t *lateness = device.disturbance.drawLateness();
  if (!lateness)
    return {};
  Context::Use use(context);
  CUresult result =
      driver.cuLaunchHostFunc(stream, &Disturbance::standStill, const_cast<int64_t *>(lateness));
  return result == CUDA_SUCCESS ? Status() : fail(result, "having a queue stand still");
}

// Of a capture it is an error of the capture, behind which the device is as it was.
Status CudaQueue::fail(Status status) {
  if (!device.captureRules.holds(member))
    return context.fail(status);
  if (device.captureFailure.ok())
    device.captureFailure = status;
  return status;
}

Status CudaQueue::fail(CUresult result, const std::string &what) {
  return fail(context.check(result, during(what)));
}

Status CudaQueue::start(const Function &function, uint32_t grid, void **parameters) {
  CUresult result = driver.cuLaunchKernel(function.handle, grid, 1, 1, function.block, 1, 1, 0,
                                          stream, parameters, nullptr);
  return result == CUDA_SUCCESS ? Status()
                                : fail(result, "launching function '" + function.name + "'");
}

Status CudaQueue::launch(const PreparedLaunch &prepared, const DeviceAddress *buffers,
                         size_t count) {
  auto &kernel = static_cast<const CudaLaunch &>(prepared);
  if (Status s = begin(); !s.ok())
    return s;
  if (kernel.scratchBytes > scratchBytes)
    return fail(error(Code::Device, during("launching a kernel"), ": it needs ",
                      kernel.scratchBytes, " bytes of scratch, and the queue has ", scratchBytes,
                      "; a queue of kind compute, made when all kernels are known, has enough"));
  Context::Use use(context);
  // The driver reads each parameter where its pointer points to.
  void *parameters[kMaxKernelBuffers + 1];
  for (size_t i = 0; i < count; ++i)
    parameters[i] = const_cast<DeviceAddress *>(buffers + i);
  parameters[count] = &scratch;
  for (const Function &function : kernel.functions)
    if (Status s = start(function, function.grid, parameters); !s.ok())
      return s;
  return {};
}

Status CudaQueue::call(const PreparedCall &prepared, const DeviceAddress *buffers, size_t) {
  auto &product = static_cast<const Product &>(prepared);
  if (Status s = begin(); !s.ok())
    return s;
  if (!workspace)
    return fail(error(Code::Device, during(product.text),
                      ": the queue has no workspace for cuBLASLt; a queue of kind compute, made "
                      "when all calls are known, has"));
  Context::Use use(context);
  const CUdeviceptr operands[3] = {CudaDevice::raw(buffers[0]), CudaDevice::raw(buffers[1]),
                                   CudaDevice::raw(buffers[2])};
  cublasStatus_t result = device.products.run(product, operands, workspace, stream);
  return result == CUBLAS_STATUS_SUCCESS
             ? Status()
             : fail(check(device.library, result, "GPU 0, " + during(product.text)));
}

Status CudaQueue::copy(DeviceAddress dst, DeviceAddress src, uint64_t bytes) {
  Status s = begin();
  if (!s.ok() || bytes == 0 || dst == src)
    return s;
  Context::Use use(context);
  CUresult result = driver.cuMemcpyAsync(CudaDevice::raw(dst), CudaDevice::raw(src), bytes, stream);
  return result == CUDA_SUCCESS ? s : fail(result, "copying " + std::to_string(bytes) + " bytes");
}

Status CudaQueue::fill(DeviceAddress dst, uint32_t pattern, uint64_t bytes) {
  Status s = begin();
  if (!s.ok() || bytes == 0)
    return s;
  Context::Use use(context);
  CUresult result =
      driver.cuMemsetD32Async(CudaDevice::raw(dst), pattern, bytes / sizeof(pattern), stream);
  return result == CUDA_SUCCESS ? s : fail(result, "filling " + std::to_string(bytes) + " bytes");
}

Status CudaQueue::reduce(DeviceAddress dst, const DeviceAddress *sources, size_t sourceCount,
                         uint64_t count, Element dtype) {
  if (sourceCount == 1)
    return copy(dst, sources[0], count * sizeOf(dtype));
  Status s = begin();
  if (!s.ok() || count == 0)
    return s;
  const Function *function = device.kernels.sum(dtype, sourceCount);
  if (!function)
    return fail(error(Code::Artifact, during("adding up"),
                      ": the artifact's kernels have no sum of ", sourceCount, " sources of ",
                      nameOf(dtype)));
  Context::Use use(context);
  void *parameters[kMaxSumSources + 2];
  parameters[0] = &dst;
  for (size_t i = 0; i < sourceCount; ++i)
    parameters[1 + i] = const_cast<DeviceAddress *>(sources + i);
  parameters[1 + sourceCount] = &count;
  // Threads stride by the whole grid, so fewer blocks do for short ones.
  const uint64_t enough = (count + function->block - 1) / function->block;
  return start(*function, uint32_t(std::min<uint64_t>(function->grid, enough)), parameters);
}

Status CudaQueue::record(Event &given) {
  auto &event = static_cast<CudaEvent &>(given);
  if (context.hasFailed())
    return context.failure();
  if (Status s = device.captureRules.record(member, event.record); !s.ok())
    return s;
  Context::Use use(context);
  event.mark(name);
  CUresult result = driver.cuEventRecord(event.handle, stream);
  return result == CUDA_SUCCESS ? Status() : fail(result, "recording an event");
}

Status CudaQueue::wait(Event &given) {
  auto &event = static_cast<CudaEvent &>(given);
  if (context.hasFailed())
    return context.failure();
  Status s = device.captureRules.wait(member, event.record);
  if (!s.ok() || !event.isRecorded())
    return s;
  Context::Use use(context);
  CUresult result = driver.cuStreamWaitEvent(stream, event.handle, CU_EVENT_WAIT_DEFAULT);
  return result == CUDA_SUCCESS ? s : fail(result, "waiting for an event");
}

Status CudaQueue::launchGraph(Graph &graph) {
  if (device.captureRules.holds(member))
    return device.captureRules.refuse("a graph is launched in a captured queue");
  if (context.hasFailed())
    return context.failure();
  Context::Use use(context);
  CUresult result = driver.cuGraphLaunch(static_cast<CudaGraph &>(graph).executable, stream);
  return result == CUDA_SUCCESS ? Status() : fail(result, "launching a graph");
}

} // namespace dpcrt::cuda
