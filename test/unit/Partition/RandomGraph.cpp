// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "RandomGraph.h"

#include <algorithm>

namespace dpc::partition::test {

static void sortDistinct(std::vector<unsigned> &numbers) {
  std::sort(numbers.begin(), numbers.end());
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
}

/// Costs of seconds, of the links, and whether a gradient comes back. All are
/// small whole numbers, so that many cuts cost the same.
static void drawLinks(Random &random, Graph &graph) {
  graph.messageLatency = random.below(4);
  graph.secondsPerMessageByte = random.below(3) * 0.25;
}
static double drawSeconds(Random &random) {
  double forward = random.below(10), backward = random.below(20);
  return forward + backward;
}
static Tensor drawValue(Random &random, unsigned producer) {
  return {producer, 4 * random.from(1, 12), !random.oneIn(4)};
}

Graph makeChain(Random &random, unsigned nodes) {
  Graph graph;
  drawLinks(random, graph);
  unsigned params = random.below(4), repeated = random.below(3);
  for (unsigned p = 0; p < params; ++p)
    graph.paramBytes.push_back(4 * random.from(1, 20));
  for (unsigned r = 0; r < repeated; ++r)
    graph.recomputations.push_back({static_cast<double>(random.below(5)), -1});
  for (unsigned i = 0; i < nodes; ++i) {
    Node node;
    node.name = "node" + std::to_string(i);
    node.seconds = drawSeconds(random);
    node.signature = random.below(3);
    if (i > 0)
      node.reads = {i - 1};
    for (unsigned p = 0; p < params; ++p)
      if (random.oneIn(4))
        node.params.push_back(p);
    for (unsigned r = 0; r < repeated; ++r)
      if (random.oneIn(4))
        node.recomputations.push_back(r);
    graph.nodes.push_back(node);
    if (i + 1 < nodes)
      graph.values.push_back(drawValue(random, i));
  }
  graph.lastCut = nodes - 1 - random.below(std::min(3u, nodes));
  return graph;
}

Graph makeDag(Random &random, unsigned nodes) {
  Graph graph;
  drawLinks(random, graph);
  std::vector<char> isRead;
  for (unsigned r = random.below(3); r > 0; --r)
    graph.recomputations.push_back({static_cast<double>(random.below(5)), -1});
  // What reading the repeated work of a node brings in besides: its own operands.
  std::vector<std::vector<unsigned>> operands(graph.recomputations.size());
  for (unsigned i = 0; i < nodes; ++i) {
    Node node;
    node.name = "node" + std::to_string(i);
    node.seconds = drawSeconds(random);
    node.signature = random.below(4);
    if (i > 0)
      for (unsigned reads = random.from(1, 3); reads > 0 && !graph.values.empty(); --reads)
        node.reads.push_back(random.below(graph.values.size()));
    for (unsigned r = 0; r < graph.recomputations.size(); ++r)
      if (random.oneIn(5)) {
        node.recomputations.push_back(r);
        node.reads.insert(node.reads.end(), operands[r].begin(), operands[r].end());
      }
    if (i + 1 == nodes)
      for (unsigned v = 0; v < graph.values.size(); ++v)
        if (!isRead[v] && graph.values[v].producer + 1 != nodes && !random.oneIn(3))
          node.reads.push_back(v);
    sortDistinct(node.reads);
    for (unsigned v : node.reads)
      isRead[v] = 1;
    if (i + 1 < nodes)
      for (unsigned results = random.oneIn(4) ? 2 : 1; results > 0; --results) {
        graph.values.push_back(drawValue(random, i));
        isRead.push_back(0);
      }
    if (random.oneIn(5)) {
      graph.recomputations.push_back({node.seconds, static_cast<int>(i)});
      operands.push_back(node.reads);
    }
    graph.nodes.push_back(node);
  }
  graph.lastCut = nodes - 1 - random.below(std::min(3u, nodes));
  return graph;
}

} // namespace dpc::partition::test
