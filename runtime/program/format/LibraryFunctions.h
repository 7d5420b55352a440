// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One of each library function; private to the format.
#pragma once
#include "program/format/LibraryFunction.h"

namespace dpcrt {

const LibraryFunction &matmulFunction();      // LibraryMatmul.cpp
const LibraryFunction &convolutionFunction(); // LibraryConvolution.cpp

} // namespace dpcrt
