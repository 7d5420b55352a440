// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Bytes are told apart by who sends them, to whom, with which tag, and as the how manieth.
#include "EngineCases.h"
#include <algorithm>
#include <chrono>
#include <cstring>
#include <deque>
#include <functional>
#include <gtest/gtest.h>
#include <numeric>
#include <random>
#include <thread>

namespace dpcrt::test {
namespace {
using Clock = std::chrono::steady_clock;
constexpr auto kPatience = std::chrono::seconds(60);

// Asks again and again, but leaves the cores to the others.
class Patience {
public:
  bool hasEnded() {
    if (++asked > 100)
      std::this_thread::sleep_for(std::chrono::microseconds(20));
    else
      std::this_thread::yield();
    return Clock::now() > end;
  }

private:
  unsigned asked = 0;
  Clock::time_point end = Clock::now() + kPatience;
};

std::vector<char> pattern(uint32_t from, uint32_t to, uint32_t tag, uint64_t number,
                          uint64_t bytes) {
  std::vector<char> out(bytes);
  uint64_t word = 0;
  for (uint64_t part : {uint64_t(from), uint64_t(to), uint64_t(tag), number, bytes})
    word = (word + part + 1) * 0x9e3779b97f4a7c15u;
  for (uint64_t i = 0; i < bytes; i += sizeof word) {
    word = (word ^ (word >> 29)) * 0xbf58476d1ce4e5b9u;
    std::memcpy(&out[i], &word, std::min(sizeof word, bytes - i));
  }
  return out;
}

// The requests of one process, with their bytes.
class Requests {
public:
  explicit Requests(Engine &engine) : engine(engine) {}

  // As the number-th message that they are for this tag and the two processes.
  void send(uint32_t to, uint32_t tag, uint64_t number, uint64_t bytes) {
    Entry &e = add(engine.self(), to, tag, number, bytes);
    e.bytes = pattern(e.from, e.to, tag, number, bytes);
    Status s = engine.send(e.bytes.data(), bytes, to, tag, e.request);
    ASSERT_TRUE(s.ok()) << s.message();
  }
  void receive(uint32_t from, uint32_t tag, uint64_t number, uint64_t bytes) {
    Entry &e = add(from, engine.self(), tag, number, bytes);
    e.isReceive = true;
    e.bytes.resize(bytes);
    Status s = engine.receive(e.bytes.data(), bytes, from, tag, e.request);
    ASSERT_TRUE(s.ok()) << s.message();
  }

  // Those that have ended since; checks what came.
  void ask() {
    std::vector<EngineRequest *> list;
    std::vector<size_t> owners, ended;
    for (size_t i = 0; i < entries.size(); ++i)
      if (entries[i]->request) {
        list.push_back(entries[i]->request.get());
        owners.push_back(i);
      }
    left = list.size();
    if (list.empty())
      return;
    Status s = engine.testSome(list, ended);
    ASSERT_TRUE(s.ok()) << s.message();
    ASSERT_TRUE(std::is_sorted(ended.begin(), ended.end()));
    left -= ended.size();
    for (size_t i : ended) {
      ASSERT_LT(i, owners.size());
      Entry &e = *entries[owners[i]];
      ASSERT_TRUE(e.request) << "said to have ended twice";
      e.request.reset();
      if (!e.isReceive)
        std::fill(e.bytes.begin(), e.bytes.end(), 'x'); // they're the sender's again
      else
        EXPECT_TRUE(e.bytes == pattern(e.from, e.to, e.tag, e.number, e.bytes.size()))
            << "message " << e.number << " of " << e.bytes.size() << " bytes with tag " << e.tag
            << " from process " << e.from << " to " << e.to << " came changed";
    }
  }
  void wait() {
    for (Patience patience; ask(), left;)
      if (testing::Test::HasFatalFailure() || patience.hasEnded()) {
        ADD_FAILURE() << "process " << engine.self() << ": " << left
                      << " messages have not ended, the first with tag " << firstTag();
        return;
      }
  }
  // Asks `times` times. How many have not ended then.
  size_t askFor(unsigned times) {
    for (unsigned i = 0; i < times; ++i)
      ask();
    return left;
  }

private:
  struct Entry {
    uint32_t from, to, tag;
    uint64_t number;
    bool isReceive = false;
    std::vector<char> bytes;
    std::unique_ptr<EngineRequest> request;
  };
  Entry &add(uint32_t from, uint32_t to, uint32_t tag, uint64_t number, uint64_t bytes) {
    entries.push_back(std::make_unique<Entry>());
    Entry &e = *entries.back();
    e.from = from, e.to = to, e.tag = tag, e.number = number;
    return e;
  }
  uint32_t firstTag() const {
    for (const auto &e : entries)
      if (e->request)
        return e->tag;
    return 0;
  }

