// Trains with a compiled artifact. Links the runtime and no LLVM.
#include "data/Files.h"
#include "run/Run.h"
#include <iostream>
#include <unistd.h>

int main(int argc, char **argv) {
  dpcrt::reportFileSizeLimitAsError();
  return dpcrt::runCommand({argv + 1, argv + argc}, std::cout, std::cerr, isatty(2));
}
