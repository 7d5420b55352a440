// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See KernelTable.h.
#include "program/format/KernelTable.h"

#include "program/format/FileHeader.h"
#include "program/format/Naming.h"
#include "program/format/Program.h"

#include <algorithm>
#include <tuple>

using namespace dpcrt;

// What every device that CUDA knows takes: threads of a block, blocks along x, static shared
// bytes of a block.
static constexpr uint32_t kMaxBlock = 1024, kMaxGrid = INT32_MAX, kMaxShared = 48 << 10;
// Of one kernel.
static constexpr uint32_t kMaxFunctions = 16;

/// "has ...", or nothing.
static std::string findProblem(const fb::LoopShape &loops) {
  if (loops.range() == 0 || loops.range() > uint64_t(INT64_MAX))
    return "has a range of " + std::to_string(loops.range()) + " points";
  if (loops.grain() == 0)
    return "has a grain of 0 points; it must be at least 1";
  if (loops.scratch_bytes() > kMaxBytes)
    return "wants " + std::to_string(loops.scratch_bytes()) + " bytes of scratch";
  return "";
}

static std::string findProblem(const fb::DeviceFunction &function) {
  const std::string of = " of function " + quoted(text(function.symbol()));
  if (text(function.symbol()).empty())
    return "has a function without a name";
  if (function.block() == 0 || function.block() > kMaxBlock)
    return "has blocks of " + std::to_string(function.block()) + " threads" + of +
           "; there are 1 to " + std::to_string(kMaxBlock);
  if (function.grid() == 0 || function.grid() > kMaxGrid)
    return "has a grid of " + std::to_string(function.grid()) + " blocks" + of +
           "; there are 1 to " + std::to_string(kMaxGrid);
  if (function.shared_bytes() > kMaxShared)
    return "wants " + std::to_string(function.shared_bytes()) + " bytes of shared memory" + of +
           "; a block has " + std::to_string(kMaxShared);
  return "";
}

static std::string findProblem(const fb::DeviceShape &shape) {
  const uint32_t functions = count(shape.functions());
  if (functions > kMaxFunctions)
    return "has " + std::to_string(functions) + " functions; it is run by at most " +
           std::to_string(kMaxFunctions);
  for (const fb::DeviceFunction *function : items(shape.functions()))
    if (std::string problem = findProblem(*function); !problem.empty())
      return problem;
  if (shape.scratch_bytes() > kMaxBytes)
    return "wants " + std::to_string(shape.scratch_bytes()) + " bytes of scratch";
  return "";
}

static std::string findProblem(const fb::KernelEntry &entry) {
  if (const fb::LoopShape *loops = entry.shape_as_LoopShape())
    return findProblem(*loops);
  if (const fb::DeviceShape *shape = entry.shape_as_DeviceShape())
    return findProblem(*shape);
  return "is run in a way that this build does not know";
}

// By which sums ascend.
static std::pair<uint8_t, uint32_t> keyOf(const fb::SumFunction &sum) {
  return {sum.element(), sum.sources()};
}

static std::string findProblem(const fb::SumFunction &sum) {
  const std::optional<Element> element = elementNumbered(sum.element());
  if (!element || !isSummed(*element))
    return "adds values of type " +
           (element ? nameOf(*element) : "number " + std::to_string(sum.element())) +
           ", which are not summed";
  if (sum.sources() < 2 || sum.sources() > kMaxSumSources)
    return "adds " + std::to_string(sum.sources()) + " sources; there are 2 to " +
           std::to_string(kMaxSumSources);
  return sum.function() ? findProblem(*sum.function()) : "has no function";
}

static Status checkSums(const fb::KernelTable &table, const std::string &name) {
  const fb::SumFunction *before = nullptr;
  for (const fb::SumFunction *sum : items(table.sums())) {
    const auto of = [](const fb::SumFunction &s) {
      return std::to_string(s.sources()) + " of element type " + std::to_string(s.element());
    };
    if (std::string problem = findProblem(*sum); !problem.empty())
      return error(Code::Artifact, name, ": the sum of ", of(*sum), " ", problem);
    if (before && keyOf(*sum) <= keyOf(*before))
      return error(Code::Artifact, name, ": the sum of ", of(*sum), " stands behind that of ",
                   of(*before), "; sums ascend");
    before = sum;
  }
  return {};
}

