// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The step record: what differs between steps, in one small arena that the host
// writes before each. A header, then one entry for each parameter of the rank. The
// only definition: the host fills these structs, lowering lays out arenas by their
// sizes, and the kernels of a step's end read their fields as words of four bytes.
#pragma once
#include <cstddef>
#include <cstdint>

namespace dpcrt {

struct StepHeader {
  int64_t step; // 1 for the first
  uint64_t seed;
  float lossScale;
  float factor;    // of gradients; written by the program
  float skip;      // 1: the weights are left alone; written by the program
  float clipNorm;  // +inf: none
  float skipAsked; // 1: the caller wants the weights left alone
  float den;       // sum over all micro-batches; written by the program, as what follows
  float norm;      // of the gradients, before clipping
  float nonfinite; // 1: something was
  // The number of the step's first micro-batch among all of the data: of micro-batch m
  // of the step, what is random depends on this plus m, on the seed and on the node.
  int64_t firstMicroBatch;
  float unused[2];
};

struct StepEntry {
  float lr, weightDecay, momentum, beta1, beta2, eps;
  float correction1;  // 1 / (1 - beta1^updates)
  float correction2;  // 1 / sqrt(1 - beta2^updates)
  float rest1, rest2; // 1 - beta1, 1 - beta2: of doubles, for of floats they err by 1e-5
  float unused[6];
};

static_assert(sizeof(StepHeader) == 64 && sizeof(StepEntry) == 64,
              "programs and their records have 64 bytes each");

} // namespace dpcrt
