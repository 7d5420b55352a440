// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The text form: what is printed parses to the same table, and what does not parse
// is told with line, column and what stands there.
#include "dpc/Schedule/core/Text.h"
#include "RandomTable.h"
#include "dpc/Schedule/generators/Generators.h"

#include <gtest/gtest.h>
#include <regex>

using namespace dpc::schedule;
using namespace dpc::schedule::test;

namespace {

TEST(Text, ARoundTripKeepsEverything) {
  for (uint32_t seed = 0; seed < 1000; ++seed) {
    Random random(seed);
    Table table = makeTable(random);
    std::string text = printText(table);
    Result<Table> again = parseText(text);
    ASSERT_TRUE(again.ok()) << "seed " << seed << ": " << again.error() << "\n" << text;
    ASSERT_TRUE(*again == table) << "seed " << seed << "\n" << text;
    ASSERT_EQ(printText(*again), text) << "seed " << seed;
  }
}

TEST(Text, SpacesEmptyLinesAndCommentsMeanNothing) {
  const char *plain = "schedule s\nranks 1\nstages 1\nmicro-batches 2\nreplica 0: micro-batches "
                      "0..1 on ranks 0\nrank 0: 0F0 (0F1&0B0) 0I1 0W1\n";
  const char *loose = "# a comment\r\n\n  schedule\ts # its name\r\nranks   1\nstages "
                      "1\n\t\nmicro-batches 2\n replica 0 :micro-batches 0 .. 1 on ranks 0\r\n"
                      "rank 0:0F0 ( 0F1 & 0B0 )0I1\t0W1 # the end";
  Result<Table> first = parseText(plain), second = parseText(loose);
  ASSERT_TRUE(first.ok()) << first.error();
  ASSERT_TRUE(second.ok()) << second.error();
  EXPECT_TRUE(*first == *second);
}

struct Malformed {
  const char *line; ///< takes the place of the line with the same first word
  const char *error;
};

TEST(Text, ErrorsNameLineColumnAndWord) {
  const std::vector<std::string> lines = {"schedule s",
                                          "ranks 2",
                                          "stages 2",
                                          "micro-batches 2",
                                          "replica 0: micro-batches 0..1 on ranks 0 1",
                                          "rank 0: 0F0 0F1 0B0 0B1",
                                          "rank 1: 1F0 1B0 1F1 1B1"};
  const std::pair<unsigned, Malformed> cases[] = {
      {1, {"plan s", "line 1, column 1: expected 'schedule', found 'plan s'"}},
      {1,
       {"schedule", "line 1, column 9: expected the schedule's name, found the end of the line"}},
      {2, {"ranks two", "line 2, column 7: expected the number of ranks, found 'two'"}},
      {2, {"ranks 0", "line 2, column 8: the number of ranks must be at least 1"}},
      {2,
       {"ranks 70000", "line 2, column 7: the number of ranks must be below 65537, found '70000'"}},
      {2, {"ranks 2 3", "line 2, column 9: expected the end of the line, found '3'"}},
      {3, {"ranks 2", "line 3, column 6: the number of ranks is given twice"}},
      {3,
       {"rank 0: 0F0", "line 3, column 5: 'ranks', 'stages' and 'micro-batches' must come before "
                       "replicas and ranks"}},
      {4,
       {"microbatches 2", "line 4, column 1: expected 'ranks', 'stages', 'micro-batches', "
                          "'replica' or 'rank', found 'microbatches'"}},
      {5,
       {"replica 1: micro-batches 0..1 on ranks 0 1",
        "line 5, column 10: replicas are numbered in order; expected 0"}},
      {5,
       {"replica 0: micro-batches 1..1 on ranks 0 1",
        "line 5, column 30: the micro-batches of replica 0 must start at 0 and be at least one"}},
      {5,
       {"replica 0: micro-batches 0..2 on ranks 0 1",
        "line 5, column 29: the last micro-batch must be below 2, found '2 on ranks 0'"}},
      {5,
       {"replica 0: micro-batches 0..1 on ranks 0",
        "line 5, column 41: expected the rank of each of the 2 stages, found 1"}},
      {5,
       {"replica 0: micro-batches 0..1 on ranks 0 1 0",
        "line 5, column 44: more ranks than the 2 stages"}},
      {6,
       {"rank 0: 0F0 0G1 0B0 0B1", "line 6, column 14: expected F, B, I or W, found 'G1 0B0 0B1'"}},
      {6,
       {"rank 0: 0F0 2F1 0B0 0B1",
        "line 6, column 13: a stage must be below 2, found '2F1 0B0 0B1'"}},
      {6,
       {"rank 0: 0F0 0F2 0B0 0B1",
        "line 6, column 15: a micro-batch must be below 2, found '2 0B0 0B1'"}},
      {6, {"rank 0: 0F0 (0F1 0B0) 0B1", "line 6, column 18: expected '&', found '0B0) 0B1'"}},
      {6, {"rank 0: 0F0 (0F1&0B0 0B1", "line 6, column 22: expected ')', found '0B1'"}},
      {6, {"rank 0 0F0", "line 6, column 8: expected ':', found '0F0'"}},
      {7, {"rank 0: 1F0", "line 7, column 7: rank 0 is given twice"}},
      {7, {"rank 2: 1F0", "line 7, column 6: a rank must be below 2, found '2: 1F0'"}},
      {7, {"# nothing", "line 7: rank 1 is missing"}},
      {5, {"# nothing", "line 7: replicas must hold all 2 micro-batches"}},
  };
  for (const auto &[number, malformed] : cases) {
    std::string text;
    for (unsigned i = 0; i < lines.size(); ++i)
      text += (i + 1 == number ? malformed.line : lines[i]) + "\n";
    Result<Table> result = parseText(text);
    EXPECT_FALSE(result.ok()) << malformed.line;
    EXPECT_EQ(result.error(), malformed.error);
  }
  EXPECT_EQ(parseText("").error(), "line 0: expected 'schedule NAME', found nothing");
  EXPECT_EQ(parseText("schedule s\n").error(),
            "line 1: 'ranks', 'stages' and 'micro-batches' must all be given");
}

// Single characters changed, dropped or put in, lines swapped: there is a table or
// an error that names a line of the text; nothing else happens.
TEST(Text, DamagedTextIsATableOrAnErrorWithItsLine) {
  const std::regex form(R"(line (\d+)(, column (\d+))?: .+)");
  const std::string letters = "0123456789FBIW()&:#. \t\nrankschedule-micobat\xff";
  unsigned tables = 0, errors = 0;
  for (uint32_t seed = 0; seed < 2000; ++seed) {
    Random random(seed);
    std::string text = printText(makeTable(random));
    for (unsigned times = random.from(1, 3); times > 0 && !text.empty(); --times) {
      unsigned at = random.below(text.size());
      char letter = letters[random.below(letters.size())];
      switch (random.below(7)) {
      case 0:
        text[at] = letter;
        break;
      case 1:
        text.erase(at, random.from(1, 4));
        break;
      case 2:
        text.insert(at, 1, letter);
        break;
      case 3:
        std::swap(text[at], text[random.below(text.size())]);
        break;
      case 4:
        text.resize(at);
        break;
      case 5:
        text.insert(at, "99999999999999999999999");
        break;
      case 6:
        for (unsigned length = random.below(20); length > 0; --length)
          text.insert(at, 1, static_cast<char>(random.below(256)));
        break;
      }
    }
    Result<Table> result = parseText(text);
    if (result.ok()) {
      ++tables;
      // Whatever was meant, it is a table now, and prints as one.
      Result<Table> again = parseText(printText(*result));
      ASSERT_TRUE(again.ok() && *again == *result) << "seed " << seed << "\n" << text;
      continue;
    }
    ++errors;
    std::smatch match;
    ASSERT_TRUE(std::regex_match(result.error(), match, form))
        << "seed " << seed << ": " << result.error();
    unsigned line = std::stoul(match[1]), lines = std::count(text.begin(), text.end(), '\n') + 1;
    ASSERT_LE(line, lines) << "seed " << seed;
    if (match[3].matched) {
      size_t begin = 0;
      for (unsigned i = 1; i < line; ++i)
        begin = text.find('\n', begin) + 1;
      size_t length = std::min(text.find('\n', begin), text.size()) - begin;
      ASSERT_GE(std::stoul(match[3]), 1u) << "seed " << seed;
      ASSERT_LE(std::stoul(match[3]), length + 1) << "seed " << seed << ": " << result.error();
    }
  }
  EXPECT_GT(tables, 50u);
  EXPECT_GT(errors, 200u);
}

} // namespace
