// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Is a program well formed?
//
// Structural validation of one program whose bytes came through the FlatBuffers
// verifier: every index, enumeration, union, byte range, size and name. A
// program that passes can be executed, printed and checked without further
// null, bounds or overflow checks; whether it is free of races and deadlocks is
// the question of Check.h.
//
// Also settled here, because one program alone shows it: events fire once and
// only awaited if they fire, a command's arguments do not overlap where one is
// written, operands of a run do not overlap where one is written.

#ifndef DPCRT_PROGRAM_FORMAT_VALIDATE_H
#define DPCRT_PROGRAM_FORMAT_VALIDATE_H

#include "program/format/Diagnostics.h"
#include "program/format/Program.h"

namespace dpcrt {

/// Adds an error to `diagnostics` for everything that is wrong with `program`.
/// `fileBytes` is the size of the buffer it lies in: no honest program counts
/// more things than its file has bytes, so it bounds what the file's numbers
/// can make a reader allocate.
void validateProgram(const fb::Program &program, uint64_t fileBytes, Diagnostics &diagnostics);

} // namespace dpcrt

#endif // DPCRT_PROGRAM_FORMAT_VALIDATE_H
