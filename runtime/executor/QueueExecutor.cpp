// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Enqueuing, and waiting outside of steps.
#include "executor/QueueExecutor.h"
#include "executor/TaskTimes.h"
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
  if (options.graphs && !device.captures())
    return error(Code::Usage, "--cuda-graphs: device '", device.name(),
                 "' captures no graphs; without it the step is enqueued command by command");
  std::unique_ptr<QueueExecutor> made(
      new QueueExecutor(std::move(plans), device, transport, io, options));
  if (Status s = made->prepare(); !s.ok())
    return s;
  out = std::move(made);
  return {};
}

Status QueueExecutor::prepare() {
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
  if (Status s = makeTape(all, added, device.spoils(), tape, options.times); !s.ok())
    return s;
  if (GivenTimes *given = device.givenTimes())
    given->slowDown(factorFor(tape));
  for (const RankPlan *plan : all)
    planOf.insert(planOf.end(), plan->streams.size(), plan);
  for (const TapeQueue &queue : tape.queues)
    queues.push_back(device.makeQueue(queue.kind, queue.name));
  inputQueue = device.makeQueue(fb::StreamKind::Host, "inputs of all ranks");
  for (Set &set : sets)
    if (Status s = makeSet(set); !s.ok())
      return s.within("inputs and outputs of two steps");
  return options.graphs ? captureSteps() : Status();
}

Status QueueExecutor::makeSet(Set &set) {
  for (uint32_t e = 0; e < tape.events; ++e)
    set.events.push_back(device.makeEvent());
  for (uint32_t e = 0; e < tape.ends; ++e)
    set.ends.push_back(device.makeEvent(/*timed=*/true));
  set.inputs = device.makeEvent();
  auto allocate = [&](uint64_t bytes, MemoryKind kind, DeviceAddress &out) {
    return bytes ? device.allocate(bytes, kind, out) : Status();
  };
  Status s = allocate(tape.inputBytes, MemoryKind::Host, set.hostInputs);
  if (s.ok())
    s = allocate(tape.inputBytes, MemoryKind::Device, set.inputsOnDevice);
  return s.ok() ? allocate(tape.outputBytes, MemoryKind::Host, set.hostOutputs) : s;
}

Status QueueExecutor::within(uint32_t rank, const PlannedCommand *command,
                             const Status &status) const {
  return status.within("rank " + std::to_string(rank) + ", " +
                       (command ? plans[rank]->label(command->label) : "the step record"));
}

Status QueueExecutor::takeInputs(Set &set) {
  for (const Staged &staged : tape.inputs) {
    const void *values = io.recordValues(staged.rank);
    Status s;
    if (staged.command)
      s = io.inputValues(staged.rank, staged.command->index, staged.command->microBatch,
                         staged.bytes, values);
    if (s.ok())
      s = device.upload(set.hostInputs + staged.staging, values, staged.bytes);
    if (!s.ok())
      return within(staged.rank, staged.command, s);
  }
  if (tape.inputBytes == 0)
    return {};
  // The step that used the set before has been finished: nobody reads it any more.
  Status s = inputQueue->copy(set.inputsOnDevice, set.hostInputs, tape.inputBytes);
  return s.ok() ? inputQueue->record(*set.inputs) : s;
}

Status QueueExecutor::giveOutputs(const Set &set) {
  for (const Staged &staged : tape.outputs) {
    DeviceAddress from = set.hostOutputs + staged.staging;
    if (!staged.command) {
      StepHeader header;
      if (Status s = device.download(&header, from, sizeof(header)); !s.ok())
        return s;
      io.takeHeader(header);
      continue;
    }
    uint64_t bytes = staged.bytes;
    void *values =
        io.outputValues(staged.rank, staged.command->index, staged.command->microBatch, bytes);
    if (Status s = device.download(values, from, bytes); !s.ok())
      return within(staged.rank, staged.command, s);
  }
  return {};
}

