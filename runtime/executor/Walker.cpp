// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One stream, one step.
#include "executor/Walker.h"

namespace dpcrt {

Walker::Walker(ThreadPlan &given, uint32_t stream, HostDevice &device, HostIo &io,
               const std::atomic<bool> &aborted)
    : plan(*given.plan), stamps(given.stamps.get()), operations(given.operations.data()),
      stream(plan.streams[stream]), device(device), io(io), aborted(aborted),
      lane(device.makeLane()) {}

void Walker::begin(uint32_t newStep) {
  step = newStep;
  item = inner = 0;
  entered = innerReady = started = false;
  waitedForMessages = waitedForCore = 0;
  status = Status();
}

bool Walker::ready(const PlannedCommand &command, const Frame &frame) {
  for (uint32_t e : command.waits)
    if (Stamp &stamp = stamps[frame.events[e]]; !stamp.fired(step)) {
      blockedStamp = &stamp;
      blockedCommand = &command;
      return false;
    }
  return true;
}

void Walker::compute(const PlannedCommand &c, const Frame &frame) {
  auto at = [&](size_t i) { return frame.bases[c.buffers[i].base] + c.buffers[i].offset; };
  switch (c.kind) {
  case fb::Action::Launch:
  case fb::Action::Call: {
    for (size_t i = 0; i < c.buffers.size(); ++i)
      arguments[i] = at(i);
    if (c.kind == fb::Action::Launch)
      device.launch(*lane, *c.launch, arguments.data(), c.buffers.size());
    else
      status = device.call(*lane, *c.call, arguments.data());
    return;
  }
  case fb::Action::Copy:
    return device.copy(*lane, at(0), at(1), c.buffers[0].bytes);
  case fb::Action::Fill:
    return device.fill(*lane, at(0), c.pattern, c.buffers[0].bytes);
  case fb::Action::Feed: {
    uint64_t bytes = c.buffers[0].bytes;
    const void *values = nullptr;
    Status s = io.inputValues(plan.rank, c.index, c.microBatch, bytes, values);
    if (s.ok())
      s = device.upload(at(0), values, bytes);
    if (!s.ok())
      status = s;
    return;
  }
  case fb::Action::Fetch: {
    uint64_t bytes = c.buffers[0].bytes;
    void *values = io.outputValues(plan.rank, c.index, c.microBatch, bytes);
    if (Status s = device.download(values, at(0), bytes); !s.ok())
      status = s;
    return;
  }
  default:
    return;
  }
}

WalkResult Walker::act(const PlannedCommand &c, const Frame &frame) {
  if (aborted.load(std::memory_order_relaxed))
    return WalkResult::Failed;
  switch (c.kind) {
  case fb::Action::Join:
    break;
  case fb::Action::Exchange:
  case fb::Action::Collective: {
    Operation &operation = *operations[frame.operations[c.index]];
    if (!started) {
      operation.start(step);
      started = true;
    }
    if (!operation.progress(*lane)) {
      blockedOperation = &operation;
      blockedCommand = &c;
      return WalkResult::OnOperation;
    }
    started = false;
    blockedOperation = nullptr;
    break;
  }
  default: {
    int64_t waited = lane->enter();
    if (waited) {
      waitedForCore += waited;
      if (spans) {
        int64_t now = nowNs();
        spans->push_back({SpanKind::WaitCore, &c, now - waited, now});
      }
    }
    int64_t begin = spans ? nowNs() : 0;
    compute(c, frame);
    if (!status.ok()) {
      status = status.within("rank " + std::to_string(plan.rank) + ", " + plan.label(c.label));
      return WalkResult::Failed;
    }
    if (spans)
      spans->push_back({SpanKind::Command, &c, begin, nowNs()});
  }
  }
  if (c.signal >= 0)
    stamps[frame.events[size_t(c.signal)]].fire(step);
  done.store(done.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  lane->yield();
  return WalkResult::Finished;
}

// A command of a block: waits, then acts.
WalkResult Walker::perform(const PlannedCommand &c, const Frame &frame) {
  if (!innerReady) {
    if (!ready(c, frame))
      return WalkResult::OnStamp;
    innerReady = true;
  }
  WalkResult result = act(c, frame);
  if (result == WalkResult::Finished)
    innerReady = false;
  return result;
}

// The last of the run's streams fires its end.
void Walker::finishRun(PlannedRun &run, const PlannedCommand &command) {
  if (spans)
    spans->push_back({SpanKind::Block, &run, runBegan, nowNs()});
  if (run.streamsLeft.fetch_sub(1) != 1)
    return;
  run.streamsLeft.store(run.streamCount);
  if (command.signal >= 0)
    stamps[plan.frame.events[size_t(command.signal)]].fire(step);
}

WalkResult Walker::walk() {
  struct Leave {
    Lane &lane;
    ~Leave() { lane.leave(); }
  } leave{*lane};
  for (size_t i = item; i < stream.items.size(); item = ++i) {
    const StreamItem &it = stream.items[i];
    const PlannedCommand &outer = it.item->command;
    if (!entered) {
      if (!ready(outer, plan.frame))
        return WalkResult::OnStamp;
      entered = true;
      inner = 0;
      runBegan = spans ? nowNs() : 0;
    }
    if (PlannedRun *run = it.item->run) {
      for (size_t k = inner; k < it.commands->size(); inner = ++k)
        if (WalkResult r = perform(run->block->commands[(*it.commands)[k]], run->frame);
            r != WalkResult::Finished)
          return r;
      if (aborted.load(std::memory_order_relaxed))
        return WalkResult::Failed;
      finishRun(*run, outer);
    } else if (WalkResult r = act(outer, plan.frame); r != WalkResult::Finished) {
      return r;
    }
    entered = false;
  }
  finishedAt = nowNs();
  return WalkResult::Finished;
}

void Walker::sleep(WalkResult reason) {
  isWaiting = true;
  int64_t begin = nowNs();
  if (reason == WalkResult::OnStamp)
    blockedStamp->sleep(step);
  else
    blockedOperation.load()->wait();
  int64_t end = nowNs();
  isWaiting = false;
  blockedOperation = nullptr;
  waitedForMessages += end - begin;
  if (spans) {
    Span span{SpanKind::WaitMessage, blockedCommand, begin, end};
    // Several wakes of one wait are one span.
    if (!spans->empty() && spans->back().kind == span.kind && spans->back().what == span.what)
      spans->back().end = end;
    else
      spans->push_back(span);
  }
}

std::string Walker::describe() const {
  std::string text = "rank " + std::to_string(plan.rank) + ", stream " + stream.name + ": ";
  size_t i = item;
  if (i >= stream.items.size())
    return text + "at its end";
  const StreamItem &it = stream.items[i];
  const PlannedCommand *command = &it.item->command;
  if (PlannedRun *run = it.item->run) {
    text += "in " + plan.label(run->block->block->name());
    if (run->microBatch >= 0)
      text += " of micro-batch " + std::to_string(run->microBatch);
    text += ", ";
    size_t k = inner;
    if (k < it.commands->size())
      command = &run->block->commands[(*it.commands)[k]];
  }
  text += (waiting() ? "waiting at '" : "at '") + plan.label(command->label) + "'";
  if (Operation *operation = blockedOperation.load())
    text += " for " + operation->describe();
  else if (waiting())
    text += " for an event of its rank";
  return text;
}

} // namespace dpcrt
