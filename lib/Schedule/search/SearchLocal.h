// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Local search: an order is changed a little, again and again, and kept where it
// serves.
#ifndef DPC_LIB_SCHEDULE_SEARCH_SEARCHLOCAL_H
#define DPC_LIB_SCHEDULE_SEARCH_SEARCHLOCAL_H

#include "SearchProblem.h"

#include <functional>

namespace dpc::schedule::searching {

/// One change drawn by chance: a step moved, a forward and a backward paired, a pair
/// taken apart. Ranks whose words changed are in `touched`, with the words before.
struct Change {
  unsigned rank = 0;
  Word before;
};
/// False if the drawn one does not apply; then nothing is changed.
bool changeAtRandom(const Problem &problem, Order &order, Random &random, Change &change);

/// Improves the order until `goal` is reached or `goOn`, asked before each try, says
/// no. The order is feasible; so is the result, which is no longer.
Score improve(const Problem &problem, Order &order, double goal, Random &random,
              const std::function<bool()> &goOn);

} // namespace dpc::schedule::searching

#endif // DPC_LIB_SCHEDULE_SEARCH_SEARCHLOCAL_H
