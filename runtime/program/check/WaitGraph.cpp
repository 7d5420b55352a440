// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What waits for what, over all ranks.

#include "program/check/WaitGraph.h"

#include "program/format/Naming.h"

#include <algorithm>

using namespace dpcrt;

//===----------------------------------------------------------------------===//
// The graph.
//===----------------------------------------------------------------------===//

WaitGraph::WaitGraph(const std::vector<RankGraph> &ranks, const std::vector<Match> &matches,
                     const std::vector<CollectiveMatch> &collectives, Execution execution)
    : ranks(ranks), matches(matches), collectives(collectives) {
  for (const RankGraph &rank : ranks) {
    first.push_back(nodes);
    for (const Edge &edge : rank.graph.edges)
      edges.push_back({nodes + edge.first, nodes + edge.second});
    nodes += rank.graph.size();
  }
  first.push_back(nodes);
  for (const Match &match : matches) {
    uint32_t from = first[match.sender], to = first[match.receiver];
    edges.push_back({from + match.send.start, to + match.receive.node});
    edges.push_back({to + match.receive.start, from + match.send.node});
  }
  addCollectives();
  firstExchange = nodes;
  if (execution >= Execution::WholeExchanges)
    addWholeExchanges();
  if (execution >= Execution::OneByOne)
    addListOrder();
}

// A node in the middle: all starts before it, all ends after it.
void WaitGraph::addCollectives() {
  for (const CollectiveMatch &collective : collectives) {
    if (collective.members.size() < 2)
      continue;
    uint32_t middle = nodes++;
    for (const auto &[rank, site] : collective.members) {
      edges.push_back({first[rank] + site.start, middle});
      edges.push_back({middle, first[rank] + site.end});
    }
  }
}

// A node in the middle: all that meet the exchange start before it; all of its
// transfers, and their other ends, end after it. One transfer alone needs none.
void WaitGraph::addWholeExchanges() {
  std::vector<uint32_t> middleOf(first.back(), RankGraph::none); // by start
  for (uint32_t rank = 0; rank < ranks.size(); ++rank) {
    const std::vector<RankGraph::TransferSite> &sites = ranks[rank].transfers;
    for (size_t at = 0; at < sites.size(); ++at) {
      bool isLast = at + 1 == sites.size() || sites[at + 1].transfer == 0;
      if (sites[at].transfer == 0 && isLast)
        continue;
      uint32_t &middle = middleOf[first[rank] + sites[at].start];
      if (middle == RankGraph::none) {
        middle = nodes++;
        exchanges.push_back({rank, sites[at].start});
      }
      edges.push_back({middle, first[rank] + sites[at].node});
    }
  }
  auto meets = [&](uint32_t peer, uint32_t peerTransfer, uint32_t start) {
    if (middleOf[start] == RankGraph::none)
      return;
    edges.push_back({peer, middleOf[start]});
    edges.push_back({middleOf[start], peerTransfer});
  };
  for (const Match &match : matches) {
    uint32_t sender = first[match.sender], receiver = first[match.receiver];
    meets(sender + match.send.start, sender + match.send.node, receiver + match.receive.start);
    meets(receiver + match.receive.start, receiver + match.receive.node, sender + match.send.start);
  }
}

void WaitGraph::addListOrder() {
  for (uint32_t rank = 0; rank < ranks.size(); ++rank) {
    const std::vector<RankGraph::Communication> &own = ranks[rank].communications;
    for (size_t at = 1; at < own.size(); ++at)
      edges.push_back({first[rank] + own[at - 1].end, first[rank] + own[at].start});
  }
}

WaitGraph::Place WaitGraph::place(uint32_t number) const {
  auto at = std::upper_bound(first.begin(), first.end(), number) - 1;
  return {static_cast<uint32_t>(at - first.begin()), number - *at};
}

bool WaitGraph::isCommunication(const Place &at) const {
  const RankGraph &rank = ranks[at.rank];
  const RankGraph::Origin &origin = rank.origins[at.node];
  const fb::Command &command = rank.command(origin.command);
  if (origin.kind == RankGraph::Kind::Segment)
    return rank.blocks[command.action_as_Run()->block()].segments[origin.part].collective;
  return command.action_type() == fb::Action::Exchange ||
         command.action_type() == fb::Action::Collective;
}

