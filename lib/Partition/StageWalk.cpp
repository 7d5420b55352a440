// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a stage costs, counted as it grows. Bytes and messages are integers, so a
// cost does not depend on the way the walk took.
#include "dpc/Partition/Cuts.h"

#include <algorithm>

namespace dpc::partition {

StageWalk::StageWalk(const Graph &graph)
    : graph(graph), lastUse(graph.values.size()),
      firstUser(graph.paramBytes.size(), graph.nodes.size()), made(graph.nodes.size()),
      repeatedBy(graph.nodes.size()), valueSeen(graph.values.size(), 0),
      recomputationSeen(graph.recomputations.size(), 0), paramSeen(graph.paramBytes.size(), 0) {
  for (unsigned v = 0; v < graph.values.size(); ++v) {
    lastUse[v] = graph.values[v].producer;
    made[graph.values[v].producer].push_back(v);
  }
  for (unsigned r = 0; r < graph.recomputations.size(); ++r)
    if (graph.recomputations[r].node >= 0)
      repeatedBy[graph.recomputations[r].node].push_back(r);
  for (unsigned i = 0; i < graph.nodes.size(); ++i) {
    for (unsigned value : graph.nodes[i].reads)
      lastUse[value] = std::max(lastUse[value], i);
    for (unsigned param : graph.nodes[i].params)
      firstUser[param] = std::min(firstUser[param], i);
  }
}

void StageWalk::begin(unsigned node) {
  ++epoch;
  first = next = node;
  compute = 0;
  messages = messageBytes = tieBytes = 0;
}

void StageWalk::count(const Tensor &value, int sign) {
  int ways = value.gradient ? 2 : 1;
  messages += sign * ways;
  messageBytes += sign * ways * value.bytes;
}

void StageWalk::add() {
  const Node &node = graph.nodes[next];
  compute += node.seconds;
  for (unsigned r : node.recomputations) {
    const Recomputation &recomputation = graph.recomputations[r];
    // No edge leads from a node to those that repeat it: it may also stand behind
    // them, in this stage or in a later one.
    bool isHere = recomputation.node >= static_cast<int>(first) &&
                  recomputation.node < static_cast<int>(next);
    if (isHere || recomputationSeen[r] == epoch)
      continue;
    recomputationSeen[r] = epoch;
    compute += recomputation.seconds;
  }
  // What was counted as repeated before its node came is the node itself.
  for (unsigned r : repeatedBy[next])
    if (recomputationSeen[r] == epoch)
      compute -= graph.recomputations[r].seconds;
  for (unsigned v : node.reads) {
    const Tensor &value = graph.values[v];
    if (value.producer >= first) {
      // Made here, and nobody later wants it: it is not sent after all.
      if (lastUse[v] == next)
        count(value, -1);
    } else if (valueSeen[v] != epoch) {
      valueSeen[v] = epoch;
      count(value, 1);
    }
  }
  for (unsigned v : made[next])
    if (lastUse[v] > next)
      count(graph.values[v], 1);
  for (unsigned param : node.params) {
    if (firstUser[param] >= first || paramSeen[param] == epoch)
      continue;
    paramSeen[param] = epoch;
    tieBytes += graph.paramBytes[param];
  }
  ++next;
}

StageCost StageWalk::getCost() const {
  StageCost cost;
  cost.compute = compute;
  cost.messages = messageBytes * graph.secondsPerMessageByte;
  cost.latency = messages * graph.messageLatency;
  cost.ties = tieBytes * graph.secondsPerMessageByte;
  return cost;
}

std::vector<StageCost> getStageCosts(const Graph &graph, const Cuts &cuts) {
  std::vector<StageCost> costs;
  StageWalk walk(graph);
  for (unsigned k = 0; k < cuts.starts.size(); ++k) {
    unsigned end = k + 1 < cuts.starts.size() ? cuts.starts[k + 1] : graph.nodes.size();
    walk.begin(cuts.starts[k]);
    for (unsigned i = cuts.starts[k]; i < end; ++i)
      walk.add();
    costs.push_back(walk.getCost());
  }
  return costs;
}

} // namespace dpc::partition
