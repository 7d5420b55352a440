// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// PyTorch's form: what is printed parses to the same table, placement and copies
// included, and what does not parse is told with line and cell.
#include "dpc/Schedule/core/Csv.h"
#include "RandomTable.h"
#include "dpc/Schedule/core/Check.h"
#include "dpc/Schedule/core/Text.h"
#include "dpc/Schedule/generators/Generators.h"

#include <algorithm>
#include <gtest/gtest.h>

using namespace dpc::schedule;
using namespace dpc::schedule::test;

namespace {

void expectRoundTrip(const Generator &generator, const Request &request) {
  if (!findFault(generator, request).empty())
    return;
  Table table = generator.generate(request);
  std::string text = printCsv(table);
  SCOPED_TRACE(text);
  Result<Table> again = parseCsv(text, table.name);
  ASSERT_TRUE(again.ok()) << again.error();
  ASSERT_TRUE(*again == table) << printText(table) << printText(*again);
}

TEST(Csv, ARoundTripKeepsEverySchedule) {
  for (const Generator &generator : generators())
    for (unsigned ranks = 1; ranks <= 8; ++ranks)
      for (unsigned microBatches = 1; microBatches <= 17; ++microBatches) {
        expectRoundTrip(generator, {ranks, microBatches, {}});
        for (const Option &option : generator.options)
          for (unsigned value = option.least; value <= std::min(option.most, option.least + 3);
               ++value)
            expectRoundTrip(generator, {ranks, microBatches, {{option.name, value}}});
      }
}

// Of tables that no generator makes too; but two copies on the same ranks are one to
// a reader of a file without a header, and two on others can look like three.
TEST(Csv, ARoundTripKeepsEveryTable) {
  unsigned same = 0;
  for (uint32_t seed = 0; seed < 2000; ++seed) {
    Random random(seed);
    Table table = makeTable(random);
    std::string text = printCsv(table);
    Result<Table> again = parseCsv(text, table.name);
    ASSERT_TRUE(again.ok()) << "seed " << seed << ": " << again.error() << "\n" << text;
    ASSERT_TRUE(check(*again).empty()) << "seed " << seed << "\n" << text;
    ASSERT_EQ(again->actions, table.actions) << "seed " << seed << "\n" << text;
    ASSERT_EQ(printCsv(*again), text);
    if (table.replicas.size() == 1 ||
        table.replicas[0].rankOfStage != table.replicas[1].rankOfStage) {
      ASSERT_TRUE(*again == table) << "seed " << seed << "\n" << text;
      ++same;
    }
  }
  EXPECT_GT(same, 1000u);
}

// As _dump_csv writes it: empty cells, lines that end in CR LF, and what the runtime
// adds when it lowers a schedule.
TEST(Csv, EmptyCellsMessagesAndQuotesMeanNothing) {
  Result<Table> wanted = parseText(
      "schedule s\nranks 2\nstages 2\nmicro-batches 2\nreplica 0: micro-batches 0..1 on ranks 0 1\n"
      "rank 0: 0F0 0F1 0B0 0I1 0W1\nrank 1: 1F0 (1F1&1B0) 1B1\n");
  ASSERT_TRUE(wanted.ok()) << wanted.error();
  EXPECT_EQ(printCsv(*wanted), "0F0,0F1,0B0,0I1,0W1\r\n1F0,(1F1;1B0)OVERLAP_F_B,1B1\r\n");
  for (const char *text :
       {"0F0,0F1,0B0,0I1,0W1\n1F0,(1F1;1B0)OVERLAP_F_B,1B1",
        "0F0,0F1,,0B0,,0I1,0W1\r\n,1F0,,(1F1;1B0)OVERLAP_F_B,1B1,,\r\n",
        "\"0F0\", 0F1 ,\t0B0,0I1,0W1\n\"\",1F0,\"( 1F1 ; 1B0 )OVERLAP_F_B\",1B1\n\n \n",
        "0UNSHARD,0F0,0SEND_F0,0F1,0SEND_F1,0RECV_B0,0B0,0I1,0W1,0REDUCE_GRAD,0RESHARD\r\n"
        "1UNSHARD,1RECV_F0,1F0,1RECV_F1,(1F1;1B0)OVERLAP_F_B,1SEND_B0,1B1,1SEND_B1,1RESHARD\r\n"}) {
    Result<Table> got = parseCsv(text, "s");
    ASSERT_TRUE(got.ok()) << got.error() << "\n" << text;
    EXPECT_TRUE(*got == *wanted) << text;
  }
}

TEST(Csv, ALineIsARank) {
  Result<Table> table = parseCsv("0F0,0B0\n,\n\n1F0,1B0\n", "two idle");
  ASSERT_TRUE(table.ok()) << table.error();
  EXPECT_EQ(table->name, "two-idle");
  EXPECT_EQ(table->ranks, 4u);
  EXPECT_EQ(table->replicas[0].rankOfStage, (std::vector<unsigned>{0, 3}));
}

TEST(Csv, ErrorsNameLineCellAndWord) {
  const std::pair<const char *, const char *> cases[] = {
      {"", "there is no action; expected a line for each rank, as in 0F0,0F1,0B0,0B1"},
      {"\r\n,,\n", "there is no action; expected a line for each rank, as in 0F0,0F1,0B0,0B1"},
      {"0F0,0G0", "line 1, cell 2: expected F, I, W, B, SEND_F, RECV_F, SEND_B, RECV_B, UNSHARD, "
                  "RESHARD or REDUCE_GRAD, found 'G0'"},
      {"0F0\n\n,F0", "line 3, cell 2: expected a stage, found 'F0'"},
      {"0F", "line 1, cell 1: expected a micro-batch, found the end of the cell"},
      {"0F0 0B0", "line 1, cell 1: expected the end of the cell, found '0B0'"},
      {"0F-1", "line 1, cell 1: expected a micro-batch, found '-1'"},
      {"99999999999999999999F0",
       "line 1, cell 1: a stage must be below 1048576, found '999999999999'"},
      {"0F1048576", "line 1, cell 1: a micro-batch must be below 1048576, found '1048576'"},
      {"(0F1,0B0)OVERLAP_F_B", "line 1, cell 1: expected ';', found the end of the cell"},
      {"(0F1;0B0)", "line 1, cell 1: expected ')OVERLAP_F_B', found ')'"},
      {"(0F1;0SEND_B0)OVERLAP_F_B", "line 1, cell 1: an overlapped pair is of two tasks"},
      {"0F0,0B0\n1F0,1B0,0F0", "stage 0 of micro-batch 0 is on two ranks, 0 and 1 (0F0)"},
      {"0F0,0B0,0F1,0B1\n1F0,1B0,1B0", "no rank does stage 1 of micro-batch 1"},
      {"0F0,1048575F1048575", "the ranks do 2 tasks; stages 0 to 1048575 and micro-batches 0 to "
                              "1048575 need at least 2199023255552"},
      {"0F0,0B0,0F2,0B2\n0F1,0B1", "micro-batches 0 and 2 pass through the same ranks, micro-batch "
                                   "1 between them through others; those of a copy of "
                                   "the model must be numbered one after the other"},
  };
  for (auto [text, error] : cases) {
    Result<Table> table = parseCsv(text, "s");
    EXPECT_FALSE(table.ok()) << text;
    EXPECT_EQ(table.error(), error);
  }
}

// Any bytes, and any change of a good file: a table that prints as itself, or an
// error; nothing else happens.
TEST(Csv, DamagedFilesAreATableOrAnError) {
  const std::string letters = "0123456789FBIW();,\" \t\r\nSENDRECVOVERLAP_UNHARD\xff\0";
  unsigned tables = 0, errors = 0;
  for (uint32_t seed = 0; seed < 6000; ++seed) {
    Random random(seed);
    std::string text;
    if (random.oneIn(4)) {
      for (unsigned length = random.below(60); length > 0; --length)
        text += random.oneIn(8) ? (char)random.below(256) : letters[random.below(letters.size())];
    } else {
      text = printCsv(makeTable(random));
      for (unsigned times = random.from(1, 3); times > 0 && !text.empty(); --times) {
        unsigned at = random.below(text.size());
        switch (random.below(5)) {
        case 0:
          text[at] = letters[random.below(letters.size())];
          break;
        case 1:
          text.erase(at, random.from(1, 4));
          break;
        case 2:
          text.insert(at, 1, letters[random.below(letters.size())]);
          break;
        case 3:
          text.resize(at + 1);
          break;
        case 4:
          text.insert(at, "9999999999999999999999");
          break;
        }
      }
    }
    Result<Table> table = parseCsv(text, "damaged");
    if (!table.ok()) {
      ASSERT_FALSE(table.error().empty());
      for (unsigned char letter : table.error())
        ASSERT_TRUE(letter >= 0x20 && letter < 0x7f) << "seed " << seed << ": " << table.error();
      ++errors;
      continue;
    }
    ++tables;
    Result<Table> again = parseCsv(printCsv(*table), "damaged");
    ASSERT_TRUE(again.ok()) << "seed " << seed << ": " << again.error() << "\n" << text;
    ASSERT_EQ(again->actions, table->actions) << "seed " << seed << "\n" << text;
    check(*table);
  }
  EXPECT_GT(tables, 150u);
  EXPECT_GT(errors, 2000u);
}

} // namespace
