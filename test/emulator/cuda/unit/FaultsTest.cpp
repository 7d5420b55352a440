// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Wrong kernels: each is stopped, whatever the order of threads, and told what it did.
#include "KernelTest.h"

#include <cmath>

namespace dpc::emulator::test {
namespace {

void expectFault(Trial &run, Dim3 block, FaultKind kind, const std::string &part) {
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    std::optional<Fault> fault = run({1}, block, seed);
    ASSERT_TRUE(fault) << "seed " << seed;
    EXPECT_EQ(fault->kind, kind) << fault->message();
    EXPECT_NE(fault->what.find(part), std::string::npos) << fault->message();
    EXPECT_EQ(fault->kernel, run.launch.kernel->name);
    ASSERT_TRUE(fault->block && fault->thread);
    EXPECT_LT(fault->thread->x, block.x);
  }
}

void expectFault(const char *kernel, Dim3 block, const std::string &part) {
  Trial run("faults.ll", kernel);
  expectFault(run, block, FaultKind::Synchronization, part);
}

TEST(Faults, AMissingBarrierIsARace) {
  Trial run("faults.ll", "missing_barrier");
  run.output<float>(64);
  expectFault(run, {64}, FaultKind::Race, "with no barrier between");
}

TEST(Faults, RacesInGlobalMemory) {
  Trial run("faults.ll", "missing_barrier_in_memory");
  run.output<float>(64).output<float>(64);
  run.launch.findRacesUpTo = 1 << 20;
  expectFault(run, {64}, FaultKind::Race, "of buffer 0, which thread ");
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    Trial add("faults.ll", "blocks_add");
    add.output<float>(1);
    add.launch.findRacesUpTo = 4;
    EXPECT_FALSE(add({1}, {1}, seed));
    std::optional<Fault> fault = add({2}, {1}, seed);
    ASSERT_TRUE(fault);
    EXPECT_EQ(fault->what, "reads 4 bytes at byte 0 of buffer 0, which another block has written "
                           "with no barrier between");
    add.launch.findRacesUpTo = 3; // the buffer has four
    EXPECT_FALSE(add({2}, {1}, seed));
  }
}

TEST(Faults, AMissingBarrierShowsInResultsToo) {
  unsigned noticed = 0;
  for (uint64_t seed = 0; seed < kSeeds; ++seed) {
    Trial run("faults.ll", "missing_barrier");
    run.output<float>(64);
    run.launch.findRaces = false;
    ASSERT_FALSE(run({1}, {64}, seed));
    for (float y : run.result<float>(0))
      if (std::isnan(y)) {
        ++noticed;
        break;
      }
  }
  EXPECT_EQ(noticed, kSeeds);
}

TEST(Faults, ReadingBehindABuffer) {
  std::vector<float> x(32, 1.0f);
  Trial run("faults.ll", "reads_behind");
  run.input(x).output<float>(32);
  expectFault(run, {32}, FaultKind::IllegalAddress,
              "reads 4 bytes 0 bytes behind the end of buffer 0");
  // Unchecked, the poison behind the buffer gets into the result.
  Trial unchecked("faults.ll", "reads_behind");
  unchecked.input(x).output<float>(32);
  unchecked.checkMemory = false;
  ASSERT_FALSE(unchecked({1}, {32}, 0));
  EXPECT_TRUE(std::isnan(unchecked.result<float>(1)[31]));
  EXPECT_EQ(unchecked.result<float>(1)[30], 1.0f);
}

TEST(Faults, WritingBeforeABuffer) {
  Trial run("faults.ll", "writes_before");
  run.output<float>(32);
  expectFault(run, {32}, FaultKind::IllegalAddress, "writes 4 bytes 4 bytes before buffer 0");
  EXPECT_EQ(run.buffers.findDamage(), "");
  Trial unchecked("faults.ll", "writes_before");
  unchecked.output<float>(32);
  unchecked.checkMemory = false;
  ASSERT_FALSE(unchecked({1}, {32}, 0));
  EXPECT_EQ(unchecked.buffers.findDamage(), "byte 1 before buffer 0 was written");
}

TEST(Faults, WritingAnInput) {
  std::vector<float> x(32, 2.0f);
  Trial run("faults.ll", "writes_input");
  run.input(x);
  expectFault(run, {1}, FaultKind::IllegalAddress, "at byte 0 of buffer 0, which it may only read");
  Trial unchecked("faults.ll", "writes_input");
  unchecked.input(x);
  unchecked.checkMemory = false;
  ASSERT_FALSE(unchecked({1}, {1}, 0));
  EXPECT_EQ(unchecked.buffers.findDamage(), "byte 2 of buffer 0, an input, was written");
}

TEST(Faults, ReadingBehindASharedArray) {
  Trial run("faults.ll", "reads_behind_shared");
  run.output<float>(64);
  expectFault(run, {64}, FaultKind::IllegalAddress, "where no array lies");
}

TEST(Faults, AnAccessThatIsNotAligned) {
  std::vector<float> x(32, 1.0f);
  Trial run("faults.ll", "misaligned");
  run.input(x).output<float>(32);
  expectFault(run, {28}, FaultKind::Misaligned, "which is no multiple of 16");
}

TEST(Faults, BarriersThatNotAllReach) {
  expectFault("divergent_barrier", {32}, "another barrier than threads of its own warp");
  expectFault("exits_before_barrier", {64}, "which has ended");
  expectFault("crossed_barriers", {64}, "which waits at llvm.nvvm.barrier.cta.sync.aligned.count");
}

TEST(Faults, ShufflesThatNotAllReach) {
  expectFault("lane_ends", {32}, "for thread 7 of its block, which has ended");
  expectFault("mask_without_itself", {32}, "does not name its own lane 31");
  expectFault("two_masks", {32}, "mask 0xf");
  expectFault("reads_absent_lane", {32}, "reads lane 20");
  expectFault("two_shuffles", {32}, "wait in another instruction");
  expectFault("mask_without_itself", {16}, "its warp has 16 threads");
}

TEST(Faults, LaunchesThatAreNotPossible) {
  Trial run("elementwise.ll", "indices");
  run.output<int32_t>(1);
  for (auto [grid, block, part] : {std::tuple(Dim3{1}, Dim3{1025}, "1024"),
                                   {Dim3{1}, Dim3{64, 64}, "1024"},
                                   {Dim3{0}, Dim3{1}, "grid"},
                                   {Dim3{1, 70000}, Dim3{1}, "grid"},
                                   {Dim3{1}, Dim3{0}, "block"}}) {
    std::optional<Fault> fault = run(grid, block, 0);
    ASSERT_TRUE(fault) << part;
    EXPECT_EQ(fault->kind, FaultKind::Launch);
    EXPECT_FALSE(fault->thread);
    EXPECT_NE(fault->what.find(part), std::string::npos) << fault->message();
  }
  Trial large("reductions.ll", "center");
  large.output<float>(1).output<float>(1);
  std::optional<Fault> fault = large({1}, {512}, 0);
  ASSERT_TRUE(fault);
  EXPECT_NE(fault->what.find("made for 256"), std::string::npos) << fault->message();
}

TEST(Faults, AnEngineGoesOnAfterAFault) {
  Trial run("faults.ll", "exits_before_barrier");
  EXPECT_TRUE(run({3}, {64}, 0));
  EXPECT_FALSE(run({3}, {32}, 0));
}

} // namespace
} // namespace dpc::emulator::test
