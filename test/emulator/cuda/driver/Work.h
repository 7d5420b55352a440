// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What streams and graphs hold.
#ifndef DPC_TEST_EMULATOR_CUDA_DRIVER_WORK_H
#define DPC_TEST_EMULATOR_CUDA_DRIVER_WORK_H

#include "Conflicts.h"
#include "devices/cuda/api/DriverTypes.h"

#include <functional>
#include <memory>

namespace dpc::emulator {

/// A command that does something: made once, run by a stream or by each launch of a graph.
struct Work {
  enum class Kind { Copy, Fill, Launch, Memory, Nothing };
  Kind kind = Kind::Nothing;
  std::string name; ///< for messages: "kernel 'k'", "a copy"
  /// Bytes of device or pinned memory that it uses, as far as is known before it runs.
  std::vector<Access> accesses;
  /// Addresses that it names, in memory that must live until it has run.
  std::vector<uint64_t> names;
  /// Does it. What it is found to use is added to the list. The seed draws what is free.
  std::function<dpcrt::cuda::CUresult(std::vector<Access> &used, uint64_t seed)> run;
  /// If it must wait for what memory holds: whether it can go on.
  std::function<bool()> canRun;
  /// A word of memory by which it is ordered behind others, or others behind it; or 0.
  uint64_t waitsForWord = 0, writesWord = 0;
};

/// One record of an event. Whoever waits for it keeps it: the event itself has gone on to its
/// next record when this one is run late.
struct Mark {
  bool isPassed = false;
  int64_t time = 0; ///< when, in nanoseconds
  Clock clock;      ///< what lies before it
  uint64_t stream = 0;
  uint64_t asked = 0; ///< how often the host has, in vain
};

/// Part of a graph.
struct Node {
  std::shared_ptr<const Work> work;
  std::vector<uint32_t> after; ///< nodes, all of them earlier ones
  uint32_t chain = 0;          ///< the stream that was captured; nodes of one are in order
};

struct Graph {
  std::vector<Node> nodes;
  std::vector<uint64_t> streams; ///< by chain: the number of the stream that was captured
};

/// A graph that can be launched.
struct GraphExec {
  uint64_t number = 0;
  std::shared_ptr<const Graph> graph;
  uint32_t axis = 0;          ///< of the first chain
  std::vector<uint64_t> time; ///< by chain
  std::shared_ptr<Mark> last; ///< launch; null: none yet
};

/// A launch of it that has begun.
struct GraphRun {
  std::shared_ptr<GraphExec> exec;
  std::shared_ptr<Mark> before;              ///< the launch before; or null
  std::shared_ptr<Mark> over;                ///< its own end
  std::vector<std::vector<uint32_t>> chains; ///< of nodes
  std::vector<size_t> next;                  ///< by chain
  std::vector<char> isDone;
  std::vector<Clock> clocks; ///< of nodes that have run
  size_t left = 0;
  bool hasBegun = false;
};

struct Command {
  enum class Kind { Work, Record, Wait, Graph };
  Kind kind = Kind::Work;
  uint64_t sequence = 0; ///< of all commands
  int64_t number = -1;   ///< among those that do something
  std::shared_ptr<const Work> work;
  std::shared_ptr<Mark> mark;        ///< of a record, or waited for
  std::shared_ptr<GraphRun> run;     ///< of a graph
  std::shared_ptr<const Clock> host; ///< what the host had waited for at the call
};

} // namespace dpc::emulator

#endif // DPC_TEST_EMULATOR_CUDA_DRIVER_WORK_H
