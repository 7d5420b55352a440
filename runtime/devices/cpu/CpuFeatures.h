// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which of the instruction sets that an artifact's kernels need this processor
// (and its operating system) lacks.
#pragma once
#include "program/format/Status.h"
#include <string>
#include <vector>

namespace dpcrt {

// Error (code Device) naming those of `required` that are missing or unknown.
Status checkCpuFeatures(const std::vector<std::string> &required);

} // namespace dpcrt
