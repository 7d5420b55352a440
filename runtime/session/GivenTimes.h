// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The times that the virtual device's clock takes: costs of a model as nanoseconds.
#pragma once
#include "executor/TaskTimes.h"
#include "session/Manifest.h"
#include "transports/local/LocalTransport.h"

namespace dpcrt {

// From the artifact or file at `path`, or from this manifest if it is empty. A link that is not
// emulated becomes that of the costs, if they have one.
Status findGivenTimes(const Manifest &manifest, const std::string &path, TaskTimes &times,
                      Link &link);

} // namespace dpcrt
