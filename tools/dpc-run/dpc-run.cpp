// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Trains with a compiled artifact. Links the runtime and no LLVM.
#include "cli/EscapingStream.h"
#include "data/Files.h"
#include "dpc-run/Run.h"
#include <iostream>
#include <unistd.h>

int main(int argc, char **argv) {
  dpcrt::reportFileSizeLimitAsError();
  dpcrt::EscapingStream out(std::cout), err(std::cerr);
  err << std::unitbuf;
  return dpcrt::runCommand({argv + 1, argv + argc}, out, err, isatty(2));
}
