// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A session's state to a checkpoint and back. Saving copies the state between two
// steps; the copy is written by a thread of its own while the next steps run.
//
// In a world each process copies and writes its part: of what several have, one. Threads
// write and sync, and may not call the world; so what they have come to is told by the
// processes together when they next ask for an outcome. Once all have written, process 0
// completes the checkpoint, in a thread too, and the next time all know.
#pragma once
#include "checkpoint/Checkpoint.h"
#include "session/Session.h"
#include <condition_variable>
#include <deque>
#include <mutex>
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
  ~Keeping(); // waits for what this process writes
  // Waits for the save before, copies, returns. Errors are those of holders that
  // differ, and of the world; how writing ended is an Outcome. Together.
  Status save(Session &session, const std::string &directory, uint64_t keep,
              const Progress &progress);

  struct Outcome {
    uint64_t step;
    Status status;
  };
  // The next one that has not been told yet; `wait`: for the one under way. Errors are the
  // world's. Together.
  Status outcome(bool wait, std::optional<Outcome> &out);

private:
  // What the thread is at, the same in all processes.
  enum class Phase { None, Writing, Completing };
  // A range of a state that this process writes.
  struct Share {
    size_t state; // of session.states()
    ByteRange range;
  };
  void join();
  bool hasEnded(bool wait);
  void start(const std::function<Status()> &work);
  Status advance(bool wait);
  Status advanceTogether();
  void end(const Status &status);
  Status copy(Session &session);
  Status copyWhole(Session &session);
  Status dealStates(Session &session);
  Status describe(const Session &session, const Progress &progress);

  World *world = nullptr; // of the session; null: it is alone
  std::string directory;
  uint64_t keep = 1;
  CheckpointManifest manifest; // in a world, each process's file lists its parts
  bool dealt = false;
  std::vector<std::vector<CheckpointManifest::Part>> parts; // per process
  std::vector<Share> shares;                                // those of this process
  std::vector<std::vector<char>> copies; // kept between saves: one copy of what is saved
  std::vector<TensorToWrite> tensors;
  CheckpointManifest::File file; // that this process writes, in a world

  Phase phase = Phase::None;
  std::vector<std::thread> writer; // none or one
  std::mutex mutex;
  std::condition_variable changed;
  bool ended = false; // the writer has only to be joined
  Status written;
  std::deque<Outcome> outcomes;
};

// Whether checkpoints have a state, a weight or moment, and what they call it: "param/NAME"
// is NAME, "moment/NAME.m" NAME.m.
bool isKept(const Session::State &state);
std::string tensorOf(const Session::State &state);
// The parameters that the session holds, with their moments, in its own order.
std::vector<CheckpointManifest::Parameter> parametersOf(const Session &session);

struct Restored {
  std::string path, manifest;
  std::vector<std::string> notes;
};
// Errors have code Checkpoint, name every parameter that does not fit, and leave the
// session as it was if nothing fits. Together.
Status restore(Session &session, const std::string &path, Restored &out);

} // namespace dpcrt
