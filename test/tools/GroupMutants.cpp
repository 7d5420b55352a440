// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "CommandLists.h"
#include "OrderMutants.h"

#include <algorithm>
#include <set>
#include <tuple>

using namespace mutants;
namespace fb = dpcrt::fb;

using Transfers = std::vector<std::unique_ptr<fb::TransferT>>;
using Place = std::pair<unsigned, size_t>; // rank and command

static bool communicates(const fb::ProgramT &program, const fb::CommandT &command) {
  if (const auto *run = command.action.AsRun()) {
    const Commands &inner = program.blocks[run->block]->commands;
    return std::any_of(inner.begin(), inner.end(),
                       [](auto &command) { return command->action.AsCollective() != nullptr; });
  }
  return command.action.AsExchange() || command.action.AsCollective();
}

// The second part of an exchange comes behind the first, from this transfer on.
static void split(fb::ProgramT &program, size_t at, size_t first) {
  auto second = std::make_unique<fb::CommandT>();
  fb::CommandT &command = *program.order[at];
  Transfers &transfers = command.action.AsExchange()->transfers;
  second->stream = command.stream;
  second->label = command.label;
  second->signal = std::exchange(command.signal, -1);
  fb::ExchangeT rest;
  rest.transfers.insert(rest.transfers.end(), std::move_iterator(transfers.begin() + long(first)),
                        std::move_iterator(transfers.end()));
  transfers.resize(first);
  second->action.Set(std::move(rest));
  program.order.insert(program.order.begin() + long(at) + 1, std::move(second));
}

// Two exchanges become one, in the place of one of them; a join stands in that of the other.
static void merge(fb::ProgramT &program, size_t first, size_t second, bool intoSecond) {
  size_t from = intoSecond ? first : second, to = intoSecond ? second : first;
  fb::CommandT &left = *program.order[from], &merged = *program.order[to];
  Transfers &given = left.action.AsExchange()->transfers;
  Transfers &all = merged.action.AsExchange()->transfers;
  all.insert(intoSecond ? all.begin() : all.end(), std::move_iterator(given.begin()),
             std::move_iterator(given.end()));
  given.clear();
  for (uint32_t event : std::exchange(left.waits, {}))
    addOnce(merged.waits, event);
  if (int32_t event = std::exchange(left.signal, -1); event >= 0)
    fireWith(program, -1, to, uint32_t(event));
  joinIfEmpty(left);
}

// What is sent from one exchange to another, where as much comes back.
static std::vector<std::pair<Place, Place>> swaps(const Programs &programs) {
  std::map<std::tuple<uint32_t, uint32_t, uint32_t>, Place> receives;
  for (auto &[rank, program] : programs)
    for (size_t c = 0; c < program.order.size(); ++c)
      if (const auto *exchange = program.order[c]->action.AsExchange())
        for (const auto &transfer : exchange->transfers)
          if (transfer->direction == fb::Direction::Receive)
            receives[{transfer->peer, rank, transfer->message}] = {rank, c};
  std::set<std::pair<Place, Place>> sent;
  for (auto &[rank, program] : programs)
    for (size_t c = 0; c < program.order.size(); ++c)
      if (const auto *exchange = program.order[c]->action.AsExchange())
        for (const auto &transfer : exchange->transfers)
          if (transfer->direction == fb::Direction::Send)
            sent.insert({{rank, c}, receives.at({rank, transfer->peer, transfer->message})});
  std::vector<std::pair<Place, Place>> both;
  for (auto &[from, to] : sent)
    if (from < to && sent.count({to, from}))
      both.push_back({from, to});
  return both;
}

static void sendFirst(fb::ProgramT &program, size_t at) {
  Transfers &transfers = program.order[at]->action.AsExchange()->transfers;
  Transfers sends, receives;
  for (auto &transfer : transfers)
    (transfer->direction == fb::Direction::Send ? sends : receives).push_back(std::move(transfer));
  size_t count = sends.size();
  std::move(receives.begin(), receives.end(), std::back_inserter(sends));
  transfers = std::move(sends);
  split(program, at, count);
}

void mutants::addIssues(const Programs &programs, std::vector<OrderMutant> &out) {
  for (auto &[rank, program] : programs) {
    std::optional<size_t> last;
    for (size_t c = 0; c < program.order.size(); ++c) {
      if (!communicates(program, *program.order[c]))
        continue;
      if (last)
        out.push_back({"communication issued before the one before",
                       placeOf(rank, program, -1, c),
                       {rank},
                       [=, rank = rank, to = *last](Programs &given) {
                         auto begin = given.at(rank).order.begin();
                         std::rotate(begin + long(to), begin + long(c), begin + long(c) + 1);
                       }});
      last = c;
    }
  }
}

void mutants::addGroups(const Programs &programs, std::vector<OrderMutant> &out) {
  for (auto &[rank, program] : programs)
    for (size_t c = 0; c < program.order.size(); ++c) {
      const auto *exchange = program.order[c]->action.AsExchange();
      if (!exchange)
        continue;
      std::string where = placeOf(rank, program, -1, c);
      for (size_t t = 1; t < exchange->transfers.size(); ++t)
        out.push_back({"exchange split",
                       where + ", from transfer " + std::to_string(t),
                       {rank},
                       [=, rank = rank](Programs &given) { split(given.at(rank), c, t); }});
      if (auto next = neighbourExchange(program.order, c, true))
        for (bool intoSecond : {false, true})
          out.push_back(
              {intoSecond ? "exchange merged into the next" : "exchange merged into the one before",
               where,
               {rank},
               [=, rank = rank](Programs &given) { merge(given.at(rank), c, *next, intoSecond); }});
    }
  for (auto &[from, to] : swaps(programs))
    out.push_back({"swap split into sends and receives",
                   placeOf(from.first, programs.at(from.first), -1, from.second) + " and " +
                       placeOf(to.first, programs.at(to.first), -1, to.second),
                   {from.first, to.first},
                   [from = from, to = to](Programs &given) {
                     for (const Place &place : {from, to})
                       sendFirst(given.at(place.first), place.second);
                   }});
}
