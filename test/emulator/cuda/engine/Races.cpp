// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See Races.h.
#include "Races.h"

namespace dpc::emulator {

void Races::begin(uint64_t size, bool isForAllBlocks) {
  bytes.assign(size, Byte());
  time = 0;
  outlivesBlocks = isForAllBlocks;
}

void Races::beginBlock(uint32_t warps) {
  blockTime = ++time;
  warpTimes.assign(warps, 0);
}

std::optional<Races::Found> Races::access(uint32_t thread, uint64_t offset, uint64_t count,
                                          bool write) {
  Use now;
  now.time = time;
  now.warpTime = static_cast<uint16_t>(warpTimes[thread / 32]);
  now.thread = static_cast<uint16_t>(thread);
  for (Byte *byte = bytes.data() + offset, *end = byte + count; byte != end; ++byte) {
    if (races(byte->written, thread))
      return Found{byte->written.thread, true, isEarlier(byte->written)};
    if (!write) {
      byte->readEarlier |= isEarlier(byte->read);
      if (byte->read.thread != thread || isEarlier(byte->read))
        byte->readByAnother = byte->read;
      byte->read = now;
      continue;
    }
    if (byte->readEarlier && outlivesBlocks)
      return Found{0, false, true};
    for (const Use *use : {&byte->read, &byte->readByAnother})
      if (races(*use, thread))
        return Found{use->thread, false, isEarlier(*use)};
    byte->written = now;
  }
  return std::nullopt;
}

} // namespace dpc::emulator
