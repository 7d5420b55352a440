// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a transport is told at load of every exchange and collective of every rank.
#pragma once
#include "devices/Device.h"
#include "devices/Wait.h"

namespace dpcrt {

// One message of an exchange, at one of its ends. Ranks are global.
struct TransferSpec {
  bool send;
  uint32_t peer;
  uint32_t message; // unique among the messages from sender to receiver
  DeviceAddress data;
  uint64_t bytes;
  // Where ranks are threads: fires when the bytes are there or the source is free.
  Stamp *signal;
};

// "send of message 7 to rank 2 (64 bytes)".
std::string describe(const TransferSpec &spec);

// One member's part of a collective.
struct CollectiveSpec {
  fb::CollectiveKind kind;
  Element dtype;
  std::string group;             // the same for all members
  uint32_t sequence;             // counts the collectives of a group, from 0
  std::vector<uint32_t> members; // global ranks, ascending
  DeviceAddress src, dst;
  uint64_t srcBytes, dstBytes;
  // Of one range that src and dst are both: the bytes of each member's part, in their
  // order (Program.fbs). Empty: members have as much each.
  std::vector<uint64_t> parts;

  bool inParts() const { return !parts.empty(); }
  // Where member i's part of what is scattered or gathered begins, and what it has.
  uint64_t partBegin(size_t i) const;
  uint64_t partBytes(size_t i) const;
};

} // namespace dpcrt
