// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A program's matmul on a CPU. What is not f32 is widened into the call's workspace,
// multiplied there, and rounded once: on this device bf16 and f16 are ways to store.
#pragma once
#include "devices/cpu/LibraryPlan.h"

namespace dpcrt {

Status makeMatmulCall(const fb::LibraryCall &call, MatmulLibrary &library,
                      std::unique_ptr<LibraryPlan> &out);

} // namespace dpcrt
