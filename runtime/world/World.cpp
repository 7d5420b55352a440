// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Control messages between the processes of a world.
#include "world/World.h"
#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <map>
#include <optional>
#include <set>

namespace dpcrt {
namespace {

// A control message is its kind, a number and text.
enum class Kind : char {
  Given = 'g',
  All = 'a',
  Failure = 'f',
  Alive = 'l',
  Ask = 'q',
  Tell = 't',
  Leaving = 'b',
  Verdict = 'v',
  Ended = 'e',
  Close = 'c'
};

std::string pack(Kind kind, uint64_t number, const std::string &text = {}) {
  std::string message(1 + sizeof(number), char(kind));
  std::memcpy(message.data() + 1, &number, sizeof(number));
  return message + text;
}

struct Unpacked {
  Kind kind;
  uint64_t number = 0;
  std::string text;
};
bool unpack(const std::string &message, Unpacked &out) {
  if (message.size() < 1 + sizeof(out.number))
    return false;
  out.kind = Kind(message[0]);
  std::memcpy(&out.number, message.data() + 1, sizeof(out.number));
  out.text = message.substr(1 + sizeof(out.number));
  return true;
}

// A list of texts as one, and back; false of what is none.
std::string join(const std::vector<std::string> &texts) {
  std::string all;
  for (const std::string &text : texts) {
    uint64_t size = text.size();
    all.append(reinterpret_cast<const char *>(&size), sizeof(size));
    all += text;
  }
  return all;
}
bool split(const std::string &all, std::vector<std::string> &texts) {
  for (size_t at = 0; at < all.size();) {
    uint64_t size = 0;
    if (all.size() - at < sizeof(size))
      return false;
    std::memcpy(&size, all.data() + at, sizeof(size));
    at += sizeof(size);
    if (size > all.size() - at)
      return false;
    texts.push_back(all.substr(at, size));
    at += size;
  }
  return true;
}

std::string listOf(const std::vector<uint32_t> &processes) {
  std::string list;
  for (uint32_t process : processes)
    list += (list.empty() ? "" : ", ") + std::to_string(process);
  return (processes.size() == 1 ? "process " : "processes ") + list;
}

// How long a process that ends waits for its last words to be out.
constexpr int64_t kLastWords = 2'000'000'000;
// How long one that has failed waits to hear whether it was the first.
constexpr int64_t kVerdict = 500'000'000;
// How long one that looks for what hangs waits for others to say what they do, and for process 0
// to say who is missing.
constexpr int64_t kAnswer = 2'000'000'000;
} // namespace

// What the courier's thread and others share; the thread may outlive the world.
struct World::State {
  uint32_t processes = 1, self = 0;
  int64_t silence = 0; // after which a neighbour is lost; 0: never
  Courier *courier = nullptr;

  mutable std::mutex mutex;
  std::condition_variable changed;
  // By number of the exchange: what each has brought (on process 0), what all have.
  std::map<uint64_t, std::map<uint32_t, std::string>> given;
  std::map<uint64_t, std::string> all;
  uint64_t exchanges = 0;
  Status failure;
  bool failedHere = false;
  // Whose failure was the first, as process 0 saw it: where several fail at one time, all end
  // with that one's, and it alone tells.
  std::optional<uint32_t> first;
  int64_t heardAt = 0, saidAt = 0; // of the neighbour before, to the one behind
  bool watches = true;             // until the neighbour leaves
  bool leaves = false;
  // Of a world that has failed before the first step: who has heard of it, and whether all have.
  std::set<uint32_t> ended;
  bool mayClose = false;
  uint64_t question = 0;
  std::map<uint32_t, std::string> answers;

  std::mutex toldMutex; // held while somebody is told
  std::function<void(const Status &)> onFailure;
  std::function<std::string()> onAsked;

