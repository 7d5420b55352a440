// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One lock for the whole world: what matters here is which orders are possible, not speed.
#include "MemoryEngine.h"
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <gtest/gtest.h>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <tuple>

namespace dpcrt::test {
namespace {
constexpr auto kCloseWaits = std::chrono::seconds(60);
constexpr unsigned char kPoison = 0xd5; // what a receive's bytes are until it has ended

uint64_t mix(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

// A message of data, from both of its ends.
struct Transfer {
  uint32_t from, to, tag;
  bool isSent = false, isWanted = false, hasArrived = false;
  bool isEager = false;     // its send has ended; its bytes are in `copy`
  bool isAbandoned = false; // its sender dropped it, and its bytes may be gone
  const char *source = nullptr;
  std::vector<char> copy;
  char *target = nullptr;
  uint64_t bytes = 0, wanted = 0;
  uint64_t arrivesAt = 0; // count of the receiver's questions
};

// All messages from one process to another with one tag.
struct Channel {
  std::deque<std::shared_ptr<Transfer>> open; // from the first that lacks an end
  uint64_t first = 0, sends = 0, receives = 0;
  uint64_t lastArrival = 0;
};

struct Control {
  std::string message;
  uint64_t arrivesAt;
};

struct ControlChannel {
  std::deque<Control> messages;
  uint64_t sends = 0, lastArrival = 0;
};

struct Process {
  std::thread::id thread;
  uint64_t questions = 0;
  uint32_t firstAsked = 0; // whose control messages are looked at first
  bool isOpen = false, isClosed = false, isLost = false;
};
} // namespace

struct MemoryWorld::State {
  MemoryOptions options;
  mutable std::mutex mutex;
  std::condition_variable closed;
  std::vector<Process> processes;
  std::map<std::tuple<uint32_t, uint32_t, uint32_t>, Channel> channels;
  std::map<std::pair<uint32_t, uint32_t>, ControlChannel> controls;
  std::set<std::pair<uint32_t, uint32_t>> held;
  bool anyLost = false, isLossReported = false;
  bool hasFailed = false; // a request ended with an error: its world gives up
  size_t underWay = 0;
  std::vector<std::string> misuses;

  template <typename... Parts> void misuse(const Parts &...parts) {
    misuses.push_back(error(Code::Internal, parts...).message());
  }

  // Drawn for what a message is, not for when it comes: threads change no draw.
  uint64_t draw(uint64_t from, uint64_t to, uint64_t channel, uint64_t number, uint64_t below) {
    uint64_t x = options.seed;
    for (uint64_t part : {from, to, channel, number})
      x = mix(x * 31 + part + 0x9e3779b97f4a7c15u);
    return x % below;
  }

  bool passes(uint32_t from, uint32_t to) const {
    return !processes[from].isLost && !processes[to].isLost && !held.count({from, to});
  }

  // The number-th message of a channel.
  std::shared_ptr<Transfer> transfer(Channel &channel, uint64_t number, uint32_t from, uint32_t to,
                                     uint32_t tag) {
    while (channel.first + channel.open.size() <= number) {
      channel.open.push_back(std::make_shared<Transfer>());
      Transfer &t = *channel.open.back();
      t.from = from, t.to = to, t.tag = tag;
    }
    return channel.open[number - channel.first];
  }
  void forget(Channel &channel) {
    while (!channel.open.empty() && channel.open[0]->isSent && channel.open[0]->isWanted) {
      channel.open.pop_front();
      ++channel.first;
    }
  }
};

namespace {
using State = MemoryWorld::State;

class MemoryRequest : public EngineRequest {
public:
  MemoryRequest(State &state, std::shared_ptr<Transfer> transfer, bool isSend)
      : state(state), transfer(std::move(transfer)), isSend(isSend) {}
  ~MemoryRequest() override;
  uint32_t owner() const { return isSend ? transfer->from : transfer->to; }
  uint32_t peer() const { return isSend ? transfer->to : transfer->from; }

