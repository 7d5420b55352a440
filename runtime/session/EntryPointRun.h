// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One entry point of a session: its memory, its threads, and the host's side of
// feed and fetch.
#pragma once
#include "executor/ThreadPlan.h"
#include "session/Session.h"
#include "transports/QueueTransport.h"
#include "transports/RemoteMessages.h"
#include <cstring>

namespace dpcrt {

class ThreadExecutor;

class EntryPointRun : public HostIo {
public:
  // The ranks of this process: all of them where `world` is null.
  Status prepare(const Artifact &artifact, const std::string &name, Device &device,
                 const SessionOptions &options, const RankMemory *weightsOf);
  // After the device is ready.
  Status startExecutor(Device &device, const ExecutorOptions &options);

  // Checks names and sizes; what the programs are fed until the next call.
  Status bindInputs(const Artifact &artifact, const std::vector<InputData> &inputs);
  Status inputValues(uint32_t rank, uint32_t input, uint32_t microBatch, uint64_t bytes,
                     const void *&out) override;
  void *outputValues(uint32_t rank, uint32_t output, uint32_t microBatch, uint64_t &bytes) override;
  // An output as it was fetched last: [micro-batch of the step][expert][bytes of the tensor].
  struct Output {
    Element type;
    uint64_t bytes = 0;
    std::vector<char> values;
    std::vector<uint32_t> processes; // that fetch each of the values
  };
  // Null if the programs have none.
  const Output *output(const std::string &name) const;
  // The one element of an output of this type; `otherwise` if there is no such output.
  template <typename T>
  T scalar(const std::string &name, uint32_t microBatch, uint32_t expert, T otherwise) const {
    const Output *found = output(name);
    if (found)
      std::memcpy(&otherwise,
                  found->values.data() + (size_t(microBatch) * grid.ep + expert) * sizeof(T),
                  sizeof(T));
    return otherwise;
  }

  // What ranks of this process have fetched in the step that was finished last; and takes what
  // those of another have.
  std::string fetchedHere() const;
  Status takeFetched(uint32_t process, std::string_view fetched);

  const char *recordValues(uint32_t rank) override { return recordOf(rank).data(); }
  std::vector<char> &recordOf(uint32_t rank) { return records[rank - memory.ranks.first]; }
  const RankPlan &planOf(uint32_t rank) const { return executor->plan(rank - memory.ranks.first); }
  void takeHeader(const StepHeader &taken) override { header = taken; }

  StepHeader header = {}; // of the first rank, behind the step that was finished last

  RankMemory memory;
  RankGrid grid;
  uint32_t microBatches = 1; // of a data-parallel replica
  // Of a step. What is handed in and fetched is counted so: replica d has those from
  // d * microBatches on.
  uint32_t microBatchesOfStep() const { return grid.dp * microBatches; }
  std::unique_ptr<Executor> executor;
  ThreadExecutor *threads = nullptr; // the executor where streams are threads

private:
  struct Bound {
    const char *data = nullptr;
    bool shared = false;
    uint32_t slices = 1; // of a micro-batch
  };
  Status connect(HostDevice &device, const Link &link);
  Status listOutputs(const Artifact &artifact, const std::string &name);
  uint32_t ofStep(const RankPlace &place, uint32_t microBatch) const {
    return place.dp * microBatches + microBatch;
  }

  World *world = nullptr;
  std::string entryName;
  // What the host writes of each rank's step record, as its plan's image has it; for the
  // next submit of the executor.
  std::vector<std::vector<char>> records;
  std::unique_ptr<RemoteMessages> remote;
  // One of the two, by how the device is driven.
  std::unique_ptr<Transport> transport;
  std::unique_ptr<QueueTransport> queueTransport;
  std::vector<std::unique_ptr<RankPlan>> plans;       // until the executor has them
  std::vector<std::unique_ptr<ThreadPlan>> connected; // where streams are threads
  std::map<std::string, Bound> inputs;
  std::vector<std::vector<const Bound *>> inputOf; // per rank, per program input
  std::map<std::string, Output> outputs;           // by the program's name of it
  std::vector<std::vector<Output *>> outputOf;
};

} // namespace dpcrt
