// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See TestKernels.h.
#include "TestKernels.h"
#include <cstdlib>

namespace dpcrt::test {

std::vector<uint8_t> testKernelTable(void (*change)(fb::KernelTableT &)) {
  fb::KernelTableT table;
  table.target = "cpu";
  auto add = [&](const char *symbol, uint64_t range, uint64_t grain, uint64_t scratch) {
    fb::LoopShapeT loops;
    loops.range = range;
    loops.grain = grain;
    loops.scratch_bytes = scratch;
    table.kernels.push_back(std::make_unique<fb::KernelEntryT>());
    table.kernels.back()->symbol = symbol;
    table.kernels.back()->shape.Set(std::move(loops));
  };
  for (const char *symbol : {"k_add", "k_keep", "k_gradx", "k_gradw", "k_update", "k_sgd"})
    add(symbol, 16, 16, 0);
  for (const char *symbol : {"k_loss", "k_count", "k_norm", "k_factor"})
    add(symbol, 1, 1, 0);
  add("k_scratch", 1 << 20, 1000, 64); // a grain that does not divide the range
  if (change)
    change(table);
  return writeKernelTable(std::move(table));
}

KernelTable testKernels() {
  Result<KernelTable> table = KernelTable::read(testKernelTable(), "test");
  if (!table.ok())
    std::abort();
  return std::move(*table);
}

fb::LoopShapeT &loopsOf(fb::KernelTableT &table, const std::string &symbol) {
  for (auto &entry : table.kernels)
    if (entry->symbol == symbol)
      return *entry->shape.AsLoopShape();
  std::abort();
}

} // namespace dpcrt::test
