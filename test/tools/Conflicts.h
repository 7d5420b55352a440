// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which accesses of a rank's memory a program leaves unordered, found the plain way: every
// command of every run is a node, every pair of accesses is looked at. It shares nothing
// with the checker, which is held against it.
#pragma once
#include "program/format/Program.h"

#include <cstdint>
#include <vector>

namespace mutants {

/// The number of pairs of accesses of the same bytes, one of them a write, that the
/// rank's own streams and events do not order.
uint64_t countUnordered(const dpcrt::fb::ProgramT &program);

} // namespace mutants
