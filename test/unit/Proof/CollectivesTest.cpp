// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What each member of a collective takes away.
#include "Collectives.h"

#include "gtest/gtest.h"

using namespace dpc::proof;
using dpcrt::fb::CollectiveKind;

namespace {

struct CollectivesTest : testing::Test {
  Terms terms;
  Function sum = terms.function("sum", "sum");
  Term a = terms.leaf("a", 64), b = terms.leaf("b", 64);
  std::vector<Pieces> brought = {terms.whole(a), terms.whole(b)}, taken;

  void carry(CollectiveKind kind, const std::vector<uint64_t> &parts = {}) {
    carryOut(terms, kind, sum, parts, brought, 1, taken);
  }
};

TEST_F(CollectivesTest, AllReduceAddsInTheOrderOfMembers) {
  carry(CollectiveKind::AllReduce);
  Term total = terms.apply(sum, 0, {a, b}, 64, 1);
  EXPECT_EQ(taken, (std::vector<Pieces>{terms.whole(total), terms.whole(total)}));
  EXPECT_NE(total, terms.apply(sum, 0, {b, a}, 64, 1));
}

TEST_F(CollectivesTest, AllGatherJoinsInTheOrderOfMembers) {
  carry(CollectiveKind::AllGather);
  Pieces both = {{a, 0, 64}, {b, 0, 64}};
  EXPECT_EQ(taken, (std::vector<Pieces>{both, both}));
}

TEST_F(CollectivesTest, ReduceScatterGivesEachMemberItsPart) {
  carry(CollectiveKind::ReduceScatter);
  Term total = terms.apply(sum, 0, {a, b}, 64, 1);
  EXPECT_EQ(taken, (std::vector<Pieces>{{{total, 0, 32}}, {{total, 32, 32}}}));
}

TEST_F(CollectivesTest, AllGatherInPartsPutsEachPartWhereItLies) {
  carry(CollectiveKind::AllGather, {16, 48});
  Pieces both = {{a, 0, 16}, {b, 16, 48}};
  EXPECT_EQ(taken, (std::vector<Pieces>{both, both}));
  carry(CollectiveKind::AllGather, {64, 0});
  EXPECT_EQ(taken, (std::vector<Pieces>{terms.whole(a), terms.whole(a)}));
}

TEST_F(CollectivesTest, ReduceScatterInPartsLeavesTheRest) {
  carry(CollectiveKind::ReduceScatter, {16, 48});
  Term total = terms.apply(sum, 0, {a, b}, 64, 1);
  EXPECT_EQ(taken,
            (std::vector<Pieces>{{{total, 0, 16}, {a, 16, 48}}, {{b, 0, 16}, {total, 16, 48}}}));
  carry(CollectiveKind::ReduceScatter, {0, 64});
  EXPECT_EQ(taken, (std::vector<Pieces>{terms.whole(a), terms.whole(total)}));
}

TEST_F(CollectivesTest, AllToAllGivesMemberIEveryPartI) {
  carry(CollectiveKind::AllToAll);
  EXPECT_EQ(taken, (std::vector<Pieces>{{{a, 0, 32}, {b, 0, 32}}, {{a, 32, 32}, {b, 32, 32}}}));
}

} // namespace
