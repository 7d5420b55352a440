// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a launcher says of the world that this process is in.
#pragma once
#include "program/format/Status.h"

namespace dpcrt {

// An error (Usage) if the environment says that this is one of several processes: all
// ranks are threads of one process, so each would train the whole model by itself.
Status checkLauncher();

} // namespace dpcrt
