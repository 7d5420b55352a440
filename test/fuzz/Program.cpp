// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The program files of an entry point: each is validated, and all are checked against
// each other and printed.
#include "Programs.h"
#include "program/check/Check.h"
#include "program/format/Print.h"

using namespace dpcrt;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  auto files = test::readPrograms({reinterpret_cast<const char *>(data), size});
  if (!files.ok() || files->empty())
    return 0;
  (void)checkPrograms(test::programsOf(*files));
  for (const ProgramFile &file : *files)
    (void)printProgram(file.program());
  return 0;
}
