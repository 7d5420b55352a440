// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Enqueuing, and waiting outside of steps.
#include "executor/QueueExecutor.h"
#include <algorithm>
#include <new>

namespace dpcrt {

using Kind = TapeEntry::Kind;

Status QueueExecutor::make(std::vector<std::unique_ptr<RankPlan>> plans, QueueDevice &device,
                           QueueTransport &transport, HostIo &io, const ExecutorOptions &options,
                           std::unique_ptr<QueueExecutor> &out) {
  if (options.sequential)
    return error(Code::Usage, "device '", device.name(),
                 "' runs no replay in one thread; --device cpu does");
  std::unique_ptr<QueueExecutor> made(new QueueExecutor(std::move(plans), device, io, options));
  if (Status s = made->prepare(transport); !s.ok())
    return s;
  out = std::move(made);
  return {};
}

Status QueueExecutor::prepare(QueueTransport &transport) {
  std::vector<const RankPlan *> all;
  std::vector<std::vector<QueueOperation *>> added;
  for (auto &plan : plans) {
    all.push_back(plan.get());
    added.emplace_back();
    for (const PlannedOperation &operation : plan->operations) {
      QueueOperation *handle = nullptr;
      Status s = operation.collective
                     ? transport.addCollective(plan->rank, *operation.collective, handle)
                     : transport.addExchange(plan->rank, operation.transfers, handle);
      if (!s.ok())
        return s.within("rank " + std::to_string(plan->rank));
      added.back().push_back(handle);
      operations.push_back(handle);
    }
  }
  if (Status s = transport.finishPreparation(); !s.ok())
    return s;
  if (Status s = makeTape(all, added, device.spoils(), tape); !s.ok())
    return s;
  for (const RankPlan *plan : all)
    planOf.insert(planOf.end(), plan->streams.size(), plan);
  for (uint32_t e = 0; e < tape.events; ++e)
    events.push_back(device.makeEvent());
  for (const TapeQueue &queue : tape.queues)
    queues.push_back(device.makeQueue(queue.kind, queue.name));
  for (const TapeEntry &entry : tape.entries)
    if (entry.kind == Kind::Feed)
      feeds.push_back(&entry);
    else if (entry.kind == Kind::Fetch)
      fetches.push_back(&entry);
  if (tape.stagingBytes == 0)
    return {};
  return device.allocate(2 * tape.stagingBytes, MemoryKind::Host, stagingMemory)
      .within("inputs and outputs of two steps");
}

Status QueueExecutor::within(const TapeEntry &entry, const Status &status) const {
  const RankPlan &plan = *planOf[entry.queue];
  return status.within("rank " + std::to_string(plan.rank) + ", " +
                       (entry.command ? plan.label(entry.command->label) : "begin of a step"));
}

Status QueueExecutor::takeInputs() {
  for (const TapeEntry *feed : feeds) {
    const void *values = nullptr;
    Status s = io.inputValues(planOf[feed->queue]->rank, feed->command->index,
                              feed->command->microBatch, feed->bytes, values);
    if (s.ok())
      s = device.upload(staging(*feed), values, feed->bytes);
    if (!s.ok())
      return within(*feed, s);
  }
  return {};
}

Status QueueExecutor::giveOutputs() {
  for (const TapeEntry *fetch : fetches) {
    uint64_t bytes = fetch->bytes;
    void *values = io.outputValues(planOf[fetch->queue]->rank, fetch->command->index,
                                   fetch->command->microBatch, bytes);
    if (Status s = device.download(values, staging(*fetch), bytes); !s.ok())
      return within(*fetch, s);
  }
  return {};
}

Status QueueExecutor::enqueue(const TapeEntry &entry) {
  Queue &queue = *queues[entry.queue];
  const DeviceAddress *at = tape.addresses.data() + entry.firstAddress;
  switch (entry.kind) {
  case Kind::Wait:
    return queue.wait(*events[entry.event]);
  case Kind::Record:
    return queue.record(*events[entry.event]);
  case Kind::Forget:
    return queue.forget(at[0], entry.bytes);
  case Kind::Feed:
    return queue.copy(at[0], staging(entry), entry.bytes);
  case Kind::Fetch:
    return queue.copy(staging(entry), at[0], entry.bytes);
  case Kind::Phase:
    return entry.operation->issue(entry.phase, queue);
  case Kind::Command:
    break;
  }
  const PlannedCommand &command = *entry.command;
  switch (command.kind) {
  case fb::Action::Launch:
    return queue.launch(*command.launch, at, entry.addressCount);
  case fb::Action::Call:
    return queue.call(*command.call, at, entry.addressCount);
  case fb::Action::Copy:
    return queue.copy(at[0], at[1], entry.bytes);
  default:
    return queue.fill(at[0], command.pattern, entry.bytes);
  }
}

Status QueueExecutor::enqueueStep() {
  for (const TapeEntry &entry : tape.entries)
    if (Status s = enqueue(entry); !s.ok())
      return within(entry, s);
  return {};
}

Status QueueExecutor::submit(bool traced) {
  if (!cause.ok())
    return cause;
  if (traced)
    return error(Code::Usage, "device '", device.name(),
                 "' does not time its commands, so there is no trace of them; without --trace "
                 "it runs");
  ++step;
  stepTimes.begin = nowNs();
  try {
    cause = takeInputs();
    if (cause.ok())
      cause = enqueueStep();
  } catch (const std::bad_alloc &) {
    cause = Status(Code::OutOfMemory, "out of memory");
  }
  return cause;
}

// Of the records of a step, how many queues have passed.
size_t QueueExecutor::recordsPassed() const {
  return size_t(std::count_if(events.begin(), events.end(), [](auto &e) { return e->fired(); }));
}

std::string QueueExecutor::describe(const TapeEntry *entry) const {
  if (!entry)
    return "the beginning of the step";
  return "'" + planOf[entry->queue]->label(entry->command->label) + "'" +
         (entry->operation ? ", " + entry->operation->describe() : "");
}

// What can be seen of a queue: the first of its records that it has not passed, and the
// command that stands before it.
std::string QueueExecutor::describeHang() const {
  std::vector<const TapeEntry *> last(queues.size());
  std::vector<bool> stands(queues.size());
  std::string text;
  for (const TapeEntry &entry : tape.entries) {
    uint32_t q = entry.queue;
    if (entry.command && entry.kind != Kind::Record)
      last[q] = &entry;
    if (entry.kind != Kind::Record || stands[q] || events[entry.event]->fired())
      continue;
    stands[q] = true;
    text += "\n  " + tape.queues[q].name + ": not behind " + describe(last[q]);
  }
  return text;
}

Status QueueExecutor::waitForEnds() {
  int64_t look =
      options.timeoutNs ? std::min<int64_t>(options.timeoutNs / 4 + 1, 1'000'000'000) : noDeadline;
  size_t before = 0;
  int64_t since = nowNs();
  for (uint32_t end : tape.ends)
    for (;;) {
      Status s = events[end]->wait(look == noDeadline ? noDeadline : nowNs() + look);
      for (size_t o = 0; o < operations.size() && s.ok(); ++o)
        s = operations[o]->poll();
      if (!s.ok())
        return s;
      if (events[end]->fired())
        break;
      if (size_t now = recordsPassed(); now != before) {
        before = now;
        since = nowNs();
      } else if (options.timeoutNs && nowNs() - since > options.timeoutNs) {
        return error(Code::Timeout, "nothing has moved for ", double(options.timeoutNs) * 1e-9,
                     " s (--timeout); every queue that others wait for:", describeHang());
      }
    }
  return {};
}

Status QueueExecutor::finish(StepTimes &times, std::vector<StreamSpans> &) {
  if (!cause.ok())
    return cause;
  cause = waitForEnds();
  stepTimes.end = nowNs();
  times = stepTimes;
  if (cause.ok())
    cause = giveOutputs();
  return cause;
}

} // namespace dpcrt