  State &state;
  std::shared_ptr<Transfer> transfer;
  bool isSend, hasEnded = false;
};

std::string describe(const MemoryRequest &r) {
  std::ostringstream out;
  out << (r.isSend ? "a send to process " : "a receive from process ") << r.peer() << " with tag "
      << r.transfer->tag;
  return out.str();
}

MemoryRequest::~MemoryRequest() {
  std::lock_guard<std::mutex> lock(state.mutex);
  if (hasEnded)
    return;
  --state.underWay;
  transfer->isAbandoned = true;
  if (!state.anyLost && !state.hasFailed)
    state.misuse("process ", owner(), " drops ", describe(*this), " that has not ended");
}

class MemoryEngine : public Engine {
public:
  MemoryEngine(State &state, uint32_t self) : state(state), me(self) {}
  const char *name() const override { return "memory"; }
  std::string version() const override { return "memory"; }
  uint32_t processes() const override { return state.processes.size(); }
  uint32_t self() const override { return me; }
  uint32_t tagLimit() const override { return state.options.tagLimit; }
  Status send(const void *data, uint64_t bytes, uint32_t to, uint32_t tag,
              std::unique_ptr<EngineRequest> &out) override;
  Status receive(void *data, uint64_t bytes, uint32_t from, uint32_t tag,
                 std::unique_ptr<EngineRequest> &out) override;
  Status testSome(const std::vector<EngineRequest *> &requests,
                  std::vector<size_t> &ended) override;
  Status sendControl(uint32_t to, const std::string &message) override;
  Status receiveControl(bool &there, uint32_t &from, std::string &message) override;
  Status close() override;

private:
  // What every call begins with, under the lock.
  Status enter(const char *function);
  Status checkPeer(uint32_t peer, uint32_t tag) const;
  Status checkLoss(uint32_t peer) const;
  // Whether it has ended now; moves its bytes.
  Status test(MemoryRequest &request, bool &ended);
  void checkClosed();

