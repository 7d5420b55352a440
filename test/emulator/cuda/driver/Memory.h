// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Memory of the emulated GPU and pinned memory of the host.
//
// Device addresses lie in a window that is reserved and has no pages: host code that touches
// one is stopped by the processor, and told what it touched. The bytes lie at a fixed distance
// from their addresses, where only the emulator looks. An address is given once in a process,
// so whatever names memory that was freed is known to do so. Fresh memory is full of bytes
// that are a NaN in every float type; before and behind each allocation lies a red zone.
#ifndef DPC_TEST_EMULATOR_CUDA_DRIVER_MEMORY_H
#define DPC_TEST_EMULATOR_CUDA_DRIVER_MEMORY_H

#include <cstdint>
#include <map>
#include <string>

namespace dpc::emulator {

constexpr unsigned char kPoison = 0xff;

struct Allocation {
  uint64_t number = 0; ///< by creation, from 1
  uint64_t begin = 0, bytes = 0;
  bool isPinned = false;
  bool isLive = true;
  uint64_t end() const { return begin + bytes; }
  /// "the 64 bytes of allocation 3 at 0x…", "… pinned memory 2 …".
  std::string describe() const;
};

class Memory {
public:
  /// Reserves the window and puts up the handler for what the host touches. Ends the process if
  /// there are no addresses.
  Memory();

  /// 0 if there is no more. Multiples of 256 and of nothing more; pinned memory, of a page.
  uint64_t allocate(uint64_t bytes, bool isPinned);
  /// `isUsed`: what is under way still names it, and finds bytes there.
  void free(const Allocation &allocation, bool isUsed);
  /// Those that are live: all of them, or none of them, gone.
  void freeAll();

  /// Whether it is an address that only the device may use.
  bool isDevice(uint64_t address) const { return address - window < kWindow; }
  /// The allocation, live or not, that holds the byte, or that it is just behind; or null.
  const Allocation *find(uint64_t address) const;
  /// Where the emulator finds what lies at an address of either kind.
  char *at(uint64_t address) const {
    return reinterpret_cast<char *>(isDevice(address) ? address + distance : address);
  }
  /// What an address of the emulator's is to the program.
  uint64_t addressOf(const void *place) const {
    uint64_t address = reinterpret_cast<uint64_t>(place);
    return isDevice(address - distance) ? address - distance : address;
  }
  const std::map<uint64_t, Allocation> &all() const { return allocations; }
  uint64_t usedBytes() const { return used; }
  /// Grows with every allocation and free.
  uint64_t version() const { return changes; }

  /// The first red zone that was written into, in a sentence; empty if there is none.
  std::string findDamage() const;
  std::string findDamage(const Allocation &allocation) const;

private:
  static constexpr uint64_t kWindow = uint64_t(1) << 38;
  std::map<uint64_t, Allocation> allocations; ///< by address
  uint64_t window = 0, distance = 0;
  uint64_t next = 0; ///< in the window
  uint64_t used = 0, madeOnDevice = 0, madePinned = 0, changes = 0;
};

} // namespace dpc::emulator

#endif // DPC_TEST_EMULATOR_CUDA_DRIVER_MEMORY_H
