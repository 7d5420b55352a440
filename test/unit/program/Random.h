// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Numbers for random programs, the same everywhere for the same seed.

#ifndef DPC_TEST_UNIT_PROGRAM_RANDOM_H
#define DPC_TEST_UNIT_PROGRAM_RANDOM_H

#include <cstdint>
#include <random>

namespace dpcrt::test {

class Random {
public:
  explicit Random(uint32_t seed) : engine(seed) {}
  uint32_t below(uint32_t limit) { return engine() % limit; }
  bool oneIn(uint32_t n) { return below(n) == 0; }

private:
  std::mt19937 engine;
};

} // namespace dpcrt::test

#endif // DPC_TEST_UNIT_PROGRAM_RANDOM_H
