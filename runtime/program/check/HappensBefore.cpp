// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Order between commands, as vector clocks.

#include "program/check/HappensBefore.h"

#include <algorithm>
#include <cassert>
#include <deque>

using namespace dpcrt;

static void index(uint32_t nodes, const std::vector<Edge> &edges, bool forward,
                  std::vector<uint32_t> &first, std::vector<uint32_t> &neighbours) {
  first.assign(size_t(nodes) + 1, 0);
  for (const Edge &edge : edges)
    ++first[(forward ? edge.first : edge.second) + 1];
  for (uint32_t node = 0; node < nodes; ++node)
    first[node + 1] += first[node];
  neighbours.resize(edges.size());
  std::vector<uint32_t> next(first.begin(), first.end() - 1);
  for (const Edge &edge : edges)
    neighbours[next[forward ? edge.first : edge.second]++] = forward ? edge.second : edge.first;
}

Adjacency Adjacency::successors(uint32_t nodes, const std::vector<Edge> &edges) {
  Adjacency result;
  index(nodes, edges, true, result.first, result.neighbours);
  return result;
}

Adjacency Adjacency::predecessors(uint32_t nodes, const std::vector<Edge> &edges) {
  Adjacency result;
  index(nodes, edges, false, result.first, result.neighbours);
  return result;
}

std::vector<uint32_t> dpcrt::topologicalOrder(uint32_t nodes, const std::vector<Edge> &edges) {
  std::vector<uint32_t> order;
  order.reserve(nodes);
  bool ascending =
      std::all_of(edges.begin(), edges.end(), [](const Edge &e) { return e.first < e.second; });
  if (ascending) {
    for (uint32_t node = 0; node < nodes; ++node)
      order.push_back(node);
    return order;
  }
  Adjacency after = Adjacency::successors(nodes, edges);
  std::vector<uint32_t> missing(nodes, 0);
  for (const Edge &edge : edges)
    ++missing[edge.second];
  for (uint32_t node = 0; node < nodes; ++node)
    if (missing[node] == 0)
      order.push_back(node);
  for (size_t next = 0; next < order.size(); ++next)
    for (const uint32_t *it = after.begin(order[next]), *end = after.end(order[next]); it != end;
         ++it)
      if (--missing[*it] == 0)
        order.push_back(*it);
  return order;
}

std::vector<uint32_t> dpcrt::findCycle(uint32_t nodes, const std::vector<Edge> &edges,
                                       const std::vector<uint32_t> &order,
                                       const std::function<bool(uint32_t, uint32_t)> &plain) {
  if (order.size() == nodes)
    return {};
  std::vector<bool> done(nodes, false);
  for (uint32_t node : order)
    done[node] = true;
  Adjacency before = Adjacency::predecessors(nodes, edges);
  auto stuckPredecessor = [&](uint32_t node) {
    const uint32_t *it = std::find_if(before.begin(node), before.end(node),
                                      [&](uint32_t other) { return !done[other]; });
    assert(it != before.end(node) && "a stuck node waits for a stuck node");
    return *it;
  };
  // Walking backwards among stuck nodes must come round.
  uint32_t start = static_cast<uint32_t>(std::find(done.begin(), done.end(), false) - done.begin());
  std::vector<bool> seen(nodes, false);
  while (!seen[start]) {
    seen[start] = true;
    start = stuckPredecessor(start);
  }
  // From there against the edges and back to itself; plain edges cost nothing,
  // so their ends go to the front of the queue.
  constexpr uint32_t none = UINT32_MAX;
  std::vector<uint32_t> distance(nodes, none), cameFrom(nodes, none);
  uint32_t closing = none, best = none;
  std::deque<std::pair<uint32_t, uint32_t>> queue{{0, start}};
  distance[start] = 0;
  while (!queue.empty()) {
    auto [far, at] = queue.front();
    queue.pop_front();
    if (far != distance[at] || far >= best)
      continue;
    for (const uint32_t *it = before.begin(at); it != before.end(at); ++it) {
      if (done[*it])
        continue;
      bool free = plain(*it, at);
      uint32_t reached = far + (free ? 0 : 1);
      if (*it == start) {
        if (reached < best) {
          best = reached;
          closing = at;
        }
        continue;
      }
      if (reached >= distance[*it])
        continue;
      distance[*it] = reached;
      cameFrom[*it] = at;
      if (free)
        queue.push_front({reached, *it});
      else
        queue.push_back({reached, *it});
    }
  }
  assert(closing != none && "the walk above found a cycle");
  // cameFrom leads from what is waited for to who waits; reversed, each node
  // waits for the next.
  std::vector<uint32_t> cycle;
  for (uint32_t step = closing; step != start; step = cameFrom[step])
    cycle.push_back(step);
  cycle.push_back(start);
  std::reverse(cycle.begin(), cycle.end());
  return cycle;
}

Clocks::Clocks(const EventGraph &graph, const std::vector<uint32_t> &order)
    : graph(graph), clock(size_t(graph.size()) * graph.axes(), 0) {
  assert(order.size() == graph.size() && "clocks need an acyclic graph");
  uint32_t axes = graph.axes();
  Adjacency before = Adjacency::predecessors(graph.size(), graph.edges);
  for (uint32_t node : order) {
    uint32_t *own = &clock[size_t(node) * axes];
    for (const uint32_t *it = before.begin(node); it != before.end(node); ++it) {
      const uint32_t *other = &clock[size_t(*it) * axes];
      for (uint32_t axis = 0; axis < axes; ++axis)
        own[axis] = std::max(own[axis], other[axis]);
    }
    own[graph.nodes[node].axis] = graph.nodes[node].position;
  }
}
