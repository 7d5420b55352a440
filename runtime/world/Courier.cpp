// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See Courier.h.
#include "world/Courier.h"
#include "devices/Threads.h"
#include <algorithm>
#include <sys/prctl.h>

namespace dpcrt {

namespace {
// How long it sleeps between two looks: a tenth of the time since something happened, so that
// what comes is late by a tenth of the time that it took at most; from a length that is short
// behind something that happened, for the answer is near then, up to one at which ten thousand
// looks take less than a hundredth of a core.
constexpr int64_t kShortestSleep = 20'000, kLongestSleep = 1'000'000;
// While nobody waits for anything there may be a sign of life, or a failure.
constexpr int64_t kIdleSleep = 2'000'000;
} // namespace

struct Courier::Shared {
  std::unique_ptr<Engine> engine; // the thread's own
  Handlers handlers;
  Bell bell;                          // rung for the thread
  Bell told;                          // rung by it
  std::atomic<unsigned> expecting{0}; // who wait for control messages
  std::atomic<bool> wasUsed{false};

  std::mutex mutex; // guards what follows
  std::vector<Parcel *> posted;
  std::vector<std::pair<uint32_t, std::string>> outgoing;
  enum class Phase { Opening, Waiting, Running, Stopping, Ended } phase = Phase::Opening;
  bool well = false;
  Status status; // of opening, and then of the end
  // Held while a handler runs. What is left behind calls none any more, and ends when it can.
  std::mutex calling;
  bool isLeft = false;

  void main(const EngineKind &kind);
  bool round(); // whether anything happened
  Status startPosted();
  Status sendOutgoing();
  Status testActive(bool &happened);
  Status receiveControl(bool &happened);
  template <typename Handler, typename... Arguments>
  void call(const Handler &handler, Arguments &&...arguments) {
    std::lock_guard<std::mutex> lock(calling);
    if (!isLeft)
      handler(std::forward<Arguments>(arguments)...);
  }

  std::vector<Parcel *> active;
  std::vector<std::unique_ptr<EngineRequest>> requests;
  std::vector<EngineRequest *> tested;
  std::vector<size_t> done;
  bool hasFailed = false;

