// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Schedules that no generator makes: legal ones with any placement and order, and
// small accidents that happen to one.
#ifndef DPC_TEST_UNIT_SCHEDULE_RANDOMTABLE_H
#define DPC_TEST_UNIT_SCHEDULE_RANDOMTABLE_H

#include "dpc/Schedule/core/Simulate.h"
#include "dpc/Schedule/core/Table.h"

#include <random>

namespace dpc::schedule::test {

/// The same numbers from a seed with every standard library.
class Random {
public:
  explicit Random(uint32_t seed) : engine(seed) {}
  unsigned below(unsigned limit) { return engine() % limit; }
  unsigned from(unsigned least, unsigned most) { return least + below(most - least + 1); }
  bool oneIn(unsigned n) { return below(n) == 0; }

private:
  std::mt19937 engine;
};

/// One or two replicas whose stages lie anywhere, each rank's actions in an order
/// that can be carried out: backwards whole or split, some in pairs.
Table makeTable(Random &random);

/// Times from 0 to 4 in quarters, with or without messages; a pair takes from the
/// longer of its tasks to both one after the other.
Costs makeCosts(Random &random);

/// Every stage with its own times and bytes, in quarters; for some the time of each
/// pair, links of their own, or one link for all.
Costs makeStageCosts(Random &random, const Table &table);

/// What happened to a table.
enum class Accident { Swap, Drop, Duplicate, Retarget, SplitPair, Move };

/// Swaps two actions of a rank, drops one, does one twice, changes one number or
/// kind, takes a pair apart, or moves an action to another rank. False if there was
/// nothing to do it to. Numbers stay in range.
bool corrupt(Random &random, Table &table, Accident accident);
const char *getName(Accident accident);

} // namespace dpc::schedule::test

#endif // DPC_TEST_UNIT_SCHEDULE_RANDOMTABLE_H
