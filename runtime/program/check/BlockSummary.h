// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A block as its runs see it.
//
// A block is checked once and summarised, so that checking a program costs what
// its tasks cost, not its operations times its micro-batches. The summary cuts
// each of the block's streams into segments: commands in a row between which
// nothing outside the stream can come. A segment starts where a command waits
// for an operand or for another stream, and ends where another stream or the
// block's user can see an event; a collective is a segment of its own. What a
// segment reads and writes is merged into few ranges.

#ifndef DPCRT_PROGRAM_CHECK_BLOCKSUMMARY_H
#define DPCRT_PROGRAM_CHECK_BLOCKSUMMARY_H

#include "program/check/MemoryCheck.h"
#include "program/format/Diagnostics.h"
#include "program/format/Program.h"

#include <string>

namespace dpcrt {

struct Segment {
  uint32_t stream;
  std::vector<uint32_t> commands;     ///< in the block's list, ascending
  std::vector<uint32_t> operandWaits; ///< operands whose readiness it awaits
  std::vector<uint32_t> segmentWaits; ///< segments of other streams, earlier ones
  bool collective = false;
  /// Merged ranges; `node` is unused. Spaces: operands, then arenas.
  std::vector<MemoryUse> uses;
};

struct BlockSummary {
  std::vector<Segment> segments;        ///< by the list index of their start
  std::vector<uint32_t> resultSegments; ///< whose end fires each result
  /// Ranges of arenas that the block uses by itself, merged; Spaces: arenas.
  std::vector<MemoryUse> own;
};

/// One access of a command, as the file has it.
struct CommandUse {
  const fb::Ref *ref;
  uint8_t flags;
};

/// The accesses of any command but a run and an exchange.
void collectUses(const fb::Program &program, const fb::Command &command,
                 std::vector<CommandUse> &uses);

/// Checks a block on its own (nothing waits for what comes later in its list, no race
/// between its streams) and summarises it. Errors start with `prefix`.
BlockSummary summarizeBlock(const fb::Program &program, const fb::Block &block,
                            const std::string &prefix, Diagnostics &diagnostics);

} // namespace dpcrt

#endif // DPCRT_PROGRAM_CHECK_BLOCKSUMMARY_H
