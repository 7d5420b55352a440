// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A fiber per thread of a block: stacks, and the switch from one to another.
//
// On x86-64 the switch saves six registers; elsewhere, and where
// DPC_EMULATOR_PORTABLE_FIBERS is defined, it is swapcontext, which also makes a system
// call or two.
#ifndef DPC_TEST_EMULATOR_CUDA_ENGINE_FIBERS_H
#define DPC_TEST_EMULATOR_CUDA_ENGINE_FIBERS_H

#include <cstddef>

#if !defined(__x86_64__) && !defined(DPC_EMULATOR_PORTABLE_FIBERS)
#define DPC_EMULATOR_PORTABLE_FIBERS
#endif
#ifdef DPC_EMULATOR_PORTABLE_FIBERS
#include <ucontext.h>
#endif

namespace dpc::emulator {

/// What runs, or waits to go on.
struct Fiber {
#ifdef DPC_EMULATOR_PORTABLE_FIBERS
  ucontext_t context;
#else
  void *stackPointer = nullptr;
#endif
};

/// Stops `from`, which is running, and goes on with `to`. Returns when something goes on
/// with `from`.
void switchFiber(Fiber &from, Fiber &to);

/// Stacks of equal size with a page between them that nothing may touch.
class Stacks {
public:
  Stacks() = default;
  ~Stacks();
  Stacks(const Stacks &) = delete;
  Stacks &operator=(const Stacks &) = delete;

  /// Makes at least `count` stacks; false where the system has no memory. Fibers on older
  /// stacks are lost.
  bool reserve(size_t count);
  /// Lets the fiber begin with `entry` on this stack, whatever was on it. `entry` must
  /// never return.
  void begin(Fiber &fiber, size_t stack, void (*entry)());
  /// Whether the bytes lie on this stack.
  bool contains(size_t stack, const void *address, size_t bytes) const;

private:
  char *top(size_t stack) const;
  char *memory = nullptr;
  size_t stacks = 0;
};

} // namespace dpc::emulator

#endif // DPC_TEST_EMULATOR_CUDA_ENGINE_FIBERS_H
