// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Random operands of kernels under test, and how far results are from each other.
#ifndef DPC_TEST_TOOLS_KERNELOPERANDS_H
#define DPC_TEST_TOOLS_KERNELOPERANDS_H

#include "dpc/Reference/Reference.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <random>
#include <vector>

namespace dpc::test {

/// A kernel's buffers before it runs, in their order but without scratch: its arguments',
/// then those of results that share none, full of bytes 0xff.
struct KernelOperands {
  std::vector<reference::Tensor> arguments;
  std::vector<std::vector<char>> buffers;
  std::vector<size_t> bufferOfResult;
};

KernelOperands drawOperands(mlir::func::FuncOp kernel, llvm::ArrayRef<uint64_t> bufferBytes,
                            uint64_t seed);

/// The largest difference, relative to the size of the wanted tensor's numbers; infinite
/// where one is a NaN or infinite and the other is not.
double compareTensors(const reference::Tensor &want, const reference::Tensor &got);

} // namespace dpc::test

#endif // DPC_TEST_TOOLS_KERNELOPERANDS_H