Result<KernelTable> KernelTable::read(std::vector<uint8_t> bytes, std::string name) {
  static constexpr FileKind kind = {"kernel table", "DPCK", fb::VerifyKernelTableBuffer};
  if (Status s = checkFileHeader(bytes, name, kind); !s.ok())
    return s;
  KernelTable table;
  table.bytes = std::move(bytes);
  const fb::KernelTable &content = *fb::GetKernelTable(table.bytes.data());
  std::string_view before;
  bool isFirst = true;
  for (const fb::KernelEntry *entry : items(content.kernels())) {
    std::string_view symbol = text(entry->symbol());
    // In this order they are looked up.
    if (!isFirst && symbol <= before)
      return error(Code::Artifact, name, ": kernel ", quoted(symbol), " stands behind ",
                   quoted(before), "; symbols ascend");
    if (std::string problem = findProblem(*entry); !problem.empty())
      return error(Code::Artifact, name, ": kernel ", quoted(symbol), " ", problem);
    if (count(content.sums()) > 0 && !entry->shape_as_DeviceShape())
      return error(Code::Artifact, name, ": kernel ", quoted(symbol),
                   " is run by loops, but the table has sums of a GPU");
    before = symbol;
    isFirst = false;
  }
  if (Status s = checkSums(content, name); !s.ok())
    return s;
  return table;
}

Result<KernelTable> KernelTable::readFile(const std::string &path) {
  Result<std::vector<uint8_t>> bytes = readArtifactFile(path);
  if (!bytes.ok())
    return bytes.status();
  return read(std::move(*bytes), path);
}

const fb::KernelEntry *KernelTable::find(std::string_view symbol) const {
  if (bytes.empty())
    return nullptr;
  const auto *kernels = fb::GetKernelTable(bytes.data())->kernels();
  if (!kernels)
    return nullptr;
  auto it = std::lower_bound(kernels->begin(), kernels->end(), symbol,
                             [](const fb::KernelEntry *entry, std::string_view wanted) {
                               return text(entry->symbol()) < wanted;
                             });
  return it != kernels->end() && text(it->symbol()) == symbol ? *it : nullptr;
}

const fb::LoopShape *KernelTable::findLoops(std::string_view symbol) const {
  const fb::KernelEntry *entry = find(symbol);
  return entry ? entry->shape_as_LoopShape() : nullptr;
}

const fb::DeviceShape *KernelTable::findFunctions(std::string_view symbol) const {
  const fb::KernelEntry *entry = find(symbol);
  return entry ? entry->shape_as_DeviceShape() : nullptr;
}

const flatbuffers::Vector<flatbuffers::Offset<fb::SumFunction>> *KernelTable::sums() const {
  return bytes.empty() ? nullptr : fb::GetKernelTable(bytes.data())->sums();
}

const fb::DeviceFunction *KernelTable::findSum(Element element, uint32_t sources) const {
  for (const fb::SumFunction *sum : items(sums()))
    if (sum->element() == uint8_t(element) && sum->sources() == sources)
      return sum->function();
  return nullptr;
}

std::vector<uint8_t> dpcrt::writeKernelTable(fb::KernelTableT table) {
  table.format_major = kFormatMajor;
  table.format_minor = kFormatMinor;
  std::sort(table.kernels.begin(), table.kernels.end(),
            [](const auto &a, const auto &b) { return a->symbol < b->symbol; });
  std::sort(table.sums.begin(), table.sums.end(), [](const auto &a, const auto &b) {
    return std::tie(a->element, a->sources) < std::tie(b->element, b->sources);
  });
  flatbuffers::FlatBufferBuilder builder;
  fb::FinishKernelTableBuffer(builder, fb::KernelTable::Pack(builder, &table));
  return {builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize()};
}
