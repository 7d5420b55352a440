// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A twin written by hand: kernels of the emulator's tests as a shared object of this host, which
// stands for the image that HandTwin.h has. Whoever tests with kernels of his own may do
// likewise: a table of functions, each called once for each thread, and each telling its
// accesses.
#include "Twin.h"

#include <cstring>

using namespace dpc::emulator;

namespace {

uint32_t load(Thread *t, const uint32_t *place) {
  t->services->access(t, place, sizeof *place, sizeof *place, false);
  return *place;
}

void store(Thread *t, uint32_t *place, uint32_t value) {
  t->services->access(t, place, sizeof *place, sizeof *place, true);
  *place = value;
}

uint64_t numberOf(const Thread *t) { return uint64_t(t->ctaid[0]) * t->ntid[0] + t->tid[0]; }

template <typename T> T argument(void *const *arguments, int i) {
  T value;
  std::memcpy(&value, arguments[i], sizeof value);
  return value;
}

// to[i] = from[i] + more, a thread for each of `count`.
void add(Thread *t, void *const *arguments) {
  auto *to = argument<uint32_t *>(arguments, 0);
  auto *from = argument<const uint32_t *>(arguments, 1);
  if (numberOf(t) < argument<uint32_t>(arguments, 3))
    store(t, to + numberOf(t), load(t, from + numberOf(t)) + argument<uint32_t>(arguments, 2));
}

// Every second word.
void even(Thread *t, void *const *arguments) {
  store(t, argument<uint32_t *>(arguments, 0) + 2 * numberOf(t), 1);
}
void odd(Thread *t, void *const *arguments) {
  store(t, argument<uint32_t *>(arguments, 0) + 2 * numberOf(t) + 1, 1);
}

// Reads at an address that it is given as a number.
void stray(Thread *t, void *const *arguments) {
  auto *place = argument<const char *>(arguments, 0) + argument<uint64_t>(arguments, 1);
  t->services->access(t, place, 4, 4, false);
}

// Turns its block's words around in shared memory.
void turn(Thread *t, void *const *arguments) {
  auto *data = argument<uint32_t *>(arguments, 0);
  auto *shared = reinterpret_cast<uint32_t *>(t->shared);
  store(t, shared + t->tid[0], load(t, data + numberOf(t)));
  t->services->barrier(t, 0, 1, 0, 0);
  store(t, data + numberOf(t), load(t, shared + t->ntid[0] - 1 - t->tid[0]));
}

const uint64_t forAdd[] = {8, 8, 4, 4}, forOne[] = {8}, forStray[] = {8, 8};
const SharedArray words[] = {{"words", 0, 256}};
const Kernel kernels[] = {
    {"add", add, forAdd, 4, 2, nullptr, 0, 0, 0, 0, 128},
    {"even", even, forOne, 1, 1, nullptr, 0, 0, 0, 0, 0},
    {"odd", odd, forOne, 1, 1, nullptr, 0, 0, 0, 0, 0},
    {"stray", stray, forStray, 2, 1, nullptr, 0, 0, 0, 0, 0},
    {"turn", turn, forOne, 1, 1, words, 1, 256, 0, 0, 64},
    {"more", turn, forOne, 1, 1, nullptr, 0, 0, 0, 1, 0},
};
const char *const reaching[] = {"turn", "more"};
const Site sites[] = {{"llvm.nvvm.barrier.cta.sync.aligned.all", "turn", reaching, 2}};

} // namespace

extern "C" __attribute__((visibility("default")))
const TwinTable dpc_cuda_twin = {kTwinVersion, kernels, 6, sites, 1, nullptr, 0};
