// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// --init-weights: a file of weights, or an index of several, into a session.
#pragma once
#include "dpcrt/dpcrt.h"
#include "program/format/Status.h"
#include <ostream>
#include <string>

namespace dpcrt {

// The file's own word says whose names and layout it has. Everything that does not
// fit (missing, unexpected, other shapes and types) is in one error, and then no
// weight is written. `folder` is the artifact's.
Status initWeights(const std::string &path, const std::string &folder,
                   const dpcrt_artifact *artifact, dpcrt_session *session, std::ostream &err);

} // namespace dpcrt
