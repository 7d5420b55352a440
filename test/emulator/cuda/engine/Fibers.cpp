// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See Fibers.h.
#include "Fibers.h"

#include <cstdint>
#include <cstring>
#include <sys/mman.h>

namespace dpc::emulator {

namespace {

constexpr size_t kPage = 4096;
constexpr size_t kStackBytes = 16 * kPage; // and a page that is not mapped, below it

} // namespace

#ifdef DPC_EMULATOR_PORTABLE_FIBERS

void switchFiber(Fiber &from, Fiber &to) { swapcontext(&from.context, &to.context); }

void Stacks::begin(Fiber &fiber, size_t stack, void (*entry)()) {
  getcontext(&fiber.context);
  char *low = memory + stack * (kStackBytes + kPage) + kPage;
  fiber.context.uc_stack.ss_sp = low;
  fiber.context.uc_stack.ss_size = top(stack) - low;
  fiber.context.uc_link = nullptr;
  makecontext(&fiber.context, entry, 0);
}

#else

// Pushes what a function must keep for its caller, exchanges the stacks, and returns to
// where the other fiber stopped. Rounding modes are never changed, so they are not kept.
extern "C" void dpcEmulatorSwitch(void **from, void *to);
__asm__(".text\n"
        ".p2align 4\n"
        ".globl dpcEmulatorSwitch\n"
        ".hidden dpcEmulatorSwitch\n"
        ".type dpcEmulatorSwitch,@function\n"
        "dpcEmulatorSwitch:\n"
        "  pushq %rbp\n"
        "  pushq %rbx\n"
        "  pushq %r12\n"
        "  pushq %r13\n"
        "  pushq %r14\n"
        "  pushq %r15\n"
        "  movq %rsp, (%rdi)\n"
        "  movq %rsi, %rsp\n"
        "  popq %r15\n"
        "  popq %r14\n"
        "  popq %r13\n"
        "  popq %r12\n"
        "  popq %rbx\n"
        "  popq %rbp\n"
        "  ret\n"
        ".size dpcEmulatorSwitch,.-dpcEmulatorSwitch\n");

void switchFiber(Fiber &from, Fiber &to) { dpcEmulatorSwitch(&from.stackPointer, to.stackPointer); }

void Stacks::begin(Fiber &fiber, size_t stack, void (*entry)()) {
  // As if `entry` had just been called by nobody: the stack pointer is 8 below a multiple
  // of 16 when it begins.
  uint64_t *words = reinterpret_cast<uint64_t *>(top(stack)) - 1;
  words[0] = 0;
  words[-1] = reinterpret_cast<uint64_t>(entry);
  std::memset(words - 7, 0, 6 * sizeof(uint64_t));
  fiber.stackPointer = words - 7;
}

#endif

Stacks::~Stacks() {
  if (memory)
    munmap(memory, stacks * (kStackBytes + kPage));
}

bool Stacks::reserve(size_t count) {
  if (count <= stacks)
    return true;
  size_t bytes = count * (kStackBytes + kPage);
  void *mapped = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED)
    return false;
  for (size_t i = 0; i < count; ++i)
    if (mprotect(static_cast<char *>(mapped) + i * (kStackBytes + kPage), kPage, PROT_NONE) != 0) {
      munmap(mapped, bytes);
      return false;
    }
  if (memory)
    munmap(memory, stacks * (kStackBytes + kPage));
  memory = static_cast<char *>(mapped);
  stacks = count;
  return true;
}

// The tops of neighbouring stacks lie in different sets of the caches.
char *Stacks::top(size_t stack) const {
  return memory + (stack + 1) * (kStackBytes + kPage) - stack % 16 * 256;
}

bool Stacks::contains(size_t stack, const void *address, size_t bytes) const {
  const char *end = memory + (stack + 1) * (kStackBytes + kPage);
  const char *first = static_cast<const char *>(address);
  return first >= end - kStackBytes && first <= end && bytes <= static_cast<size_t>(end - first);
}

} // namespace dpc::emulator