  Engine &engine;
  std::vector<std::unique_ptr<Entry>> entries;
  size_t left = 0;
};

void sendControl(Engine &engine, uint32_t to, const std::string &message) {
  Status s = engine.sendControl(to, message);
  ASSERT_TRUE(s.ok()) << s.message();
}

// Control messages of this process that came before anybody wanted them: some processes are
// ahead of others, which is not what cases are about.
thread_local std::deque<std::pair<uint32_t, std::string>> early;

// The next control message of a sender that is wanted. `from`: no process, if none comes.
std::string receiveControl(Engine &engine, const std::function<bool(uint32_t)> &wanted,
                           uint32_t &from) {
  for (auto e = early.begin(); e != early.end(); ++e)
    if (wanted(e->first)) {
      std::string message = std::move(e->second);
      from = e->first;
      early.erase(e);
      return message;
    }
  std::string message;
  for (Patience patience;;) {
    bool there = false;
    Status s = engine.receiveControl(there, from, message);
    EXPECT_TRUE(s.ok()) << s.message();
    if (there && wanted(from))
      return message;
    if (there)
      early.emplace_back(from, message);
    if (!s.ok() || patience.hasEnded()) {
      ADD_FAILURE() << "process " << engine.self() << ": no control message comes";
      from = UINT32_MAX;
      return {};
    }
  }
}

void expectControl(Engine &engine, uint32_t from, const std::string &message) {
  uint32_t sender;
  EXPECT_EQ(receiveControl(engine, [&](uint32_t p) { return p == from; }, sender), message);
}

uint32_t next(const Engine &engine) { return (engine.self() + 1) % engine.processes(); }
uint32_t previous(const Engine &engine) {
  return (engine.self() + engine.processes() - 1) % engine.processes();
}

void whoIsWho(Engine &engine) {
  EXPECT_LT(engine.self(), engine.processes());
  EXPECT_GE(engine.tagLimit(), 32768u); // MPI promises tags up to 32767
  EXPECT_NE(std::string(engine.name()), "");
  EXPECT_NE(engine.version(), "");
}

// Everybody to everybody, also to oneself, both ways at one time.
void sizes(Engine &engine) {
  Requests requests(engine);
  uint32_t tag = 0;
  for (uint64_t bytes : {0ul, 1ul, 3ul, 8ul, 4097ul, 65536ul, 65537ul}) {
    for (uint32_t p = 0; p < engine.processes(); ++p) {
      requests.send(p, tag, 0, bytes);
      requests.receive(p, tag, 0, bytes);
    }
    ++tag;
  }
  requests.send(next(engine), tag, 0, 16 << 20);
  requests.receive(previous(engine), tag, 0, 16 << 20);
  requests.wait();
}

// Longer than an engine may send in one piece.
void longMessage(Engine &engine) {
  constexpr uint64_t bytes = (128 << 20) + 17;
  Requests requests(engine);
  if (engine.self() == 0)
    requests.send(engine.processes() - 1, 5, 0, bytes);
  if (engine.self() == engine.processes() - 1)
    requests.receive(0, 5, 0, bytes);
  // One behind it, with the same tag.
  if (engine.self() == 0)
    requests.send(engine.processes() - 1, 5, 1, 100);
  if (engine.self() == engine.processes() - 1)
    requests.receive(0, 5, 1, 100);
  requests.wait();
}

// Many at one time. Sender and receiver name the tags in orders of their own, the highest
// possible one among them.
void tagsInAnyOrder(Engine &engine) {
  std::vector<uint32_t> tags(64);
  std::iota(tags.begin(), tags.end(), 0);
  tags.push_back(engine.tagLimit() - 1);
  auto size = [](uint32_t tag) { return tag % 3 ? 40 * tag % 4096 : 9000 + tag % 64; };
  std::mt19937 random(engine.self());
  Requests requests(engine);
  for (uint32_t p = 0; p < engine.processes(); ++p) {
    std::shuffle(tags.begin(), tags.end(), random);
    for (uint32_t tag : tags)
      requests.receive(p, tag, 0, size(tag));
    std::shuffle(tags.begin(), tags.end(), random);
    for (uint32_t tag : tags)
      requests.send(p, tag, 0, size(tag));
  }
  requests.wait();
}

// Long ones, which take another way than short ones, do not change places with them.
void orderOfOneTag(Engine &engine) {
  auto size = [](uint32_t number) { return number % 7 == 3 ? 150000ul : number % 50; };
  constexpr uint32_t count = 700;
  Requests requests(engine);
  for (uint32_t number = 0; number < count; ++number) {
    requests.send(next(engine), 9, number, size(number));
    if (number >= count / 2)
      continue;
    requests.receive(previous(engine), 9, number, size(number));
    if (number % 16 == 0)
      requests.ask();
  }
  for (uint32_t number = count / 2; number < count; ++number)
    requests.receive(previous(engine), 9, number, size(number));
  requests.wait();
}

void postedBefore(Engine &engine) {
  Requests requests(engine);
  for (uint64_t bytes : {0ul, 10ul, 1000000ul}) {
    requests.receive(previous(engine), 2, bytes, bytes);
    EXPECT_EQ(requests.askFor(20), 1u) << "nothing has been sent";
    sendControl(engine, previous(engine), "posted");
    expectControl(engine, next(engine), "posted");
    requests.send(next(engine), 2, bytes, bytes);
    requests.wait();
  }
}

void postedAfter(Engine &engine) {
  for (uint64_t bytes : {0ul, 10ul, 1000000ul}) {
    Requests sends(engine), receives(engine);
    sends.send(next(engine), 2, bytes, bytes);
    sends.askFor(20);
    sendControl(engine, next(engine), "sent");
    expectControl(engine, previous(engine), "sent");
    receives.receive(previous(engine), 2, bytes, bytes);
    receives.wait();
    sends.wait();
  }
}

// Of any length, everybody to everybody, in order between two, while data is under way whose
// receivers come late.
void control(Engine &engine) {
  Requests sends(engine), receives(engine);
  sends.send(next(engine), 1, 0, 16 << 20);
  const uint64_t lengths[] = {0, 1, 1000, 100000, 3 << 20, 5, 0, 70000};
  auto text = [&](uint32_t from, uint32_t to, uint64_t number) {
    std::vector<char> bytes = pattern(from, to, 0, number, lengths[number]);
    return std::string(bytes.begin(), bytes.end());
  };
  for (uint64_t number = 0; number < std::size(lengths); ++number)
    for (uint32_t p = 0; p < engine.processes(); ++p) {
      std::string message = text(engine.self(), p, number);
      sendControl(engine, p, message);
      std::fill(message.begin(), message.end(), 'x'); // it's been copied
    }
  std::vector<uint64_t> received(engine.processes());
  for (uint64_t i = 0; i < std::size(lengths) * engine.processes(); ++i) {
    uint32_t from;
    std::string message = receiveControl(
        engine, [&](uint32_t p) { return received.at(p) < std::size(lengths); }, from);
    ASSERT_LT(from, engine.processes());
    EXPECT_TRUE(message == text(from, engine.self(), received[from]))
        << "control message " << received[from] << " from process " << from << " came as one of "
        << message.size() << " bytes";
    ++received[from];
    sends.ask();
    if (i == std::size(lengths) / 2)
      receives.receive(previous(engine), 1, 0, 16 << 20);
  }
  receives.wait();
  sends.wait();
}

// A message of one channel is none of the other, also where all their numbers are equal.
void channelsDoNotMix(Engine &engine) {
  Requests sends(engine), receives(engine);
  // The next process may be sent what it does not expect yet when it has done what it does
  // without.
  auto say = [&](uint32_t tag) {
    Requests words(engine);
    words.send(previous(engine), tag, 0, 4);
    words.receive(next(engine), tag, 0, 4);
    words.wait();
  };
  sends.send(next(engine), 0, 0, 4);
  receives.receive(previous(engine), 1, 0, 4);
  for (unsigned i = 0; i < 20; ++i) {
    bool there = true;
    uint32_t from;
    std::string message;
    Status s = engine.receiveControl(there, from, message);
    ASSERT_TRUE(s.ok()) << s.message();
    EXPECT_FALSE(there) << "from process " << from << ": '" << message << "'";
  }
  say(2);
  sendControl(engine, next(engine), "four");
  EXPECT_EQ(receives.askFor(50), 1u) << "a control message came as data";
  expectControl(engine, previous(engine), "four");
  say(3);
  sends.send(next(engine), 1, 0, 4);
  receives.receive(previous(engine), 0, 0, 4);
  receives.wait();
  sends.wait();
}

// Of three receives the one in the middle; and what was in the list stays.
void someOfMany(Engine &engine) {
  std::vector<char> bytes[3];
  std::unique_ptr<EngineRequest> owned[3];
  std::vector<EngineRequest *> list;
  for (uint32_t i = 0; i < 3; ++i) {
    bytes[i].resize(100);
    Status s = engine.receive(bytes[i].data(), 100, previous(engine), i, owned[i]);
    ASSERT_TRUE(s.ok()) << s.message();
    list.push_back(owned[i].get());
  }
  std::vector<size_t> ended = {77};
  auto ask = [&](size_t until) {
    for (Patience patience; ended.size() < until;) {
      Status s = engine.testSome(list, ended);
      ASSERT_TRUE(s.ok()) << s.message();
      ASSERT_FALSE(patience.hasEnded()) << "process " << engine.self();
    }
  };
  ASSERT_TRUE(engine.testSome({}, ended).ok());
  EXPECT_EQ(ended, std::vector<size_t>{77});
  Requests sends(engine);
  sends.send(next(engine), 1, 0, 100);
  ask(2);
  EXPECT_EQ(ended, (std::vector<size_t>{77, 1}));
  EXPECT_TRUE(bytes[1] == pattern(previous(engine), engine.self(), 1, 0, 100));
  list.erase(list.begin() + 1);
  owned[1].reset();
  for (unsigned i = 0; i < 20; ++i)
    ASSERT_TRUE(engine.testSome(list, ended).ok());
  EXPECT_EQ(ended.size(), 2u);
  sendControl(engine, previous(engine), "one");
  expectControl(engine, next(engine), "one");
  sends.send(next(engine), 2, 0, 100);
  sends.send(next(engine), 0, 0, 100);
  ended.clear();
  while (ended.size() < 2 && !testing::Test::HasFailure()) {
    std::vector<size_t> now;
    Status s = engine.testSome(list, now);
    ASSERT_TRUE(s.ok()) << s.message();
    ended.insert(ended.end(), now.begin(), now.end());
    for (size_t i = now.size(); i-- > 0;)
      list.erase(list.begin() + now[i]);
  }
  EXPECT_TRUE(bytes[0] == pattern(previous(engine), engine.self(), 0, 0, 100));
  EXPECT_TRUE(bytes[2] == pattern(previous(engine), engine.self(), 2, 0, 100));
  sends.wait();
}

// What the interface forbids is an error, before anything is sent.
void forbidden(Engine &engine) {
  std::unique_ptr<EngineRequest> request;
  char byte = 0;
  auto fails = [](const Status &s, const std::string &word) {
    EXPECT_EQ(s.code(), Code::Internal);
    EXPECT_NE(s.message().find(word), std::string::npos) << s.message();
  };
  fails(engine.send(&byte, 1, engine.processes(), 0, request), "no process");
  fails(engine.receive(&byte, 1, engine.processes(), 0, request), "no process");
  fails(engine.sendControl(engine.processes(), ""), "no process");
  fails(engine.send(&byte, 1, 0, engine.tagLimit(), request), "tag");
  fails(engine.receive(&byte, 1, 0, engine.tagLimit(), request), "tag");
  fails(engine.sendControl(0, std::string(Engine::kControlBytes + 1, 'x')), "longer");
  EXPECT_FALSE(request);
}

// The receiver is told, with the sender's number.
void mismatch(Engine &engine, uint64_t sent, uint64_t received) {
  std::vector<char> out(sent), in(received);
  std::unique_ptr<EngineRequest> send, receive;
  ASSERT_TRUE(engine.send(out.data(), sent, next(engine), 3, send).ok());
  ASSERT_TRUE(engine.receive(in.data(), received, previous(engine), 3, receive).ok());
  std::vector<size_t> ended;
  Status s;
  for (Patience patience; s.ok() && ended.empty() && !patience.hasEnded();)
    s = engine.testSome({receive.get()}, ended);
  EXPECT_EQ(s.code(), Code::Internal);
  EXPECT_NE(s.message().find("process " + std::to_string(previous(engine))), std::string::npos)
      << s.message();
  meet(engine); // only then does the send's end go
}

void longerThanExpected(Engine &engine) { mismatch(engine, 24, 16); }
void shorterThanExpected(Engine &engine) { mismatch(engine, 8, 16); }
} // namespace

void meet(Engine &engine) {
  if (engine.self() != 0) {
    sendControl(engine, 0, "here");
    expectControl(engine, 0, "all here");
    return;
  }
  for (uint32_t p = 1; p < engine.processes(); ++p)
    expectControl(engine, p, "here");
  for (uint32_t p = 1; p < engine.processes(); ++p)
    sendControl(engine, p, "all here");
}

const std::vector<EngineCase> engineCases = {
    {"WhoIsWho", whoIsWho},
    {"Sizes", sizes},
    {"LongMessage", longMessage},
    {"TagsInAnyOrder", tagsInAnyOrder},
    {"OrderOfOneTag", orderOfOneTag},
    {"PostedBefore", postedBefore},
    {"PostedAfter", postedAfter},
    {"Control", control},
    {"ChannelsDoNotMix", channelsDoNotMix},
    {"SomeOfMany", someOfMany},
    {"Forbidden", forbidden},
    {"LongerThanExpected", longerThanExpected},
    {"ShorterThanExpected", shorterThanExpected},
};

} // namespace dpcrt::test