Status QueueExecutor::enqueue(const TapeEntry &entry, Set &set) {
  Queue &queue = *queues[entry.queue];
  const DeviceAddress *at = tape.addresses.data() + entry.firstAddress;
  switch (entry.kind) {
  case Kind::Wait:
    return queue.wait(*set.events[entry.event]);
  case Kind::Record:
    return queue.record(*set.events[entry.event]);
  case Kind::Inputs:
    return queue.wait(*set.inputs);
  case Kind::End:
    return queue.record(*set.ends[entry.event]);
  case Kind::Spend:
    return queue.spend(entry.nanoseconds);
  case Kind::Forget:
    return queue.forget(at[0], entry.bytes);
  case Kind::Feed: {
    DeviceAddress from = set.inputsOnDevice + entry.staging;
    Status s = queue.copy(at[0], from, entry.bytes);
    return s.ok() && device.spoils() ? queue.forget(from, entry.bytes) : s;
  }
  case Kind::Fetch:
    return queue.copy(set.hostOutputs + entry.staging, at[0], entry.bytes);
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

Status QueueExecutor::enqueueStep(Set &set) {
  for (size_t e = 0; e < tape.entries.size(); ++e) {
    const TapeEntry &entry = tape.entries[e];
    Status s = set.isTraced ? set.trace->before(e, *queues[entry.queue]) : Status();
    if (s.ok())
      s = enqueue(entry, set);
    if (s.ok() && set.isTraced)
      s = set.trace->behind(e, *queues[entry.queue]);
    if (!s.ok())
      return within(planOf[entry.queue]->rank, entry.command, s);
  }
  return {};
}

Status QueueExecutor::submit(bool traced) {
  if (!cause.ok())
    return cause;
  if (submitted - finished == kInFlight)
    return error(Code::Usage, kInFlight, " steps are under way; finish one first");
  const Set *before = submitted ? &setOf(submitted - 1) : nullptr;
  Set &set = setOf(submitted++);
  set.isTraced = traced;
  set.isGraph = options.graphs && !traced;
  try {
    if (traced && !set.trace)
      set.trace = std::make_unique<QueueTrace>(tape, device);
    set.begin = nowNs();
    cause = takeInputs(set);
    if (cause.ok() && set.isGraph) {
      cause = launchStep(set, before);
    } else if (cause.ok()) {
      if (options.graphs && (!before || before->isGraph))
        cause = followGraph(before);
      if (cause.ok())
        cause = enqueueStep(set);
    }
  } catch (const std::bad_alloc &) {
    cause = Status(Code::OutOfMemory, "out of memory");
  }
  return cause;
}

std::vector<Event *> QueueExecutor::Set::awaited() const {
  std::vector<Event *> all;
  if (isGraph)
    all.push_back(end.get());
  else
    for (const std::unique_ptr<Event> &event : ends)
      all.push_back(event.get());
  return all;
}

// Of the records of a step, how many queues have passed; of a graph that is not known.
size_t QueueExecutor::recordsPassed(const Set &set) {
  if (set.isGraph)
    return 0;
  return size_t(
      std::count_if(set.events.begin(), set.events.end(), [](auto &e) { return e->fired(); }));
}

std::string QueueExecutor::describe(const TapeEntry *entry) const {
  if (!entry)
    return "the beginning of the step";
  return "'" + planOf[entry->queue]->label(entry->command->label) + "'" +
         (entry->operation ? ", " + entry->operation->describe() : "");
}

// What can be seen of a queue: the first of its records that it has not passed, and the
// command that stands before it.
std::string QueueExecutor::describeHang(const Set &set) const {
  if (set.isGraph)
    return "\n  the step is one graph; without --cuda-graphs it is known where each queue stands";
  std::vector<const TapeEntry *> last(queues.size());
  std::vector<bool> stands(queues.size());
  std::string text;
  for (const TapeEntry &entry : tape.entries) {
    uint32_t q = entry.queue;
    if (entry.command && entry.kind != Kind::Record)
      last[q] = &entry;
    if (entry.kind != Kind::Record || stands[q] || set.events[entry.event]->fired())
      continue;
    stands[q] = true;
    text += "\n  " + tape.queues[q].name + ": not behind " + describe(last[q]);
  }
  return text;
}

Status QueueExecutor::waitForEnds(Set &set) {
  int64_t look =
      options.timeoutNs ? std::min<int64_t>(options.timeoutNs / 4 + 1, 1'000'000'000) : noDeadline;
  size_t before = 0;
  int64_t since = nowNs();
  for (Event *end : set.awaited())
    for (;;) {
      Status s = end->wait(look == noDeadline ? noDeadline : nowNs() + look);
      for (size_t o = 0; o < operations.size() && s.ok(); ++o)
        s = operations[o]->poll();
      if (!s.ok())
        return s;
      if (end->fired())
        break;
      if (size_t now = recordsPassed(set); now != before) {
        before = now;
        since = nowNs();
      } else if (options.timeoutNs && nowNs() - since > options.timeoutNs) {
        return error(Code::Timeout, "nothing has moved for ", double(options.timeoutNs) * 1e-9,
                     " s (--timeout); every queue that others wait for:", describeHang(set));
      }
    }
  return {};
}

Status QueueExecutor::finish(StepTimes &times, std::vector<StreamSpans> &trace) {
  if (!cause.ok())
    return cause;
  if (finished == submitted)
    return Status(Code::Usage, "no step is under way; submit one first");
  Set &set = setOf(finished);
  cause = waitForEnds(set);
  // A step takes the time in which it was the first of those under way, by the device: the host
  // may have looked late.
  times.begin = std::max(set.begin, lastEnd);
  lastEnd = nowNs();
  if (const std::vector<Event *> ends = set.awaited(); cause.ok() && !ends.empty()) {
    auto isEarlier = [](Event *a, Event *b) { return a->time() < b->time(); };
    lastEnd = (*std::max_element(ends.begin(), ends.end(), isEarlier))->time();
  }
  times.end = lastEnd;
  times.bubble.clear();
  if (cause.ok() && set.isTraced)
    set.trace->collect(planOf, times.begin, times.end, trace, times.bubble);
  if (cause.ok())
    cause = giveOutputs(set);
  ++finished;
  return cause;
}

} // namespace dpcrt
