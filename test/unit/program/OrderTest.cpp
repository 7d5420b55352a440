// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The checker's orders against exhaustive search.
//
// Small random programs on which the truth can be found by brute force: whether ranks
// get stuck is found by letting them run with rendezvous semantics, one step after the
// other, on each kind of device there may be. The checker must agree on every program,
// in both directions.

#include "RandomCommunications.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <iostream>

using namespace dpcrt;
using namespace dpcrt::test;

namespace {

/// Each waits for what those before it wait for, and for more.
enum class Device { AsAsked, WholeExchanges, OneByOne };

/// Lets all ranks run as far as they can.
class Execution {
public:
  Execution(const Programs &programs, Device device) : programs(programs), device(device) {
    for (const ProgramPtr &program : programs) {
      states.emplace_back(program->order.size());
      fired.emplace_back(program->events, false);
    }
  }

  /// True if somebody is left waiting.
  bool getsStuck() {
    while (step())
      ;
    return std::any_of(states.begin(), states.end(), [](const std::vector<State> &rank) {
      return std::any_of(rank.begin(), rank.end(), [](const State &state) { return !state.ended; });
    });
  }

private:
  struct State {
    bool started = false, ended = false;
  };

  const fb::CommandT &command(uint32_t rank, size_t at) const { return *programs[rank]->order[at]; }
  static bool isCommunication(const fb::CommandT &command) {
    return command.action.AsExchange() || command.action.AsCollective();
  }
  bool isReady(uint32_t rank, size_t at) const {
    const fb::CommandT &own = command(rank, at);
    for (size_t before = 0; before < at; ++before) {
      const fb::CommandT &other = command(rank, before);
      bool inTurn = device == Device::OneByOne && isCommunication(own) && isCommunication(other);
      if ((other.stream == own.stream || inTurn) && !states[rank][before].ended)
        return false;
    }
    return std::all_of(own.waits.begin(), own.waits.end(),
                       [&](uint32_t event) { return fired[rank][event]; });
  }
  struct Place {
    uint32_t rank;
    size_t at;
  };
  /// The exchange of the other end.
  Place metBy(const fb::TransferT &transfer) const {
    size_t at = 0;
    for (;; ++at)
      if (auto *exchange = command(transfer.peer, at).action.AsExchange())
        for (const auto &other : exchange->transfers)
          if (other->message == transfer.message)
            return {transfer.peer, at};
  }
  /// Both exchanges have started.
  bool isMet(const fb::TransferT &transfer) const {
    Place other = metBy(transfer);
    return states[other.rank][other.at].started;
  }
  bool areAllMet(Place place) const {
    const auto &transfers = command(place.rank, place.at).action.AsExchange()->transfers;
    return states[place.rank][place.at].started &&
           std::all_of(transfers.begin(), transfers.end(),
                       [&](auto &transfer) { return isMet(*transfer); });
  }
  bool completes(Place place, const fb::TransferT &transfer) const {
    return device == Device::AsAsked ? isMet(transfer)
                                     : areAllMet(place) && areAllMet(metBy(transfer));
  }
  /// The k-th collective meets the k-th of all ranks.
  bool isMetByAll(uint32_t rank, size_t at) const {
    auto number = [&](uint32_t of, size_t end) {
      size_t result = 0;
      for (size_t before = 0; before < end; ++before)
        result += command(of, before).action.AsCollective() != nullptr;
      return result;
    };
    for (uint32_t peer = 0; peer < programs.size(); ++peer)
      for (size_t other = 0; other < states[peer].size(); ++other)
        if (command(peer, other).action.AsCollective() && number(peer, other) == number(rank, at) &&
            !states[peer][other].started)
          return false;
    return true;
  }

  bool step() {
    bool progress = false;
    for (uint32_t rank = 0; rank < programs.size(); ++rank)
      for (size_t at = 0; at < states[rank].size(); ++at) {
        State &state = states[rank][at];
        if (state.ended || (!state.started && !isReady(rank, at)))
          continue;
        progress |= !state.started;
        state.started = true;
        bool met = !command(rank, at).action.AsCollective() || isMetByAll(rank, at);
        auto *exchange = command(rank, at).action.AsExchange();
        if (exchange)
          for (const auto &transfer : exchange->transfers) {
            bool isComplete = completes({rank, at}, *transfer);
            met &= isComplete;
            if (isComplete)
              progress |= fire(rank, transfer->signal);
          }
        if (met) {
          state.ended = progress = true;
          fire(rank, command(rank, at).signal);
        }
      }
    return progress;
  }
  bool fire(uint32_t rank, int32_t event) {
    if (event < 0 || fired[rank][uint32_t(event)])
      return false;
    return fired[rank][uint32_t(event)] = true;
  }

  const Programs &programs;
  Device device;
  std::vector<std::vector<State>> states;
  std::vector<std::vector<bool>> fired;
};

} // namespace

// The least demanding device on which ranks get stuck is the one that is told of.
TEST(Order, WhatGetsStuckIsRefusedAndNothingElse) {
  const std::vector<std::pair<Device, const char *>> devices = {
      {Device::AsAsked, "deadlock: these commands wait for each other"},
      {Device::WholeExchanges, "these transfers cannot complete together"},
      {Device::OneByOne, "these communications have no order that all ranks share"}};
  std::vector<unsigned> stuck(devices.size(), 0);
  unsigned free = 0;
  for (uint32_t seed = 0; seed < 6000; ++seed) {
    Random random(seed);
    Programs programs = randomCommunications(random);
    Status status = check(programs);
    size_t wrong = 0;
    while (wrong < devices.size() && !Execution(programs, devices[wrong].first).getsStuck())
      ++wrong;
    ++(wrong < devices.size() ? stuck[wrong] : free);
    for (size_t told = 0; told < devices.size(); ++told)
      EXPECT_EQ(status.message().find(devices[told].second) != std::string::npos, told == wrong)
          << "seed " << seed << "\n"
          << status.message();
  }
  for (unsigned count : stuck)
    EXPECT_GT(count, 20u);
  EXPECT_GT(free, 200u);
  std::cout << stuck[0] << " deadlocks, " << stuck[1] << " exchanges, " << stuck[2] << " orders, "
            << free << " free\n";
}
