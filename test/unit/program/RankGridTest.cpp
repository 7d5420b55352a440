// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The one formula of ranks, against an enumeration.

#include "program/format/RankGrid.h"

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
