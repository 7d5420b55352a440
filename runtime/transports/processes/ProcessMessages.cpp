// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See ProcessMessages.h.
#include "transports/processes/ProcessMessages.h"
#include <map>
#include <set>
#include <sstream>

namespace dpcrt {
namespace {

// A message between two ranks, as both ends name it.
struct Name {
  uint32_t from, to;
  std::string what;
  bool operator<(const Name &other) const {
    return std::tie(from, to, what) < std::tie(other.from, other.to, other.what);
  }
};

std::string inWords(const Name &name) {
  return name.what + " from rank " + std::to_string(name.from) + " to rank " +
         std::to_string(name.to);
}

class RemoteEnd : public MessageEnd {
public:
  RemoteEnd(World &world, const RemoteSpec &spec, uint32_t process, Bell &bell) : world(world) {
    parcel.send = spec.send;
    parcel.process = process;
    parcel.data = spec.data;
    parcel.bytes = spec.bytes;
    parcel.bell = &bell;
  }
  // What is under way touches memory that may go with this end.
  ~RemoteEnd() override {
    if (!isStarted || parcel.ended.load(std::memory_order_acquire))
      return;
    world.fail(Status(Code::Stopped, "the session was closed in the middle of a step"));
    (void)world.leave();
  }

  void start(uint32_t) override {
    isStarted = true;
    parcel.ended.store(false, std::memory_order_relaxed);
    world.post(parcel);
  }
  bool progress(Lane &, int64_t &) override { return parcel.ended.load(std::memory_order_acquire); }
  bool isMet() const override { return parcel.ended.load(std::memory_order_acquire); }

  Parcel parcel = {};

private:
  World &world;
  bool isStarted = false;
};

class ProcessMessages : public RemoteMessages {
public:
  ProcessMessages(World &world, uint32_t ranks, const std::string &name)
      : world(world), ranks(ranks), name(name) {}

  bool isHere(uint32_t rank) const override {
    return world.firstRank(world.self(), ranks) <= rank &&
           rank < world.firstRank(world.self() + 1, ranks);
  }

  Status add(const RemoteSpec &spec, Bell &bell, std::unique_ptr<MessageEnd> &out) override {
    Name message{spec.send ? spec.rank : spec.peer, spec.send ? spec.peer : spec.rank, spec.what};
    if (spec.peer >= ranks)
      return error(Code::Artifact, inWords(message), ": there are ", ranks, " ranks");
    auto end = std::make_unique<RemoteEnd>(world, spec, world.processOf(spec.peer, ranks), bell);
    if (!ends.insert({message, end.get()}).second)
      return error(Code::Artifact, inWords(message), spec.send ? " is sent" : " is received",
                   " twice");
    out = std::move(end);
    return {};
  }

  Status finishPreparation() override {
    std::vector<std::string> all;
    std::ostringstream own;
    for (auto &[message, end] : ends)
      own << (end->parcel.send ? 's' : 'r') << ' ' << message.from << ' ' << message.to << ' '
          << end->parcel.bytes << ' ' << message.what << '\n';
    if (Status s = world.exchange("the messages of " + name, own.str(), all); !s.ok())
      return s;
    std::map<Name, uint64_t> sent, received; // by others, to and from this process
    for (const std::string &list : all)
      if (Status s = read(list, sent, received); !s.ok())
        return s;
    if (Status s = compare(sent, received); !s.ok())
      return s;
    return giveTags();
  }

private:
  Status read(const std::string &list, std::map<Name, uint64_t> &sent,
              std::map<Name, uint64_t> &received) const {
    std::istringstream lines(list);
    std::string line;
    while (std::getline(lines, line)) {
      std::istringstream fields(line);
      char direction = 0;
      Name message{};
      uint64_t bytes = 0;
      if (!(fields >> direction >> message.from >> message.to >> bytes) || fields.get() != ' ' ||
          !std::getline(fields, message.what))
        return error(Code::Internal, "'", line, "' describes no message");
      if (direction == 's' && isHere(message.to))
        sent[message] = bytes;
      else if (direction == 'r' && isHere(message.from))
        received[message] = bytes;
    }
    return {};
  }

  // What others say of messages with this process, against its own ends.
  Status compare(std::map<Name, uint64_t> &sent, std::map<Name, uint64_t> &received) const {
    for (auto &[message, end] : ends) {
      bool send = end->parcel.send;
      auto &others = send ? received : sent;
      auto other = others.find(message);
      if (other == others.end())
        return differs(message, send ? " is never received" : " is never sent");
      if (other->second != end->parcel.bytes)
        return differs(message, " has " + std::to_string(end->parcel.bytes) + " bytes in process " +
                                    std::to_string(world.self()) + " and " +
                                    std::to_string(other->second) + " in process " +
                                    std::to_string(end->parcel.process));
      others.erase(other);
    }
    for (auto *rest : {&sent, &received})
      for (auto &[message, bytes] : *rest)
        return differs(message, rest == &sent ? " is never received" : " is never sent");
    return {};
  }
  Status differs(const Name &message, const std::string &how) const {
    return error(Code::Artifact, name, ": ", inWords(message), how,
                 "; all processes must run the same artifact");
  }

  Status giveTags() {
    std::map<std::pair<uint32_t, bool>, uint32_t> next; // by process and direction
    for (auto &[message, end] : ends) {
      uint32_t &tag = next[{end->parcel.process, end->parcel.send}];
      if (tag >= world.tagLimit())
        return error(Code::Device, "there are more messages to process ", end->parcel.process,
                     " than ", world.engine(), " has tags (", world.tagLimit(), ")");
      end->parcel.tag = tag++;
    }
    return {};
  }

  World &world;
  const uint32_t ranks;
  const std::string name;
  std::map<Name, RemoteEnd *> ends; // each process has one end of a message
};
} // namespace

std::unique_ptr<RemoteMessages> makeProcessMessages(World &world, uint32_t ranks,
                                                    const std::string &name) {
  return std::make_unique<ProcessMessages>(world, ranks, name);
}

} // namespace dpcrt
