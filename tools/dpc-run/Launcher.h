// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a launcher says of the world that this process is in.
#pragma once
#include "program/format/Status.h"

namespace dpcrt {

// An error (Usage) if the environment says that this is one of several processes, for commands
// whose ranks are all threads of one.
Status checkLauncher();

} // namespace dpcrt
