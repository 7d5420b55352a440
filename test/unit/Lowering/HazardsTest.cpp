// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Hazards.h"

#include <gtest/gtest.h>

using namespace dpc::lowering;

namespace {

// What comes before a touch, which is then made.
std::vector<Touch> touch(Hazards &hazards, unsigned arena, int64_t offset, int64_t bytes,
                         bool write, const Touch &mine) {
  std::vector<Touch> before = hazards.conflicts(arena, offset, bytes, write, mine);
  hazards.touch(arena, offset, bytes, write, mine);
  return before;
}

// A block uses bytes of its workspace again and again.
TEST(HazardsTest, OfAPartThatTouchesSeveralTimesTheLatestCounts) {
  for (unsigned first : {1u, 8u}) {
    Hazards hazards(1, 2);
    for (unsigned place : {first, 9 - first, 3u})
      hazards.touch(0, 0, 64, true, {0, 0, 0, place, place});
    std::vector<Touch> before = hazards.conflicts(0, 0, 64, true, {1, 0, 1, 1, 1});
    ASSERT_EQ(before.size(), 1u);
    EXPECT_EQ(before[0].place, 8u);
    EXPECT_EQ(before[0].written, 8u);
    // Behind place 7 of the other stream it is not behind this.
    Touch seventh{0, 1, 0, 7, 7};
    hazards.waitForAll(1, {{seventh, 0, 0}});
    EXPECT_FALSE(hazards.isOrderedAt(1, 1, before[0]));
    EXPECT_TRUE(hazards.isOrderedAt(1, 1, seventh));
  }
}

// A block reads on one stream what it writes on the other: who comes behind must come behind
// both, whichever was told of last, and what came before was before both.
TEST(HazardsTest, AnItemOfTwoStreamsStaysOnBoth) {
  for (bool writeFirst : {false, true}) {
    Hazards hazards(1, 4);
    touch(hazards, 0, 0, 64, false, {0, -1, 0});
    for (bool write : {writeFirst, !writeFirst})
      EXPECT_EQ(hazards.conflicts(0, 0, 64, write, {1, -1, write ? 1u : 0u}).size(),
                write ? 1u : 0u);
    for (bool write : {writeFirst, !writeFirst})
      hazards.touch(0, 0, 64, write, {1, -1, write ? 1u : 0u});
    // A reader behind the write alone; a writer behind both.
    EXPECT_EQ(hazards.conflicts(0, 0, 64, false, {2, -1, 2}).size(), 1u);
    EXPECT_EQ(hazards.conflicts(0, 0, 64, true, {2, -1, 2}).size(), 2u);
    // On the stream of the write, still behind the read.
    EXPECT_EQ(hazards.conflicts(0, 0, 64, true, {2, -1, 1}).size(), 1u);
  }
}

TEST(Hazards, AReadOnAnotherStreamWaitsForTheWrite) {
  Hazards hazards(1, 2);
  EXPECT_TRUE(touch(hazards, 0, 0, 64, true, {0, -1, 0}).empty());
  auto before = touch(hazards, 0, 32, 8, false, {1, -1, 1});
  ASSERT_EQ(before.size(), 1u);
  EXPECT_EQ(before[0].item, 0u);
}

TEST(Hazards, ReadsDoNotWaitForReadsButWritesDo) {
  Hazards hazards(1, 3);
  touch(hazards, 0, 0, 64, false, {0, -1, 0});
  EXPECT_TRUE(touch(hazards, 0, 0, 64, false, {1, -1, 1}).empty());
  EXPECT_EQ(touch(hazards, 0, 0, 64, true, {2, -1, 2}).size(), 2u);
}

TEST(Hazards, OneStreamOrdersItself) {
  Hazards hazards(1, 1);
  touch(hazards, 0, 0, 64, true, {0, -1, 0});
  EXPECT_TRUE(touch(hazards, 0, 0, 64, true, {1, -1, 0}).empty());
}

TEST(Hazards, DisjointBytesAndOtherArenasAreFree) {
  Hazards hazards(2, 2);
  touch(hazards, 0, 0, 64, true, {0, -1, 0});
  EXPECT_TRUE(touch(hazards, 0, 64, 64, true, {1, -1, 1}).empty());
  EXPECT_TRUE(touch(hazards, 1, 0, 64, true, {2, -1, 1}).empty());
}

TEST(Hazards, AWideWriteMeetsEveryEarlierPart) {
  Hazards hazards(1, 2);
  for (unsigned i = 0; i < 4; ++i)
    touch(hazards, 0, 64 * i, 64, i % 2, {i, -1, 0});
  EXPECT_EQ(touch(hazards, 0, 0, 256, true, {4, -1, 1}).size(), 4u);
  // ... and replaces them.
  EXPECT_EQ(touch(hazards, 0, 0, 256, true, {5, -1, 0}).size(), 1u);
}

/// What a stream has to wait for before it touches the first 64 bytes; it then waits.
std::vector<Hazards::Awaited> await(Hazards &hazards, unsigned item, unsigned stream, bool write,
                                    int part = -1, unsigned begin = 0, unsigned end = 0,
                                    unsigned written = 0) {
  std::vector<Hazards::Awaited> awaited;
  for (const Touch &earlier : touch(hazards, 0, 0, 64, write, {item, part, stream, end, written}))
    awaited.push_back({earlier, 0, begin});
  awaited = hazards.reduce(stream, awaited);
  hazards.waitForAll(stream, awaited);
  hazards.place(item, stream);
  return awaited;
}

std::vector<unsigned> itemsOf(const std::vector<Hazards::Awaited> &awaited) {
  std::vector<unsigned> items;
  for (const Hazards::Awaited &each : awaited)
    items.push_back(each.earlier.item);
  return items;
}

TEST(Hazards, AnEarlierItemOfAStreamIsImpliedByALaterOne) {
  Hazards hazards(1, 2);
  for (unsigned item : {0, 1})
    hazards.place(item, 0);
  EXPECT_EQ(itemsOf(hazards.reduce(1, {{{0, -1, 0}}, {{1, -1, 0}}})), std::vector<unsigned>{1});
}

TEST(Hazards, ALaterWaitOfACommandTellsNothingInTime) {
  Hazards hazards(1, 2);
  for (unsigned item : {0, 1})
    hazards.place(item, 0);
  // Place 2 comes behind place 1, which needs the earlier item before.
  auto needed = hazards.reduce(1, {{{0, -1, 0}, 0, 1}, {{1, -1, 0}, 1, 2}});
  EXPECT_EQ(itemsOf(needed), (std::vector<unsigned>{0, 1}));
  needed = hazards.reduce(1, {{{0, -1, 0}, 0, 2}, {{1, -1, 0}, 1, 1}});
  EXPECT_EQ(itemsOf(needed), std::vector<unsigned>{1});
}

TEST(Hazards, APartThatEndsLaterImpliesOneThatEndsEarlier) {
  Hazards hazards(1, 2);
  hazards.place(0, 0);
  auto needed = hazards.reduce(1, {{{0, 4, 0, 1, 1}, 0}, {{0, 5, 0, 2, 2}, 1}});
  ASSERT_EQ(needed.size(), 1u);
  EXPECT_EQ(needed[0].earlier.part, 5);
  // Transfers of an exchange end in any order.
  EXPECT_EQ(hazards.reduce(1, {{{0, 0, 0}, 0}, {{0, 1, 0}, 1}}).size(), 2u);
  // Of the same part one wait is enough, the one that begins first.
  needed = hazards.reduce(1, {{{0, 0, 0}, 0, 7}, {{0, 0, 0}, 1, 3}});
  ASSERT_EQ(needed.size(), 1u);
  EXPECT_EQ(needed[0].by, 1u);
}

TEST(Hazards, AReaderNeedsTheWriteAndAWriterTheLastTouch) {
  Hazards hazards(1, 3);
  // Item 0 writes the bytes at its place 1 and reads them again at place 5; another part of
  // it ends at place 3.
  await(hazards, 0, 0, true, 0, 0, 5, 1);
  hazards.wait(1, {0, 1, 0, 3, 3});
  EXPECT_TRUE(await(hazards, 1, 1, false).empty());
  hazards.wait(2, {0, 1, 0, 3, 3});
  EXPECT_EQ(itemsOf(await(hazards, 2, 2, true)), (std::vector<unsigned>{0, 1}));
}

TEST(Hazards, WhatAStreamLearnsWithinAnItemIsNotKnownAtItsBegin) {
  Hazards hazards(1, 3);
  hazards.place(0, 2);
  // Item 1 waits for item 0 at its place 4; a part of it has ended at place 2.
  hazards.waitForAll(0, {{{0, -1, 2}, 0, 4}});
  hazards.place(1, 0);
  hazards.wait(1, {1, 0, 0, 2, 2});
  EXPECT_FALSE(hazards.isOrdered(1, {0, -1, 2}));
  hazards.wait(1, {1, 1, 0, 4, 4});
  EXPECT_TRUE(hazards.isOrdered(1, {0, -1, 2}));
}

TEST(Hazards, AnAwaitedTransferIsKnown) {
  Hazards hazards(1, 3);
  hazards.place(0, 0);
  hazards.wait(1, {0, 1, 0});
  EXPECT_TRUE(hazards.isOrdered(1, {0, 1, 0}));
  EXPECT_FALSE(hazards.isOrdered(1, {0, 0, 0}));
  hazards.place(1, 1);
  hazards.wait(2, {1, -1, 1}); // and through others
  EXPECT_TRUE(hazards.isOrdered(2, {0, 1, 0}));
  EXPECT_FALSE(hazards.isOrdered(2, {0, 0, 0}));
}

TEST(Hazards, AWaitCarriesWhatTheOtherStreamKnew) {
  Hazards hazards(1, 3);
  hazards.place(0, 0);
  hazards.wait(1, {0, -1, 0});
  hazards.place(1, 1);
  EXPECT_FALSE(hazards.isOrdered(2, {0, -1, 0}));
  hazards.wait(2, {1, -1, 1});
  EXPECT_TRUE(hazards.isOrdered(2, {0, -1, 0}));
}

TEST(Hazards, APartOfAnItemDoesNotStandForTheItem) {
  Hazards hazards(1, 2);
  hazards.place(0, 0);
  hazards.place(1, 0);
  hazards.wait(1, {1, 3, 0});
  EXPECT_TRUE(hazards.isOrdered(1, {0, -1, 0}));
  EXPECT_FALSE(hazards.isOrdered(1, {1, -1, 0}));
}

} // namespace
