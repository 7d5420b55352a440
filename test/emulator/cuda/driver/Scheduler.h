// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Streams, and the order in which what they hold is run.
//
// Nothing runs by itself: a command runs when the host waits for something, asks for it, or
// sometimes when it enqueues another, always one of those that streams, events and graphs
// allow. So a program that relies on more than these order is wrong by some seed, and the same
// seed gives the same order again.
#ifndef DPC_TEST_EMULATOR_CUDA_DRIVER_SCHEDULER_H
#define DPC_TEST_EMULATOR_CUDA_DRIVER_SCHEDULER_H

#include "Memory.h"
#include "Order.h"
#include "Report.h"
#include "Work.h"

#include <deque>
#include <set>

namespace dpc::emulator {

struct Capture;

/// Of streams; numbers that are less come first.
constexpr int kLeastPriority = 0, kGreatestPriority = -5;

struct Stream {
  uint64_t number = 0;     ///< by creation, from 1; 0: the legacy default stream
  bool isBlocking = false; ///< ordered with the legacy default stream
  int priority = 0;
  bool isDestroyed = false;
  std::deque<Command> commands; ///< that have not run
  uint32_t axis = 0;
  uint64_t time = 0;                ///< on its axis
  Clock clock;                      ///< of what has run
  uint64_t enqueued = 0, ran = 0;   ///< counts
  uint64_t asked = 0;               ///< how often the host has whether it is done, in vain
  std::shared_ptr<Capture> capture; ///< that it is part of; or null
  uint32_t chain = 0;               ///< in it
  std::vector<uint32_t> tail;       ///< the nodes that the next one comes behind
  std::string describe() const { return "stream " + std::to_string(number); }
};

class Scheduler {
public:
  Scheduler(Memory &memory, Log &log) : memory(memory), log(log), order(Options()) {}
  /// Begins anew.
  void begin(const Options &options);

  std::shared_ptr<Stream> makeStream(bool isBlocking, int priority);
  /// It goes when it has run all that it holds.
  void destroyStream(Stream &stream);
  const std::shared_ptr<Stream> &legacy() const { return streams[0]; }

  // What streams are given, none of them capturing.
  /// Gives its number among the commands that do something.
  int64_t enqueue(Stream &stream, std::shared_ptr<const Work> work);
  std::shared_ptr<Mark> record(Stream &stream);
  void wait(Stream &stream, std::shared_ptr<Mark> mark);
  void launch(Stream &stream, std::shared_ptr<GraphExec> exec);
  std::shared_ptr<GraphExec> instantiate(std::shared_ptr<const Graph> graph);

  /// Runs one command; false if none can.
  bool step();
  /// Runs what the order says for a call that asks, for the `asked`-th time, and does not wait.
  void answer(uint64_t asked);
  /// The host has seen that all of this has run: what it enqueues from now on comes behind.
  void hostSaw(const Clock &clock);
  bool isIdle() const;
  /// Of all that has run.
  Clock everything() const;

  /// The first command under way that names memory there, in words; empty if none does.
  std::string userOf(const Allocation &allocation) const;
  /// Whether something was told to stop for ever.
  bool isHanging() const { return options.hangingStream != 0; }
  /// What waits, and for what.
  std::string describeWaiting() const;

  /// What an earlier command has come to: no more is run then.
  dpcrt::cuda::CUresult failure = dpcrt::cuda::CUDA_SUCCESS;
  Conflicts conflicts;
  uint64_t changes = 0; ///< grows with everything that is enqueued

private:
  void add(Stream &stream, Command command);
  void push(Stream &stream, Command command);
  void collect();
  bool canRun(const Stream &stream, const Command &command);
  void run(Stream &stream);
  void runNode(Stream &stream, size_t chain);
  void runWork(const Work &work, const Stream &stream, int64_t number, Clock &clock, uint32_t axis,
               uint64_t &time, const std::string &where);
  void beginRun(Stream &stream, Command &command);

  Memory &memory;
  Log &log;
  Options options;
  Order order;
  std::vector<std::shared_ptr<Stream>> streams;
  uint32_t axes = 0;
  Clock ended; ///< of streams that are gone
  uint64_t streamsMade = 0, sequence = 0, launches = 0, execs = 0, ranCommands = 0;
  int64_t numbers = 0;
  std::shared_ptr<const Clock> host;
  std::unordered_map<uint64_t, Clock> words; ///< clocks of words that streams wrote
  std::vector<Candidate> ready;
  std::vector<Access> used;
  std::set<std::string> told;
};

} // namespace dpc::emulator

#endif // DPC_TEST_EMULATOR_CUDA_DRIVER_SCHEDULER_H
