// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Where a run keeps its checkpoints unless told otherwise.
#pragma once
#include <string>

namespace dpcrt {

// MODEL.checkpoints beside MODEL.dpc.
std::string defaultCheckpointFolder(std::string artifact);

} // namespace dpcrt
