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
std::vector<uint8_t>
deviceTable(const std::function<void(fb::DeviceShapeT &)> &change = nullptr,
            const std::function<void(fb::KernelTableT &)> &changeTable = nullptr) {
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
  for (auto [element, sources] :
       {std::pair(Element::F32, 4), {Element::BF16, 2}, {Element::F32, 2}}) {
    auto sum = std::make_unique<fb::SumFunctionT>();
    sum->element = uint8_t(element);
    sum->sources = uint32_t(sources);
    sum->function = std::make_unique<fb::DeviceFunctionT>();
    sum->function->symbol = "sum_" + std::string(nameOf(element)) + "_" + std::to_string(sources);
    sum->function->grid = 2048;
    sum->function->block = 256;
    table.sums.push_back(std::move(sum));
  }
  if (changeTable)
    changeTable(table);
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

TEST(KernelTable, FindsSumsByTypeAndSources) {
  Result<KernelTable> table = KernelTable::read(deviceTable(), "cuda.table");
  ASSERT_TRUE(table.ok()) << table.status().message();
  for (auto [element, sources, symbol] : {std::tuple(Element::F32, 2u, "sum_f32_2"),
                                          {Element::F32, 4u, "sum_f32_4"},
                                          {Element::BF16, 2u, "sum_bf16_2"}}) {
    const fb::DeviceFunction *function = table->findSum(element, sources);
    ASSERT_TRUE(function) << symbol;
    EXPECT_EQ(function->symbol()->str(), symbol);
  }
  EXPECT_EQ(count(table->sums()), 3u);
  EXPECT_FALSE(table->findSum(Element::F32, 3));
  EXPECT_FALSE(table->findSum(Element::F64, 2));
  EXPECT_FALSE(testKernels().findSum(Element::F32, 2));
  EXPECT_FALSE(KernelTable().findSum(Element::F32, 2));
}

fb::LoopShapeT someLoops() {
  fb::LoopShapeT loops;
  loops.range = 100;
  loops.grain = 10;
  return loops;
}

TEST(KernelTable, ImpossibleSumsAreRefused) {
  const std::pair<std::function<void(fb::KernelTableT &)>, const char *> faults[] = {
      {[](fb::KernelTableT &t) { t.sums[0]->sources = 1; },
       "the sum of 1 of element type 0 adds 1 sources; there are 2 to 510"},
      {[](fb::KernelTableT &t) { t.sums[0]->sources = 511; },
       "the sum of 511 of element type 0 adds 511 sources; there are 2 to 510"},
      {[](fb::KernelTableT &t) { t.sums[0]->element = uint8_t(Element::Bool); },
       "the sum of 4 of element type 4 adds values of type bool, which are not summed"},
      {[](fb::KernelTableT &t) { t.sums[0]->element = 200; },
       "the sum of 4 of element type 200 adds values of type number 200, which are not summed"},
      {[](fb::KernelTableT &t) { t.sums[0]->function = nullptr; },
       "the sum of 4 of element type 0 has no function"},
      {[](fb::KernelTableT &t) { t.sums[0]->function->block = 0; },
       "the sum of 4 of element type 0 has blocks of 0 threads of function 'sum_f32_4'; there are "
       "1 to 1024"},
      {[](fb::KernelTableT &t) { t.sums[0]->sources = 2; },
       "the sum of 2 of element type 0 stands behind that of 2 of element type 0; sums ascend"},
      {[](fb::KernelTableT &t) { t.kernels[0]->shape.Set(someLoops()); },
       "kernel 'k_sum' is run by loops, but the table has sums of a GPU"}};
  for (const auto &[change, words] : faults)
    EXPECT_EQ(refusal(deviceTable(nullptr, change)), std::string("cpu.table: ") + words);
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
  for (const std::vector<uint8_t> &whole : {testKernelTable(), deviceTable()}) {
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
        if (table.ok())
          if (const fb::DeviceFunction *sum = table->findSum(Element::F32, 2))
            EXPECT_GT(sum->block(), 0u);
      }
  }
}

} // namespace
} // namespace dpcrt::test
