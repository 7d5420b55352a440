// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The one formula of ranks, against an enumeration, and the ranks of a group.

#include "program/format/Axes.h"

#include <gtest/gtest.h>

#include <vector>

using namespace dpcrt;

// In the order of the ranks pp changes least often and ep with every rank.
TEST(RankGrid, NumbersPlacesWithPpSlowest) {
  for (RankGrid grid :
       {RankGrid{}, RankGrid{4, 1, 1}, RankGrid{1, 3, 1}, RankGrid{1, 1, 2}, RankGrid{2, 3, 4}}) {
    uint32_t rank = 0;
    for (uint32_t pp = 0; pp < grid.pp; ++pp) {
      uint32_t replica = 0;
      for (uint32_t dp = 0; dp < grid.dp; ++dp)
        for (uint32_t ep = 0; ep < grid.ep; ++ep, ++rank, ++replica) {
          const RankPlace place{pp, dp, ep};
          EXPECT_EQ(grid.rankOf(place), rank);
          EXPECT_EQ(grid.replicaOf(place), replica);
          const RankPlace found = grid.placeOf(rank);
          EXPECT_EQ(std::vector({found.pp, found.dp, found.ep}), std::vector({pp, dp, ep}))
              << "rank " << rank;
        }
      EXPECT_EQ(replica, grid.replicas());
    }
    EXPECT_EQ(rank, grid.ranks());
  }
}

namespace {
std::vector<uint32_t> membersOf(std::vector<uint32_t> pp, fb::Axes over, const RankPlace &own) {
  flatbuffers::FlatBufferBuilder builder;
  fb::GroupT group;
  group.pp = std::move(pp);
  group.over = over;
  builder.Finish(fb::Group::Pack(builder, &group));
  return dpcrt::membersOf(*flatbuffers::GetRoot<fb::Group>(builder.GetBufferPointer()), {3, 2, 2},
                          own);
}
} // namespace

// Ranks of pp coordinate 0 are 0 to 3, of 2 they are 8 to 11.
TEST(Axes, GroupSpansThemAndKeepsToItsOwnPlaceOnOthers) {
  using Ranks = std::vector<uint32_t>;
  const RankPlace own{2, 1, 0};
  EXPECT_EQ(membersOf({0, 2}, fb::Axes::NONE, own), Ranks({2, 10}));
  EXPECT_EQ(membersOf({0, 2}, fb::Axes::Dp, own), Ranks({0, 2, 8, 10}));
  EXPECT_EQ(membersOf({0, 2}, fb::Axes::Ep, own), Ranks({2, 3, 10, 11}));
  EXPECT_EQ(membersOf({2}, fb::Axes::Dp | fb::Axes::Ep, own), Ranks({8, 9, 10, 11}));
  EXPECT_EQ(membersOf({2}, fb::Axes::Ep, {2, 0, 1}), Ranks({8, 9}));
}

TEST(Axes, HaveNames) {
  EXPECT_EQ(axisNamed("dp"), fb::Axes::Dp);
  EXPECT_EQ(axisNamed("ep"), fb::Axes::Ep);
  EXPECT_EQ(axisNamed("pp"), std::nullopt);
  EXPECT_EQ(inWords(fb::Axes::Dp | fb::Axes::Ep), "dp and ep");
  EXPECT_EQ(namesOf(fb::Axes::Tp), std::vector<std::string>({"tp"}));
  EXPECT_EQ(inWords(fb::Axes::NONE), "");
}
