// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Device memory through the host, a piece at a time.
#include "session/Pieces.h"
#include "data/Hash.h"
#include <cstring>

namespace dpcrt {

static std::vector<char> pieceOf(uint64_t bytes) {
  return std::vector<char>(std::min(bytes, kPieceBytes));
}

Status copyThroughHost(Device &device, DeviceAddress dst, DeviceAddress src, uint64_t bytes) {
  std::vector<char> values = pieceOf(bytes);
  return inPieces(bytes, [&](uint64_t at, uint64_t count) {
    Status s = device.download(values.data(), src + at, count);
    return s.ok() ? device.upload(dst + at, values.data(), count) : s;
  });
}

Status equalOnHost(Device &device, DeviceAddress a, DeviceAddress b, uint64_t bytes, bool &out) {
  std::vector<char> ofA = pieceOf(bytes), ofB = pieceOf(bytes);
  out = true;
  return inPieces(bytes, [&](uint64_t at, uint64_t count) {
    if (!out)
      return Status();
    Status s = device.download(ofA.data(), a + at, count);
    if (s.ok())
      s = device.download(ofB.data(), b + at, count);
    if (s.ok())
      out = std::memcmp(ofA.data(), ofB.data(), count) == 0;
    return s;
  });
}

Status hashOnHost(Device &device, DeviceAddress address, uint64_t bytes, std::string &hex) {
  std::vector<char> values = pieceOf(bytes);
  Hash hash;
  Status s = inPieces(bytes, [&](uint64_t at, uint64_t count) {
    Status read = device.download(values.data(), address + at, count);
    if (read.ok())
      hash.update(values.data(), count);
    return read;
  });
  hex = hash.hex();
  return s;
}

} // namespace dpcrt
