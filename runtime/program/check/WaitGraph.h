// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What waits for what, over all ranks.
//
// One graph of all ranks: the ranks' own orders, and for every message that
// neither side's transfer ends before the other side's exchange has started
// (nothing is buffered), for every collective that none ends before all have
// started. Matching is fixed by position, so this one graph covers every
// execution: no rank can wait for ever if and only if it has no cycle.
//
// Devices may add waits of their own, and the graph then has these as well.
//
// Ranks that differ in dp or ep run the same program, so that in it they issue
// a reduction over one of these axes and an exchange over the other in the same
// order. Take a cycle among them and forget the coordinates on these axes of
// each of its nodes: a message stays the edge that it is, since it joins ranks
// of the same ones, and so does every wait within a rank; of a collective,
// whichever of the axes it is over, "starts before another member ends" becomes
// the same between the pp ranks, or "starts before it ends" on one of them,
// which are edges too. What comes of it is a closed walk among the pp ranks, and
// a closed walk contains a cycle. So one coordinate speaks for all, over every
// axis of the mesh.

#ifndef DPCRT_PROGRAM_CHECK_WAITGRAPH_H
#define DPCRT_PROGRAM_CHECK_WAITGRAPH_H

#include "program/check/CheckParts.h"

namespace dpcrt {

/// How a device carries out communications. Each has the waits of those before it.
enum class Execution : uint8_t {
  AsAsked,        ///< only what programs ask for is waited for
  WholeExchanges, ///< no message completes before all those of both its exchanges can
  OneByOne        ///< and a rank's communications follow each other in list order
};

class WaitGraph {
public:
  WaitGraph(const std::vector<RankGraph> &ranks, const std::vector<Match> &matches,
            const std::vector<CollectiveMatch> &collectives, Execution execution);

  /// Nodes of which each waits for the next and the last for the first; none if
  /// everything comes to an end.
  std::vector<uint32_t> cycle() const {
    return findCycle(
        nodes, edges, topologicalOrder(nodes, edges),
        [&](uint32_t before, uint32_t after) { return goesWithoutSaying(before, after); });
  }
  /// A line for each hop of a cycle, each after a line break.
  std::string describe(const std::vector<uint32_t> &cycle) const;

private:
  struct Place {
    uint32_t rank, node;
  };
  struct Hop {
    Place from, to;
    enum Kind { Rendezvous, Collective, Stream, Event, Issue, Together } kind;
  };

  void addCollectives();
  void addWholeExchanges();
  void addListOrder();

  Place place(uint32_t number) const;
  /// Nodes of no rank: what members of a collective, or transfers of an
  /// exchange, have to come to before any of them ends.
  bool isMiddle(uint32_t number) const { return number >= first.back(); }
  bool isExchange(uint32_t middle) const { return middle >= firstExchange; }
  /// Order along a stream, along the list and inside a command.
  bool goesWithoutSaying(uint32_t before, uint32_t after) const;
  bool isCommunication(const Place &at) const;
  bool isIssueEdge(const Place &before, const Place &after) const;
  bool isAsked(const Place &before, const Place &after) const;
  /// The transfer of `at`'s exchange that meets the exchange that starts at
  /// `peer`; `at` itself if it does.
  Place metBy(const Place &at, const Place &peer) const;
  /// Of a transfer: the one that it meets.
  Place otherEnd(const Place &at) const;
  Hop::Kind kindOf(const Place &from, const Place &to) const;
  std::vector<Hop> hopsOf(std::vector<uint32_t> cycle) const;
  bool join(Hop &hop, const Hop &next) const;
  uint32_t stream(const Place &at) const;
  std::string name(const Place &at) const;

  const std::vector<RankGraph> &ranks;
  const std::vector<Match> &matches;
  const std::vector<CollectiveMatch> &collectives;
  std::vector<uint32_t> first;  ///< node of each rank; last: of the middles
  uint32_t firstExchange;       ///< of the middles
  std::vector<Place> exchanges; ///< where they start, of these
  uint32_t nodes = 0;
  std::vector<Edge> edges;
};

} // namespace dpcrt

#endif // DPCRT_PROGRAM_CHECK_WAITGRAPH_H
