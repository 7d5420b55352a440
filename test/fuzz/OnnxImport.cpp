// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A model file, imported and closed as `dpc check` does; most are refused, none may
// crash, and what is accepted is valid IR.
#include "../unit/Import/Model.h"

#include "mlir/IR/Verifier.h"

#include <sys/mman.h>
#include <unistd.h>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  int fd = memfd_create("fuzz", MFD_CLOEXEC);
  if (fd < 0 || write(fd, data, size) != ssize_t(size))
    __builtin_trap();
  {
    dpc::test::Imported imported("/proc/self/fd/" + std::to_string(fd));
    if (imported.module ? failed(mlir::verify(*imported.module)) : imported.errors.empty())
      __builtin_trap();
  }
  close(fd);
  return 0;
}
