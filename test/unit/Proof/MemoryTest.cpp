// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// An arena of terms against an array that holds a term and an offset for every byte.
#include "Memory.h"

#include "gtest/gtest.h"

#include <random>

using namespace dpc::proof;

namespace {

struct MemoryTest : testing::Test {
  Terms terms;
  Term content = terms.leaf("content", 256), x = terms.leaf("x", 64), zero = terms.fill(0);
  Memory memory{terms};

  MemoryTest() { memory.addArena(content, 256); }
  Pieces read(uint64_t offset, uint64_t bytes) {
    Pieces result;
    memory.read(0, offset, bytes, result);
    return result;
  }
};

TEST_F(MemoryTest, BytesHoldWhatTheArenaBeganWith) {
  EXPECT_EQ(read(16, 32), (Pieces{{content, 16, 32}}));
}

TEST_F(MemoryTest, AWriteLeavesWhatLiesAroundIt) {
  memory.write(0, 64, {{x, 0, 64}});
  EXPECT_EQ(read(0, 256), (Pieces{{content, 0, 64}, {x, 0, 64}, {content, 128, 128}}));
  EXPECT_EQ(terms.join(read(64, 64)), x);
}

TEST_F(MemoryTest, AWriteInTheMiddleCutsWhatWasThere) {
  memory.write(0, 0, {{x, 0, 64}});
  memory.write(0, 16, {{zero, 0, 16}});
  EXPECT_EQ(read(0, 64), (Pieces{{x, 0, 16}, {zero, 0, 16}, {x, 32, 32}}));
}

TEST_F(MemoryTest, NothingIsWrittenByNoBytes) {
  memory.write(0, 64, {});
  EXPECT_EQ(read(0, 256), (Pieces{{content, 0, 256}}));
}

TEST_F(MemoryTest, AnyWritesAreWhatBytesOneByOneAre) {
  std::mt19937 draw(3);
  std::vector<std::pair<Term, uint64_t>> bytes; // of each byte
  for (uint64_t i = 0; i < 256; ++i)
    bytes.push_back({content, i});
  for (unsigned round = 0; round < 5000; ++round) {
    uint64_t offset = draw() % 256, length = draw() % std::min<uint64_t>(256 - offset, 64) + 1;
    if (draw() % 4 == 0) { // a copy
      uint64_t from = draw() % (257 - length);
      memory.write(0, offset, read(from, length));
      std::vector<std::pair<Term, uint64_t>> moved(bytes.begin() + from,
                                                   bytes.begin() + from + length);
      std::copy(moved.begin(), moved.end(), bytes.begin() + offset);
    } else {
      Term term = draw() % 2 ? terms.leaf(std::to_string(round), length) : zero;
      memory.write(0, offset, {{term, 0, length}});
      for (uint64_t i = 0; i < length; ++i)
        bytes[offset + i] = {term, term == zero ? 0 : i};
    }
    Pieces expected;
    for (auto [term, at] : bytes)
      append(terms, expected, {term, at, 1});
    ASSERT_EQ(read(0, 256), expected) << "round " << round;
  }
}

} // namespace
