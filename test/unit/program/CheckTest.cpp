// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Legal programs are accepted, and fast.

#include "../../fuzz/Programs.h"
#include "Builder.h"

#include <ctime>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <iostream>
#include <iterator>

using namespace dpcrt;
using namespace dpcrt::test;

TEST(Check, AcceptsAPipeline) {
  for (uint32_t ranks : {2u, 4u}) {
    Programs programs = pipeline(ranks, 4);
    CheckReport report;
    Status status = check(programs, &report);
    EXPECT_TRUE(status.ok()) << status.message();
    // x and gx over every cut, and the swap of statistics.
    EXPECT_EQ(report.messages, (ranks - 1) * 4 * 2 + ranks);
    EXPECT_EQ(report.messageBytes, report.messages * kSlot);
    // An all-to-all in each forward task of each rank, one all-reduce.
    EXPECT_EQ(report.collectives, ranks * 4 + 1);
  }
}

// Two communicators: nothing has to order a collective of one and of the other, as
// within one group (BrokenOrders.cpp has that case).
TEST(Check, GroupsOfTheSameRanksAreIndependent) {
  Programs programs = pipeline(2, 4);
  for (ProgramPtr &program : programs) {
    Rank rank(*program);
    auto group = std::make_unique<fb::GroupT>();
    group->name = "all again";
    group->pp = program->groups[1]->pp;
    program->groups.push_back(std::move(group));
    uint32_t done = rank.event();
    auto second =
        rank.make(Compute, "norm",
                  collective(fb::CollectiveKind::AllReduce, 2, arena(Record, 0), arena(Record, 0)),
                  {}, int32_t(done));
    program->order.insert(program->order.begin() + indexOf(*program, fb::Action::Collective, 0) + 1,
                          std::move(second));
    program->order.back()->waits.push_back(done);
  }
  CheckReport report;
  Status status = check(programs, &report);
  EXPECT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(report.collectives, 2u * 4 + 2);
}

// In any order, some elements kept twice, and by a holder none; the last block is what
// is left of the parameter.
TEST(Check, AcceptsMomentsInPartsThatCoverTheirParameter) {
  using Parts = std::vector<std::optional<Extent>>;
  for (Element type : {Element::F32, Element::BF16})
    for (const Parts &parts :
         {Parts{Extent{0, 8192}, Extent{8192, 1808}}, Parts{Extent{4096, 5904}, Extent{0, 4096}},
          Parts{Extent{0, kLarge}, Extent{0, 4096}}, Parts{Extent{4096, 4096}, std::nullopt},
          Parts{Extent{}, Extent{0, kLarge}}, Parts{Extent{}, Extent{}}}) {
      Programs programs = pipeline(2, 4);
      for (uint32_t rank = 0; rank < 2; ++rank)
        addLargeParameter(*programs[rank], parts[rank], type);
      Status status = check(programs);
      EXPECT_TRUE(status.ok()) << status.message();
    }
}

TEST(Check, PaddingOfAMessageNeedsNoWrite) {
  // Two tensors of 40 bytes, each at a multiple of 64, sent as one message: the
  // 24 bytes after each are padding.
  Programs programs;
  for (uint32_t self = 0; self < 2; ++self) {
    programs.push_back(emptyProgram(self, 2, 1));
    Rank rank(*programs.back());
    uint32_t moved = rank.event();
    fb::Ref both(fb::Space::Arena, kF32, Messages, 0, 2 * kSlot);
    if (self == 0) {
      uint32_t filled = rank.event();
      rank.add(Compute, "one", fill(arena(Messages, 0, 40)));
      rank.add(Compute, "two", fill(arena(Messages, 1, 40)), {}, int32_t(filled));
      rank.add(Comm, "both", exchange(send(1, 0, both)), {filled}, int32_t(moved));
    } else {
      rank.add(Comm, "both", exchange(receive(0, 0, both)), {}, int32_t(moved));
    }
    rank.add(Compute, "", fb::JoinT(), {moved});
  }
  EXPECT_TRUE(check(programs).ok()) << check(programs).message();
  // A gap of 64 bytes is a tensor that nobody wrote.
  Programs without = clone(programs);
  without[0]->order[1]->action.Set(fb::JoinT());
  EXPECT_FALSE(check(without).ok());
}

/// Eight ranks with 3,000 runs each of blocks of 200 commands: the cost must be
/// that of the tasks, not of their commands.
TEST(Check, CostsWhatTasksCost) {
  Programs programs = pipeline(8, 1500);
  for (ProgramPtr &program : programs) {
    Rank rank(*program);
    for (uint32_t extra = 0; extra < 200; ++extra) {
      auto &commands = program->blocks[ForwardBlock]->commands;
      commands.insert(
          commands.end() - 1,
          rank.make(0, "extra", launch(Keep, {in(arena(Work, 1)), out(arena(Work, 2))})));
    }
  }
  std::vector<ProgramFile> files;
  std::vector<const fb::Program *> views;
  for (const ProgramPtr &program : programs) {
    Result<ProgramFile> file = readProgram(pack(*program), "rank");
    ASSERT_TRUE(file.ok()) << file.status().message();
    files.push_back(std::move(*file));
  }
  for (const ProgramFile &file : files)
    views.push_back(&file.program());
  CheckReport report;
  std::clock_t begin = std::clock();
  Status status = checkPrograms(views, &report);
  double seconds = double(std::clock() - begin) / CLOCKS_PER_SEC;
  EXPECT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(report.messages, 7u * 2 * 1500 + 8);
  std::cout << report.commands << " commands, " << report.accesses << " accesses checked in "
            << seconds << " s\n";
  // A tenth of a second is what it takes without sanitizers; comparing all
  // commands with each other would take minutes.
  EXPECT_LT(seconds, 10);
}

// If they are not of this version of the format, fuzzing sees no more than their header:
// test/fuzz/make_corpus.py writes them again.
TEST(Check, AcceptsTheProgramsThatFuzzingStartsFrom) {
  unsigned seen = 0;
  for (auto &entry : std::filesystem::directory_iterator(DPC_TEST_DIR "/fuzz/corpus/program")) {
    if (entry.path().filename().string().rfind("crash-", 0) == 0)
      continue;
    std::ifstream file(entry.path(), std::ios::binary);
    std::string bytes{std::istreambuf_iterator<char>(file), {}};
    auto programs = readPrograms(bytes);
    ASSERT_TRUE(programs.ok()) << entry.path() << ": " << programs.status().message();
    Status status = checkPrograms(programsOf(*programs));
    EXPECT_TRUE(status.ok()) << entry.path() << ": " << status.message();
    ++seen;
  }
  EXPECT_GE(seen, 3u);
}

// What several programs are found to be wrong with is counted whole, and told up to the limit.
TEST(Diagnostics, CountWhatTheyDoNotTell) {
  Diagnostics all(3), one(3), other(3);
  for (int i = 0; i < 2; ++i)
    one.error("first ", i);
  for (int i = 0; i < 4; ++i)
    other.error("second ", i);
  all.append(one);
  EXPECT_EQ(all.status(Code::Artifact).message(), "first 0\nfirst 1");
  all.append(other);
  EXPECT_EQ(all.count(), 6u);
  EXPECT_TRUE(all.full());
  EXPECT_EQ(all.status(Code::Artifact).message(), "first 0\nfirst 1\nsecond 0\nand 3 more");
}
