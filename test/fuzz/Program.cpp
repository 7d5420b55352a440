// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A program file: validated, checked, and if that is passed, printed.
#include "program/check/Check.h"
#include "program/format/Print.h"
#include "program/format/Reader.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  auto file = dpcrt::readProgram({data, data + size}, "fuzz.prog");
  if (!file.ok())
    return 0;
  (void)dpcrt::checkPrograms({&file->program()});
  (void)dpcrt::printProgram(file->program());
  return 0;
}
