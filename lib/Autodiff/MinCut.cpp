// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Dinic's algorithm: layer the residual network by distance from the source, push
// along shortest paths until none is left, repeat. Paths are followed without
// recursion because a chain of operations may be very long.
#include "dpc/Autodiff/MinCut.h"

#include <algorithm>
#include <cassert>

using namespace dpc::autodiff;

unsigned FlowNetwork::addNode() {
  incident.emplace_back();
  return incident.size() - 1;
}

void FlowNetwork::addEdge(unsigned from, unsigned to, int64_t capacity) {
  assert(capacity >= 0 && capacity <= kUncuttable && "capacity out of range");
  incident[from].push_back(edges.size());
  edges.push_back({to, capacity});
  incident[to].push_back(edges.size());
  edges.push_back({from, 0});
}

bool FlowNetwork::layer(unsigned source, unsigned sink) {
  constexpr unsigned unseen = ~0u;
  level.assign(incident.size(), unseen);
  level[source] = 0;
  std::vector<unsigned> queue{source};
  for (size_t i = 0; i < queue.size(); ++i)
    for (unsigned e : incident[queue[i]])
      if (edges[e].residual > 0 && level[edges[e].to] == unseen) {
        level[edges[e].to] = level[queue[i]] + 1;
        queue.push_back(edges[e].to);
      }
  return level[sink] != unseen;
}

// Pushes along one shortest path; 0 if the layered network has none left.
int64_t FlowNetwork::push(unsigned source, unsigned sink) {
  std::vector<unsigned> path; // edges
  unsigned node = source;
  while (node != sink) {
    bool advanced = false;
    for (unsigned &i = next[node]; i < incident[node].size(); ++i) {
      const Edge &edge = edges[incident[node][i]];
      if (edge.residual > 0 && level[edge.to] == level[node] + 1) {
        path.push_back(incident[node][i]);
        node = edge.to;
        advanced = true;
        break;
      }
    }
    if (advanced)
      continue;
    if (path.empty())
      return 0;
    // A dead end: step back and never try this edge again in this layering.
    node = edges[path.back() ^ 1].to;
    path.pop_back();
    ++next[node];
  }
  int64_t amount = kUncuttable;
  for (unsigned e : path)
    amount = std::min(amount, edges[e].residual);
  for (unsigned e : path) {
    if (edges[e].residual < kUncuttable)
      edges[e].residual -= amount;
    // Saturate: an uncuttable edge stays uncuttable whatever runs back over it.
    edges[e ^ 1].residual = std::min(edges[e ^ 1].residual + amount, kUncuttable);
  }
  return amount;
}

int64_t FlowNetwork::maximizeFlow(unsigned source, unsigned sink) {
  int64_t flow = 0;
  while (layer(source, sink)) {
    next.assign(incident.size(), 0);
    while (int64_t amount = push(source, sink)) {
      if (amount == kUncuttable)
        return kUncuttable;
      flow += amount;
    }
  }
  return flow;
}

std::vector<bool> FlowNetwork::getSinkSide(unsigned sink) const {
  std::vector<bool> reaches(incident.size(), false);
  reaches[sink] = true;
  std::vector<unsigned> queue{sink};
  for (size_t i = 0; i < queue.size(); ++i)
    for (unsigned e : incident[queue[i]])
      // The reverse of an edge out of this node is an edge into it.
      if (edges[e ^ 1].residual > 0 && !reaches[edges[e].to]) {
        reaches[edges[e].to] = true;
        queue.push_back(edges[e].to);
      }
  return reaches;
}
