// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which thread last used each byte of a block's shared memory, and when.
//
// Two threads may use a byte, one of them writing, only if a barrier lies between: of the
// block, or of their warp. A shuffle orders nothing. So a barrier that is missing is found
// whatever the order of threads was. Barriers of a part of the block or warp are taken for
// barriers of the whole: that can hide a race, never invent one.
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
  };

  void beginBlock(uint64_t sharedBytes, uint32_t warps);
  void blockBarrier() { ++blockTime; }
  void warpBarrier(uint32_t warp) { ++warpTimes[warp]; }
  std::optional<Found> access(uint32_t thread, uint64_t offset, uint64_t bytes, bool write);

private:
  struct Use {
    uint64_t blockTime = 0;
    uint32_t warpTime = 0;
    uint32_t thread = 0;
  };
  struct Byte {
    Use written, read, readByAnother; ///< the last two readers, of different threads
  };
  bool races(const Use &use, uint32_t thread) const {
    return use.blockTime == blockTime && use.thread != thread &&
           (use.thread / 32 != thread / 32 || use.warpTime == warpTimes[thread / 32]);
  }
  std::vector<Byte> bytes;
  std::vector<uint32_t> warpTimes;
  uint64_t blockTime = 0; ///< grows over blocks, so that nothing needs to be cleared
};

} // namespace dpc::emulator

#endif // DPC_TEST_EMULATOR_CUDA_ENGINE_RACES_H