bool WaitGraph::isIssueEdge(const Place &before, const Place &after) const {
  const std::vector<RankGraph::Communication> &own = ranks[before.rank].communications;
  auto at = std::lower_bound(own.begin(), own.end(), after.node,
                             [](const RankGraph::Communication &communication, uint32_t node) {
                               return communication.start < node;
                             });
  return at != own.end() && at != own.begin() && at->start == after.node &&
         (at - 1)->end == before.node;
}

bool WaitGraph::isAsked(const Place &before, const Place &after) const {
  const std::vector<Edge> &own = ranks[before.rank].graph.edges;
  return std::find(own.begin(), own.end(), Edge(before.node, after.node)) != own.end();
}

bool WaitGraph::goesWithoutSaying(uint32_t before, uint32_t after) const {
  if (isMiddle(before) || isMiddle(after))
    return false;
  Place a = place(before), b = place(after);
  if (a.rank != b.rank)
    return false;
  const RankGraph &rank = ranks[a.rank];
  const EventGraph::Node &from = rank.graph.nodes[a.node], &to = rank.graph.nodes[b.node];
  return (from.axis == to.axis && from.position < to.position) ||
         (rank.origins[a.node].command == rank.origins[b.node].command &&
          rank.origins[a.node].kind != RankGraph::Kind::Segment) ||
         isIssueEdge(a, b);
}

//===----------------------------------------------------------------------===//
// A cycle in words.
//===----------------------------------------------------------------------===//

uint32_t WaitGraph::stream(const Place &at) const {
  const RankGraph &rank = ranks[at.rank];
  uint32_t axis = rank.graph.nodes[at.node].axis;
  return axis < count(rank.program->streams())
             ? axis
             : rank.command(rank.origins[at.node].command).stream();
}

std::string WaitGraph::name(const Place &at) const {
  const RankGraph &rank = ranks[at.rank];
  const RankGraph::Origin &origin = rank.origins[at.node];
  const fb::Command &command = rank.command(origin.command);
  if (origin.kind == RankGraph::Kind::Transfer)
    return "exchange #" + std::to_string(origin.command) + " (" +
           transferName(*command.action_as_Exchange()->transfers()->Get(origin.part)) + ")";
  std::string name = commandName(*rank.program, nullptr, origin.command);
  if (const fb::Run *run = command.action_as_Run();
      run && origin.kind == RankGraph::Kind::Segment) {
    const Segment &segment = rank.blocks[run->block()].segments[origin.part];
    if (segment.collective)
      name = commandName(*rank.program, rank.program->blocks()->Get(run->block()),
                         segment.commands[0]) +
             " of " + name;
  }
  return name;
}

WaitGraph::Place WaitGraph::metBy(const Place &at, const Place &peer) const {
  Place met = at;
  auto consider = [&](uint32_t rank, const RankGraph::TransferSite &own, uint32_t otherRank,
                      const RankGraph::TransferSite &other) {
    if (rank != at.rank || own.command != ranks[rank].origins[at.node].command ||
        otherRank != peer.rank || other.start != peer.node)
      return false;
    met.node = own.node;
    return own.node == at.node;
  };
  for (const Match &match : matches)
    if (consider(match.sender, match.send, match.receiver, match.receive) ||
        consider(match.receiver, match.receive, match.sender, match.send))
      break;
  return met;
}

WaitGraph::Place WaitGraph::otherEnd(const Place &at) const {
  for (const Match &match : matches) {
    if (match.sender == at.rank && match.send.node == at.node)
      return {match.receiver, match.receive.node};
    if (match.receiver == at.rank && match.receive.node == at.node)
      return {match.sender, match.send.node};
  }
  return at;
}

WaitGraph::Hop::Kind WaitGraph::kindOf(const Place &from, const Place &to) const {
  if (from.rank != to.rank)
    return Hop::Rendezvous;
  const EventGraph &graph = ranks[from.rank].graph;
  if (graph.nodes[from.node].axis == graph.nodes[to.node].axis &&
      graph.nodes[to.node].position < graph.nodes[from.node].position)
    return Hop::Stream;
  return isIssueEdge(to, from) && !isAsked(to, from) ? Hop::Issue : Hop::Event;
}

