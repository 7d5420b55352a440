// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Vector clocks, and what they say of waits; see ImpliedWaits.h.
#include "ImpliedWaits.h"

#include <algorithm>

namespace dpc::lowering {

void ImpliedWaits::append(std::vector<Node> &nodes, Node node) const {
  auto join = beforeJoin.find(node);
  if (join == beforeJoin.end())
    nodes.push_back(node);
  else
    nodes.insert(nodes.end(), join->second.begin(), join->second.end());
}

ImpliedWaits::Node ImpliedWaits::add(unsigned axis, const std::vector<Node> &before,
                                     const std::vector<Wait> &waits, bool isJoin) {
  Node node = axisOf.size();
  // All that comes directly before. Of two waits for the same the first counts, which is why
  // joins must not stand here: one is the same as what is before it.
  std::vector<Node> direct;
  for (Node other : before)
    append(direct, other);
  if (last[axis] != kNone)
    append(direct, last[axis]);
  std::vector<size_t> ends; // of each wait's part of it
  size_t i = direct.size();
  for (const Wait &wait : waits) {
    for (Node source : wait.sources)
      append(direct, source);
    ends.push_back(direct.size());
  }

  auto isTold = [&](size_t i) {
    Node source = direct[i];
    unsigned on = axisOf[source];
    for (size_t other = 0; other < direct.size(); ++other)
      if (direct[other] == source ? other < i : at(direct[other], on) >= at(source, on))
        return true;
    return false;
  };
  for (size_t w = 0; w < waits.size(); ++w) {
    bool isNeeded = false;
    for (; i < ends[w]; ++i)
      isNeeded |= !isTold(i);
    for (unsigned number : waits[w].numbers) {
      if (number >= needed.size())
        needed.resize(number + 1, false);
      needed[number] = needed[number] || isNeeded;
    }
  }

  clocks.resize(clocks.size() + axes, 0);
  uint32_t *own = &clocks[size_t(node) * axes];
  for (Node other : direct)
    for (unsigned a = 0; a < axes; ++a)
      own[a] = std::max(own[a], at(other, a));
  own[axis] = ++length[axis];
  axisOf.push_back(axis);
  if (isJoin)
    beforeJoin[node] = std::move(direct);
  last[axis] = node;
  return node;
}

} // namespace dpc::lowering
