// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The step as one sequence.
//
// The schedule is walked once with costs: the next action of each rank starts
// when the rank's previous one has ended and what it needs has arrived; of all
// ranks' next actions the earliest is placed first. A message is placed at the
// moment its bytes exist, ties after what makes them. The resulting sequence is
// an order in which one thread could execute the whole step. Every rank's
// compute stream and communication stream is a projection of it, and every wait
// refers back in it, so that no circle of waits can exist: freedom from deadlock
// by construction.
#ifndef DPC_LIB_LOWERING_PLAN_TIMELINE_H
#define DPC_LIB_LOWERING_PLAN_TIMELINE_H

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace dpc::lowering {

enum class Half : uint8_t { Forward, Input, Weight };

/// Output `output` of stage `producer` is input `input` of stage `consumer`.
struct Edge {
  unsigned producer, output, consumer, input;
  bool gradient; // whether a gradient comes back
  int64_t bytes;
  bool read = true; // by the consumer, in this entry point
};

/// One or two tasks that run as one block.
struct Task {
  enum Kind : uint8_t { Forward, Input, Weight, Pair };
  Kind kind = Forward;
  unsigned stage = 0, microBatch = 0;
  /// Of a pair: the stage whose backward (input half and weight half) overlaps.
  unsigned pairStage = 0, pairMicroBatch = 0;
};

/// What the walk must know of the step; times in seconds.
struct TimelineProblem {
  unsigned ranks = 0, stages = 0, microBatches = 0;
  /// Per rank the tasks in order of execution; a full backward is two tasks.
  std::vector<std::vector<Task>> tasks;
  std::function<unsigned(unsigned stage, unsigned microBatch)> rankOf;
  std::vector<Edge> edges;
  /// Seconds of a task, and the moment in it at which the outputs of its forward
  /// and the input gradients of its backward exist.
  struct Duration {
    double total = 0, outputs = 0, inputGrads = 0;
  };
  std::function<Duration(const Task &)> duration;
  double latency = 0, bandwidth = 0; // of a message; bandwidth 0 is infinite
  /// Set where no backward keeps forwards in step: the first micro-batch of the replica
  /// that a micro-batch passes through. A forward then waits until every stage that
  /// reads its output, d stages on, has begun the forward of d + `spare` micro-batches
  /// before: few messages are in memory, however fast the one is.
  std::function<unsigned(unsigned microBatch)> firstOfReplica;
  /// With 1 a stage computes while its last output travels. A rank of several stages has
  /// others to compute meanwhile, and needs none.
  unsigned spare = 1;
};

/// One step of the sequence.
struct TimelineItem {
  bool isMessage = false;
  double time = 0; // start of a run, moment of a message
  double end = 0;  // end of a run, arrival of a message
  unsigned rank = 0;
  Task task;
  // A message carries an activation of (producer, output) or the gradient of an edge.
  bool isGradient = false;
  unsigned edge = 0; // the first edge of that output to that rank for an activation
  unsigned microBatch = 0;
  unsigned destination = 0;
  // Messages with one number follow each other and go as one group: those of one
  // task to one rank, and those that two ranks send each other with no run and no
  // message of either in between, where no run starts later for it or where going
  // apart would hold the later one up for longer. Neither closes a cycle: the tasks
  // that the later messages come from stand before the first.
  unsigned exchange = 0;
};

struct Timeline {
  std::vector<TimelineItem> items;
  double makespan = 0;
  std::vector<double> busy; // per rank
};

/// Walks the schedule. The error names the tasks that wait for each other.
std::optional<Timeline> buildTimeline(const TimelineProblem &problem, std::string &error);

} // namespace dpc::lowering

#endif // DPC_LIB_LOWERING_PLAN_TIMELINE_H
