// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What needs more than the C and C++ libraries is a shared object of its own, opened when
// somebody asks for it: a program starts where what it needs is absent. Both sides are C++,
// so both must be of one build. Each kind of plug-in has a header of its own, with the one
// function that a plug-in of that kind has for others.
#pragma once
#include "program/format/Status.h"
#include <cstdint>

namespace dpcrt {

// What the function gives.
struct Plugin {
  uint32_t version; // DPCRT_PLUGIN_VERSION where the plug-in was compiled; always comes first
  const void *kind; // of what type, the function's name says
};

// Of this library: equal where all headers and flags are that two builds must agree on.
uint32_t pluginVersion();

struct PluginEntry {
  const char *of; // for messages: "a device"
  const char *function;
};

// Opens the plug-in `file`, by its name: beside the program or library that this code is
// in, in the folder lib beside that one's, or where the dynamic loader looks. It stays open.
// `needs`: what it needs and who installs that, for the message where it cannot be loaded.
Status openPlugin(const PluginEntry &entry, const std::string &file, const std::string &needs,
                  const void *&kind);

} // namespace dpcrt
