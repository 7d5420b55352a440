// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// When the commands of a traced step ran: a timed event before and behind each of them, on
// its queue. A device may be slower for it, so that other steps have none.
#pragma once
#include "executor/Executor.h"
#include "executor/Tape.h"

namespace dpcrt {

class QueueTrace {
public:
  // For one of the sets of steps in turn.
  QueueTrace(const Tape &tape, QueueDevice &device);

  // Around entry number `entry` of the tape; of one that does nothing, nothing.
  Status before(size_t entry, Queue &queue) { return record(begins[entry], queue); }
  Status behind(size_t entry, Queue &queue) { return record(ends[entry], queue); }

  // When the step has ended: what each stream of each rank did, and of each rank which part
  // of the time from `begin` to `end` its compute stream did nothing.
  void collect(const std::vector<const RankPlan *> &planOf, int64_t begin, int64_t end,
               std::vector<StreamSpans> &spans, std::vector<double> &bubble) const;

private:
  static Status record(const std::unique_ptr<Event> &event, Queue &queue) {
    return event ? queue.record(*event) : Status();
  }

  const Tape &tape;
  std::vector<std::unique_ptr<Event>> begins, ends; // by entry; null where it does nothing
};

} // namespace dpcrt
