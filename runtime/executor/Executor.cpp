// Threads, failure and hangs.
#include "executor/Executor.h"
#include <algorithm>
#include <sys/prctl.h>

namespace dpcrt {

Executor::Executor(std::vector<std::unique_ptr<RankPlan>> given, Device &device,
                   Transport &transport, HostIo &io, const ExecutorOptions &options)
    : plans(std::move(given)), transport(transport), options(options) {
  for (auto &plan : plans)
    for (uint32_t s = 0; s < plan->streams.size(); ++s)
      if (!plan->streams[s].items.empty())
        walkers.push_back(std::make_unique<Walker>(*plan, s, device, io, aborted));
  if (!options.sequential)
    for (size_t w = 0; w < walkers.size(); ++w)
      threads.emplace_back([this, w] { threadMain(w); });
}

Executor::~Executor() {
  stopping = true;
  go.ring();
  for (std::thread &t : threads)
    t.join();
}

// The first failure is the root cause; everything that waits is woken and ends.
void Executor::fail(const Status &error) {
  {
    std::lock_guard<std::mutex> lock(mutex);
    if (!cause.ok())
      return;
    cause = error;
  }
  aborted = true;
  for (auto &plan : plans)
    for (size_t i = 0; i < plan->stamps.size(); ++i)
      for (size_t k = 0; k < plan->stampCounts[i]; ++k)
        plan->stamps[i][k].poison();
  transport.wakeAll();
}

void Executor::threadMain(size_t index) {
  // Waits on an emulated link end when they should, not 50 microseconds later.
  prctl(PR_SET_TIMERSLACK, 1000, 0, 0, 0);
  Walker &walker = *walkers[index];
  for (uint32_t last = 0;;) {
    uint32_t seen = go.snapshot();
    if (stopping)
      return;
    if (current.load() == last) {
      go.sleep(seen);
      continue;
    }
    last = current.load();
    walker.begin(last);
    for (;;) {
      WalkResult r = walker.walk();
      if (r == WalkResult::Finished)
        break;
      if (r == WalkResult::Failed) {
        if (!walker.failure().ok())
          fail(walker.failure());
        break;
      }
      if (aborted)
        break;
      walker.sleep(r);
    }
    if (running.fetch_sub(1) == 1)
      finished.ring();
  }
}

std::string Executor::describeHang() const {
  std::string text;
  for (auto &walker : walkers)
    text += "\n  " + walker->describe();
  return text;
}

Status Executor::runThreads() {
  running = walkers.size();
  current = step;
  go.ring();
  auto progress = [&] {
    uint64_t sum = 0;
    for (auto &walker : walkers)
      sum += walker->progress();
    return sum;
  };
  uint64_t before = progress();
  int64_t since = nowNs();
  int64_t look = options.timeoutNs ? std::min<int64_t>(options.timeoutNs / 4 + 1, 1'000'000'000)
                                   : noDeadline;
  for (;;) {
    uint32_t seen = finished.snapshot();
    if (running.load() == 0)
      break;
    finished.sleep(seen, look == noDeadline ? noDeadline : nowNs() + look);
    if (look == noDeadline || running.load() == 0)
      continue;
    uint64_t now = progress();
    bool computing = std::any_of(walkers.begin(), walkers.end(), [](auto &w) {
      return !w->waiting() && !w->atEnd();
    });
    if (now != before || computing) {
      before = now;
      since = nowNs();
    } else if (nowNs() - since > options.timeoutNs) {
      fail(error(Code::Timeout, "nothing has moved for ", double(options.timeoutNs) * 1e-9,
                 " s (--timeout); every stream waits:", describeHang()));
    }
  }
  std::lock_guard<std::mutex> lock(mutex);
  return cause;
}

// Streams in turn, each as far as it gets: an order that only the program fixes.
Status Executor::runSequentially() {
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
      WalkResult r = walkers[w]->walk();
      if (r == WalkResult::Failed)
        return walkers[w]->failure();
      if (r == WalkResult::Finished) {
        ended[w] = true;
        --left;
      }
      moved |= r == WalkResult::Finished || walkers[w]->progress() != before;
    }
    idleRounds = moved ? 0 : idleRounds + 1;
    if (idleRounds > 8)
      return error(Code::Artifact, "the replay cannot go on; every stream waits:", describeHang());
  }
  return {};
}

Status Executor::run(StepTimes &times, std::vector<StreamSpans> *trace) {
  if (!cause.ok())
    return cause;
  ++step;
  std::vector<StreamSpans> spans(trace ? walkers.size() : 0);
  for (size_t w = 0; w < walkers.size(); ++w) {
    walkers[w]->spans = trace ? &spans[w].spans : nullptr;
    if (trace) {
      const RankPlan &plan = walkers[w]->rankPlan();
      spans[w].rank = plan.rank;
      spans[w].stream = uint32_t(&walkers[w]->plannedStream() - plan.streams.data());
      spans[w].spans.reserve(4096);
    }
  }
  times.begin = nowNs();
  Status status = options.sequential ? runSequentially() : runThreads();
  times.end = nowNs();
  if (!status.ok()) {
    cause = status;
    return status;
  }
  times.bubble.assign(plans.size(), 0);
  std::vector<bool> counted(plans.size());
  for (auto &walker : walkers) {
    uint32_t rank = walker->rankPlan().rank;
    if (counted[rank] || walker->plannedStream().kind != fb::StreamKind::Compute)
      continue;
    counted[rank] = true;
    times.bubble[rank] = double(walker->waitedForMessages + times.end - walker->finishedAt) /
                         double(std::max<int64_t>(times.end - times.begin, 1));
  }
  if (trace)
    for (StreamSpans &s : spans)
      trace->push_back(std::move(s));
  return {};
}

} // namespace dpcrt
