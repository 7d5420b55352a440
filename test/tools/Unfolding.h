// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A rank's program with every command of every run in its place: what comes behind what,
// who touches which bytes, and where it communicates. Written the plain way, and without
// the checker, which is held against what is found here.
#pragma once
#include "program/format/Program.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace mutants {

/// Bytes that a node reads or writes. The key tells accesses of a program apart and is the
/// same in a mutant of it: it counts what a stream computes, and names messages.
struct Access {
  uint32_t arena;
  uint64_t begin, end;
  bool writes;
  uint32_t node;
  uint64_t key;
};

/// One rank's end of an exchange or collective. It starts at a node and ends at one; of a
/// collective they are the same.
struct Communication {
  struct Transfer {
    uint32_t node;
    uint32_t sender, receiver, message;
  };
  uint32_t start = 0, end = 0;
  std::vector<Transfer> transfers;
  // Of a collective: how many ranks of the pp axis take part, and which of its group it is.
  size_t members = 0;
  std::string group;
  uint32_t sequence = 0;
};

struct Unfolding {
  uint32_t nodes = 0;
  /// The second comes behind the first has ended.
  std::vector<std::pair<uint32_t, uint32_t>> edges;
  std::vector<Access> accesses;
  std::vector<Communication> communications; // in list order
  /// Something waits for what stands later in its list. All other edges go from a node to
  /// one with a greater number.
  bool waitsForLater = false;
};

Unfolding unfold(const dpcrt::fb::ProgramT &program);

} // namespace mutants
