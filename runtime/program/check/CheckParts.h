// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The steps of the check.
//
// Private to the check. Each step is a function over the ranks' graphs;
// Check.cpp calls them in order and stops where a later step would only repeat
// an error.

#ifndef DPCRT_PROGRAM_CHECK_CHECKPARTS_H
#define DPCRT_PROGRAM_CHECK_CHECKPARTS_H

#include "program/check/Check.h"
#include "program/check/RankGraph.h"

namespace dpcrt {

/// The programs belong together: one mesh, one entry point, groups that mean
/// the same, parameters that are the same everywhere, counted once and with moments of
/// every element.
void checkRanks(const std::vector<const fb::Program *> &programs, Diagnostics &diagnostics);

/// A message: who sends and who receives it.
struct Match {
  uint32_t sender, receiver;
  RankGraph::TransferSite send, receive;
};
/// A collective: its place on every member, in ascending order of ranks.
struct CollectiveMatch {
  std::vector<std::pair<uint32_t, RankGraph::CollectiveSite>> members;
};

/// Pairs the k-th send of a to b with the k-th receive of b from a, and the
/// k-th collectives of a group; reports what does not meet or does not agree.
void matchMessages(const std::vector<RankGraph> &ranks, std::vector<Match> &matches,
                   Diagnostics &diagnostics);
void matchCollectives(const std::vector<RankGraph> &ranks,
                      std::vector<CollectiveMatch> &collectives, Diagnostics &diagnostics);

/// Finds commands that wait for each other over any number of ranks, and lists that
/// are no order of issue, in which they would wait for each other on some device.
void checkOrder(const std::vector<RankGraph> &ranks, const std::vector<Match> &matches,
                const std::vector<CollectiveMatch> &collectives, Diagnostics &diagnostics);

/// Races, bytes read before they are written, the order of messages, and the
/// end of the step, of one rank whose own graph has no cycle.
void checkRaces(const RankGraph &rank, Diagnostics &diagnostics);

} // namespace dpcrt

#endif // DPCRT_PROGRAM_CHECK_CHECKPARTS_H
