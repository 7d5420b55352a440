// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Whether processes, maybe on several machines, see one folder.
#pragma once
#include "world/World.h"

namespace dpcrt {

// `folder` is what each process calls it. An error (Checkpoint), the same in all, names
// those that do not see what process 0 writes there; nothing of that is left. Together.
Status checkShared(World &world, const std::string &folder);

} // namespace dpcrt
