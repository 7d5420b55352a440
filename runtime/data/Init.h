// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Initial parameter values drawn by the runtime instead of read from a file. A
// value is a pure function of (seed, parameter name, element index): the counter-
// based generator Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy
// as 1, 2, 3", 2011) keyed by the seed and a hash of the name, so that it depends
// neither on rank, order nor the holder's share of the tensor.
#pragma once
#include <cstdint>
#include <string_view>

namespace dpcrt {

enum class InitKind { Zeros, Ones, Normal };

// Writes elements first .. first+count-1 of parameter `name`. Normal: Box-Muller
// in double, times stddev, rounded once to float.
void fillInit(float *out, uint64_t first, uint64_t count, uint64_t seed, std::string_view name,
              InitKind kind, double stddev);

// 64 bits of stream (seed, name) at position `index`: synthetic data and shuffles
// draw from it too.
uint64_t randomBits(uint64_t seed, std::string_view name, uint64_t index);

// A standard normal value of the same stream.
double randomNormal(uint64_t seed, std::string_view name, uint64_t index);

} // namespace dpcrt
