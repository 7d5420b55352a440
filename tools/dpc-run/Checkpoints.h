// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a run keeps and where it goes on from: --checkpoint, --checkpoint-every, --keep,
// --resume (docs/Checkpoints.md).
#pragma once
#include "checkpoint/Checkpoint.h"
#include "data/OutputLock.h"
#include "dpc-run/RunOptions.h"
#include "dpc-run/RunWorld.h"
#include "session/Client.h"
#include <ostream>

namespace dpcrt {

// Where a run begins.
struct StartPoint {
  uint64_t step = 0, cursor = 0, rows = 0;
  std::optional<uint64_t> shuffle;
  std::string path; // of the checkpoint; "": anew
};

class Checkpoints {
public:
  Checkpoints(const RunOptions &options, const RunWorld &world, std::ostream &err)
      : options(options), world(world), err(err) {}
  ~Checkpoints();

  // Makes the folder, locks it and tries to write there: what can fail for the disk's
  // sake fails before the model is loaded. By process 0; all others must see the folder.
  Status open();
  // Restores the session where the options say so. The first line of the log says from
  // where, and how to start anew.
  Status resume(dpcrt_session *session, const std::string &modelHash, StartPoint &out);

  bool enabled() const { return !directory.empty(); }
  bool due(uint64_t step) const {
    return options.checkpointEvery && step % options.checkpointEvery == 0;
  }
  // Copies; the outcome comes with told(). Both together.
  Status save(dpcrt_session *session, dpcrt_progress progress);
  // The next save that has ended: its step, or 0, with an error where there is none because
  // the world has failed. `wait`: for the one under way.
  uint64_t told(dpcrt_session *session, bool wait, Status &status);

  uint64_t lastSaved() const { return savedStep; } // complete; 0: none
  std::string pathOf(uint64_t step) const { return directory + "/step-" + std::to_string(step); }

private:
  Status checkSeeds(const CheckpointManifest &manifest) const;

  Status openFolder();

  const RunOptions &options;
  const RunWorld &world;
  std::ostream &err;
  std::string directory;
  bool isDefault = false, made = false;
  uint64_t generation = 1, savedStep = 0;
  std::vector<FoundCheckpoint> found;
  OutputLock lock;
};

} // namespace dpcrt
