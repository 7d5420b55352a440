// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The processes of a run. One of them writes and speaks, process 0; all end alike.
#pragma once
#include "dpc-run/RunOptions.h"
#include "session/Client.h"

namespace dpcrt {

class RunWorld {
public:
  RunWorld() = default;
  RunWorld(const RunWorld &) = delete;

  // Joins the processes that a launcher has started together with this one.
  Status join(const RunOptions &options);
  // Tells the others that this process fails, so that they do not wait for it in what all do
  // together.
  void fail(const Status &status) const;
  // After the run has ended with `status`, and its session is closed: how the process ends,
  // which is how the first one has that failed. That one tells `err` what went wrong before
  // any process ends, for then a launcher may end the others.
  Status end(const Status &status, std::ostream &err);

  dpcrt_world *get() const { return world; }
  bool isSpread() const { return processes > 1; }
  bool isFirst() const { return process == 0; }
  // Whether this process has still to say what has gone wrong.
  bool tells() const { return speaks; }
  // Whether the process must end at once: another one is lost, and what the engine would do
  // at exit waits for it.
  bool isBroken() const { return broken; }
  // Threads of this process where it has been given no number: its part of the machine.
  unsigned threads(unsigned asked) const;

  // Opens data for an entry point: here, if a rank of this process is fed any of it, or this is
  // process 0; all must find as much of it. Together.
  Status openData(const dpcrt_artifact *artifact, const char *entry, const std::string &source,
                  std::vector<InputSpec> inputs, uint64_t microBatches, uint64_t epochs,
                  std::optional<uint64_t> shuffle, Batches &out) const;
  // Gives all processes the first text that is not empty, by process; together.
  Status first(const char *what, std::string &text) const;
  // Gives all processes the text of process 0; together.
  Status share(const char *what, std::string &text) const;

private:
  dpcrt_world *world = nullptr;
  uint32_t processes = 1, process = 0, localProcesses = 1;
  bool speaks = true, broken = false;
};

} // namespace dpcrt
