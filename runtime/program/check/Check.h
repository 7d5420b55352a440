// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Do the programs of all ranks fit together?
//
// The proof that a set of programs can be run: that every message and every
// collective is met, that no rank can wait for ever (with messages that
// complete only when both sides have started), and that every two accesses of
// the same bytes, one of them a write, are ordered by the rank's own streams
// and events. docs/ProgramFormat.md says what exactly is proved and how. The
// compiler runs it on what it writes and the loader on what it reads.

#ifndef DPCRT_PROGRAM_CHECK_CHECK_H
#define DPCRT_PROGRAM_CHECK_CHECK_H

#include "program/format/Diagnostics.h"
#include "program/format/Program.h"

namespace dpcrt {

/// What was looked at, for summaries ("48 messages checked").
struct CheckReport {
  uint64_t commands = 0; ///< of the orders of all ranks
  uint64_t blocks = 0;
  uint64_t messages = 0; ///< sent and received
  uint64_t messageBytes = 0;
  uint64_t collectives = 0; ///< operations, each counted once per group
  uint64_t accesses = 0;    ///< merged byte ranges whose order was checked
};

/// Checks the programs of one entry point, one per coordinate of the pp axis in
/// ascending order. Each must have come through Reader.h (or validateProgram).
/// On errors the status has code Artifact and at most `errorLimit` entries,
/// each naming ranks, commands and what is missing.
Status checkPrograms(const std::vector<const fb::Program *> &programs,
                     CheckReport *report = nullptr, unsigned errorLimit = 20);

} // namespace dpcrt

#endif // DPCRT_PROGRAM_CHECK_CHECK_H
