// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Can every rank always go on?
//
// One graph of all ranks: the ranks' own orders, and for every message that
// neither side's transfer ends before the other side's exchange has started
// (nothing is buffered), for every collective that none ends before all have
// started. Matching is fixed by position, so this one graph covers every
// execution: no rank can wait for ever if and only if it has no cycle.
//
// Replicas on the ep axis run the same program. A cycle among them would map to
// one among the pp ranks, so these are enough.

#include "program/check/CheckParts.h"

#include "program/format/Naming.h"

#include <algorithm>

using namespace dpcrt;

namespace {

class WaitGraph {
public:
  WaitGraph(const std::vector<RankGraph> &ranks, const std::vector<Match> &matches,
            const std::vector<CollectiveMatch> &collectives);

  std::vector<uint32_t> cycle() const {
    return findCycle(
        nodes, edges, topologicalOrder(nodes, edges),
        [&](uint32_t before, uint32_t after) { return goesWithoutSaying(before, after); });
  }
  std::string describe(const std::vector<uint32_t> &cycle) const;

private:
  struct Place {
    uint32_t rank, node;
  };
  Place place(uint32_t number) const;
  bool isCollective(uint32_t number) const { return number >= first.back(); }
  /// Order along a stream and inside a command.
  bool goesWithoutSaying(uint32_t before, uint32_t after) const;
  uint32_t stream(const Place &at) const;
  std::string name(const Place &at) const;

  const std::vector<RankGraph> &ranks;
  std::vector<uint32_t> first; ///< node of each rank; last: of the collectives
  uint32_t nodes = 0;
  std::vector<Edge> edges;
};

} // namespace

WaitGraph::WaitGraph(const std::vector<RankGraph> &ranks, const std::vector<Match> &matches,
                     const std::vector<CollectiveMatch> &collectives)
    : ranks(ranks) {
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
  // A node in the middle: all starts before it, all ends after it.
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

WaitGraph::Place WaitGraph::place(uint32_t number) const {
  auto at = std::upper_bound(first.begin(), first.end(), number) - 1;
  return {static_cast<uint32_t>(at - first.begin()), number - *at};
}

uint32_t WaitGraph::stream(const Place &at) const {
  const RankGraph &rank = ranks[at.rank];
  uint32_t axis = rank.graph.nodes[at.node].axis;
  return axis < count(rank.program->streams())
             ? axis
             : rank.command(rank.origins[at.node].command).stream();
}

bool WaitGraph::goesWithoutSaying(uint32_t before, uint32_t after) const {
  if (isCollective(before) || isCollective(after))
    return false;
  Place a = place(before), b = place(after);
  if (a.rank != b.rank)
    return false;
  const RankGraph &rank = ranks[a.rank];
  const EventGraph::Node &from = rank.graph.nodes[a.node], &to = rank.graph.nodes[b.node];
  return (from.axis == to.axis && from.position < to.position) ||
         (rank.origins[a.node].command == rank.origins[b.node].command &&
          rank.origins[a.node].kind != RankGraph::Kind::Segment);
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

std::string WaitGraph::describe(const std::vector<uint32_t> &cycle) const {
  // One hop per pair of nodes; hops inside one command are left out, and a
  // chain along one stream is one hop.
  struct Hop {
    Place from, to;
    enum { Rendezvous, Collective, Stream, Event } kind;
  };
  std::vector<Hop> hops;
  std::vector<uint32_t> path;
  for (uint32_t node : cycle)
    path.push_back(node);
  // Start behind a collective's middle, so that no hop is torn.
  auto middle = std::find_if(path.begin(), path.end(), [&](uint32_t n) { return isCollective(n); });
  if (middle != path.end())
    std::rotate(path.begin(), middle + 1, path.end());
  for (size_t at = 0; at < path.size(); ++at) {
    if (isCollective(path[at]))
      continue;
    uint32_t next = path[(at + 1) % path.size()];
    bool collective = isCollective(next);
    if (collective)
      next = path[(at + 2) % path.size()];
    Hop hop{place(path[at]), place(next), Hop::Event};
    const RankGraph &rank = ranks[hop.from.rank];
    if (collective) {
      hop.kind = Hop::Collective;
    } else if (hop.from.rank != hop.to.rank) {
      hop.kind = Hop::Rendezvous;
    } else {
      const RankGraph::Origin &a = rank.origins[hop.from.node];
      const RankGraph::Origin &b = rank.origins[hop.to.node];
      // An exchange or a collective ends after it has started.
      if (a.command == b.command && (a.kind != RankGraph::Kind::Segment || a.part == b.part))
        continue;
      uint32_t axis = rank.graph.nodes[hop.from.node].axis;
      if (axis == rank.graph.nodes[hop.to.node].axis &&
          rank.graph.nodes[hop.to.node].position < rank.graph.nodes[hop.from.node].position)
        hop.kind = Hop::Stream;
    }
    // A step along the stream inside one run says nothing.
    if (hop.kind == Hop::Stream && name(hop.from) == name(hop.to))
      continue;
    if (hop.kind == Hop::Stream && !hops.empty() && hops.back().kind == Hop::Stream &&
        hops.back().from.rank == hop.from.rank && stream(hops.back().from) == stream(hop.from))
      hops.back().to = hop.to;
    else
      hops.push_back(hop);
  }
  // The chain along a stream may go round the end of the list.
  if (hops.size() > 1 && hops.back().kind == Hop::Stream && hops.front().kind == Hop::Stream &&
      hops.back().from.rank == hops.front().from.rank &&
      stream(hops.back().from) == stream(hops.front().from)) {
    hops.front().from = hops.back().from;
    hops.pop_back();
  }
  std::string out = "deadlock: these commands wait for each other";
  for (const Hop &hop : hops) {
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
    }
  }
  return out;
}

void dpcrt::checkDeadlock(const std::vector<RankGraph> &ranks, const std::vector<Match> &matches,
                          const std::vector<CollectiveMatch> &collectives,
                          Diagnostics &diagnostics) {
  WaitGraph graph(ranks, matches, collectives);
  std::vector<uint32_t> cycle = graph.cycle();
  if (!cycle.empty())
    diagnostics.error(graph.describe(cycle));
}
