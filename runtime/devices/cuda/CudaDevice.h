// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One NVIDIA GPU as a device of queues: kernels of the artifact's device code, products of
// cuBLASLt, streams and events of the driver. Ranks share it. Nothing of NVIDIA's is linked; the
// libraries are opened when the device is made.
#pragma once
#include "devices/Queue.h"
#include "devices/cuda/CudaEvent.h"
#include "devices/cuda/Disturbance.h"
#include "devices/cuda/Kernels.h"
#include "devices/cuda/Memory.h"
#include "devices/cuda/Products.h"
#include <deque>

namespace dpcrt::cuda {

class CudaDevice : public QueueDevice {
public:
  // Errors say what the machine lacks.
  static Status make(std::unique_ptr<Device> &out);

  const char *name() const override { return "cuda"; }
  Status chooseOrder(const std::string &text) override {
    return Disturbance::parse(text, disturbance);
  }
  Status allocate(uint64_t bytes, MemoryKind kind, DeviceAddress &out) override;
  Status upload(DeviceAddress dst, const void *src, uint64_t bytes) override;
  Status download(void *dst, DeviceAddress src, uint64_t bytes) override;
  Status openKernels(const std::string &path, KernelTable table,
                     const std::vector<std::string> &features) override;
  Status prepareLaunch(const fb::Kernel &kernel, const PreparedLaunch *&out) override;
  Status prepareCall(const fb::LibraryCall &call, const PreparedCall *&out) override;
  Status finishPreparation() override;
  uint64_t scratchBytes() const override { return queueBytes; }

  std::unique_ptr<Queue> makeQueue(fb::StreamKind kind, const std::string &name) override;
  std::unique_ptr<Event> makeEvent(bool timed) override;
  bool captures() const override { return true; }
  Status beginCapture(Queue &origin) override;
  Status endCapture(Queue &origin, std::unique_ptr<Graph> &out) override;

  static CUdeviceptr raw(DeviceAddress address) {
    return reinterpret_cast<uintptr_t>(pointerTo(address));
  }

private:
  friend class CudaQueue;
  CudaDevice(std::unique_ptr<Context> given, const CublasLt &library)
      : context(std::move(given)), library(library), memory(*context), clock(*context),
        kernels(*context), products(*context, library) {}
  // Before bytes are moved; `what`: an upload or a download.
  Status beginMove(const char *what);
  Status instantiate(CUgraph graph, std::unique_ptr<Graph> &out);

  // In the order in which they are made; they end in the other.
  const std::unique_ptr<Context> context;
  const CublasLt &library;
  Memory memory;
  Clock clock;
  Kernels kernels;
  Products products;
  Disturbance disturbance;
  std::weak_ptr<CUstream_st> onlyStream; // where all queues are one
  std::deque<std::string> names;         // of queues, whose events say them later
  uint64_t queueBytes = 0;               // scratch and workspace of all queues
  Captures captureRules;                 // which queues a capture holds, and its rules
  Status captureFailure;                 // of the driver's, in the capture under way
};

} // namespace dpcrt::cuda
