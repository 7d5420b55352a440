// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The partition problem as plain data: what a graph of operations is to someone
// who cuts it into stages. No MLIR here, so that the algorithms can be tested
// against exhaustive search on made-up graphs.
//
// A *node* is an operation that runs in exactly one stage. A *value* is a tensor
// that may be sent between stages; everything else that a node reads (values of
// inputs and constants alone, values of parameters and constants alone, integers,
// booleans, views) is made again in every stage that reads it: a *recomputation*.
// Nodes stand in a topological order, and a stage is an interval of it: then no
// two stages can need each other, whatever the graph looks like.
#ifndef DPC_PARTITION_GRAPH_H
#define DPC_PARTITION_GRAPH_H

#include <cstdint>
#include <string>
#include <vector>

namespace dpc::partition {

/// A tensor that one node makes and later nodes read.
struct Tensor {
  unsigned producer = 0; ///< node
  int64_t bytes = 0;
  bool gradient = true; ///< a gradient of the same size comes back
};

/// Work that every stage which reads its result does itself.
struct Recomputation {
  double seconds = 0; ///< forward and backward
  /// The node whose work it repeats: nothing to do in the stage that holds that
  /// node. -1 if it repeats no node.
  int node = -1;
};

struct Node {
  std::string name;                     ///< the user's, for messages
  std::string path;                     ///< module path, "" if unknown
  double seconds = 0;                   ///< forward and backward
  std::vector<unsigned> reads;          ///< values, ascending, distinct
  std::vector<unsigned> recomputations; ///< ascending, distinct
  std::vector<unsigned> params;         ///< ascending, distinct
  /// Equal for nodes that compute the same from equally distant operands.
  uint64_t signature = 0;
  int hint = -1; ///< the stage the model asks for, -1 if it does not
};

/// An operation that is no node, because each stage that reads its result makes it
/// again; known for messages only.
struct RepeatedOperation {
  std::string name, path; ///< as of a node
  bool isTrained;         ///< depends on a trained parameter
};

struct Graph {
  std::vector<Node> nodes;
  std::vector<RepeatedOperation> repeated;
  std::vector<Tensor> values;
  std::vector<Recomputation> recomputations;
  std::vector<int64_t> paramBytes;
  /// No cut after this many nodes: the rest makes the loss and its denominator
  /// and stays together.
  unsigned lastCut = 0;

  // Seconds of what crosses a border, and of the reduction of tied gradients.
  double messageLatency = 0;
  double secondsPerMessageByte = 0;
};

/// Where stages begin: stage k is the nodes [starts[k], starts[k + 1]), the last
/// one ends with the graph. starts[0] is 0.
struct Cuts {
  std::vector<unsigned> starts;
  unsigned getStageCount() const { return starts.size(); }
};

/// A topological order of the nodes that keeps less alive than the given one: a
/// node whose results are larger than the operands that only it keeps alive moves
/// to where its first reader stands. order[i] is the node at position i. With
/// hints, nodes are moved into the order of the hints where edges allow it.
std::vector<unsigned> refineOrder(const Graph &graph);

/// The graph with its nodes in another topological order.
Graph reorder(const Graph &graph, const std::vector<unsigned> &order);

/// Two nodes, the first reading from the second, whose hints demand the opposite
/// order. found is false if hints are convex.
struct HintConflict {
  bool found = false;
  unsigned reader = 0, producer = 0;
};
HintConflict findHintConflict(const Graph &graph);

} // namespace dpc::partition

#endif // DPC_PARTITION_GRAPH_H
