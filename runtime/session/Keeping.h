// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A session's state to a checkpoint and back. Saving copies the state between two
// steps; the copy is written by a thread of its own while the next steps run.
#pragma once
#include "checkpoint/Checkpoint.h"
#include "session/Session.h"
#include <deque>
#include <thread>

namespace dpcrt {

// What a session does not know of the run it is in.
struct Progress {
  uint64_t generation = 1;
  uint64_t cursor = 0, rows = 0;
  std::optional<uint64_t> shuffle;
  double learningRate = 0;
  std::string config = "{}"; // JSON
};

class Keeping {
public:
  ~Keeping(); // waits for the save under way
  // Waits for the save before, copies, returns. Errors are those of holders that
  // differ; how writing ended is an Outcome.
  Status save(Session &session, const std::string &directory, uint64_t keep,
              const Progress &progress);

  struct Outcome {
    uint64_t step;
    Status status;
  };
  // The next one that has not been told yet; `wait`: for the one under way.
  std::optional<Outcome> outcome(bool wait);

private:
  void join();
  Status copy(Session &session);

  CheckpointManifest manifest;
  std::vector<std::vector<char>> copies; // kept between saves: one copy of what is saved
  std::vector<TensorToWrite> tensors;
  std::vector<std::thread> writer; // none or one
  std::atomic<bool> ended{false};  // the writer has only to be joined
  Status written;
  std::deque<Outcome> outcomes;
};

struct Restored {
  std::string path, manifest;
  std::vector<std::string> notes;
};
// Errors have code Checkpoint, name every parameter that does not fit, and leave the
// session as it was if nothing fits.
Status restore(Session &session, const std::string &path, Restored &out);

} // namespace dpcrt
