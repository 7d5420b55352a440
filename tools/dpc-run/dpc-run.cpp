// Trains with a compiled artifact. Links the runtime and no LLVM.
#include "run/Run.h"
#include <iostream>
#include <unistd.h>

int main(int argc, char **argv) {
  return dpcrt::runCommand({argv + 1, argv + argc}, std::cout, std::cerr, isatty(2));
}
