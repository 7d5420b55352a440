// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Orders by seed: the same on every machine.
#ifndef DPC_TEST_EMULATOR_CUDA_ENGINE_RANDOM_H
#define DPC_TEST_EMULATOR_CUDA_ENGINE_RANDOM_H

#include <cstdint>
#include <utility>

namespace dpc::emulator {

/// splitmix64.
class Random {
public:
  explicit Random(uint64_t seed = 0) : state(seed) {}
  uint64_t next() {
    uint64_t x = state += 0x9e3779b97f4a7c15;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
    x = (x ^ x >> 27) * 0x94d049bb133111eb;
    return x ^ x >> 31;
  }
  /// Below `bound`, which is not zero.
  uint32_t below(uint32_t bound) { return (next() >> 32) * bound >> 32; }
  template <typename T> void shuffle(T *values, uint32_t count) {
    for (uint32_t i = count; i > 1; --i)
      std::swap(values[i - 1], values[below(i)]);
  }

private:
  uint64_t state;
};

} // namespace dpc::emulator

#endif // DPC_TEST_EMULATOR_CUDA_ENGINE_RANDOM_H
