// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "CommandLists.h"
#include "OrderMutants.h"

#include <algorithm>
#include <tuple>

using namespace mutants;
namespace fb = dpcrt::fb;

namespace {

struct End {
  unsigned rank;
  size_t command, transfer;
};
using Transfers = std::vector<std::unique_ptr<fb::TransferT>>;

fb::ExchangeT &exchangeAt(Programs &programs, unsigned rank, size_t command) {
  return *programs.at(rank).order[command]->action.AsExchange();
}

// What waited for the transfer waits for its exchange, which waits for what the transfer did.
void drop(Programs &programs, const End &end) {
  fb::ProgramT &program = programs.at(end.rank);
  fb::CommandT &command = *program.order[end.command];
  Transfers &transfers = command.action.AsExchange()->transfers;
  fb::TransferT &transfer = *transfers[end.transfer];
  for (uint32_t event : transfer.after)
    addOnce(command.waits, event);
  if (int32_t event = std::exchange(transfer.signal, -1); event >= 0)
    fireWith(program, -1, end.command, uint32_t(event));
  transfers.erase(transfers.begin() + long(end.transfer));
  joinIfEmpty(command);
}

} // namespace

void mutants::addMessages(const Programs &programs, std::vector<OrderMutant> &out) {
  std::map<std::tuple<uint32_t, uint32_t, uint32_t>, std::vector<End>> messages;
  std::map<std::tuple<unsigned, uint32_t, bool>, std::vector<End>> channels; // at one end
  for (auto &[rank, program] : programs)
    for (size_t c = 0; c < program.order.size(); ++c)
      if (const auto *exchange = program.order[c]->action.AsExchange())
        for (size_t t = 0; t < exchange->transfers.size(); ++t) {
          const fb::TransferT &transfer = *exchange->transfers[t];
          bool sends = transfer.direction == fb::Direction::Send;
          messages[{sends ? rank : transfer.peer, sends ? transfer.peer : rank, transfer.message}]
              .push_back({rank, c, t});
          channels[{rank, transfer.peer, sends}].push_back({rank, c, t});
          for (bool isBehind : {false, true})
            if (auto to = neighbourExchange(program.order, c, isBehind))
              out.push_back({isBehind ? "transfer moved to the exchange behind"
                                      : "transfer moved to the exchange before",
                             placeOf(rank, program, -1, c) + ", transfer " + std::to_string(t),
                             {rank},
                             [=, rank = rank](Programs &given) {
                               Transfers &from = exchangeAt(given, rank, c).transfers;
                               Transfers &into = exchangeAt(given, rank, *to).transfers;
                               into.insert(isBehind ? into.begin() : into.end(),
                                           std::move(from[t]));
                               from.erase(from.begin() + long(t));
                               joinIfEmpty(*given.at(rank).order[c]);
                             }});
        }
  for (auto &[key, ends] : messages) {
    auto [sender, receiver, number] = key;
    const fb::CommandT &command = *programs.at(ends[0].rank).order[ends[0].command];
    uint64_t bytes = command.action.AsExchange()->transfers[ends[0].transfer]->ref->bytes();
    out.push_back({"message removed",
                   "message " + std::to_string(number) + " from rank " + std::to_string(sender) +
                       " to rank " + std::to_string(receiver) + " (" + std::to_string(bytes) +
                       " bytes)",
                   {sender, receiver},
                   [ends = ends](Programs &given) {
                     for (const End &end : ends)
                       drop(given, end);
                   }});
  }
  for (auto &[key, ends] : channels)
    for (size_t i = 0; i + 1 < ends.size(); ++i)
      out.push_back(
          {"numbers of two messages exchanged",
           placeOf(ends[i].rank, programs.at(ends[i].rank), -1, ends[i].command) + ", transfer " +
               std::to_string(ends[i].transfer),
           {ends[i].rank},
           [a = ends[i], b = ends[i + 1]](Programs &given) {
             auto number = [&](const End &end) -> uint32_t & {
               return exchangeAt(given, end.rank, end.command).transfers[end.transfer]->message;
             };
             std::swap(number(a), number(b));
           }});
}
