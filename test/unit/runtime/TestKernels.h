// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How the kernels of kernels.c are run: the table beside them.
#pragma once
#include "program/format/KernelTable.h"

namespace dpcrt::test {

// `change` may spoil what is written.
std::vector<uint8_t> testKernelTable(void (*change)(fb::KernelTableT &) = nullptr);

// The same, read.
KernelTable testKernels();

// The loops of a kernel in it.
fb::LoopShapeT &loopsOf(fb::KernelTableT &table, const std::string &symbol);

} // namespace dpcrt::test
