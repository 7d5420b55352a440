// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The functions that device code calls: those of the block, and arithmetic.
#include "Block.h"

#include "Floats.h"

#include <cmath>
#include <cstring>

namespace dpc::emulator {

static Lane &laneOf(Thread *thread) { return *static_cast<Lane *>(thread); }

static void barrier(Thread *thread, uint32_t site, uint32_t aligned, uint32_t id, uint32_t count) {
  laneOf(thread).block->barrier(laneOf(thread), site, aligned, id, count);
}

static void warpBarrier(Thread *thread, uint32_t site, uint32_t mask) {
  laneOf(thread).block->exchange(laneOf(thread), site, Exchange::Barrier, 0, mask, 0, 0, 0);
}

static uint64_t shuffle(Thread *thread, uint32_t site, Shuffle mode, uint32_t mask, uint32_t value,
                        uint32_t lane, uint32_t clamp) {
  return laneOf(thread).block->exchange(laneOf(thread), site, Exchange::Shuffle,
                                        static_cast<uint32_t>(mode), mask, value, lane, clamp);
}

static uint32_t vote(Thread *thread, uint32_t site, Vote kind, uint32_t mask, uint32_t predicate) {
  return laneOf(thread).block->exchange(laneOf(thread), site, Exchange::Vote,
                                        static_cast<uint32_t>(kind), mask, predicate, 0, 0);
}

static void access(Thread *thread, const void *address, uint64_t bytes, uint32_t alignment,
                   uint32_t write) {
  laneOf(thread).block->access(laneOf(thread), address, bytes, alignment, write);
}

static void copy(Thread *thread, void *to, const void *from, uint64_t bytes) {
  if (bytes == 0)
    return;
  access(thread, from, bytes, 1, false);
  access(thread, to, bytes, 1, true);
  std::memmove(to, from, bytes);
}

static void fill(Thread *thread, void *to, uint32_t value, uint64_t bytes) {
  if (bytes == 0)
    return;
  access(thread, to, bytes, 1, true);
  std::memset(to, value, bytes);
}

static float flushed(float x) {
  return std::fpclassify(x) == FP_SUBNORMAL ? std::copysign(0.0f, x) : x;
}

static float approximate(Approximation function, float x, uint32_t flush) {
  if (flush)
    x = flushed(x);
  double wide = x, y = 0;
  switch (function) {
  case Approximation::Exp2:
    y = std::exp2(wide);
    break;
  case Approximation::Log2:
    y = std::log2(wide);
    break;
  case Approximation::Reciprocal:
    y = 1 / wide;
    break;
  case Approximation::ReciprocalSqrt:
    y = 1 / std::sqrt(wide);
    break;
  case Approximation::Sqrt:
    y = std::sqrt(wide);
    break;
  }
  return flush ? flushed(static_cast<float>(y)) : static_cast<float>(y);
}

static float fmaFloat(float a, float b, float c) { return std::fma(a, b, c); }
static double fmaDouble(double a, double b, double c) { return std::fma(a, b, c); }

const Services &services() {
  static const Services table = {
      barrier,     warpBarrier, shuffle,      vote,           access,   copy,     fill,
      approximate, halfToFloat, doubleToHalf, doubleToBFloat, fmaToOdd, fmaFloat, fmaDouble};
  return table;
}

} // namespace dpc::emulator