  void receive(uint32_t from, const std::string &message);
  void tick(int64_t now);
  void failed(const Status &cause, uint32_t by);
  void judge(const Status &cause, uint32_t by);
  void sendToOthers(const std::string &message) {
    for (uint32_t other = 0; other < processes; ++other)
      if (other != self)
        courier->sendControl(other, message);
  }
  bool wait(std::unique_lock<std::mutex> &lock, int64_t deadline) {
    if (deadline == noDeadline) {
      changed.wait(lock);
      return true;
    }
    int64_t left = deadline - nowNs();
    if (left > 0)
      changed.wait_for(lock, std::chrono::nanoseconds(left));
    return left > 0;
  }
};

void World::State::receive(uint32_t from, const std::string &message) {
  Unpacked said;
  if (!unpack(message, said))
    return failed(error(Code::Internal, "process ", from, " speaks another language"), self);
  if (said.kind == Kind::Failure)
    return failed(Status(Code(said.number), said.text), from);
  if (said.kind == Kind::Verdict) {
    std::vector<std::string> parts; // of whom, and why
    if (split(said.text, parts) && parts.size() == 2 && parts[0].size() == sizeof(uint32_t)) {
      uint32_t by = 0;
      std::memcpy(&by, parts[0].data(), sizeof(by));
      judge(Status(Code(said.number), parts[1]), by);
    }
    return;
  }
  if (said.kind == Kind::Ask) {
    std::lock_guard<std::mutex> told(toldMutex);
    courier->sendControl(from, pack(Kind::Tell, said.number, onAsked ? onAsked() : ""));
    return;
  }
  std::lock_guard<std::mutex> lock(mutex);
  switch (said.kind) {
  case Kind::Given:
    given[said.number][from] = std::move(said.text);
    break;
  case Kind::All:
    all[said.number] = std::move(said.text);
    break;
  case Kind::Alive:
    heardAt = nowNs();
    break;
  case Kind::Leaving:
    watches = false;
    break;
  case Kind::Ended:
    ended.insert(from);
    break;
  case Kind::Close:
    mayClose = true;
    break;
  case Kind::Tell:
    if (said.number == question)
      answers[from] = std::move(said.text);
    break;
  default:
    break;
  }
  changed.notify_all();
}

void World::State::failed(const Status &cause, uint32_t by) {
  {
    std::lock_guard<std::mutex> lock(mutex);
    if (!failure.ok())
      return;
    failure = cause;
    failedHere = by == self;
    if (self == 0)
      first = by;
  }
  if (by == self)
    sendToOthers(pack(Kind::Failure, uint64_t(cause.code()), cause.message()));
  if (self == 0)
    sendToOthers(pack(Kind::Verdict, uint64_t(cause.code()),
                      dpcrt::join({std::string(reinterpret_cast<const char *>(&by), sizeof(by)),
                                   cause.message()})));
  changed.notify_all();
  std::lock_guard<std::mutex> told(toldMutex);
  if (onFailure)
    onFailure(cause);
}

void World::State::judge(const Status &cause, uint32_t by) {
  failed(cause, by);
  std::lock_guard<std::mutex> lock(mutex);
  failure = cause;
  first = by;
  changed.notify_all();
}

void World::State::tick(int64_t now) {
  if (!silence || processes == 1)
    return;
  const uint32_t before = (self + processes - 1) % processes;
  int64_t silent = 0;
  {
    std::lock_guard<std::mutex> lock(mutex);
    if (!failure.ok())
      return;
    if (!leaves && now - saidAt > std::min<int64_t>(silence / 8, 1'000'000'000)) {
      saidAt = now;
      courier->sendControl((self + 1) % processes, pack(Kind::Alive, 0));
    }
    silent = watches ? now - heardAt : 0;
  }
  if (silent > silence)
    failed(error(Code::PeerLost, "process ", before, " has given no sign of life for ",
                 double(silent / 100'000'000) / 10, " s: it has ended, or stands still"),
           self);
}

Status World::join(const EngineKind &kind, const WorldOptions &options,
                   std::shared_ptr<World> &out) {
  std::shared_ptr<World> world(new World);
  world->options = options;
  int64_t deadline = options.launchTimeoutSeconds > 0
                         ? nowNs() + int64_t(options.launchTimeoutSeconds * 1e9)
                         : noDeadline;
  if (Status s = Courier::open(kind, deadline, world->courier); !s.ok())
    return s;
  auto state = std::make_shared<State>();
  state->processes = world->courier->processes();
  state->self = world->courier->self();
  state->silence = int64_t(options.timeoutSeconds * 0.75e9);
  state->courier = world->courier.get();
  state->heardAt = nowNs();
  world->state = state;
  world->engineName = std::string(kind.name) + " (" + world->courier->version() + ")";
  world->courier->start(
      {[state](uint32_t from, std::string message) { state->receive(from, message); },
       [state](const Status &cause) { state->failed(cause, state->self); },
       [state](int64_t now) { state->tick(now); }});
  out = std::move(world);
  return {};
}

World::~World() {
  if (courier)
    (void)leave();
}

uint32_t World::processOf(uint32_t rank, uint32_t ranks) const {
  uint32_t process = uint32_t((uint64_t(rank) * processes() + processes() - 1) / ranks);
  while (process > 0 && firstRank(process, ranks) > rank)
    --process;
  while (process + 1 < processes() && firstRank(process + 1, ranks) <= rank)
    ++process;
  return process;
}

Status World::exchange(const std::string &what, const std::string &mine,
                       std::vector<std::string> &all) {
  all.clear();
  int64_t deadline =
      options.timeoutSeconds > 0 ? nowNs() + int64_t(options.timeoutSeconds * 1e9) : noDeadline;
  std::unique_lock<std::mutex> lock(state->mutex);
  const uint64_t number = ++state->exchanges;
  auto given = [&]() -> std::map<uint32_t, std::string> & { return state->given[number]; };
  if (self() == 0)
    given()[0] = dpcrt::join({what, mine});
  else
    courier->sendControl(0, pack(Kind::Given, number, dpcrt::join({what, mine})));
  bool inTime = true;
  struct Expecting {
    Courier &courier;
    explicit Expecting(Courier &courier) : courier(courier) { courier.expectControl(); }
    ~Expecting() { courier.gotControl(); }
  } expecting(*courier);
  // Process 0 knows who is missing; where that is not itself, it is the one to say so.
  if (self() != 0 && deadline != noDeadline)
    deadline += 2 * kAnswer; // also for those who are asked what they do
  auto isHere = [&] {
    return self() == 0 ? given().size() == processes() : state->all.count(number) > 0;
  };
  while (state->failure.ok() && !isHere() && inTime)
    inTime = state->wait(lock, deadline);
  if (!state->failure.ok())
    return state->failure;
  if (!isHere()) {
    std::vector<uint32_t> missing;
    for (uint32_t process = 0; process < processes(); ++process)
      if (self() == 0 && !given().count(process))
        missing.push_back(process);
    lock.unlock();
    std::string doing;
    if (self() == 0) {
      std::vector<std::string> answers = askOthers();
      for (uint32_t process : missing)
        doing += answers[process].empty()
                     ? "\n  process " + std::to_string(process) + " does not say what it does"
                     : answers[process];
    }
    Status s = error(Code::Timeout, self() == 0 ? listOf(missing) : std::string("process 0"),
                     missing.size() > 1 ? " have" : " has", " not come to exchange ", what,
                     " within ", options.timeoutSeconds, " s (--timeout)", doing);
    fail(s);
    return failure();
  }
  if (self() == 0) {
    std::map<uint32_t, std::string> brought = std::move(given());
    state->given.erase(number);
    lock.unlock();
    for (auto &[process, text] : brought) {
      std::vector<std::string> parts;
      if (!split(text, parts) || parts.size() != 2 || parts[0] != what) {
        fail(error(Code::Internal, "process ", process, " exchanges ",
                   parts.empty() ? "?" : parts[0], " where process 0 exchanges ", what));
        return failure();
      }
      all.push_back(std::move(parts[1]));
    }
    state->sendToOthers(pack(Kind::All, number, dpcrt::join(all)));
    return {};
  }
  std::string joined = std::move(state->all[number]);
  state->all.erase(number);
  lock.unlock();
  if (!split(joined, all) || all.size() != processes())
    return error(Code::Internal, "what process 0 gathered as ", what, " is damaged");
  return {};
}

Status World::agree(const std::string &what, const Status &own, Status &found) {
  std::vector<std::string> all;
  found = Status();
  if (Status s = exchange(
          what, own.ok() ? "" : dpcrt::join({std::to_string(own.exitStatus()), own.message()}),
          all);
      !s.ok())
    return s;
  for (uint32_t process = 0; process < all.size(); ++process) {
    std::vector<std::string> told;
    if (all[process].empty())
      continue;
    if (!split(all[process], told) || told.size() != 2)
      return error(Code::Internal, "process ", process, " does not say how it finds ", what);
    found = Status(Code(std::atoi(told[0].c_str())), told[1]);
    return {};
  }
  return {};
}

void World::fail(const Status &cause) { state->failed(cause, state->self); }

Status World::failure(bool *isOwn) const {
  std::unique_lock<std::mutex> lock(state->mutex);
  if (!isOwn || state->failure.ok())
    return state->failure;
  // Process 0 may be the one that is lost.
  int64_t deadline = nowNs() + kVerdict;
  while (!state->first && state->wait(lock, deadline)) {
  }
  *isOwn = state->first ? *state->first == self() : state->failedHere;
  return state->failure;
}

void World::onFailure(std::function<void(const Status &)> told) {
  Status now = failure();
  if (!now.ok() && told)
    told(now);
  std::lock_guard<std::mutex> lock(state->toldMutex);
  state->onFailure = now.ok() ? std::move(told) : nullptr;
  if (now.ok() && state->onFailure)
    if (Status since = failure(); !since.ok())
      state->onFailure(since);
}

void World::onAsked(std::function<std::string()> describe) {
  std::lock_guard<std::mutex> lock(state->toldMutex);
  state->onAsked = std::move(describe);
}

std::vector<std::string> World::askOthers() {
  int64_t deadline = nowNs() + kAnswer;
  std::unique_lock<std::mutex> lock(state->mutex);
  state->answers.clear();
  state->sendToOthers(pack(Kind::Ask, ++state->question));
  while (state->answers.size() + 1 < processes() && state->wait(lock, deadline)) {
  }
  std::vector<std::string> all(processes());
  for (auto &[process, answer] : state->answers)
    all[process] = answer;
  return all;
}

bool World::agreeToClose(int64_t deadline) {
  if (courier->wasUsed())
    return false;
  std::unique_lock<std::mutex> lock(state->mutex);
  if (self() != 0) {
    courier->sendControl(0, pack(Kind::Ended, 0));
    while (!state->mayClose && state->wait(lock, deadline)) {
    }
    return state->mayClose;
  }
  while (state->ended.size() + 1 < processes() && state->wait(lock, deadline)) {
  }
  if (state->ended.size() + 1 < processes())
    return false;
  lock.unlock();
  state->sendToOthers(pack(Kind::Close, 0));
  return true;
}

Status World::leave() {
  if (left.exchange(true))
    return {};
  // None ends as if all were well while another one fails.
  const bool hadFailed = !failure().ok();
  std::vector<std::string> all;
  bool well = !hadFailed && exchange("the end of the run", "", all).ok();
  // Its last sign of life to its neighbour; what the other neighbour has said before its own
  // is here with that.
  int64_t deadline = well && options.timeoutSeconds > 0
                         ? nowNs() + int64_t(options.timeoutSeconds * 1e9)
                     : well ? noDeadline
                            : nowNs() + kLastWords;
  {
    std::unique_lock<std::mutex> lock(state->mutex);
    state->leaves = true;
    if (well)
      courier->sendControl((self() + 1) % processes(), pack(Kind::Leaving, 0));
    while (well && state->watches && state->failure.ok() && state->wait(lock, deadline)) {
    }
    well = well && !state->watches;
  }
  // A failure before the first step, of which all have heard, is no
  // reason to leave the engine open: a launcher would end the others with a status of its own.
  if (Status now = failure(); !now.ok()) // who is lost hears nothing
    well = now.code() != Code::PeerLost && agreeToClose(nowNs() + kLastWords);
  // Who has waited for others in vain still has last words of its own.
  Status stopped = courier->stop(well, failure().ok() && well ? deadline : nowNs() + kLastWords);
  onFailure(nullptr);
  onAsked(nullptr);
  Status now = failure();
  return hadFailed || now.ok() ? stopped : now;
}

} // namespace dpcrt
