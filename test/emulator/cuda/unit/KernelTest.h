// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Kernels written by hand, on the engine.
#ifndef DPC_TEST_EMULATOR_CUDA_UNIT_KERNELTEST_H
#define DPC_TEST_EMULATOR_CUDA_UNIT_KERNELTEST_H

#include "GuardedBuffers.h"
#include "Launch.h"
#include "TwinFile.h"

#include <cstring>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <vector>

namespace dpc::emulator::test {

constexpr uint64_t kSeeds = 8;

/// The twin of a file of Inputs, made once for each process. Fails the test if there is none.
const TwinFile &twinOf(const std::string &input);
/// The twin of a module in LLVM's bitcode; null, and why in `error`.
std::unique_ptr<TwinFile> twinOfBitcode(const std::string &bitcode, std::string &error);
/// What is said when the twin of this text cannot be made; empty if it can.
std::string refusal(const std::string &deviceCode);
std::string triple();

/// A launch with its buffers and numbers as arguments, in their order.
class Trial {
public:
  Trial(const std::string &input, const std::string &kernel);
  template <typename T> Trial &input(const std::vector<T> &values) {
    buffers.addInput(values.data(), values.size() * sizeof(T));
    return *this;
  }
  template <typename T> Trial &output(size_t count) {
    buffers.addOutput(count * sizeof(T));
    return *this;
  }
  /// Numbers come behind all buffers.
  template <typename T> Trial &number(T value) {
    static_assert(sizeof(T) <= sizeof(uint64_t));
    numbers.push_back(0);
    std::memcpy(&numbers.back(), &value, sizeof(T));
    return *this;
  }
  std::optional<Fault> operator()(Dim3 grid, Dim3 block, uint64_t seed);
  template <typename T> std::vector<T> result(size_t buffer) const {
    std::vector<T> values(buffers.bytes(buffer) / sizeof(T));
    std::memcpy(values.data(), buffers.data(buffer), values.size() * sizeof(T));
    return values;
  }
  Launch launch;
  GuardedBuffers buffers;
  bool checkMemory = true;
  const TwinTable &twin;

private:
  std::vector<uint64_t> numbers;
  Engine engine;
};

/// Numbers of different sizes and signs, the same for the same seed.
std::vector<float> draw(size_t count, uint64_t seed);

} // namespace dpc::emulator::test

#endif // DPC_TEST_EMULATOR_CUDA_UNIT_KERNELTEST_H
