// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Hanayo. Source: Liu et al., Hanayo: Harnessing Wave-like Pipeline Parallelism for
// Enhanced Large Model Training Efficiency, SC 2023. The model goes back and forth
// over the ranks in waves: with w waves a rank holds 2w stages, and both ends of a
// wave stay on their rank. P = 2, one wave (v = 2), M = 2:
//
//   rank 0  0F0 0F1     3F0 3B0 3F1 3B1     0B0     0B1
//   rank 1      1F0 2F0 1F1 2F1 2B0     1B0 2B1 1B1
//
// The paper gives the order as the outcome of rules over time rather than as a
// formula: a rank that is free does a backward if one is ready, else a forward;
// of several the one of the oldest micro-batch, of these the one furthest on. A
// forward of a stage counts as one slot, its backward as two. The paper has P
// micro-batches; of more, at most 3P/2 are under way, which is the least that
// bridges the time between a wave's forwards and its backwards and makes the peak
// that of interleaved 1F1B with as many stages a rank, about P + P/v.
#include "Fixed.h"

#include <algorithm>
#include <queue>
#include <tuple>

namespace dpc::schedule {
namespace {

constexpr unsigned kForwardSlots = 1, kBackwardSlots = 2;

// Ready tasks of one rank; the smallest is done first.
struct Ready {
  bool isForward;
  unsigned microBatch, stagesLeft;
  Task task;

  bool operator>(const Ready &other) const {
    return std::tie(isForward, microBatch, stagesLeft) >
           std::tie(other.isForward, other.microBatch, other.stagesLeft);
  }
};

struct Event {
  size_t slot;
  unsigned rank;
  Task done;
  bool operator>(const Event &other) const {
    return std::tie(slot, rank) > std::tie(other.slot, other.rank);
  }
};

class Waves {
public:
  explicit Waves(Table &table)
      : table(table), rankOf(table.replicas[0].rankOfStage), ready(table.ranks),
        busy(table.ranks, false) {}

  void run() {
    while (entered < std::min((3 * table.ranks + 1) / 2, table.microBatches))
      enter();
    startAll();
    while (!events.empty()) {
      size_t now = events.top().slot;
      while (!events.empty() && events.top().slot == now) {
        Event event = events.top();
        events.pop();
        busy[event.rank] = false;
        finish(event.done);
      }
      slot = now;
      startAll();
    }
  }

private:
  void enter() { add({Kind::Forward, 0, entered++}); }
  void add(const Task &task) {
    bool isForward = task.kind == Kind::Forward;
    unsigned left = isForward ? table.stages - 1 - task.stage : task.stage;
    ready[rankOf[task.stage]].push({isForward, task.microBatch, left, task});
  }
  void finish(const Task &task) {
    if (task.kind == Kind::Forward)
      add(task.stage + 1 < table.stages ? Task{Kind::Forward, task.stage + 1, task.microBatch}
                                        : Task{Kind::Backward, task.stage, task.microBatch});
    else if (task.stage > 0)
      add({Kind::Backward, task.stage - 1, task.microBatch});
    else if (entered < table.microBatches)
      enter();
  }
  void startAll() {
    for (unsigned rank = 0; rank < table.ranks; ++rank) {
      if (busy[rank] || ready[rank].empty())
        continue;
      Task task = ready[rank].top().task;
      ready[rank].pop();
      busy[rank] = true;
      table.actions[rank].push_back({task, {}});
      events.push(
          {slot + (task.kind == Kind::Forward ? kForwardSlots : kBackwardSlots), rank, task});
    }
  }

  Table &table;
  const std::vector<unsigned> &rankOf;
  std::vector<std::priority_queue<Ready, std::vector<Ready>, std::greater<Ready>>> ready;
  std::vector<bool> busy;
  std::priority_queue<Event, std::vector<Event>, std::greater<Event>> events;
  unsigned entered = 0;
  size_t slot = 0;
};

} // namespace

std::string checkHanayo(const Request &request) {
  unsigned chunks = findGenerator("hanayo")->chunks(request);
  if (chunks % 2)
    return "hanayo: v is twice the number of waves, an even number; got " + std::to_string(chunks) +
           "; " + (chunks > 1 ? std::to_string(chunks - 1) + " or " : "") +
           std::to_string(chunks + 1) + " would be legal";
  return "";
}

Table makeHanayo(const Request &request) {
  Table table =
      startTable("hanayo", request, Placement::V, findGenerator("hanayo")->chunks(request));
  Waves(table).run();
  return table;
}

} // namespace dpc::schedule
