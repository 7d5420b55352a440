// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A schedule's text, and its CSV: parsed, checked, simulated, and printed so that it
// reads back the same.
#include "dpc/Schedule/core/Check.h"
#include "dpc/Schedule/core/Csv.h"
#include "dpc/Schedule/core/Simulate.h"
#include "dpc/Schedule/core/Text.h"

using namespace dpc::schedule;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string text(reinterpret_cast<const char *>(data), size);
  (void)parseCsv(text, "fuzz");
  Result<Table> table = parseText(text);
  if (!table.ok())
    return 0;
  std::string printed = printText(*table);
  Result<Table> again = parseText(printed);
  if (!again.ok() || printText(*again) != printed)
    __builtin_trap();
  if (check(*table).empty())
    (void)simulate(*table, Costs());
  return 0;
}
