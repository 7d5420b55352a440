// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The engines that there are.
#pragma once
#include "world/Engine.h"

namespace dpcrt {

// The names, of this build's and of those that it was not built with.
std::vector<std::string> engineKindNames();

// Opens the plug-in of "mpi:openmpi" or "mpi:mpich", which joins no world yet.
Status findEngineKind(const std::string &name, const EngineKind *&out);

} // namespace dpcrt
