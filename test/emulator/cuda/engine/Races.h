// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which threads last used each byte of some memory, and when.
//
// Two threads may use a byte, one of them writing, only if a barrier lies between: of the
// block, or of their warp. A shuffle orders nothing, and nothing orders blocks. So a
// barrier that is missing is found whatever the order of threads was. Barriers of a part of
// the block or warp are taken for barriers of the whole: that can hide a race, never invent
// one.
#ifndef DPC_TEST_EMULATOR_CUDA_ENGINE_RACES_H
#define DPC_TEST_EMULATOR_CUDA_ENGINE_RACES_H

#include <cstdint>
#include <optional>
#include <vector>

namespace dpc::emulator {

class Races {
public:
  /// The other thread of a race, and whether it wrote.
  struct Found {
    uint32_t thread;
    bool wrote;
    bool inAnotherBlock;
  };

  /// Forgets everything. `outlivesBlocks`: all blocks use the same memory, not each its own.
  void begin(uint64_t size, bool outlivesBlocks);
  void beginBlock(uint32_t warps);
  void blockBarrier() { ++time; }
  void warpBarrier(uint32_t warp) { ++warpTimes[warp]; }
  uint64_t size() const { return bytes.size(); }
  std::optional<Found> access(uint32_t thread, uint64_t offset, uint64_t count, bool write);

private:
  struct Use {
    uint32_t time = 0; ///< 0: there was none
    uint16_t warpTime = 0;
    uint16_t thread = 0;
  };
  struct Byte {
    Use written, read, readByAnother; ///< the last two readers, of different threads
    bool readEarlier = false;         ///< by an earlier block
  };
  bool isEarlier(const Use &use) const { return use.time != 0 && use.time < blockTime; }
  bool races(const Use &use, uint32_t thread) const {
    if (isEarlier(use))
      return outlivesBlocks;
    return use.time == time && use.thread != thread &&
           (use.thread / 32 != thread / 32 ||
            use.warpTime == static_cast<uint16_t>(warpTimes[thread / 32]));
  }
  std::vector<Byte> bytes;
  std::vector<uint32_t> warpTimes;
  uint32_t time = 0;      ///< grows with every barrier and block
  uint32_t blockTime = 0; ///< when the block began
  bool outlivesBlocks = false;
};

} // namespace dpc::emulator

#endif // DPC_TEST_EMULATOR_CUDA_ENGINE_RACES_H
