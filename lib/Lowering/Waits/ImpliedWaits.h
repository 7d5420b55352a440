// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which waits of a list of commands say nothing that the others do not say.
//
// Commands are nodes, in an order in which everything comes before what waits for it.
// A node lies on an axis, on which it comes behind the node before: a stream, or what
// ends within a command apart from its stream. It has a clock, as in Fidge and Mattern's
// vector clocks: how far each axis has come when it has ended. A wait for a node is
// implied if something else that comes before the waiting node comes behind that node.
// In a graph without cycles all waits that are implied can be left out together: what
// is left still orders all that was ordered (the transitive reduction; Aho, Garey and
// Ullman 1972). A join touches nothing: a wait for it is one for what comes before it.
// O(nodes * axes + waits * axes).
#ifndef DPC_LIB_LOWERING_WAITS_IMPLIEDWAITS_H
#define DPC_LIB_LOWERING_WAITS_IMPLIEDWAITS_H

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

namespace dpc::lowering {

class ImpliedWaits {
public:
  using Node = uint32_t;

  explicit ImpliedWaits(unsigned axes) : axes(axes), last(axes, kNone), length(axes, 0) {}

  /// A wait for all of `sources`, by the numbers of whatever makes it one. What has a number
  /// may make several waits, of a command that happens several times say, and is needed if
  /// one of them is.
  struct Wait {
    std::vector<unsigned> numbers;
    std::vector<Node> sources;
  };
  /// Appends a node, which comes behind the last of its axis, behind `before`, which goes
  /// without saying, and behind what its waits wait for.
  Node add(unsigned axis, const std::vector<Node> &before, const std::vector<Wait> &waits,
           bool isJoin = false);

  /// Whether some node needs what has this number; what makes no wait is not needed.
  bool isNeeded(unsigned number) const { return number < needed.size() && needed[number]; }

private:
  static constexpr Node kNone = UINT32_MAX;
  /// Appends a node, or what stands before it if it is a join.
  void append(std::vector<Node> &nodes, Node node) const;
  uint32_t at(Node node, unsigned axis) const { return clocks[std::size_t(node) * axes + axis]; }

  unsigned axes;
  std::vector<Node> last;       // of each axis
  std::vector<uint32_t> length; // of each axis
  std::vector<unsigned> axisOf;
  std::vector<uint32_t> clocks;                 // a row for each node
  std::map<Node, std::vector<Node>> beforeJoin; // what stands before it, no joins
  std::vector<bool> needed;
};

} // namespace dpc::lowering

#endif // DPC_LIB_LOWERING_WAITS_IMPLIEDWAITS_H
