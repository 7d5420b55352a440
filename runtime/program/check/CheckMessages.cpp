// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Does everything that is sent arrive?

#include "program/check/CheckParts.h"

#include "program/format/Naming.h"

#include <algorithm>
#include <map>

using namespace dpcrt;

namespace {

struct Channel {
  std::vector<RankGraph::TransferSite> sends, receives;
};

} // namespace

static std::string at(const RankGraph &rank, const RankGraph::TransferSite &site) {
  const fb::Command &command = rank.command(site.command);
  std::string out = "exchange #" + std::to_string(site.command);
  std::string_view label = text(*rank.program, command.label());
  return label.empty() ? out : out + " " + quoted(label);
}

void dpcrt::matchMessages(const std::vector<RankGraph> &ranks, std::vector<Match> &matches,
                          Diagnostics &diagnostics) {
  // A channel is what goes from one rank to another.
  std::map<std::pair<uint32_t, uint32_t>, Channel> channels;
  std::map<uint32_t, std::pair<uint32_t, uint32_t>> sentBy; // rank, command
  for (uint32_t rank = 0; rank < ranks.size(); ++rank) {
    for (const RankGraph::TransferSite &site : ranks[rank].transfers) {
      const fb::Transfer &transfer = ranks[rank].transfer(site);
      if (transfer.direction() == fb::Direction::Receive) {
        channels[{transfer.peer(), rank}].receives.push_back(site);
        continue;
      }
      channels[{rank, transfer.peer()}].sends.push_back(site);
      auto [other, fresh] = sentBy.insert({transfer.message(), {rank, site.command}});
      if (!fresh)
        diagnostics.error("message ", transfer.message(),
                          " is sent twice in the step: by exchange #", other->second.second,
                          " of rank ", other->second.first, " and by exchange #", site.command,
                          " of rank ", rank);
    }
  }
  for (const auto &[ends, channel] : channels) {
    auto [from, to] = ends;
    size_t met = std::min(channel.sends.size(), channel.receives.size());
    bool inStep = true;
    for (size_t k = 0; k < met && inStep; ++k) {
      const RankGraph &sender = ranks[from], &receiver = ranks[to];
      const fb::Transfer &send = sender.transfer(channel.sends[k]);
      const fb::Transfer &receive = receiver.transfer(channel.receives[k]);
      if (send.message() != receive.message()) {
        // What follows is out of step as well and would only repeat this.
        inStep = false;
        diagnostics.error("the ", ordinal(k + 1), " message from rank ", from, " to rank ", to,
                          " is sent as message ", send.message(), " by ",
                          at(sender, channel.sends[k]), " of rank ", from,
                          ", but received as message ", receive.message(), " by ",
                          at(receiver, channel.receives[k]), " of rank ", to);
        continue;
      }
      if (send.ref()->bytes() != receive.ref()->bytes())
        diagnostics.error("message ", send.message(), " is sent with ", send.ref()->bytes(),
                          " bytes by ", at(sender, channel.sends[k]), " of rank ", from,
                          ", but received with ", receive.ref()->bytes(), " bytes by ",
                          at(receiver, channel.receives[k]), " of rank ", to);
      else if (send.ref()->dtype() != receive.ref()->dtype())
        diagnostics.error("message ", send.message(), " is sent as ",
                          nameOf(elementOf(*send.ref())), " by ", at(sender, channel.sends[k]),
                          " of rank ", from, ", but received as ",
                          nameOf(elementOf(*receive.ref())), " by ",
                          at(receiver, channel.receives[k]), " of rank ", to);
      matches.push_back({from, to, channel.sends[k], channel.receives[k]});
    }
    if (!inStep)
      continue;
    for (size_t k = met; k < channel.sends.size(); ++k)
      diagnostics.error("message ", ranks[from].transfer(channel.sends[k]).message(), ", which ",
                        at(ranks[from], channel.sends[k]), " of rank ", from, " sends to rank ", to,
                        ", is never received: rank ", to, " receives ", channel.receives.size(),
                        " of ", channel.sends.size(), " messages");
    for (size_t k = met; k < channel.receives.size(); ++k)
      diagnostics.error("message ", ranks[to].transfer(channel.receives[k]).message(), ", which ",
                        at(ranks[to], channel.receives[k]), " of rank ", to, " receives from rank ",
                        from, ", is never sent: rank ", from, " sends ", channel.sends.size(),
                        " of ", channel.receives.size(), " messages");
  }
}

/// "all-reduce of 64 bytes of f32".
static std::string inWords(const fb::Collective &collective) {
  std::string out = std::string(collectiveName(collective.kind())) + " of " +
                    std::to_string(collective.src()->bytes()) + " bytes of " +
                    nameOf(elementOf(collective));
  const char *separator = " in parts of ";
  for (uint64_t part : items(collective.parts())) {
    out += separator + std::to_string(part);
    separator = " ";
  }
  return out;
}

void dpcrt::matchCollectives(const std::vector<RankGraph> &ranks,
                             std::vector<CollectiveMatch> &collectives, Diagnostics &diagnostics) {
  using Sites = std::map<uint32_t, std::vector<RankGraph::CollectiveSite>>;
  std::map<std::string, Sites> groups;
  for (uint32_t rank = 0; rank < ranks.size(); ++rank) {
    const fb::Program &program = *ranks[rank].program;
    for (const fb::Group *group : items(program.groups()))
      for (uint32_t member : items(group->pp()))
        groups[std::string(text(group->name()))][member];
    for (const RankGraph::CollectiveSite &site : ranks[rank].collectives) {
      uint32_t group = ranks[rank].collective(site).group();
      groups[std::string(text(program.groups()->Get(group)->name()))][rank].push_back(site);
    }
  }
  for (const auto &[name, sites] : groups) {
    const auto &[reference, expected] = *sites.begin();
    bool inStep = true;
    for (const auto &[rank, own] : sites) {
      size_t met = std::min(own.size(), expected.size());
      for (size_t k = 0; k < met; ++k) {
        std::string mine = inWords(ranks[rank].collective(own[k]));
        std::string theirs = inWords(ranks[reference].collective(expected[k]));
        if (mine == theirs)
          continue;
        inStep = false;
        diagnostics.error("the ", ordinal(k + 1), " collective of group ", quoted(name), " is ",
                          theirs, " on rank ", reference, " (",
                          ranks[reference].describe(expected[k]), "), but ", mine, " on rank ",
                          rank, " (", ranks[rank].describe(own[k]), ")");
        break;
      }
      if (inStep && own.size() != expected.size()) {
        inStep = false;
        bool less = own.size() < expected.size();
        uint32_t more = less ? reference : rank;
        diagnostics.error("rank ", rank, " takes part in ", own.size(), " collectives of group ",
                          quoted(name), ", but rank ", reference, " in ", expected.size(), ": ",
                          ranks[more].describe((less ? expected : own)[met]), " of rank ", more,
                          " is not met");
      }
    }
    if (!inStep)
      continue;
    for (size_t k = 0; k < expected.size(); ++k) {
      CollectiveMatch collective;
      for (const auto &[rank, own] : sites)
        collective.members.push_back({rank, own[k]});
      collectives.push_back(std::move(collective));
    }
  }
}
