// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a stream did when, kept by its thread while a trace is on.
#pragma once
#include <cstdint>
#include <vector>

namespace dpcrt {

enum class SpanKind : uint8_t { Block, Command, WaitMessage, WaitCore };

struct Span {
  SpanKind kind;
  const void *what; // PlannedRun of a block, PlannedCommand of all others
  int64_t begin, end;
};

// One stream of one rank, one step.
struct StreamSpans {
  uint32_t rank, stream;
  uint64_t step;
  std::vector<Span> spans;
};

} // namespace dpcrt