  template <typename Done> bool waitUntil(int64_t deadline, Done isDone) {
    for (;;) {
      uint32_t seen = told.snapshot();
      {
        std::lock_guard<std::mutex> lock(mutex);
        if (isDone())
          return true;
      }
      if (nowNs() >= deadline)
        return false;
      told.sleep(seen, deadline);
    }
  }
};

Status Courier::Shared::startPosted() {
  std::vector<Parcel *> fresh;
  {
    std::lock_guard<std::mutex> lock(mutex);
    fresh.swap(posted);
  }
  for (Parcel *parcel : fresh) {
    std::unique_ptr<EngineRequest> request;
    Status s =
        parcel->send
            ? engine->send(parcel->data, parcel->bytes, parcel->process, parcel->tag, request)
            : engine->receive(parcel->data, parcel->bytes, parcel->process, parcel->tag, request);
    if (!s.ok())
      return s;
    active.push_back(parcel);
    requests.push_back(std::move(request));
  }
  return {};
}

Status Courier::Shared::sendOutgoing() {
  std::vector<std::pair<uint32_t, std::string>> fresh;
  {
    std::lock_guard<std::mutex> lock(mutex);
    fresh.swap(outgoing);
  }
  for (auto &[to, message] : fresh)
    if (Status s = engine->sendControl(to, message); !s.ok())
      return s;
  return {};
}

Status Courier::Shared::testActive(bool &happened) {
  if (active.empty())
    return {};
  tested.clear();
  for (auto &request : requests)
    tested.push_back(request.get());
  done.clear();
  if (Status s = engine->testSome(tested, done); !s.ok())
    return s;
  for (size_t i = done.size(); i-- > 0;) {
    Parcel *parcel = active[done[i]];
    requests.erase(requests.begin() + std::ptrdiff_t(done[i]));
    active.erase(active.begin() + std::ptrdiff_t(done[i]));
    // The bell may go with what it belongs to as soon as that has seen the end.
    Bell *bell = parcel->bell;
    parcel->ended.store(true, std::memory_order_release);
    bell->ring();
    happened = true;
  }
  return {};
}

Status Courier::Shared::receiveControl(bool &happened) {
  for (;;) {
    bool there = false;
    uint32_t from = 0;
    std::string message;
    if (Status s = engine->receiveControl(there, from, message); !s.ok() || !there)
      return s;
    happened = true;
    call(handlers.control, from, std::move(message));
  }
}

bool Courier::Shared::round() {
  bool happened = false;
  if (hasFailed)
    return false;
  Status s = startPosted();
  if (s.ok())
    s = sendOutgoing();
  if (s.ok())
    s = testActive(happened);
  if (s.ok())
    s = receiveControl(happened);
  if (!s.ok()) {
    hasFailed = true;
    call(handlers.failure, s);
  }
  return happened;
}

void Courier::Shared::main(const EngineKind &kind) {
  prctl(PR_SET_TIMERSLACK, 1000, 0, 0, 0);
  Status opened = kind.open(engine);
  {
    std::lock_guard<std::mutex> lock(mutex);
    status = opened;
    phase = opened.ok() ? Phase::Waiting : Phase::Ended;
  }
  told.ring();
  if (!opened.ok())
    return;
  bell.sleepUntil([&] {
    std::lock_guard<std::mutex> lock(mutex);
    return phase != Phase::Waiting;
  });
  int64_t sleep = kShortestSleep, lastTick = 0;
  for (;;) {
    uint32_t seen = bell.snapshot();
    bool happened = round();
    if (int64_t now = nowNs(); now - lastTick > 50'000'000) {
      lastTick = now;
      call(handlers.tick, now);
    }
    bool isStopping, isWell, isIdle;
    {
      std::lock_guard<std::mutex> lock(mutex);
      isStopping = phase == Phase::Stopping;
      isWell = well;
      isIdle = hasFailed || (posted.empty() && outgoing.empty()); // a failed engine sends nothing
    }
    if (isStopping && isIdle && (active.empty() || !isWell || hasFailed)) {
      Status closed = isWell && !hasFailed ? engine->close() : Status();
      std::lock_guard<std::mutex> lock(mutex);
      status = closed;
      phase = Phase::Ended;
      break;
    }
    sleep = happened ? kShortestSleep : std::min(sleep + sleep / 10, kLongestSleep);
    int64_t length = active.empty() && !expecting ? std::max(sleep, kIdleSleep) : sleep;
    bell.sleep(seen, nowNs() + length);
    if (bell.snapshot() != seen)
      sleep = kShortestSleep;
  }
  told.ring();
}

Status Courier::open(const EngineKind &kind, int64_t deadline, std::unique_ptr<Courier> &out) {
  std::unique_ptr<Courier> courier(new Courier);
  auto shared = std::make_shared<Shared>();
  courier->shared = shared;
  std::vector<std::thread> threads;
  if (Status s = startThread(threads, 1, "messages", [shared, &kind] { shared->main(kind); });
      !s.ok())
    return s;
  courier->thread = std::move(threads.front());
  if (!shared->waitUntil(deadline, [&] { return shared->phase != Shared::Phase::Opening; }))
    return error(Code::Timeout,
                 "the world of processes has not come together in time: not every "
                 "process that ",
                 kind.name, " was told of has started");
  std::lock_guard<std::mutex> lock(shared->mutex);
  if (!shared->status.ok())
    return shared->status;
  courier->processCount = shared->engine->processes();
  courier->ownNumber = shared->engine->self();
  courier->tags = shared->engine->tagLimit();
  courier->engineVersion = shared->engine->version();
  out = std::move(courier);
  return {};
}

Courier::~Courier() {
  if (!thread.joinable())
    return;
  bool hasEnded;
  {
    std::lock_guard<std::mutex> lock(shared->mutex);
    hasEnded = shared->phase == Shared::Phase::Ended;
  }
  if (hasEnded)
    thread.join();
  else
    thread.detach();
}

void Courier::start(Handlers handlers) {
  {
    std::lock_guard<std::mutex> lock(shared->mutex);
    shared->handlers = std::move(handlers);
    shared->phase = Shared::Phase::Running;
  }
  shared->bell.ring();
}

bool Courier::wasUsed() const { return shared->wasUsed; }

void Courier::post(Parcel &parcel) {
  shared->wasUsed = true;
  {
    std::lock_guard<std::mutex> lock(shared->mutex);
    shared->posted.push_back(&parcel);
  }
  shared->bell.ring();
}

void Courier::sendControl(uint32_t to, std::string message) {
  {
    std::lock_guard<std::mutex> lock(shared->mutex);
    shared->outgoing.push_back({to, std::move(message)});
  }
  shared->bell.ring();
}

void Courier::expectControl() {
  if (shared->expecting.fetch_add(1) == 0)
    shared->bell.ring();
}
void Courier::gotControl() { shared->expecting.fetch_sub(1); }

Status Courier::stop(bool well, int64_t deadline) {
  {
    std::lock_guard<std::mutex> lock(shared->mutex);
    if (shared->phase == Shared::Phase::Ended)
      return shared->status;
    shared->phase = Shared::Phase::Stopping;
    shared->well = well;
  }
  shared->bell.ring();
  if (!shared->waitUntil(deadline, [&] { return shared->phase == Shared::Phase::Ended; })) {
    std::scoped_lock lock(shared->calling, shared->mutex);
    shared->isLeft = true;
    shared->well = false;
    return well
               ? Status(Code::PeerLost, "another process has ended, or stands still, while all end")
               : Status(Code::Timeout, "the engine does not return while the process ends");
  }
  std::lock_guard<std::mutex> lock(shared->mutex);
  return shared->status;
}

} // namespace dpcrt
