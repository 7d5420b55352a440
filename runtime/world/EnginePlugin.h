// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Engines that need more than the C and C++ libraries, as plug-ins.
#pragma once
#include "plugins/Plugin.h"
#include "world/Engine.h"

// The one function that an engine's plug-in has for others; its kind is an EngineKind.
extern "C" __attribute__((visibility("default"))) const dpcrt::Plugin *dpcrt_engine_plugin(void);

namespace dpcrt {

inline Status openEnginePlugin(const std::string &file, const std::string &needs,
                               const EngineKind *&out) {
  const void *kind = nullptr;
  Status s = openPlugin({"an engine", "dpcrt_engine_plugin"}, file, needs, kind);
  out = static_cast<const EngineKind *>(kind);
  return s;
}

} // namespace dpcrt
