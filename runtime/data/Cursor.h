// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Where the next micro-batch lies. Data is addressed by the *cursor*, the global
// index of the micro-batch since the start of training, and by nothing else: a
// change of M, P or the number of ranks neither skips nor repeats a row.
#pragma once
#include <cstdint>
#include <optional>

namespace dpcrt {

struct Cursor {
  uint64_t rows = 0;   // N, micro-batches in the data; 0: no end
  uint64_t epochs = 1; // 0: for ever
  std::optional<uint64_t> shuffleSeed;

  // Row of micro-batch c: c mod N, or under shuffle the (c mod N)-th of the
  // permutation of (seed, c div N).
  uint64_t row(uint64_t c) const;
  // Micro-batches there are; nullopt: without end.
  std::optional<uint64_t> total() const;
};

// The image of `index` under a permutation of 0..count-1 chosen by (seed, epoch):
// a Feistel network over the next power of four, walked until it stays inside, so
// that no table is kept and any thread may ask.
uint64_t permute(uint64_t index, uint64_t count, uint64_t seed, uint64_t epoch);

} // namespace dpcrt
