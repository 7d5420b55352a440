// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Broken programs and what is said about them.
#include "Broken.h"

#include <cstdlib>
#include <gtest/gtest.h>
#include <iostream>

namespace dpcrt::test {

void PrintTo(const Broken &broken, std::ostream *out) { *out << broken.name; }

class BrokenProgram : public testing::TestWithParam<Broken> {};

TEST_P(BrokenProgram, IsRefused) {
  Programs p = pipeline(2, 4), q = pipeline(4, 4);
  std::vector<uint8_t> before;
  for (const ProgramPtr &program : q)
    for (uint8_t byte : pack(*program))
      before.push_back(byte);
  GetParam().plant(p, q);
  std::vector<uint8_t> after;
  for (const ProgramPtr &program : q)
    for (uint8_t byte : pack(*program))
      after.push_back(byte);

  Status status = check(before == after ? p : q);
  EXPECT_EQ(status.code(), Code::Artifact);
  EXPECT_EQ(status.message(), GetParam().diagnostic);
  // For writing new cases: prints what was said.
  if (std::getenv("DPC_PRINT_DIAGNOSTICS"))
    std::cout << "=== " << GetParam().name << "\n" << status.message() << "\n";
}

static std::string nameOfCase(const testing::TestParamInfo<Broken> &info) {
  return info.param.name;
}

INSTANTIATE_TEST_SUITE_P(Tables, BrokenProgram, testing::ValuesIn(brokenTables), nameOfCase);
INSTANTIATE_TEST_SUITE_P(Commands, BrokenProgram, testing::ValuesIn(brokenCommands), nameOfCase);
INSTANTIATE_TEST_SUITE_P(Orders, BrokenProgram, testing::ValuesIn(brokenOrders), nameOfCase);
INSTANTIATE_TEST_SUITE_P(Lists, BrokenProgram, testing::ValuesIn(brokenLists), nameOfCase);

} // namespace dpcrt::test
