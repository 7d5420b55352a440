// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A schedule to which something happened: check() refuses it, or it is a legal one.
// Which of the two is found from the rules alone.
#include "Oracle.h"
#include "RandomTable.h"
#include "dpc/Schedule/core/Check.h"
#include "dpc/Schedule/core/Text.h"
#include "dpc/Schedule/generators/Generators.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <map>
#include <set>

using namespace dpc::schedule;
using namespace dpc::schedule::test;

namespace {

constexpr Accident kAccidents[] = {Accident::Swap,     Accident::Drop,      Accident::Duplicate,
                                   Accident::Retarget, Accident::SplitPair, Accident::Move};

/// A generated schedule, or one that no generator makes.
Table drawTable(Random &random) {
  const std::vector<Generator> &all = generators();
  while (!random.oneIn(3)) {
    const Generator &generator = all[random.below(all.size())];
    Request request{random.from(1, 4), random.from(1, 10), {}};
    for (const Option &option : generator.options)
      if (random.oneIn(2))
        request.options[option.name] =
            random.from(option.least, std::min(option.most, option.least + 3));
    if (findFault(generator, request).empty())
      return generator.generate(request);
  }
  return makeTable(random);
}

TEST(Corruption, IsRefusedOrLegal) {
  std::map<std::string, std::pair<unsigned, unsigned>> counts; // refused, legal
  unsigned corrupted = 0;
  std::set<std::string> names;
  for (uint32_t seed = 0; corrupted < 10000; ++seed) {
    Random random(seed);
    Table table = drawTable(random);
    std::optional<Effect> wanted = carryOut(table);
    ASSERT_TRUE(wanted && wanted->size() == table.stages * table.microBatches) << printText(table);
    Accident accident = kAccidents[random.below(6)];
    bool happened = false;
    for (unsigned times = random.oneIn(4) ? 2 : 1; times > 0; --times)
      happened |= corrupt(random, table, accident);
    if (!happened)
      continue;
    ++corrupted;
    names.insert(table.name);
    SCOPED_TRACE("seed " + std::to_string(seed) + ", " + getName(accident));
    // As a file would bring it.
    Result<Table> read = parseText(printText(table));
    ASSERT_TRUE(read.ok()) << read.error();
    ASSERT_TRUE(*read == table);
    std::vector<std::string> errors = check(table);
    bool legal = isLegal(table);
    ASSERT_EQ(errors.empty(), legal) << (errors.empty() ? "" : errors.front()) << "\n"
                                     << printText(table);
    ++(legal ? counts[getName(accident)].second : counts[getName(accident)].first);
    // What is accepted leaves behind what the schedule did before.
    if (legal) {
      ASSERT_TRUE(carryOut(table) == wanted) << printText(table);
      ASSERT_TRUE(simulate(table, makeCosts(random)).ok());
    }
    for (const std::string &error : errors)
      ASSERT_FALSE(error.empty());
  }
  EXPECT_EQ(names.size(), generators().size() + 1);
  // Each kind of accident was seen, and where it can go well, both ways.
  for (Accident accident : kAccidents)
    EXPECT_GT(counts[getName(accident)].first + counts[getName(accident)].second, 100u)
        << getName(accident);
  EXPECT_GT(counts["swap"].first, 50u);
  EXPECT_GT(counts["swap"].second, 50u);
  EXPECT_EQ(counts["drop"].second, 0u);
  EXPECT_EQ(counts["duplicate"].second, 0u);
  EXPECT_GT(counts["split a pair"].second, 50u);
}

TEST(Corruption, ErrorsAreLimitedAndCounted) {
  Table table = *generate("1f1b", {4, 8, {}});
  for (std::vector<Action> &row : table.actions)
    row.resize(row.size() / 2);
  CheckOptions options;
  options.errorLimit = 5;
  std::vector<std::string> errors = check(table, options);
  ASSERT_EQ(errors.size(), 6u);
  EXPECT_EQ(errors[0], "rank 0 never does 0B2");
  EXPECT_EQ(errors[5].rfind("... and ", 0), 0u) << errors[5];
}

TEST(Corruption, TheCapIsOnTheRankThatExceedsIt) {
  Table table = *generate("1f1b", {4, 8, {}});
  CheckOptions options;
  options.activationCap = 3;
  EXPECT_EQ(check(table, options),
            (std::vector<std::string>{
                "rank 0, position 3: 0F3 makes it hold 4 activations; the cap is 3"}));
  options.activationCap = 4;
  EXPECT_TRUE(check(table, options).empty());
}

// A few lines can ask for 2^40 tasks. What is missing is said without a list of
// them, and without their memory.
TEST(Corruption, AFileOfFewLinesIsRefusedAtOnce) {
  std::string text = "schedule vast\nranks 1\nstages 1000000\nmicro-batches 1000000\nreplica 0: "
                     "micro-batches 0..999999 on ranks";
  for (unsigned i = 0; i < 1000000; ++i)
    text += " 0";
  Result<Table> table = parseText(text + "\nrank 0: 0F0 0B0\n");
  ASSERT_TRUE(table.ok()) << table.error();
  std::vector<std::string> errors = check(*table);
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_EQ(
      errors[0],
      "the ranks do 2 tasks; 1000000 stages and 1000000 micro-batches need at least 2000000000000");
}

} // namespace
