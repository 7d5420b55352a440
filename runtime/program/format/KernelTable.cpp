// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See KernelTable.h.
#include "program/format/KernelTable.h"

#include "program/format/FileHeader.h"
#include "program/format/Naming.h"
#include "program/format/Program.h"

#include <algorithm>

using namespace dpcrt;

/// "has ...", or nothing.
static std::string findProblem(const fb::KernelEntry &entry) {
  const fb::LoopShape *loops = entry.shape_as_LoopShape();
  if (!loops)
    return "is run in a way that this build does not know";
  if (loops->range() == 0 || loops->range() > uint64_t(INT64_MAX))
    return "has a range of " + std::to_string(loops->range()) + " points";
  if (loops->grain() == 0)
    return "has a grain of 0 points; it must be at least 1";
  if (loops->scratch_bytes() > kMaxBytes)
    return "wants " + std::to_string(loops->scratch_bytes()) + " bytes of scratch";
  return "";
}

Result<KernelTable> KernelTable::read(std::vector<uint8_t> bytes, std::string name) {
  static constexpr FileKind kind = {"kernel table", "DPCK", fb::VerifyKernelTableBuffer};
  if (Status s = checkFileHeader(bytes, name, kind); !s.ok())
    return s;
  KernelTable table;
  table.bytes = std::move(bytes);
  std::string_view before;
  bool isFirst = true;
  for (const fb::KernelEntry *entry : items(fb::GetKernelTable(table.bytes.data())->kernels())) {
    std::string_view symbol = text(entry->symbol());
    // In this order they are looked up.
    if (!isFirst && symbol <= before)
      return error(Code::Artifact, name, ": kernel ", quoted(symbol), " stands behind ",
                   quoted(before), "; symbols ascend");
    if (std::string problem = findProblem(*entry); !problem.empty())
      return error(Code::Artifact, name, ": kernel ", quoted(symbol), " ", problem);
    before = symbol;
    isFirst = false;
  }
  return table;
}

Result<KernelTable> KernelTable::readFile(const std::string &path) {
  Result<std::vector<uint8_t>> bytes = readArtifactFile(path);
  if (!bytes.ok())
    return bytes.status();
  return read(std::move(*bytes), path);
}

const fb::LoopShape *KernelTable::findLoops(std::string_view symbol) const {
  if (bytes.empty())
    return nullptr;
  const auto *kernels = fb::GetKernelTable(bytes.data())->kernels();
  if (!kernels)
    return nullptr;
  auto it = std::lower_bound(kernels->begin(), kernels->end(), symbol,
                             [](const fb::KernelEntry *entry, std::string_view wanted) {
                               return text(entry->symbol()) < wanted;
                             });
  return it != kernels->end() && text(it->symbol()) == symbol ? it->shape_as_LoopShape() : nullptr;
}

std::vector<uint8_t> dpcrt::writeKernelTable(fb::KernelTableT table) {
  table.format_major = kFormatMajor;
  table.format_minor = kFormatMinor;
  std::sort(table.kernels.begin(), table.kernels.end(),
            [](const auto &a, const auto &b) { return a->symbol < b->symbol; });
  flatbuffers::FlatBufferBuilder builder;
  fb::FinishKernelTableBuffer(builder, fb::KernelTable::Pack(builder, &table));
  return {builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize()};
}
