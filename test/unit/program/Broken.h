// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A corpus of programs with one fault each and the whole text of the expected
// diagnostic. Faults are planted into the pipeline of Builder.h: `p` has two
// ranks and four micro-batches, `q` four ranks; a case that leaves `q` alone is
// about `p`.
#pragma once
#include "Builder.h"

namespace dpcrt::test {

struct Broken {
  const char *name;
  void (*plant)(Programs &p, Programs &q);
  const char *diagnostic;
};

extern const std::vector<Broken> brokenTables, brokenCommands, brokenOrders, brokenLists;

} // namespace dpcrt::test
