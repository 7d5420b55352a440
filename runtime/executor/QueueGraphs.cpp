// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Steps as graphs: the tape of each of the two sets, captured once at load and launched for every
// step of the set. A queue of its own, the origin, carries the launches, and so orders a step
// behind the one before. What the host sees stays outside: the copy of the inputs, for which the
// origin waits, and an event behind the graph. A traced step is enqueued from the tape, between
// graphs, because nobody outside of a graph sees when its commands run.
#include "executor/QueueExecutor.h"

namespace dpcrt {

Status QueueExecutor::captureSteps() {
  origin = device.makeQueue(fb::StreamKind::Host, "steps of all ranks");
  for (Set &set : sets) {
    set.end = device.makeEvent(/*timed=*/true);
    transport.forgetSteps();
    if (Status s = captureStep(set); !s.ok())
      return s.within("--cuda-graphs");
  }
  return {};
}

// Every queue joins at the beginning; in the end, the ends of all ranks are awaited, and by them
// everything.
Status QueueExecutor::captureStep(Set &set) {
  if (Status s = device.beginCapture(*origin); !s.ok())
    return s;
  std::unique_ptr<Event> begin = device.makeEvent();
  Status s = origin->record(*begin);
  std::vector<bool> isUsed(queues.size());
  for (const TapeEntry &entry : tape.entries)
    isUsed[entry.queue] = true;
  for (size_t q = 0; q < queues.size() && s.ok(); ++q)
    if (isUsed[q])
      s = queues[q]->wait(*begin);
  for (size_t e = 0; e < tape.entries.size() && s.ok(); ++e) {
    const TapeEntry &entry = tape.entries[e];
    if (entry.kind != TapeEntry::Kind::Inputs) // the origin waits for them
      s = enqueue(entry, set);
    if (s.ok() && entry.kind == TapeEntry::Kind::End)
      s = origin->wait(*set.ends[entry.event]);
    if (!s.ok())
      s = within(planOf[entry.queue]->rank, entry.command, s);
  }
  // Also behind an error, which it ends with.
  Status ended = device.endCapture(*origin, set.graph);
  return s.ok() ? ended : s;
}

Status QueueExecutor::launchStep(Set &set, const Set *before) {
  Status s;
  if (tape.inputBytes)
    s = origin->wait(*set.inputs);
  // The origin has launched the step before, unless that was enqueued.
  if (before && !before->isGraph)
    for (size_t e = 0; e < before->ends.size() && s.ok(); ++e)
      s = origin->wait(*before->ends[e]);
  if (s.ok())
    s = origin->launchGraph(*set.graph);
  return s.ok() ? origin->record(*set.end) : s;
}

Status QueueExecutor::followGraph(const Set *before) {
  transport.forgetSteps();
  Status s;
  for (size_t q = 0; q < queues.size() && before && s.ok(); ++q)
    s = queues[q]->wait(*before->end);
  return s;
}

} // namespace dpcrt
