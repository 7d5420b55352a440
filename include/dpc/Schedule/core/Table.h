// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A schedule as data: which rank does which task of which micro-batch, in which
// order. Everything about schedules is a function over this table: generators
// make it, the text form prints and parses it, checks prove it, the simulator
// times it, and the compiler turns it into programs.
#ifndef DPC_SCHEDULE_CORE_TABLE_H
#define DPC_SCHEDULE_CORE_TABLE_H

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dpc::schedule {

/// The limit on ranks and micro-batches of any schedule.
inline constexpr unsigned kMaxRanks = 1u << 16;
inline constexpr unsigned kMaxMicroBatches = 1u << 20;

/// F: forward. B: the full backward. I and W: its halves, the gradients of
/// activations and of weights; a full backward is I, then W.
enum class Kind : uint8_t { Forward, Backward, Input, Weight };

struct Task {
  Kind kind = Kind::Forward;
  unsigned stage = 0;
  unsigned microBatch = 0; // numbered over all replicas

  bool operator==(const Task &other) const {
    return kind == other.kind && stage == other.stage && microBatch == other.microBatch;
  }
};

/// One task, or an overlapped pair of a forward (first) and a full backward.
struct Action {
  Task first;
  std::optional<Task> second;

  bool operator==(const Action &other) const {
    return first == other.first && second == other.second;
  }
};

/// A copy of the model. Micro-batches firstMicroBatch..endMicroBatch-1 pass
/// through it; stage s lies on rank rankOfStage[s].
struct Replica {
  unsigned firstMicroBatch = 0, endMicroBatch = 0;
  std::vector<unsigned> rankOfStage;

  bool operator==(const Replica &other) const {
    return firstMicroBatch == other.firstMicroBatch && endMicroBatch == other.endMicroBatch &&
           rankOfStage == other.rankOfStage;
  }
};

struct Table {
  std::string name;
  unsigned ranks = 0, stages = 0, microBatches = 0;
  std::vector<Replica> replicas;            // ascending, together all micro-batches
  std::vector<std::vector<Action>> actions; // of each rank, in order of execution

  /// The replica a micro-batch passes through.
  unsigned replicaOf(unsigned microBatch) const;
  /// The rank that does the tasks of a stage for a micro-batch.
  unsigned rankOf(unsigned stage, unsigned microBatch) const;
  /// Stages a rank holds in any replica, ascending and distinct.
  std::vector<unsigned> stagesOf(unsigned rank) const;

  bool operator==(const Table &other) const {
    return name == other.name && ranks == other.ranks && stages == other.stages &&
           microBatches == other.microBatches && replicas == other.replicas &&
           actions == other.actions;
  }
};

} // namespace dpc::schedule

#endif // DPC_SCHEDULE_CORE_TABLE_H