/// Appends `next` to `hop` where one says what both do: a chain along one stream,
/// or along the communications of a list.
bool WaitGraph::join(Hop &hop, const Hop &next) const {
  if (hop.from.rank != next.from.rank)
    return false;
  if (hop.kind == Hop::Stream && next.kind == Hop::Stream &&
      stream(hop.from) == stream(next.from)) {
    hop.to = next.to;
    return true;
  }
  auto followsList = [&](const Hop &each) {
    return each.kind == Hop::Issue ||
           (each.kind == Hop::Stream && isCommunication(each.from) && isCommunication(each.to));
  };
  if ((hop.kind != Hop::Issue && next.kind != Hop::Issue) || !followsList(hop) ||
      !followsList(next))
    return false;
  hop.to = next.to;
  hop.kind = Hop::Issue;
  return true;
}

/// One hop per pair of nodes; hops inside one command are left out.
std::vector<WaitGraph::Hop> WaitGraph::hopsOf(std::vector<uint32_t> path) const {
  std::vector<Hop> hops;
  auto add = [&](Hop hop) {
    hops.push_back(hop);
    while (hops.size() > 1 && join(hops[hops.size() - 2], hops.back()))
      hops.pop_back();
  };
  // Start behind a middle, so that no hop is torn.
  auto middle = std::find_if(path.begin(), path.end(), [&](uint32_t n) { return isMiddle(n); });
  if (middle != path.end())
    std::rotate(path.begin(), middle + 1, path.end());
  for (size_t at = 0; at < path.size(); ++at) {
    if (isMiddle(path[at]))
      continue;
    Place from = place(path[at]);
    uint32_t next = path[(at + 1) % path.size()];
    if (isMiddle(next)) {
      Place to = place(path[(at + 2) % path.size()]);
      if (!isExchange(next)) {
        add({from, to, Hop::Collective});
        continue;
      }
      const Place &exchange = exchanges[next - firstExchange];
      if (ranks[exchange.rank].origins[exchange.node].command !=
              ranks[from.rank].origins[from.node].command ||
          exchange.rank != from.rank) {
        // The other end of the transfer completes with all of its own exchange.
        Place other = otherEnd(from);
        add({from, other, Hop::Together});
        add({metBy(other, to), to, Hop::Rendezvous});
        continue;
      }
      // Who asked for this very transfer waits for another one of the exchange.
      Place met = metBy(from, to);
      bool isAwaited = at > 0 && !isMiddle(path[at - 1]) &&
                       ranks[from.rank].origins[place(path[at - 1]).node].command !=
                           ranks[from.rank].origins[from.node].command;
      if (met.node != from.node && isAwaited)
        add({from, met, Hop::Together});
      add({met, to, Hop::Rendezvous});
      continue;
    }
    Place to = place(next);
    if (from.rank == to.rank) {
      const RankGraph::Origin &a = ranks[from.rank].origins[from.node];
      const RankGraph::Origin &b = ranks[from.rank].origins[to.node];
      // An exchange or a collective ends after it has started.
      if (a.command == b.command && (a.kind != RankGraph::Kind::Segment || a.part == b.part))
        continue;
    }
    Hop hop{from, to, kindOf(from, to)};
    // A step along the stream inside one run says nothing.
    if (hop.kind != Hop::Stream || name(from) != name(to))
      add(hop);
  }
  // A chain may go round the end of the list.
  if (hops.size() > 1) {
    Hop whole = hops.back();
    if (join(whole, hops.front())) {
      hops.front() = whole;
      hops.pop_back();
    }
  }
  return hops;
}

std::string WaitGraph::describe(const std::vector<uint32_t> &cycle) const {
  std::string out;
  for (const Hop &hop : hopsOf(cycle)) {
    const fb::Program &program = *ranks[hop.from.rank].program;
    out += "\n  rank " + std::to_string(hop.from.rank) + " stream " +
           streamName(program, stream(hop.from)) + ": " + name(hop.from);
    switch (hop.kind) {
    case Hop::Rendezvous:
      out += " waits for rank " + std::to_string(hop.to.rank) + " to start " + name(hop.to);
      break;
    case Hop::Collective:
      out += " waits for rank " + std::to_string(hop.to.rank) + " to take part in " + name(hop.to);
      break;
    case Hop::Stream:
      out += " comes after " + name(hop.to);
      break;
    case Hop::Event:
      out += " waits for an event of " + name(hop.to) + " on stream " +
             streamName(program, stream(hop.to));
      break;
    case Hop::Issue:
      out +=
          " is issued after " + name(hop.to) + " on stream " + streamName(program, stream(hop.to));
      break;
    case Hop::Together:
      out += " completes together with " + name(hop.to);
      if (hop.to.rank != hop.from.rank)
        out += " of rank " + std::to_string(hop.to.rank);
      break;
    }
  }
  return out;
}
