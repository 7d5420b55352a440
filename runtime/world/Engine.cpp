// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Anchors of the engine interface.
#include "world/Engine.h"

namespace dpcrt {

EngineRequest::~EngineRequest() = default;
Engine::~Engine() = default;

} // namespace dpcrt
