// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A stream of the driver's as a queue. Nothing here waits, and nothing allocates: what commands
// need has been looked up at load, and the queue's scratch lies there since it was made.
#pragma once
#include "devices/cuda/CudaDevice.h"

namespace dpcrt::cuda {

class CudaGraph : public Graph {
public:
  CudaGraph(Context &context, CUgraphExec executable) : executable(executable), context(context) {}
  ~CudaGraph() override;

  const CUgraphExec executable;

private:
  Context &context;
};

class CudaQueue : public Queue {
public:
  // Where that fails, the device has failed. `name` stays.
  CudaQueue(CudaDevice &device, fb::StreamKind kind, const std::string &name);
  ~CudaQueue() override;

  Status launch(const PreparedLaunch &kernel, const DeviceAddress *buffers, size_t count) override;
  Status call(const PreparedCall &call, const DeviceAddress *buffers, size_t count) override;
  Status copy(DeviceAddress dst, DeviceAddress src, uint64_t bytes) override;
  Status fill(DeviceAddress dst, uint32_t pattern, uint64_t bytes) override;
  Status reduce(DeviceAddress dst, const DeviceAddress *sources, size_t sourceCount, uint64_t count,
                Element dtype) override;
  Status record(Event &event) override;
  Status wait(Event &event) override;
  Status launchGraph(Graph &graph) override;

  CaptureMember member;
  CUstream stream = nullptr; // null where the device has failed

private:
  Status makeStream(bool computes);
  // Before a command is enqueued: whether it may be; and has it come late, if that is drawn.
  Status begin();
  // What a failing call of the driver, or of cuBLASLt, comes to.
  Status fail(CUresult result, const std::string &what);
  Status fail(Status status);
  // Has the stream stand still, if that is drawn.
  Status perhapsStandStill();
  Status start(const Function &function, uint32_t grid, void **parameters);
  std::string during(const std::string &what) const { return "queue '" + name + "', " + what; }

  CudaDevice &device;
  Context &context;
  const Driver &driver;
  const std::string &name;
  std::shared_ptr<CUstream_st> held;      // the stream, which queues may share
  CUdeviceptr scratch = 0, workspace = 0; // 0: none
  uint64_t scratchBytes = 0, workspaceBytes = 0;
};

} // namespace dpcrt::cuda
