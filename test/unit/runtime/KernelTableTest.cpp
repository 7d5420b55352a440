// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Kernel tables: what is found in them, and what is wrong with those that are refused.
#include "TestKernels.h"
#include "program/format/Program.h"
#include <functional>
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

// A table of one kernel that a GPU runs as two functions.
std::vector<uint8_t> deviceTable(const std::function<void(fb::DeviceShapeT &)> &change = nullptr) {
  fb::DeviceShapeT shape;
  for (const char *symbol : {"k_sum_0", "k_sum_1"}) {
    auto function = std::make_unique<fb::DeviceFunctionT>();
    function->symbol = symbol;
    function->grid = 100;
    function->block = 128;
    function->shared_bytes = 512;
    shape.functions.push_back(std::move(function));
  }
  shape.scratch_bytes = 6400;
  if (change)
    change(shape);
  fb::KernelTableT table;
  table.target = "cuda:sm_90";
  auto entry = std::make_unique<fb::KernelEntryT>();
  entry->symbol = "k_sum";
  entry->shape.Set(std::move(shape));
  table.kernels.push_back(std::move(entry));
  return writeKernelTable(std::move(table));
}

TEST(KernelTable, SaysWhichFunctionsAGpuLaunches) {
  Result<KernelTable> table = KernelTable::read(deviceTable(), "cuda.table");
  ASSERT_TRUE(table.ok()) << table.status().message();
  const fb::DeviceShape *shape = table->findFunctions("k_sum");
  ASSERT_TRUE(shape);
  ASSERT_EQ(count(shape->functions()), 2u);
  EXPECT_EQ(shape->functions()->Get(1)->symbol()->str(), "k_sum_1");
  EXPECT_EQ(shape->functions()->Get(1)->grid(), 100u);
  EXPECT_EQ(shape->scratch_bytes(), 6400u);
  // One kind of device does not find what another runs.
  EXPECT_FALSE(table->findLoops("k_sum"));
  EXPECT_FALSE(table->findFunctions("k_su"));
  EXPECT_FALSE(testKernels().findFunctions("k_add"));
}

TEST(KernelTable, ImpossibleLaunchesAreRefused) {
  const std::pair<std::function<void(fb::DeviceShapeT &)>, const char *> faults[] = {
      {[](fb::DeviceShapeT &s) {
         for (unsigned i = 2; i < 17; ++i)
           s.functions.push_back(std::make_unique<fb::DeviceFunctionT>(*s.functions[0]));
       },
       "has 17 functions; it is run by at most 16"},
      {[](fb::DeviceShapeT &s) { s.functions[1]->symbol = ""; }, "has a function without a name"},
      {[](fb::DeviceShapeT &s) { s.functions[1]->block = 0; },
       "has blocks of 0 threads of function 'k_sum_1'; there are 1 to 1024"},
      {[](fb::DeviceShapeT &s) { s.functions[0]->block = 1025; },
       "has blocks of 1025 threads of function 'k_sum_0'; there are 1 to 1024"},
      {[](fb::DeviceShapeT &s) { s.functions[0]->grid = 0; },
       "has a grid of 0 blocks of function 'k_sum_0'; there are 1 to 2147483647"},
      {[](fb::DeviceShapeT &s) { s.functions[0]->shared_bytes = 50000; },
       "wants 50000 bytes of shared memory of function 'k_sum_0'; a block has 49152"},
      {[](fb::DeviceShapeT &s) { s.scratch_bytes = kMaxBytes + 1; },
       "wants 281474976710657 bytes of scratch"}};
  for (const auto &[change, words] : faults)
    EXPECT_EQ(refusal(deviceTable(change)), std::string("cpu.table: kernel 'k_sum' ") + words);
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
