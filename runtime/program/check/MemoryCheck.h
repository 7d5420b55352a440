// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Conflicting accesses of byte ranges.
//
// Given accesses of byte ranges and the order between the nodes that make them,
// finds accesses that conflict without being ordered, and reads of bytes that
// nothing has written. Ranges are split at all their ends; per piece the last
// write and the last read of each axis since are kept, which is enough: what is
// ordered after them is ordered after all that came before.

#ifndef DPCRT_PROGRAM_CHECK_MEMORYCHECK_H
#define DPCRT_PROGRAM_CHECK_MEMORYCHECK_H

#include "program/check/HappensBefore.h"

#include <functional>

namespace dpcrt {

/// What an access does. An access that is both a read and a write reads first.
enum UseFlags : uint8_t {
  kReads = 1,  ///< conflicts with writes
  kWrites = 2, ///< conflicts with reads and writes
  kNeeds = 4,  ///< its bytes must have been written before
  kMoves = 8,  ///< only carries bytes: padding among them may be unwritten
};

struct MemoryUse {
  uint32_t space; ///< an arena, or an operand where a block is looked at
  uint32_t node;
  uint64_t begin, end;
  uint32_t command; ///< in the list of commands that is looked at
  uint32_t part;    ///< transfer of an exchange, or segment of a run
  uint8_t flags;
};

struct MemoryFindings {
  /// Two uses (indices) conflict and nothing orders them; the first comes
  /// earlier in the order of the check.
  std::function<void(uint32_t, uint32_t)> race;
  /// Bytes [begin, end) of a use that needs them are written by nothing before.
  std::function<void(uint32_t, uint64_t, uint64_t)> unwritten;
};

/// `uses` must be sorted by a topological order of their nodes; uses of one
/// node never conflict. `tracked[space]`: bytes start unwritten there. A gap of
/// a use that moves is padding, and not reported, if it follows written bytes,
/// is shorter than 64 bytes, and ends at a multiple of 64 or with the use.
void checkMemory(const Clocks &clocks, const EventGraph &graph, const std::vector<MemoryUse> &uses,
                 const std::vector<bool> &tracked, const MemoryFindings &findings);

} // namespace dpcrt

#endif // DPCRT_PROGRAM_CHECK_MEMORYCHECK_H
