// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// --memory-limit: whether every rank fits, and what would where one does not.
#ifndef DPC_LIB_DRIVER_MEMORYLIMIT_H
#define DPC_LIB_DRIVER_MEMORYLIMIT_H

#include "Alternatives.h"

namespace dpc::driver {

/// `24GiB`, `800MB`, `1073741824`: kB, MB, GB, TB are powers of 1000, KiB, MiB, GiB
/// and TiB of 1024. False if it is no size above 0.
bool parseBytes(const std::string &text, uint64_t &bytes);

/// The rank that needs most, if that is more than the limit.
struct MemoryExcess {
  unsigned rank = 0;
  uint64_t bytes = 0;
  std::vector<std::pair<std::string, uint64_t>> arenas;
  explicit operator bool() const { return bytes > 0; }
};
/// Of a module that has been through the lower phase.
MemoryExcess findExcess(mlir::ModuleOp module, uint64_t limit);

/// `rank 0 needs 60.8 MB, more than the 50 MB of --memory-limit: weights 10.1 MB, ...`
std::string describeExcess(const MemoryExcess &excess, uint64_t limit);

/// Gives up one more of what the flags have left open: each of a parameter's holders keeps a
/// part of its moments, then what the backward can compute again is not kept. Returns what was
/// given up, in words, or "" if nothing is left.
std::string saveMemory(CompileOptions &options);

/// Other schedules on these ranks that fit; where there are none, more ranks; one
/// line each.
std::vector<std::string> findWhatFits(Alternatives &alternatives, const CompileOptions &options);

} // namespace dpc::driver

#endif // DPC_LIB_DRIVER_MEMORYLIMIT_H
