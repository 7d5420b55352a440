// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Made-up graphs for the partition's algorithms, each drawn from one seed.
#ifndef DPC_TEST_UNIT_PARTITION_RANDOMGRAPH_H
#define DPC_TEST_UNIT_PARTITION_RANDOMGRAPH_H

#include "dpc/Partition/Graph.h"

#include <random>

namespace dpc::partition::test {

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

/// Node i reads what node i - 1 makes and nothing else that is sent. Some nodes
/// share parameters and work that is made again; forward and backward costs are
/// drawn apart.
Graph makeChain(Random &random, unsigned nodes);

/// Nodes read one to three earlier values, so values skip nodes, are read several
/// times, or (a second result) never; repeated work, of nodes and of none, may be
/// read from anywhere behind it. Every node that nobody reads is read by the last.
Graph makeDag(Random &random, unsigned nodes);

} // namespace dpc::partition::test

#endif // DPC_TEST_UNIT_PARTITION_RANDOMGRAPH_H
