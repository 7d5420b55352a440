// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The proof of values of an artifact's programs, once more from its files.
#ifndef DPC_LIB_DRIVER_VERIFY_VALUES_H
#define DPC_LIB_DRIVER_VERIFY_VALUES_H

#include "mlir/IR/MLIRContext.h"
#include "program/format/Status.h"

#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

namespace dpc::verify {

/// The programs of one entry point, files of the artifact in the order of ranks.
struct EntryFiles {
  std::string name;
  std::vector<std::string> programs;
};

/// Holds the programs against the definition of the step that `artifact`, a checked
/// directory, carries; `constants` is its file of constants, or "". What differs is given
/// to `differ`, what was proved said to `out`.
dpcrt::Status proveValues(const std::string &artifact, const std::vector<EntryFiles> &entries,
                          const std::string &constants, mlir::MLIRContext *context,
                          const std::function<void(const std::string &)> &differ,
                          std::ostream &out);

} // namespace dpc::verify

#endif // DPC_LIB_DRIVER_VERIFY_VALUES_H
