// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The partition problem once more, slowly: costs by their definition, and every
// cut tried. What the algorithms find is held against this.
#ifndef DPC_TEST_UNIT_PARTITION_EXHAUSTIVE_H
#define DPC_TEST_UNIT_PARTITION_EXHAUSTIVE_H

#include "dpc/Partition/Cuts.h"

#include <functional>
#include <limits>
#include <vector>

namespace dpc::partition::test {

inline constexpr double kNone = std::numeric_limits<double>::infinity();

/// The stage of every node.
using Assignment = std::vector<unsigned>;

Assignment getAssignment(const Graph &graph, const Cuts &cuts);

/// Seconds of a stage: its nodes; what it makes again, once each; the bytes of each
/// value that it receives, and of each that any later stage reads. Latencies of
/// these messages are apart, as nobody waits for them all the time.
double getStageSeconds(const Graph &graph, const Assignment &stageOf, unsigned stage);
double getStageLatency(const Graph &graph, const Assignment &stageOf, unsigned stage);
double getSlowest(const Graph &graph, const Assignment &stageOf, unsigned stages);

/// Calls `visit` with every way to cut the order into stages, the loss kept whole.
void forEachCuts(const Graph &graph, unsigned stages,
                 const std::function<void(const Cuts &)> &visit);

/// The smallest cost of the slowest stage over the cuts of the given order that
/// `isLegal` (if given) allows; kNone if there are none.
double findBestCuts(const Graph &graph, unsigned stages,
                    const std::function<bool(const Assignment &)> &isLegal = {});

/// The same over all assignments in which no node reads from a later stage, every
/// stage has a node and the loss is whole in the last: all convex partitions, in
/// whatever order the nodes stand.
double findBestConvex(const Graph &graph, unsigned stages);

} // namespace dpc::partition::test

#endif // DPC_TEST_UNIT_PARTITION_EXHAUSTIVE_H
