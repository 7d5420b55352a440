// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The one place that knows the version.
#pragma once

namespace dpcrt {
const char *versionText(); // "0.1.0"
}
