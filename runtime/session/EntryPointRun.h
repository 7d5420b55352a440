// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One entry point of a session: its memory, its threads, and the host's side of
// feed and fetch.
#pragma once
#include "session/Session.h"

namespace dpcrt {

class EntryPointRun : public HostIo {
public:
  Status prepare(const Artifact &artifact, const std::string &name, Device &device,
                 const Link &link, const RankMemory *weightsOf);
  // After the device is ready.
  Status startExecutor(Device &device, const ExecutorOptions &options);

  // Checks names and sizes; what feed reads until the next call.
  Status bindInputs(const Artifact &artifact, const std::vector<InputData> &inputs);
  Status feed(uint32_t rank, uint32_t input, uint32_t microBatch, void *dst,
              uint64_t bytes) override;
  void fetch(uint32_t rank, uint32_t output, uint32_t microBatch, const void *src,
             uint64_t bytes) override;
  // The fetched value of a scalar output, f32 or i64; NaN if no rank fetched it.
  double scalar(const std::string &output, uint32_t microBatch, uint32_t expert) const;
  bool fetched(const std::string &output) const { return outputs.count(output) != 0; }

  RankMemory memory;
  uint32_t microBatches = 1, experts = 1;
  std::unique_ptr<Executor> executor;

private:
  struct Bound {
    const char *data = nullptr;
    bool shared = false;
  };
  std::unique_ptr<Transport> transport;
  std::vector<std::unique_ptr<RankPlan>> plans;
  std::map<std::string, Bound> inputs;
  std::vector<std::vector<const Bound *>> inputOf; // per rank, per program input
  // Scalars by output name, [micro-batch][expert].
  struct Output {
    Element type;
    std::vector<double> values;
  };
  std::map<std::string, Output> outputs;
  std::vector<std::vector<Output *>> outputOf;
};

} // namespace dpcrt
