// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The step record: what differs between steps, in one small arena. A header, then one entry
// for each parameter of the rank. The only definition: the host fills these structs, lowering
// lays out arenas by their sizes, and the kernels of a step's end read their fields as words
// of four bytes.
//
// Before each step the host writes the header's second half and the entries; the first half
// is the program's own and stays from step to step. So a step may be given to a device
// before the host has seen how the one before ended: what depends on that, the program
// selects.
#pragma once
#include <cstddef>
#include <cstdint>

namespace dpcrt {

struct StepHeader {
  // Written by the program at a step's end.
  float factor;    // of gradients
  float den;       // sum over all micro-batches
  float norm;      // of the gradients, before clipping
  float nonfinite; // 1: something of this step was
  float skip;      // 1: the weights are left alone
  float halted;    // why nothing is updated from here on (0: it is): kHalted... below
  float skippedBefore, haltedBefore; // both of the step before, copied from there

  // Written by the host before a step.
  uint64_t seed;
  // The number of the step's first micro-batch among all of the data: of micro-batch m
  // of the step, what is random depends on this plus m, on the seed and on the node.
  int64_t firstMicroBatch;
  float lossScale;
  float clipNorm;  // +inf: none
  float skipAsked; // 1: the caller wants the weights left alone
  float haltAsked; // 1: behind a step that was not finite, this one included, they are
};

// Reasons to halt: a step was not finite and asked to; the holders of a parameter have come to
// hold different weights.
constexpr float kHaltedNonfinite = 1, kHaltedMirrors = 2;

// What is copied before it is written: `skip` and `halted`, and where to.
constexpr size_t kOutcome = offsetof(StepHeader, skip), kOutcomeBytes = 8,
                 kOutcomeBefore = offsetof(StepHeader, skippedBefore);
static_assert(offsetof(StepHeader, halted) == kOutcome + 4 &&
              offsetof(StepHeader, haltedBefore) == kOutcomeBefore + 4);

// Where the host's part begins; it goes on to the header's end.
constexpr size_t kHostHeader = offsetof(StepHeader, seed);

// Updates so far are not known to the host while the step before is under way. What depends
// on them is there for both cases, the second if that step was skipped.
struct StepEntry {
  float lr, weightDecay, momentum, beta1, beta2, eps;
  float correction1;        // 1 / (1 - beta1^updates)
  float correction2;        // 1 / sqrt(1 - beta2^updates)
  float rest1, rest2;       // 1 - beta1, 1 - beta2: of doubles, for of floats they err by 1e-5
  float correction1Skipped; // as correction1 and 2, of one update less
  float correction2Skipped;
  float unused[4];
};

static_assert(sizeof(StepHeader) == 64 && sizeof(StepEntry) == 64 && kHostHeader == 32,
              "programs and their records have these sizes");

} // namespace dpcrt
