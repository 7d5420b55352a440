// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Where the arenas of a rank's entry points lie. Steps run one at a time, so one
// memory serves all of them where it can: weights, constants and the step record are
// the training step's, and what holds nothing between steps lies in blocks, each as
// large as the entry point needs that needs most: stash and workspace in one, messages
// in another, because devices may want other memory for what transports send from and
// receive into. The runtime allocates by this, and the compiler says by this what it
// will take.

#ifndef DPCRT_PROGRAM_FORMAT_ARENASHARING_H
#define DPCRT_PROGRAM_FORMAT_ARENASHARING_H

#include "program/format/Program.h"

#include <vector>

namespace dpcrt {

struct ArenaHome {
  enum Kind {
    Own,     ///< memory of its own
    Shared,  ///< that of the training step's arena `arena`
    Idle,    ///< at `offset` of the common block of stash and workspace
    Messages ///< at `offset` of the common block of messages
  };
  Kind kind = Own;
  uint32_t arena = 0;
  uint64_t offset = 0;
};

/// Whether an arena holds nothing at the start of a step.
bool isIdle(fb::ArenaRole role);

/// Of each arena of a program; `training` is the same rank's program of the training
/// step, null for that itself.
std::vector<ArenaHome> homesOf(const fb::Program &program, const fb::Program *training);

/// What is shared by the entry points of a rank in blocks.
inline constexpr ArenaHome::Kind kCommonBlocks[] = {ArenaHome::Idle, ArenaHome::Messages};

/// What a program needs of a common block.
uint64_t blockBytes(const fb::Program &program, ArenaHome::Kind block);

/// Bytes of one rank's arenas, all entry points together, the training step first.
uint64_t bytesOfRank(const std::vector<const fb::Program *> &entryPoints);

} // namespace dpcrt

#endif // DPCRT_PROGRAM_FORMAT_ARENASHARING_H
