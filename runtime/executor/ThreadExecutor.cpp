// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Threads, failure and hangs.
#include "executor/ThreadExecutor.h"
#include "devices/Threads.h"
#include <algorithm>
#include <chrono>
#include <new>
#include <sys/prctl.h>
#include <thread>

namespace dpcrt {

ThreadExecutor::ThreadExecutor(std::vector<std::unique_ptr<ThreadPlan>> given, HostDevice &device,
                               Transport &transport, HostIo &io, const ExecutorOptions &options)
    : plans(std::move(given)), device(device), transport(transport), io(io), options(options) {
  for (auto &plan : plans)
    for (uint32_t s = 0; s < plan->plan->streams.size(); ++s)
      if (!plan->plan->streams[s].items.empty())
        walkers.push_back(std::make_unique<Walker>(*plan, s, device, io, aborted));
}

Status ThreadExecutor::start() {
  if (options.sequential)
    return {};
  threads.reserve(walkers.size());
  Status status;
  for (size_t w = 0; w < walkers.size() && status.ok(); ++w)
    status = startThread(threads, walkers.size(), "streams", [this, w] { threadMain(w); });
  if (!status.ok())
    stopThreads();
  return status;
}

ThreadExecutor::~ThreadExecutor() { stopThreads(); }

void ThreadExecutor::stopThreads() {
  if (running.load()) // closed in the middle of a step, which may wait for ever
    fail(Status(Code::Stopped, "the session was closed"));
  stopping = true;
  go.ring();
  for (std::thread &t : threads)
    t.join();
  threads.clear();
}

// A walk in which memory ran out, or a library threw, has failed like any other: an
// exception that left its thread would end the process.
WalkResult ThreadExecutor::walk(Walker &walker) {
  auto failed = [&](Code code, const char *what) {
    fail(error(code, "rank ", walker.rankPlan().rank, ": ", what));
    return WalkResult::Failed;
  };
  try {
    WalkResult result = walker.walk();
    if (result == WalkResult::Failed && !walker.failure().ok())
      fail(walker.failure());
    return result;
  } catch (const std::bad_alloc &) {
    return failed(Code::OutOfMemory, "out of memory");
  } catch (const std::exception &e) {
    return failed(Code::Internal, e.what());
  }
}

// The first failure is the root cause; everything that waits is woken and ends.
void ThreadExecutor::fail(const Status &error) {
  {
    std::lock_guard<std::mutex> lock(mutex);
    if (!cause.ok())
      return;
    cause = error;
  }
  aborted = true;
  for (auto &plan : plans)
    for (uint32_t e = 0; e < plan->plan->events; ++e)
      plan->stamps[e].poison();
  transport.wakeAll();
}

void ThreadExecutor::threadMain(size_t index) {
  // Waits on an emulated link end when they should, not 50 microseconds later.
  prctl(PR_SET_TIMERSLACK, 1000, 0, 0, 0);
  Walker &walker = *walkers[index];
  for (uint32_t last = 0;;) {
    go.sleepUntil([&] { return stopping || current.load() != last; });
    if (stopping)
      return;
    last = current.load();
    walker.begin(last);
    for (;;) {
      WalkResult r = walk(walker);
      if (r == WalkResult::Finished || r == WalkResult::Failed || aborted)
        break;
      walker.sleep(r);
    }
    if (running.fetch_sub(1) == 1)
      finished.ring();
  }
}

std::string ThreadExecutor::describe() const {
  std::string text;
  for (auto &walker : walkers)
    text += "\n  " + walker->describe();
  return text;
}

Status ThreadExecutor::waitForThreads() {
  auto progress = [&] {
    uint64_t sum = 0;
    for (auto &walker : walkers)
      sum += walker->progress();
    return sum;
  };
  uint64_t before = progress();
  int64_t since = nowNs();
  int64_t look =
      options.timeoutNs ? std::min<int64_t>(options.timeoutNs / 4 + 1, 1'000'000'000) : noDeadline;
  for (;;) {
    uint32_t seen = finished.snapshot();
    if (running.load() == 0)
      break;
    finished.sleep(seen, look == noDeadline ? noDeadline : nowNs() + look);
    if (look == noDeadline || running.load() == 0)
      continue;
    uint64_t now = progress();
    bool computing = std::any_of(walkers.begin(), walkers.end(),
                                 [](auto &w) { return !w->waiting() && !w->atEnd(); });
    if (now != before || computing) {
      before = now;
      since = nowNs();
    } else if (nowNs() - since > options.timeoutNs) {
      fail(error(Code::Timeout, "nothing has moved for ", double(options.timeoutNs) * 1e-9,
                 " s (--timeout); every stream waits:", describe(),
                 options.describeOthers ? options.describeOthers() : ""));
    }
  }
  std::lock_guard<std::mutex> lock(mutex);
  return cause;
}

// Streams in turn, each as far as it gets: an order that only the program fixes.
Status ThreadExecutor::runSequentially() {
  for (auto &walker : walkers)
    walker->begin(step);
  std::vector<bool> ended(walkers.size());
  size_t left = walkers.size();
  // An operation moves on in a few rounds without ending a command.
  for (int idleRounds = 0; left;) {
    bool moved = false;
    for (size_t w = 0; w < walkers.size(); ++w) {
      if (ended[w])
        continue;
      uint64_t before = walkers[w]->progress();
      WalkResult r = walk(*walkers[w]);
      if (r == WalkResult::Failed) {
        std::lock_guard<std::mutex> lock(mutex);
        return cause;
      }
      if (r == WalkResult::Finished) {
        ended[w] = true;
        --left;
      }
      moved |= r == WalkResult::Finished || walkers[w]->progress() != before;
    }
    idleRounds = moved ? 0 : idleRounds + 1;
    if (idleRounds <= 8)
      continue;
    int64_t next = noDeadline;
    for (size_t w = 0; w < walkers.size(); ++w)
      if (!ended[w])
        next = std::min(next, walkers[w]->movesAt());
    if (next == noDeadline)
      return error(Code::Artifact, "the replay cannot go on; every stream waits:", describe());
    std::this_thread::sleep_for(std::chrono::nanoseconds(std::max<int64_t>(next - nowNs(), 0)));
    idleRounds = 0;
  }
  return {};
}

Status ThreadExecutor::writeRecords() {
  for (auto &plan : plans) {
    const char *image = io.recordValues(plan->plan->rank);
    for (const RecordPlan::Piece &piece : plan->plan->record.pieces())
      if (Status s = device.upload(piece.to, image + piece.image, piece.bytes); !s.ok())
        return s;
  }
  return {};
}

Status ThreadExecutor::giveHeader() {
  StepHeader header;
  DeviceAddress at = plans.front()->plan->record.header();
  if (!at)
    return {};
  Status s = device.download(&header, at, sizeof(header));
  if (s.ok())
    io.takeHeader(header);
  return s;
}

Status ThreadExecutor::submit(bool traced) {
  {
    std::lock_guard<std::mutex> lock(mutex);
    if (!cause.ok())
      return cause;
  }
  if (Status s = writeRecords(); !s.ok())
    return s;
  std::vector<StreamSpans> spans(traced ? walkers.size() : 0);
  for (size_t w = 0; w < spans.size(); ++w) {
    const RankPlan &plan = walkers[w]->rankPlan();
    spans[w].rank = plan.rank;
    spans[w].stream = uint32_t(&walkers[w]->plannedStream() - plan.streams.data());
    spans[w].spans.reserve(4096);
  }
  stepSpans = std::move(spans);
  for (size_t w = 0; w < walkers.size(); ++w)
    walkers[w]->spans = traced ? &stepSpans[w].spans : nullptr;
  ++step;
  stepTimes.begin = nowNs();
  if (options.sequential)
    return {}; // the caller's thread runs it, in finish()
  running = walkers.size();
  current = step;
  go.ring();
  return {};
}

Status ThreadExecutor::finish(StepTimes &times, std::vector<StreamSpans> &trace) {
  Status status = options.sequential ? runSequentially() : waitForThreads();
  stepTimes.end = nowNs();
  times = stepTimes;
  if (!status.ok()) {
    std::lock_guard<std::mutex> lock(mutex);
    cause = status;
    return status;
  }
  times.bubble.assign(plans.size(), 0);
  std::vector<bool> counted(plans.size());
  for (auto &walker : walkers) {
    // Ranks of this process are in order and without a gap.
    uint32_t rank = walker->rankPlan().rank - plans.front()->plan->rank;
    if (counted[rank] || walker->plannedStream().kind != fb::StreamKind::Compute)
      continue;
    counted[rank] = true;
    times.bubble[rank] = double(walker->waitedForMessages + times.end - walker->finishedAt) /
                         double(std::max<int64_t>(times.end - times.begin, 1));
  }
  for (StreamSpans &s : stepSpans)
    trace.push_back(std::move(s));
  return giveHeader();
}

} // namespace dpcrt
