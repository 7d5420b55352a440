// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// DPC_VERSION comes from CMakeLists.txt.
#include "cli/Version.h"

namespace dpcrt {
const char *versionText() { return DPC_VERSION; }
} // namespace dpcrt
