// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Anchors of the executor's interface.
#include "executor/Executor.h"

namespace dpcrt {

HostIo::~HostIo() = default;
Executor::~Executor() = default;

} // namespace dpcrt
