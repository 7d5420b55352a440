// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Order between commands, as vector clocks -*- C++.
//
// Plain algorithms over a plain graph. A node is something that happens; an
// edge says that one thing ends before another starts. Every node lies on one
// axis, and nodes of an axis are totally ordered by edges (an axis is a
// stream), so that "a happens before b" is one comparison of b's clock on a's
// axis with a's position there. O((nodes + edges) * axes) to build.

#ifndef DPCRT_PROGRAM_CHECK_HAPPENSBEFORE_H
#define DPCRT_PROGRAM_CHECK_HAPPENSBEFORE_H

#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

namespace dpcrt {

using Edge = std::pair<uint32_t, uint32_t>; ///< first ends before second starts

struct EventGraph {
  struct Node {
    uint32_t axis;
    uint32_t position; ///< on its axis, from 1
  };

  explicit EventGraph(uint32_t axes) : length(axes, 0) {}

  uint32_t axes() const { return static_cast<uint32_t>(length.size()); }
  uint32_t size() const { return static_cast<uint32_t>(nodes.size()); }

  /// Appends a node at the end of `axis`. The caller adds the edge from the
  /// node before it on that axis.
  uint32_t addNode(uint32_t axis) {
    nodes.push_back({axis, ++length[axis]});
    return size() - 1;
  }
  void addEdge(uint32_t before, uint32_t after) { edges.push_back({before, after}); }

  std::vector<Node> nodes;
  std::vector<Edge> edges;
  std::vector<uint32_t> length; ///< nodes of each axis
};

/// Neighbours of every node, in the order of the edges.
class Adjacency {
public:
  static Adjacency successors(uint32_t nodes, const std::vector<Edge> &edges);
  static Adjacency predecessors(uint32_t nodes, const std::vector<Edge> &edges);

  const uint32_t *begin(uint32_t node) const { return neighbours.data() + first[node]; }
  const uint32_t *end(uint32_t node) const { return neighbours.data() + first[node + 1]; }

private:
  std::vector<uint32_t> first, neighbours;
};

/// An order in which every edge points forward; the order of the numbers where
/// that is one. Nodes on cycles, and nodes behind them, are left out.
std::vector<uint32_t> topologicalOrder(uint32_t nodes, const std::vector<Edge> &edges);

/// A cycle through some node that `order` leaves out: each node waits for the
/// next, the last for the first. Empty if `order` is complete. Among the cycles
/// through that node it is one with the fewest edges that are not `plain`
/// (edges that go without saying, such as those along a stream).
std::vector<uint32_t> findCycle(uint32_t nodes, const std::vector<Edge> &edges,
                                const std::vector<uint32_t> &order,
                                const std::function<bool(uint32_t, uint32_t)> &plain);

class Clocks {
public:
  /// `order` must be complete.
  Clocks(const EventGraph &graph, const std::vector<uint32_t> &order);

  /// True if a ends before b starts, or a is b.
  bool before(uint32_t a, uint32_t b) const {
    return at(b, graph.nodes[a].axis) >= graph.nodes[a].position;
  }
  /// The last position on `axis` that has ended when `node` has.
  uint32_t at(uint32_t node, uint32_t axis) const {
    return clock[std::size_t(node) * graph.axes() + axis];
  }

private:
  const EventGraph &graph;
  std::vector<uint32_t> clock;
};

} // namespace dpcrt

#endif // DPCRT_PROGRAM_CHECK_HAPPENSBEFORE_H