  State &state;
  uint32_t me;
};

Status MemoryEngine::enter(const char *function) {
  Process &process = state.processes[me];
  if (process.isLost)
    return error(Code::PeerLost, "process ", me, " has been lost: it has ended");
  if (process.thread != std::this_thread::get_id())
    state.misuse("process ", me, " calls ", function, " from a thread that did not open it");
  if (process.isClosed)
    state.misuse("process ", me, " calls ", function, " after close");
  return {};
}

Status MemoryEngine::checkPeer(uint32_t peer, uint32_t tag) const {
  if (peer >= state.processes.size())
    return error(Code::Internal, "there is no process ", peer, ": the world has ",
                 state.processes.size());
  if (tag >= state.options.tagLimit)
    return error(Code::Internal, "tag ", tag, " is not below ", state.options.tagLimit);
  return checkLoss(peer);
}

Status MemoryEngine::checkLoss(uint32_t peer) const {
  if (state.processes[peer].isLost && state.isLossReported)
    return error(Code::PeerLost, "process ", peer, " is lost");
  return {};
}

Status MemoryEngine::send(const void *data, uint64_t bytes, uint32_t to, uint32_t tag,
                          std::unique_ptr<EngineRequest> &out) {
  out.reset(); // takes the lock
  std::lock_guard<std::mutex> lock(state.mutex);
  if (Status s = enter("send"); !s.ok())
    return s;
  if (Status s = checkPeer(to, tag); !s.ok())
    return s;
  Channel &channel = state.channels[{me, to, tag}];
  uint64_t number = channel.sends++;
  std::shared_ptr<Transfer> t = state.transfer(channel, number, me, to, tag);
  t->isSent = true;
  t->source = static_cast<const char *>(data);
  t->bytes = bytes;
  if (bytes <= state.options.eagerBytes && state.draw(me, to, tag, 2 * number, 2)) {
    t->isEager = true;
    t->copy.assign(t->source, t->source + bytes);
  }
  uint64_t delay = state.draw(me, to, tag, 2 * number + 1, uint64_t(state.options.delay) + 1);
  channel.lastArrival = std::max(channel.lastArrival, state.processes[to].questions + delay);
  t->arrivesAt = channel.lastArrival;
  state.forget(channel);
  ++state.underWay;
  out = std::make_unique<MemoryRequest>(state, std::move(t), true);
  return {};
}

Status MemoryEngine::receive(void *data, uint64_t bytes, uint32_t from, uint32_t tag,
                             std::unique_ptr<EngineRequest> &out) {
  out.reset(); // takes the lock
  std::lock_guard<std::mutex> lock(state.mutex);
  if (Status s = enter("receive"); !s.ok())
    return s;
  if (Status s = checkPeer(from, tag); !s.ok())
    return s;
  Channel &channel = state.channels[{from, me, tag}];
  std::shared_ptr<Transfer> t = state.transfer(channel, channel.receives++, from, me, tag);
  t->isWanted = true;
  t->target = static_cast<char *>(data);
  t->wanted = bytes;
  if (bytes)
    std::memset(data, kPoison, bytes);
  state.forget(channel);
  ++state.underWay;
  out = std::make_unique<MemoryRequest>(state, std::move(t), false);
  return {};
}

Status MemoryEngine::test(MemoryRequest &request, bool &ended) {
  Transfer &t = *request.transfer;
  ended = false;
  if (request.isSend) {
    ended = t.isEager || t.hasArrived;
    return ended ? Status() : checkLoss(t.to);
  }
  if (Status s = checkLoss(t.from); !s.ok())
    return s;
  if (!t.isSent || (t.isAbandoned && !t.isEager) || !state.passes(t.from, t.to) ||
      state.processes[me].questions < t.arrivesAt)
    return {};
  if (t.bytes != t.wanted) {
    state.hasFailed = true;
    return error(Code::Internal, "process ", t.from, " sends ", t.bytes, " bytes with tag ", t.tag,
                 " where process ", t.to, " receives ", t.wanted);
  }
  if (t.bytes)
    std::memcpy(t.target, t.isEager ? t.copy.data() : t.source, t.bytes);
  t.hasArrived = ended = true;
  return {};
}

Status MemoryEngine::testSome(const std::vector<EngineRequest *> &requests,
                              std::vector<size_t> &ended) {
  std::lock_guard<std::mutex> lock(state.mutex);
  if (Status s = enter("testSome"); !s.ok())
    return s;
  ++state.processes[me].questions;
  for (size_t i = 0; i < requests.size(); ++i) {
    auto &request = static_cast<MemoryRequest &>(*requests[i]);
    if (request.owner() != me)
      state.misuse("process ", me, " asks for ", describe(request), ", which is of process ",
                   request.owner());
    if (request.hasEnded) {
      state.misuse("process ", me, " asks again for ", describe(request), ", which has ended");
      continue;
    }
    bool now;
    if (Status s = test(request, now); !s.ok())
      return s;
    if (!now)
      continue;
    request.hasEnded = true;
    --state.underWay;
    ended.push_back(i);
  }
  return {};
}

Status MemoryEngine::sendControl(uint32_t to, const std::string &message) {
  std::lock_guard<std::mutex> lock(state.mutex);
  if (Status s = enter("sendControl"); !s.ok())
    return s;
  if (Status s = checkPeer(to, 0); !s.ok())
    return s;
  if (message.size() > kControlBytes)
    return error(Code::Internal, "a control message of ", message.size(), " bytes is longer than ",
                 kControlBytes);
  ControlChannel &channel = state.controls[{me, to}];
  uint64_t delay =
      state.draw(me, to, UINT64_MAX, channel.sends++, uint64_t(state.options.delay) + 1);
  channel.lastArrival = std::max(channel.lastArrival, state.processes[to].questions + delay);
  channel.messages.push_back({message, channel.lastArrival});
  return {};
}

Status MemoryEngine::receiveControl(bool &there, uint32_t &from, std::string &message) {
  std::lock_guard<std::mutex> lock(state.mutex);
  there = false;
  if (Status s = enter("receiveControl"); !s.ok())
    return s;
  Process &process = state.processes[me];
  ++process.questions;
  uint32_t count = state.processes.size();
  for (uint32_t i = 0; i < count; ++i) {
    uint32_t peer = (process.firstAsked + i) % count;
    auto found = state.controls.find({peer, me});
    if (found == state.controls.end() || found->second.messages.empty() ||
        !state.passes(peer, me) || process.questions < found->second.messages[0].arrivesAt)
      continue;
    there = true;
    from = peer;
    message = std::move(found->second.messages[0].message);
    found->second.messages.pop_front();
    process.firstAsked = peer + 1; // everybody has a turn
    return {};
  }
  return {};
}

// Messages that no one can receive any more.
void MemoryEngine::checkClosed() {
  if (state.underWay)
    state.misuse("the world is closed with ", state.underWay, " sends and receives under way");
  for (auto &[key, channel] : state.channels)
    if (!channel.open.empty())
      state.misuse("the world is closed with ", channel.open.size(), " messages from process ",
                   std::get<0>(key), " to process ", std::get<1>(key), " with tag ",
                   std::get<2>(key), " that lack an end");
  for (auto &[key, channel] : state.controls)
    if (!channel.messages.empty())
      state.misuse("the world is closed with ", channel.messages.size(),
                   " control messages from process ", key.first, " to process ", key.second,
                   " that nobody receives");
}

Status MemoryEngine::close() {
  std::unique_lock<std::mutex> lock(state.mutex);
  if (Status s = enter("close"); !s.ok())
    return s;
  if (state.anyLost) {
    state.misuse("process ", me, " closes a world that has lost a process");
    return error(Code::PeerLost, "a process is lost: close would wait for ever");
  }
  state.processes[me].isClosed = true;
  auto all = [&] {
    for (const Process &p : state.processes)
      if (!p.isClosed)
        return false;
    return true;
  };
  if (all()) {
    checkClosed();
    state.closed.notify_all();
    return {};
  }
  if (!state.closed.wait_for(lock, kCloseWaits, [&] { return state.anyLost || all(); })) {
    state.misuse("process ", me, " closes, and others do not");
    return error(Code::Timeout, "others do not close");
  }
  return all() ? Status() : error(Code::PeerLost, "a process was lost during close");
}
} // namespace

MemoryWorld::MemoryWorld(uint32_t processes, const MemoryOptions &options)
    : state(std::make_unique<State>()) {
  state->options = options;
  state->processes.resize(processes);
}

MemoryWorld::~MemoryWorld() = default;

std::unique_ptr<Engine> MemoryWorld::open(uint32_t self) {
  std::lock_guard<std::mutex> lock(state->mutex);
  Process &process = state->processes.at(self);
  if (process.isOpen)
    state->misuse("process ", self, " opens a second time");
  process.isOpen = true;
  process.thread = std::this_thread::get_id();
  return std::make_unique<MemoryEngine>(*state, self);
}

void MemoryWorld::hold(uint32_t from, uint32_t to) {
  std::lock_guard<std::mutex> lock(state->mutex);
  state->held.insert({from, to});
}

void MemoryWorld::release(uint32_t from, uint32_t to) {
  std::lock_guard<std::mutex> lock(state->mutex);
  state->held.erase({from, to});
}

void MemoryWorld::lose(uint32_t process, Loss loss) {
  std::lock_guard<std::mutex> lock(state->mutex);
  state->processes.at(process).isLost = state->anyLost = true;
  state->isLossReported = loss == Loss::Reported;
  state->closed.notify_all();
}

size_t MemoryWorld::underWay() const {
  std::lock_guard<std::mutex> lock(state->mutex);
  return state->underWay;
}

uint64_t MemoryWorld::questions(uint32_t process) const {
  std::lock_guard<std::mutex> lock(state->mutex);
  return state->processes.at(process).questions;
}

std::vector<std::string> MemoryWorld::misuses() const {
  std::lock_guard<std::mutex> lock(state->mutex);
  return state->misuses;
}

void MemoryWorld::run(const std::function<void(Engine &)> &body, bool close) {
  std::vector<std::thread> threads;
  for (uint32_t p = 0; p < state->processes.size(); ++p)
    threads.emplace_back([&, p] {
      std::unique_ptr<Engine> engine = open(p);
      body(*engine);
      if (Status s = close ? engine->close() : Status(); !s.ok())
        ADD_FAILURE() << "process " << p << " closes: " << s.message();
    });
  for (std::thread &thread : threads)
    thread.join();
}

} // namespace dpcrt::test
