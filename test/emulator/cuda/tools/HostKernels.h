// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The CPU's kernels of a module, to compare a device's with.
#ifndef DPC_TEST_EMULATOR_CUDA_TOOLS_HOSTKERNELS_H
#define DPC_TEST_EMULATOR_CUDA_TOOLS_HOSTKERNELS_H

#include "dpc/Codegen/CPU/CompileKernels.h"

#include "mlir/IR/BuiltinOps.h"

#include <optional>
#include <vector>

namespace dpc::emulator {

using Bytes = std::vector<char>;

class HostKernels {
public:
  /// Compiles the module's kernels; empty if that fails, which has been told.
  static std::optional<HostKernels> compile(mlir::ModuleOp module);
  HostKernels(HostKernels &&other);
  ~HostKernels();

  /// What a kernel makes of its buffers, which come without scratch.
  std::vector<Bytes> run(size_t kernel, const std::vector<Bytes> &buffers) const;

private:
  HostKernels() = default;
  void *handle = nullptr;
  std::vector<codegen::CompiledKernel> kernels;
};

} // namespace dpc::emulator

#endif // DPC_TEST_EMULATOR_CUDA_TOOLS_HOSTKERNELS_H
