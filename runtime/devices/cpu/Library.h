// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What calls of oneDNN have in common, whatever they compute.
#pragma once
#include <cstdint>

extern "C" void omp_set_num_threads(int);
extern "C" int omp_get_max_threads();

namespace dpcrt {

// Some primitives fix at their creation how many threads they start, whatever the
// caller allows them later: then it has to be one.
class OneThread {
public:
  OneThread() : before(omp_get_max_threads()) { omp_set_num_threads(1); }
  ~OneThread() { omp_set_num_threads(before); }

private:
  int before; // of the calling thread, which may be the user's
};

inline uint64_t align64(uint64_t bytes) { return (bytes + 63) / 64 * 64; }

// A core's scratch, and which copies of operands are in it. They hold for one call:
// whoever begins another, or uses the memory for something else, forgets them.
struct alignas(64) CallScratch {
  char *memory = nullptr;
  uint64_t call = 0;                          // the one that the copies belong to
  const void *user = nullptr;                 // the primitive that made them
  const float *lhs = nullptr, *rhs = nullptr; // what was copied

  void forget() { user = nullptr, lhs = rhs = nullptr; }
};

} // namespace dpcrt
