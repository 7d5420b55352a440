// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See Races.h.
#include "Races.h"

namespace dpc::emulator {

void Races::beginBlock(uint64_t sharedBytes, uint32_t warps) {
  ++blockTime;
  if (bytes.size() < sharedBytes)
    bytes.resize(sharedBytes);
  warpTimes.assign(warps, 0);
}

std::optional<Races::Found> Races::access(uint32_t thread, uint64_t offset, uint64_t count,
                                          bool write) {
  Use now{blockTime, warpTimes[thread / 32], thread};
  for (Byte *byte = &bytes[offset], *end = byte + count; byte != end; ++byte) {
    if (races(byte->written, thread))
      return Found{byte->written.thread, true};
    if (write) {
      if (races(byte->read, thread))
        return Found{byte->read.thread, false};
      if (races(byte->readByAnother, thread))
        return Found{byte->readByAnother.thread, false};
      byte->written = now;
    } else {
      if (byte->read.thread != thread)
        byte->readByAnother = byte->read;
      byte->read = now;
    }
  }
  return std::nullopt;
}

} // namespace dpc::emulator
