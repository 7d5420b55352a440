// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Products by plain loops: each sum in ascending order of k, in the type that is computed in.
#ifndef DPC_TEST_EMULATOR_CUDA_CUBLASLT_PRODUCT_H
#define DPC_TEST_EMULATOR_CUDA_CUBLASLT_PRODUCT_H

#include "Descriptions.h"

namespace dpc::emulator {

struct Operands {
  const char *a = nullptr, *b = nullptr, *c = nullptr;
  char *d = nullptr;
  const void *alpha = nullptr, *beta = nullptr; ///< of the scale's type
};

/// D = alpha · A · B + beta · C; where beta is 0, C is not read. `first`: the term that sums
/// begin with, and go on from in a circle: what sums by atomic additions do in any order.
void multiply(const Problem &problem, const Operands &operands, uint64_t first);

} // namespace dpc::emulator

#endif // DPC_TEST_EMULATOR_CUDA_CUBLASLT_PRODUCT_H
