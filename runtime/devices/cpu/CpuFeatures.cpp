// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The list of docs/Artifact.md against cpuid.
#include "devices/cpu/CpuFeatures.h"

namespace dpcrt {
namespace {
struct Feature {
  const char *name;
  bool present;
};
} // namespace

Status checkCpuFeatures(const std::vector<std::string> &required) {
  __builtin_cpu_init();
  const Feature features[] = {
#define DPCRT_CPU_FEATURE(name) {name, __builtin_cpu_supports(name) != 0},
#include "program/format/CpuFeatures.def"
  };
  std::string missing;
  for (const std::string &name : required) {
    bool present = false;
    for (const Feature &f : features)
      present |= name == f.name && f.present;
    if (!present)
      missing += (missing.empty() ? "" : ", ") + name;
  }
  if (missing.empty())
    return {};
  return error(Code::Device,
               "the artifact's kernels need CPU features that are "
               "not here: ",
               missing, "; compile with --target cpu or on this machine with --target cpu:native");
}

} // namespace dpcrt
