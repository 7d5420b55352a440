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
#define DPCRT_FEATURE(name) {name, __builtin_cpu_supports(name) != 0}
  const Feature features[] = {
      DPCRT_FEATURE("sse3"), DPCRT_FEATURE("ssse3"), DPCRT_FEATURE("sse4.1"),
      DPCRT_FEATURE("sse4.2"), DPCRT_FEATURE("popcnt"), DPCRT_FEATURE("avx"),
      DPCRT_FEATURE("avx2"), DPCRT_FEATURE("bmi"), DPCRT_FEATURE("bmi2"),
      DPCRT_FEATURE("fma"), DPCRT_FEATURE("f16c"), DPCRT_FEATURE("lzcnt"),
      DPCRT_FEATURE("movbe"), DPCRT_FEATURE("avx512f"),
      DPCRT_FEATURE("avx512bw"), DPCRT_FEATURE("avx512cd"),
      DPCRT_FEATURE("avx512dq"), DPCRT_FEATURE("avx512vl"),
      DPCRT_FEATURE("avx512ifma"), DPCRT_FEATURE("avx512vbmi"),
      DPCRT_FEATURE("avx512vbmi2"), DPCRT_FEATURE("avx512vnni"),
      DPCRT_FEATURE("avx512bitalg"), DPCRT_FEATURE("avx512vpopcntdq"),
      DPCRT_FEATURE("avx512bf16"), DPCRT_FEATURE("avx512fp16"),
      DPCRT_FEATURE("avxvnni"), DPCRT_FEATURE("gfni"), DPCRT_FEATURE("vaes"),
      DPCRT_FEATURE("vpclmulqdq")};
#undef DPCRT_FEATURE
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
  return error(Code::Device, "the artifact's kernels need CPU features that are "
                             "not here: ", missing,
               "; compile with --target cpu or on this machine with --target cpu:native");
}

} // namespace dpcrt
