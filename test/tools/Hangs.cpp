// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A node starts when all that it comes behind has ended, and ends when it has started and so
// have all its partners: the other end of a message, the members of a collective. What can
// go on is never held up by something else going on, so one way of going on speaks for all.
#include "Hangs.h"

#include <map>
#include <tuple>

using namespace mutants;

namespace {

class Ranks {
public:
  Ranks(const std::vector<const Unfolding *> &ranks, Device device) {
    uint32_t nodes = 0;
    for (const Unfolding *rank : ranks) {
      first.push_back(nodes);
      nodes += rank->nodes;
    }
    followers.resize(nodes);
    awaitedBy.resize(nodes);
    before.resize(nodes);
    partners.resize(nodes);
    hasStarted.resize(nodes);
    for (size_t r = 0; r < ranks.size(); ++r) {
      for (auto [from, to] : ranks[r]->edges)
        follow(first[r] + from, first[r] + to);
      addCommunications(r, *ranks[r], device == Device::OneByOne);
    }
    for (auto &[key, ends] : messages)
      meet(ends, 2);
    for (auto &[key, collective] : collectives)
      meet(collective.nodes, collective.members);
    if (device != Device::AsAsked)
      joinTransfers(ranks);
  }

  bool hangs() {
    for (uint32_t node = 0; node < before.size(); ++node)
      if (!before[node])
        started.push_back(node);
    uint32_t ended = 0;
    while (!started.empty()) {
      uint32_t node = started.back();
      started.pop_back();
      for (uint32_t other : awaitedBy[node])
        ended += endIfReady(other, --partners[other]);
      hasStarted[node] = true;
      ended += endIfReady(node, partners[node]);
    }
    return ended < before.size();
  }

private:
  void follow(uint32_t from, uint32_t to) {
    followers[from].push_back(to);
    ++before[to];
  }
  void await(uint32_t node, uint32_t partner) {
    awaitedBy[partner].push_back(node);
    ++partners[node];
  }
  // Each for all others; for ever, if they are not all there.
  void meet(const std::vector<uint32_t> &met, size_t wanted) {
    for (uint32_t node : met) {
      for (uint32_t other : met)
        if (other != node)
          await(node, other);
      partners[node] += met.size() != wanted;
    }
  }
  void addCommunications(size_t r, const Unfolding &rank, bool oneByOne) {
    const Communication *last = nullptr;
    for (const Communication &c : rank.communications) {
      for (const Communication::Transfer &t : c.transfers)
        messages[{t.sender, t.receiver, t.message}].push_back(first[r] + t.node);
      if (c.members) {
        Collective &collective = collectives[{c.group, c.sequence}];
        collective.members = c.members;
        collective.nodes.push_back(first[r] + c.start);
      }
      if (oneByOne && last)
        follow(first[r] + last->end, first[r] + c.start);
      last = &c;
    }
  }
  // A message ends when all messages of both its exchanges can: each of its transfers waits
  // for whatever meets either exchange.
  void joinTransfers(const std::vector<const Unfolding *> &ranks) {
    std::map<uint32_t, std::vector<uint32_t>> meeting; // by transfer: what meets its exchange
    for (size_t r = 0; r < ranks.size(); ++r)
      for (const Communication &c : ranks[r]->communications) {
        std::vector<uint32_t> met;
        for (const Communication::Transfer &t : c.transfers)
          for (uint32_t end : messages[{t.sender, t.receiver, t.message}])
            if (end != first[r] + t.node)
              met.push_back(end);
        for (const Communication::Transfer &t : c.transfers)
          meeting[first[r] + t.node] = met;
      }
    for (auto &[key, ends] : messages)
      for (uint32_t node : ends)
        for (uint32_t end : ends)
          for (uint32_t other : meeting[end])
            if (other != node)
              await(node, other);
  }
  bool endIfReady(uint32_t node, uint32_t open) {
    if (open || !hasStarted[node])
      return false;
    for (uint32_t next : followers[node])
      if (!--before[next])
        started.push_back(next);
    return true;
  }

  std::vector<uint32_t> first; // node of each rank
  std::vector<std::vector<uint32_t>> followers, awaitedBy;
  std::vector<uint32_t> before, partners; // how many a node still waits for
  std::vector<bool> hasStarted;
  std::vector<uint32_t> started; // and not looked at
  std::map<std::tuple<uint32_t, uint32_t, uint32_t>, std::vector<uint32_t>> messages;
  struct Collective {
    size_t members;
    std::vector<uint32_t> nodes;
  };
  std::map<std::pair<std::string, uint32_t>, Collective> collectives;
};

} // namespace

bool mutants::hangs(const std::vector<const Unfolding *> &ranks, Device device) {
  return Ranks(ranks, device).hangs();
}
