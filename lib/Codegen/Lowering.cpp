// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The interfaces of Lowering.h.
#include "dpc/Codegen/Lowering.h"

#include "dpc/Codegen/CodegenInterfaces.cpp.inc"
