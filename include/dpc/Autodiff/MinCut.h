// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Minimum cut of a directed network, by Dinic's maximum flow (E. A. Dinic, 1970).
// Choosing what to keep between a forward and its backward is such a cut.
#ifndef DPC_AUTODIFF_MINCUT_H
#define DPC_AUTODIFF_MINCUT_H

#include <cstdint>
#include <limits>
#include <vector>

namespace dpc::autodiff {

/// A network with integer capacities. The same calls in the same order give the
/// same flow and the same cut.
class FlowNetwork {
public:
  /// The capacity of an edge that must not be cut.
  static constexpr int64_t kUncuttable = std::numeric_limits<int64_t>::max() / 4;

  /// Adds a node and returns its number (0, 1, ...).
  unsigned addNode();
  /// Adds an edge; `capacity` is at least 0 and at most kUncuttable.
  void addEdge(unsigned from, unsigned to, int64_t capacity);
  /// The largest flow from `source` to `sink`, which is the capacity of the
  /// smallest cut; kUncuttable if no cut exists. Call once.
  int64_t maximizeFlow(unsigned source, unsigned sink);
  /// After maximizeFlow: the nodes from which `sink` can still be reached. Of all
  /// smallest cuts this is the one nearest to the sink.
  std::vector<bool> getSinkSide(unsigned sink) const;

private:
  struct Edge {
    unsigned to;
    int64_t residual;
  };
  // edges[2k + 1] is the reverse of edges[2k].
  std::vector<Edge> edges;
  std::vector<std::vector<unsigned>> incident;
  std::vector<unsigned> level, next;

  bool layer(unsigned source, unsigned sink);
  int64_t push(unsigned source, unsigned sink);
};

} // namespace dpc::autodiff

#endif // DPC_AUTODIFF_MINCUT_H
