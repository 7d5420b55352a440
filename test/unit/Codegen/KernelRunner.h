// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Compiles kernels from text, loads the shared object and runs them, as a runtime
// would.
#ifndef DPC_TEST_UNIT_CODEGEN_KERNELRUNNER_H
#define DPC_TEST_UNIT_CODEGEN_KERNELRUNNER_H

#include "dpc/Codegen/CPU/CompileKernels.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"

#include <cstring>
#include <functional>

namespace dpc::codegen::test {

/// Bytes of a buffer.
using Bytes = std::vector<char>;

template <typename T> Bytes toBytes(const std::vector<T> &values) {
  Bytes bytes(values.size() * sizeof(T));
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}
template <typename T> std::vector<T> fromBytes(const Bytes &bytes) {
  std::vector<T> values(bytes.size() / sizeof(T));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

class KernelRunner {
public:
  /// Fails the test if the kernels do not compile.
  explicit KernelRunner(const std::string &text, const std::string &target = "cpu",
                        unsigned jobs = 2);
  ~KernelRunner();

  const CompiledKernel &info(const std::string &symbol) const;
  /// Runs a kernel in `pieces` calls, from the last piece to the first; returns the
  /// results' bytes (in-place ones included, in the order of the results' buffers:
  /// read-write arguments first).
  std::vector<Bytes> run(const std::string &symbol, const std::vector<Bytes> &arguments,
                         int64_t pieces = 1) const;
  /// A kernel of f32 arguments only.
  std::vector<float> runFloats(const std::string &symbol,
                               const std::vector<std::vector<float>> &arguments,
                               int64_t pieces = 1) const;

  const std::string &path() const { return file; }
  const CompiledKernels &kernels() const { return compiled; }

private:
  std::string file;
  void *library = nullptr;
  CompiledKernels compiled;
};

/// A module from text in a context with all that kernels need.
struct ParsedModule {
  explicit ParsedModule(const std::string &text);
  ~ParsedModule();
  std::unique_ptr<mlir::MLIRContext> context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::vector<std::string> errors;
};

/// Values that make rounding visible; the same for the same seed.
std::vector<float> randomFloats(size_t count, unsigned seed, float scale = 1);

} // namespace dpc::codegen::test

#endif // DPC_TEST_UNIT_CODEGEN_KERNELRUNNER_H
