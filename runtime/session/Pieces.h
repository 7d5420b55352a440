// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Large values on their way between files or users and a device: in pieces, so that the
// host needs no second copy of a parameter of any size.
#pragma once
#include "devices/Device.h"
#include <algorithm>

namespace dpcrt {

// Elements of every type are whole in it.
constexpr uint64_t kPieceBytes = uint64_t(4) << 20;

// piece(at, bytes) for one piece of `total` bytes after the other, until one fails.
template <typename Piece> Status inPieces(uint64_t total, Piece piece) {
  for (uint64_t at = 0; at < total; at += kPieceBytes)
    if (Status s = piece(at, std::min(kPieceBytes, total - at)); !s.ok())
      return s;
  return {};
}

// From one place in a device's memory to another, between steps.
Status copyThroughHost(Device &device, DeviceAddress dst, DeviceAddress src, uint64_t bytes);

// Whether two places in a device's memory have the same bits.
Status equalOnHost(Device &device, DeviceAddress a, DeviceAddress b, uint64_t bytes, bool &out);

// XXH3, as Hash.h writes it.
Status hashOnHost(Device &device, DeviceAddress address, uint64_t bytes, std::string &hex);

} // namespace dpcrt
