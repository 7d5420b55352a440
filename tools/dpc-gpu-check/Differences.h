// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How far the dumps of two runs (dpc-run --dump) are from each other.
#pragma once
#include "program/format/Status.h"
#include <string>

namespace dpcrt::gpucheck {

struct Differences {
  bool sameBits = true;
  // The worst of all steps: |x - y| / |y| of losses; of gradients and weights |x - y| in the
  // euclidean norm against |y| + G / 100, where G is the largest norm of any gradient, or of any
  // weight, of the step. A value that is no number in one of the two is infinitely far.
  double loss = 0, gradient = 0, weight = 0;
  std::string worstGradient, worstWeight; // whose those are
};

// Compares every step that `wanted` has; both are folders. An error, of code Io, where a file or a
// tensor is missing.
Status compareDumps(const std::string &found, const std::string &wanted, Differences &out);

} // namespace dpcrt::gpucheck
