// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Vector clocks, and what they say of waits; see ImpliedWaits.h.
#include "ImpliedWaits.h"

#include <algorithm>

namespace dpc::lowering {

bool ImpliedWaits::isTold(Node node, const std::vector<Node> &direct, size_t skipped) const {
  unsigned axis = axisOf[node];
  for (size_t i = 0; i < direct.size(); ++i)
    if (i != skipped && (direct[i] != node ? at(direct[i], axis) >= at(node, axis) : i < skipped))
      return true;
  auto join = beforeJoin.find(node);
  return join != beforeJoin.end() &&
         std::all_of(join->second.begin(), join->second.end(),
                     [&](Node each) { return isTold(each, direct, skipped); });
}

ImpliedWaits::Node ImpliedWaits::add(unsigned axis, const std::vector<Node> &before,
                                     const std::vector<Wait> &waits, bool isJoin) {
  Node node = axisOf.size();
  // All that comes directly before, each once: of two waits for the same the first counts.
  std::vector<Node> direct = before;
  if (last[axis] != kNone)
    direct.push_back(last[axis]);
  size_t given = direct.size();
  for (const Wait &wait : waits)
    direct.insert(direct.end(), wait.sources.begin(), wait.sources.end());

  size_t i = given;
  for (const Wait &wait : waits) {
    bool isNeeded = false;
    for (size_t end = i + wait.sources.size(); i < end; ++i)
      isNeeded |= !isTold(direct[i], direct, i);
    for (unsigned number : wait.numbers) {
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
