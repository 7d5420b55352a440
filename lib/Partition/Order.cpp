// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The order in which nodes are cut. Stages are intervals of one topological
// order, so a good order is one in which few bytes are alive between neighbours:
// branches that are read late are computed late, and hints are ascending.
#include "dpc/Partition/Graph.h"

#include <algorithm>
#include <numeric>

namespace dpc::partition {

/// For each node the largest hint among itself and what it reads from, -1 if
/// there is none.
static std::vector<int> getHintBounds(const Graph &graph) {
  std::vector<int> bounds(graph.nodes.size(), -1);
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    bounds[i] = graph.nodes[i].hint;
    for (unsigned value : graph.nodes[i].reads)
      bounds[i] = std::max(bounds[i], bounds[graph.values[value].producer]);
  }
  return bounds;
}

HintConflict findHintConflict(const Graph &graph) {
  // For each node, who brought in the largest hint among its ancestors.
  std::vector<int> source(graph.nodes.size(), -1);
  auto hintOf = [&](int node) { return node < 0 ? -1 : graph.nodes[node].hint; };
  for (unsigned i = 0; i < graph.nodes.size(); ++i) {
    for (unsigned value : graph.nodes[i].reads) {
      int from = source[graph.values[value].producer];
      if (hintOf(from) > hintOf(source[i]))
        source[i] = from;
    }
    int hint = graph.nodes[i].hint;
    if (hint >= 0 && hint < hintOf(source[i]))
      return {true, i, static_cast<unsigned>(source[i])};
    if (hint >= 0)
      source[i] = i;
  }
  return {};
}

std::vector<unsigned> refineOrder(const Graph &graph) {
  unsigned count = graph.nodes.size();
  std::vector<std::vector<unsigned>> made(count);
  for (unsigned v = 0; v < graph.values.size(); ++v)
    made[graph.values[v].producer].push_back(v);
  std::vector<std::vector<unsigned>> readers(graph.values.size());
  for (unsigned i = 0; i < count; ++i)
    for (unsigned value : graph.nodes[i].reads)
      readers[value].push_back(i);

  // A node's rank is its own position, or its first reader's rank if it sinks.
  // Readers come first in this walk, so chains sink together.
  std::vector<unsigned> rank(count);
  std::vector<int> lastRank(graph.values.size(), -1); // over ranked readers
  for (unsigned i = count; i-- > 0;) {
    rank[i] = i;
    int64_t results = 0;
    unsigned first = count;
    for (unsigned value : made[i]) {
      results += graph.values[value].bytes;
      for (unsigned reader : readers[value])
        first = std::min(first, rank[reader]);
    }
    if (first < count && i + 1 < graph.lastCut) {
      int64_t operands = 0;
      for (unsigned value : graph.nodes[i].reads)
        if (lastRank[value] < static_cast<int>(first))
          operands += graph.values[value].bytes;
      if (results > operands)
        rank[i] = first;
    }
    for (unsigned value : graph.nodes[i].reads)
      lastRank[value] = std::max(lastRank[value], static_cast<int>(rank[i]));
  }

  std::vector<int> bounds = getHintBounds(graph);
  std::vector<unsigned> order(count);
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(), [&](unsigned a, unsigned b) {
    // What makes the loss stays last.
    bool tailA = a >= graph.lastCut, tailB = b >= graph.lastCut;
    if (tailA != tailB)
      return tailB;
    if (tailA)
      return a < b;
    if (bounds[a] != bounds[b])
      return bounds[a] < bounds[b];
    if (rank[a] != rank[b])
      return rank[a] < rank[b];
    return a < b;
  });
  return order;
}

Graph reorder(const Graph &graph, const std::vector<unsigned> &order) {
  std::vector<unsigned> position(order.size());
  for (unsigned i = 0; i < order.size(); ++i)
    position[order[i]] = i;
  Graph result = graph;
  for (unsigned i = 0; i < order.size(); ++i)
    result.nodes[i] = graph.nodes[order[i]];
  for (Tensor &value : result.values)
    value.producer = position[value.producer];
  for (Recomputation &recomputation : result.recomputations)
    if (recomputation.node >= 0)
      recomputation.node = position[recomputation.node];
  return result;
}

} // namespace dpc::partition
