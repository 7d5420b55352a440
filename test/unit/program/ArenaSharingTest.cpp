// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which memory the entry points of a rank share, and how much it is altogether.
#include "Builder.h"

#include "program/format/ArenaSharing.h"

#include <gtest/gtest.h>

namespace dpcrt::test {
namespace {

using Role = fb::ArenaRole;

/// A program whose arenas are these, in order; `host`: in the host's memory.
ProgramFile withArenas(const std::vector<std::tuple<Role, uint64_t, bool>> &arenas) {
  fb::ProgramT program = *emptyProgram(0, 1, 4);
  program.arenas.clear();
  program.blocks.clear();
  program.constants.clear();
  program.parameters.clear();
  program.step_record.reset();
  for (auto [role, bytes, host] : arenas) {
    auto arena = std::make_unique<fb::ArenaT>();
    arena->name = "arena " + std::to_string(program.arenas.size());
    arena->role = role;
    arena->bytes = bytes;
    arena->host = host;
    program.arenas.push_back(std::move(arena));
  }
  Result<ProgramFile> file = readProgram(pack(program), "a.prog");
  EXPECT_TRUE(file.ok()) << file.status().message();
  return std::move(*file);
}

// Each block begins anew, at multiples of 64 bytes.
TEST(ArenaSharing, MessagesLieInABlockOfTheirOwn) {
  ProgramFile file = withArenas({{Role::Gradients, 64, false},
                                 {Role::Stash, 100, false},
                                 {Role::Messages, 70, false},
                                 {Role::Workspace, 30, false},
                                 {Role::Messages, 10, false}});
  std::vector<ArenaHome> homes = homesOf(file.program(), nullptr);
  ASSERT_EQ(homes.size(), 5u);
  const std::pair<ArenaHome::Kind, uint64_t> wanted[] = {{ArenaHome::Own, 0},
                                                         {ArenaHome::Idle, 0},
                                                         {ArenaHome::Messages, 0},
                                                         {ArenaHome::Idle, 128},
                                                         {ArenaHome::Messages, 128}};
  for (size_t i = 0; i < homes.size(); ++i) {
    EXPECT_EQ(homes[i].kind, wanted[i].first) << "arena " << i;
    EXPECT_EQ(homes[i].offset, wanted[i].second) << "arena " << i;
  }
  EXPECT_EQ(blockBytes(file.program(), ArenaHome::Idle), 192u);
  EXPECT_EQ(blockBytes(file.program(), ArenaHome::Messages), 192u);
}

TEST(ArenaSharing, MemoryOfTheHostLiesInNoBlock) {
  ProgramFile file = withArenas({{Role::Messages, 64, true}, {Role::Stash, 64, true}});
  for (const ArenaHome &home : homesOf(file.program(), nullptr))
    EXPECT_EQ(home.kind, ArenaHome::Own);
  for (ArenaHome::Kind block : kCommonBlocks)
    EXPECT_EQ(blockBytes(file.program(), block), 0u);
  EXPECT_EQ(bytesOfRank({&file.program()}), 128u);
}

// Room that training has for other things is none for the messages of an evaluation.
TEST(ArenaSharing, EachBlockIsAsLargeAsTheEntryPointThatNeedsMost) {
  ProgramFile training = withArenas(
      {{Role::Stash, 1000, false}, {Role::Messages, 64, false}, {Role::Moments, 5, false}});
  ProgramFile evaluation = withArenas({{Role::Workspace, 64, false}, {Role::Messages, 640, false}});
  EXPECT_EQ(bytesOfRank({&training.program()}), 1024u + 64 + 5);
  EXPECT_EQ(bytesOfRank({&training.program(), &evaluation.program()}), 1024u + 640 + 5);
  EXPECT_EQ(bytesOfRank({&evaluation.program()}), 64u + 640);
}
} // namespace
} // namespace dpcrt::test
