// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What every engine must do, as cases that all processes of a world run together, each with
// its own end. The engines whose processes are threads and those of MPI run the same ones.
#pragma once
#include "world/Engine.h"

namespace dpcrt::test {

struct EngineCase {
  const char *name;
  void (*run)(Engine &engine);
};

// In the order in which they follow each other in one world, with a meeting before each.
// After each of them nothing is under way, but after one that fails (GoogleTest's
// expectations). The last ones meet errors on purpose.
extern const std::vector<EngineCase> engineCases;

// Waits until all processes have called it.
void meet(Engine &engine);

} // namespace dpcrt::test
