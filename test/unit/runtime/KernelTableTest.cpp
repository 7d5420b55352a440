// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Kernel tables: what is found in them, and what is wrong with those that are refused.
#include "TestKernels.h"
#include "program/format/Program.h"
#include <gtest/gtest.h>

namespace dpcrt::test {
namespace {

std::string refusal(std::vector<uint8_t> bytes) {
  Result<KernelTable> table = KernelTable::read(std::move(bytes), "cpu.table");
  if (table.ok())
    return "";
  EXPECT_EQ(table.status().code(), Code::Artifact);
  return table.status().message();
}

TEST(KernelTable, FindsEveryKernelWhateverItsPlace) {
  KernelTable table = testKernels();
  for (const char *symbol : {"k_add", "k_count", "k_factor", "k_gradw", "k_keep", "k_update"})
    EXPECT_TRUE(table.findLoops(symbol)) << symbol;
  ASSERT_TRUE(table.findLoops("k_scratch"));
  EXPECT_EQ(table.findLoops("k_scratch")->range(), 1u << 20);
  EXPECT_EQ(table.findLoops("k_scratch")->grain(), 1000u);
  EXPECT_EQ(table.findLoops("k_scratch")->scratch_bytes(), 64u);
  for (const char *symbol : {"", "k", "k_addd", "k_z", "a"})
    EXPECT_FALSE(table.findLoops(symbol)) << symbol;
  EXPECT_FALSE(KernelTable().findLoops("k_add"));
}

TEST(KernelTable, ImpossibleShapesAreRefused) {
  EXPECT_EQ(refusal(testKernelTable([](fb::KernelTableT &t) { loopsOf(t, "k_add").range = 0; })),
            "cpu.table: kernel 'k_add' has a range of 0 points");
  EXPECT_EQ(
      refusal(testKernelTable([](fb::KernelTableT &t) { loopsOf(t, "k_add").range = 1ull << 63; })),
      "cpu.table: kernel 'k_add' has a range of 9223372036854775808 points");
  EXPECT_EQ(refusal(testKernelTable([](fb::KernelTableT &t) { loopsOf(t, "k_sgd").grain = 0; })),
            "cpu.table: kernel 'k_sgd' has a grain of 0 points; it must be at least 1");
  EXPECT_EQ(refusal(testKernelTable(
                [](fb::KernelTableT &t) { loopsOf(t, "k_sgd").scratch_bytes = kMaxBytes + 1; })),
            "cpu.table: kernel 'k_sgd' wants " + std::to_string(kMaxBytes + 1) +
                " bytes of scratch");
  EXPECT_EQ(refusal(testKernelTable([](fb::KernelTableT &t) { t.kernels[0]->shape.Reset(); })),
            "cpu.table: kernel 'k_add' is run in a way that this build does not know");
}

TEST(KernelTable, SymbolsAscend) {
  EXPECT_EQ(refusal(testKernelTable([](fb::KernelTableT &t) { t.kernels[1]->symbol = "k_add"; })),
            "cpu.table: kernel 'k_add' stands behind 'k_add'; symbols ascend");
}

TEST(KernelTable, WhatIsNoTableIsRefused) {
  EXPECT_EQ(refusal({1, 2, 3}), "cpu.table: not a kernel table: it has only 3 bytes");
  std::vector<uint8_t> bytes = testKernelTable();
  bytes[5] = 'X';
  EXPECT_EQ(refusal(bytes), "cpu.table: not a kernel table: it does not carry the mark 'DPCK'");
  EXPECT_EQ(KernelTable::readFile("/nowhere/cpu.table").status().message(),
            "/nowhere/cpu.table: No such file or directory");
}

// Every table cut short, and with any byte of another value, is read or refused.
TEST(KernelTable, DamageIsNoHarm) {
  const std::vector<uint8_t> whole = testKernelTable();
  unsigned refused = 0;
  for (size_t size = 0; size < whole.size(); ++size)
    refused += !refusal({whole.begin(), whole.begin() + size}).empty();
  EXPECT_GT(refused, whole.size() * 9 / 10);
  for (size_t at = 0; at < whole.size(); ++at)
    for (uint8_t value : {0x00, 0x01, 0x7f, 0xff}) {
      std::vector<uint8_t> bytes = whole;
      bytes[at] = value;
      Result<KernelTable> table = KernelTable::read(std::move(bytes), "damaged");
      if (table.ok())
        if (const fb::LoopShape *loops = table->findLoops("k_scratch"))
          EXPECT_GT(loops->grain(), 0u);
    }
}

} // namespace
} // namespace dpcrt::test
