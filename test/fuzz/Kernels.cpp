// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The kernel table of a target. Every kernel of one that is accepted is found by its name,
// and every sum by its type and sources.
#include "program/format/KernelTable.h"
#include "program/format/Program.h"

using namespace dpcrt;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::vector<uint8_t> bytes(data, data + size);
  Result<KernelTable> table = KernelTable::read(bytes, "fuzz.table");
  if (!table.ok())
    return 0;
  for (const fb::KernelEntry *entry : items(fb::GetKernelTable(bytes.data())->kernels())) {
    const fb::DeviceShape *shape = table->findFunctions(text(entry->symbol()));
    if (!shape && !table->findLoops(text(entry->symbol())))
      __builtin_trap();
    for (const fb::DeviceFunction *function : items(shape ? shape->functions() : nullptr))
      if (function->block() == 0 || function->grid() == 0 || text(function->symbol()).empty())
        __builtin_trap();
  }
  for (const fb::SumFunction *sum : items(table->sums())) {
    const fb::DeviceFunction *function =
        table->findSum(*elementNumbered(sum->element()), sum->sources());
    if (!function || function != sum->function() || function->block() == 0)
      __builtin_trap();
  }
  return 0;
}
