// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// `dpc verify`: an artifact's steps against its own sequential replay, bit for bit,
// and against the interpreter in double precision.
#ifndef DPC_DRIVER_VERIFY_VERIFY_H
#define DPC_DRIVER_VERIFY_VERIFY_H

#include <cstdint>
#include <iosfwd>
#include <string>

namespace mlir {
class MLIRContext;
} // namespace mlir

namespace dpc::verify {

struct VerifyOptions {
  std::string artifact;
  std::string data = "synthetic:0";
  uint64_t steps = 1;
  double lr = 1e-3;
  unsigned threads = 0; ///< 0: the cores
};

/// `context` knows all dialects and the interpreter. Returns the exit status: 0, 1 if there is a
/// difference (which is printed to `out`), or that of the error that is printed to `err`.
int verify(const VerifyOptions &options, mlir::MLIRContext *context, std::ostream &out,
           std::ostream &err);

} // namespace dpc::verify

#endif // DPC_DRIVER_VERIFY_VERIFY_H
