// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The kernel table of a target (Kernels.fbs), which says how its device runs each kernel
// of the programs. The one way into such a file: what is handed out has been through the
// FlatBuffers verifier, is of a version this build knows, and is well formed.
#ifndef DPCRT_PROGRAM_FORMAT_KERNELTABLE_H
#define DPCRT_PROGRAM_FORMAT_KERNELTABLE_H

#include "program/format/Element.h"
#include "program/format/Status.h"

#include "Kernels_generated.h"

#include <string>
#include <string_view>
#include <vector>

namespace dpcrt {

/// Sources of a sum on a GPU: what the parameters of a device function have room for (4 KB),
/// beside the destination and the count.
inline constexpr uint32_t kMaxSumSources = 510;

class KernelTable {
public:
  /// A table without kernels.
  KernelTable() = default;

  /// Takes a table from `bytes`, which `name` (a file's name) stands for in messages.
  /// Errors have code Artifact.
  static Result<KernelTable> read(std::vector<uint8_t> bytes, std::string name);
  static Result<KernelTable> readFile(const std::string &path);

  /// Null if the table has no such kernel, or one that is run in another way.
  const fb::LoopShape *findLoops(std::string_view symbol) const;
  const fb::DeviceShape *findFunctions(std::string_view symbol) const;
  /// Null if the table has no function for sums of so many values of this type.
  const fb::DeviceFunction *findSum(Element element, uint32_t sources) const;
  /// All of them, ascending; null if there are none.
  const flatbuffers::Vector<flatbuffers::Offset<fb::SumFunction>> *sums() const;

private:
  const fb::KernelEntry *find(std::string_view symbol) const;

  std::vector<uint8_t> bytes;
};

/// The bytes of a table, with identifier. Kernels and sums may come in any
/// order.
std::vector<uint8_t> writeKernelTable(fb::KernelTableT table);

} // namespace dpcrt

#endif // DPCRT_PROGRAM_FORMAT_KERNELTABLE_H
