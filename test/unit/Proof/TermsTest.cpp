// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Values are one number however their bytes were cut and joined.
#include "Terms.h"

#include "gtest/gtest.h"

using namespace dpc::proof;

namespace {

struct TermsTest : testing::Test {
  Terms terms;
  Function f = terms.function("f", "kernel f"), g = terms.function("g", "kernel g");
  Term x = terms.leaf("x", 64), y = terms.leaf("y", 64);

  Pieces cut(Term term, uint64_t offset, uint64_t bytes) {
    Pieces result;
    terms.cut(term, offset, bytes, result);
    return result;
  }
};

TEST_F(TermsTest, EqualApplicationsAreOneTerm) {
  Term one = terms.apply(f, 0, {x, y}, 64, 1);
  EXPECT_EQ(one, terms.apply(f, 0, {x, y}, 64, 2));
  EXPECT_EQ(terms.siteOf(one), 1u); // of whoever made it first
  EXPECT_NE(one, terms.apply(f, 1, {x, y}, 64, 1));
  EXPECT_NE(one, terms.apply(f, 0, {y, x}, 64, 1));
  EXPECT_NE(one, terms.apply(f, 0, {x}, 64, 1));
  EXPECT_NE(one, terms.apply(g, 0, {x, y}, 64, 1));
  EXPECT_NE(one, terms.apply(f, 0, {x, y}, 32, 1));
}

TEST_F(TermsTest, LeavesAreTheirNames) {
  EXPECT_EQ(terms.leaf("x", 64), x);
  EXPECT_NE(x, y);
  EXPECT_EQ(terms.wordsOf(terms.functionOf(x)), "x");
  EXPECT_TRUE(terms.argumentsOf(x).empty());
}

TEST_F(TermsTest, BytesJoinedAgainAreTheTerm) {
  Pieces halves = cut(x, 0, 16);
  terms.cut(x, 16, 48, halves);
  EXPECT_EQ(halves.size(), 1u);
  EXPECT_EQ(terms.join(halves), x);
}

TEST_F(TermsTest, APartIsAnotherTermThanTheWhole) {
  Term part = terms.join(cut(x, 0, 32));
  EXPECT_NE(part, x);
  EXPECT_EQ(terms.bytesOf(part), 32u);
  EXPECT_EQ(part, terms.join(cut(x, 0, 32)));
  EXPECT_NE(part, terms.join(cut(x, 32, 32)));
}

TEST_F(TermsTest, JoinedTermsAreCutIntoTheirPieces) {
  Pieces both = terms.whole(x);
  terms.cut(y, 0, 64, both);
  Term joined = terms.join(both);
  EXPECT_TRUE(terms.isJoined(joined));
  EXPECT_EQ(cut(joined, 32, 64), (Pieces{{x, 32, 32}, {y, 0, 32}}));
  EXPECT_EQ(cut(joined, 64, 64), terms.whole(y));
  EXPECT_EQ(terms.argumentsOf(joined), (std::vector<Term>{x, y}));
}

TEST_F(TermsTest, AFillHasNoPlaces) {
  Term zero = terms.fill(0);
  EXPECT_NE(zero, terms.fill(1));
  EXPECT_EQ(terms.join({{zero, 0, 16}}), terms.join(cut(terms.join({{zero, 0, 48}}), 32, 16)));
  EXPECT_NE(terms.join({{zero, 0, 16}}), terms.join({{zero, 0, 48}}));
}

TEST_F(TermsTest, ASumDoesNotKnowWhereItWasCut) {
  Pieces whole, parts;
  terms.combine(f, {terms.whole(x), terms.whole(y)}, 1, whole);
  EXPECT_EQ(whole, terms.whole(terms.apply(f, 0, {x, y}, 64, 1)));
  for (uint64_t begin : {0, 32})
    terms.combine(f, {cut(x, begin, 32), cut(y, begin, 32)}, 1, parts);
  EXPECT_EQ(parts, whole);
}

TEST_F(TermsTest, ASumOfDifferentPlacesIsNotThatOfTheWhole) {
  Pieces sum;
  terms.combine(f, {cut(x, 0, 32), cut(y, 32, 32)}, 1, sum);
  Pieces other;
  terms.combine(f, {cut(x, 0, 32), cut(y, 0, 32)}, 1, other);
  EXPECT_NE(terms.join(sum), terms.join(other));
}

TEST_F(TermsTest, ASumEndsWhereAnyMembersPiecesEnd) {
  Pieces left = terms.whole(x), right = cut(y, 0, 16), sum;
  append(terms, left, {y, 0, 64});
  append(terms, right, {terms.fill(0), 0, 112});
  terms.combine(f, {left, right}, 1, sum);
  EXPECT_EQ(byteCount(sum), 128u);
  // What is added to zero there is x's last 48 bytes.
  Term zero = terms.fill(0);
  Pieces expected;
  terms.combine(f, {cut(x, 16, 48), {{zero, 0, 48}}}, 1, expected);
  Pieces found;
  terms.cut(terms.join(sum), 16, 48, found);
  EXPECT_EQ(terms.join(found), terms.join(expected));
}

TEST_F(TermsTest, ASumOfZeroesHasNoPlacesEither) {
  Term zero = terms.fill(0);
  Pieces sum;
  terms.combine(f, {{{zero, 0, 32}}, {{zero, 0, 32}}}, 1, sum);
  ASSERT_EQ(sum.size(), 1u);
  EXPECT_TRUE(terms.isUniform(sum[0].term));
}

TEST_F(TermsTest, ForgottenTermsAreMadeAnew) {
  uint64_t count = terms.size();
  Term made = terms.apply(f, 0, {x}, 64, 7);
  for (unsigned i = 0; i < 100000; ++i) // over the first table's end
    terms.apply(f, i, {made}, 64, 8);
  terms.forget(count);
  EXPECT_EQ(terms.size(), count);
  EXPECT_EQ(terms.apply(f, 0, {x}, 64, 9), made);
  EXPECT_EQ(terms.siteOf(made), 9u);
  EXPECT_EQ(terms.leaf("y", 64), y);
}

} // namespace
