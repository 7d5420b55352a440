// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Choosing where stages begin. Free functions over the plain graph of Graph.h.
//
// What is minimised is the slowest stage: forward and backward seconds of its
// nodes and recomputations, and the bytes it receives and sends, gradients
// included. A value that skips stages goes straight to its readers, so it costs
// its producer and its readers and no stage between. The latency of a message takes
// neither a core nor the link, and in the steady state of a pipeline nobody waits for
// it: it only decides between cuts whose slowest stages are alike.
//
// A stage's cost depends on its two ends only, so dynamic programming over the
// positions of the order is exact over all partitions into intervals; for a chain
// these are all convex partitions.
#ifndef DPC_PARTITION_CUTS_H
#define DPC_PARTITION_CUTS_H

#include "dpc/Partition/Graph.h"

#include <string>
#include <vector>

namespace dpc::partition {

/// What a stage costs one micro-batch.
struct StageCost {
  double compute = 0;  ///< seconds of nodes and recomputations
  double messages = 0; ///< seconds of the bytes it receives and sends
  double latency = 0;  ///< of all its messages; only decides between equal cuts
  double ties = 0;     ///< seconds a step to reduce parameters that an earlier
                       ///< stage holds too; only decides between equal cuts
  double getSeconds() const { return compute + messages; }
};

/// Grows a stage node by node; every step is linear in the node's operands.
class StageWalk {
public:
  explicit StageWalk(const Graph &graph);
  /// An empty stage that begins at a node.
  void begin(unsigned first);
  /// Takes the next node in.
  void add();
  StageCost getCost() const;

private:
  const Graph &graph;
  std::vector<unsigned> lastUse;           // per value: last node that reads it, or its producer
  std::vector<unsigned> firstUser;         // per parameter
  std::vector<std::vector<unsigned>> made; // per node: values
  std::vector<std::vector<unsigned>> repeatedBy;                 // per node: recomputations of it
  std::vector<unsigned> valueSeen, recomputationSeen, paramSeen; // epochs
  unsigned epoch = 0, first = 0, next = 0;
  double compute = 0;
  int64_t messages = 0, messageBytes = 0, tieBytes = 0;
  void count(const Tensor &value, int sign);
};

/// The costs of the stages that `cuts` makes.
std::vector<StageCost> getStageCosts(const Graph &graph, const Cuts &cuts);

/// The largest number of stages the graph can be cut into: every stage has a
/// node, and what makes the loss stays together.
unsigned getMaxStages(const Graph &graph);

struct CutOptions {
  unsigned stages = 1;
  /// How much slower the slowest stage may be if fewer different stages result.
  double tolerance = 0.02;
};

/// `error` is empty or says in a sentence why there are no cuts.
struct CutResult {
  Cuts cuts;
  std::string error;
};

/// The best cuts. Hints are kept: if the model names as many stages as wanted or
/// fewer, no stage holds nodes of two of them; if it names more, none of its
/// stages is divided.
CutResult findCuts(const Graph &graph, const CutOptions &options);

/// Cuts after the given module paths or nodes, in this order.
CutResult resolveCuts(const Graph &graph, const std::vector<std::string> &paths, unsigned stages);

/// A region of the order in which signatures repeat with a period.
struct Repeat {
  unsigned begin = 0, end = 0, period = 0; ///< period 0: nothing repeats
};
Repeat findRepeat(const Graph &graph);

/// Exact search over a subset of the positions where stages may begin.
class CutSearch {
public:
  CutSearch(const Graph &graph, unsigned stages);
  /// Where a stage may begin; position 0 always.
  std::vector<char> allowed;
  /// The smallest possible cost of the slowest stage; infinity if there is none
  /// up to `bound`.
  double findSlowest(double bound);
  /// Of all cuts whose stages cost at most `limit`, the most even ones (smallest
  /// sum of squares, ties' reduction included); empty if there are none.
  Cuts findEven(double limit);

private:
  const Graph &graph;
  unsigned stages;
  bool divideHints; // every hinted stage holds at least one of ours
  template <typename Join>
  void search(double limit, std::vector<std::vector<double>> &best,
              std::vector<std::vector<unsigned>> *from, Join join);
};

} // namespace dpc::partition

#endif // DPC_PARTITION_CUTS_H
