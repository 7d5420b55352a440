// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See Words.h.
#include "Words.h"

#include "dpc/Dialect/DualPipe/DualPipe.h"
#include "dpc/Dialect/DualPipe/Kernel.h"
#include "dpc/Dialect/Library/Library.h"
#include "dpc/Dialect/NN/Element.h"
#include "dpc/Dialect/NN/Sharding.h"
#include "program/format/LibraryFunction.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/xxhash.h"

#include <sstream>

using namespace mlir;
namespace fb = dpcrt::fb;

namespace dpc::proof {

// A module that was read has loaded the dialects that it names, and calls describe
// themselves in another.
Words::Words(ModuleOp module, Terms &terms) : terms(terms), symbols(module) {
  module.getContext()->loadDialect<library::LibraryDialect, nn::NNDialect, func::FuncDialect>();
}

Function Words::kernel(func::FuncOp kernel) {
  auto [it, isNew] = kernels.try_emplace(kernel, 0);
  if (isNew)
    it->second =
        terms.function(dualpipe::getKernelName(kernel), ("kernel " + kernel.getName()).str());
  return it->second;
}

// The buffers of a kernel are its arguments and then those of its results that do not
// stand in an argument's.
std::optional<Function> Words::kernel(const fb::Kernel &declared) {
  func::FuncOp kernel =
      find(llvm::StringRef(declared.symbol()->c_str(), declared.symbol()->size()));
  if (!kernel)
    return std::nullopt;
  std::vector<std::pair<Type, fb::Access>> buffers;
  llvm::SmallDenseSet<int64_t> inPlace;
  for (unsigned i = 0; i < kernel.getNumArguments(); ++i) {
    auto result = kernel.getArgAttrOfType<IntegerAttr>(i, dualpipe::kInplaceAttr);
    if (result)
      inPlace.insert(result.getInt());
    buffers.push_back(
        {kernel.getArgument(i).getType(), result ? fb::Access::ReadWrite : fb::Access::Read});
  }
  for (auto [i, type] : llvm::enumerate(kernel.getResultTypes()))
    if (!inPlace.contains(i))
      buffers.push_back({type, fb::Access::Write});
  if (dpcrt::count(declared.buffers()) != buffers.size())
    return std::nullopt;
  for (auto [i, buffer] : llvm::enumerate(buffers)) {
    const fb::Buffer &given = *declared.buffers()->Get(i);
    auto type = cast<ShapedType>(buffer.first);
    std::optional<dpcrt::Element> element = nn::getElement(type.getElementType());
    if (!element || given.dtype() != uint8_t(*element) ||
        given.bytes() != uint64_t(nn::getByteSize(type)) || given.access() != buffer.second)
      return std::nullopt;
  }
  return this->kernel(kernel);
}

Function Words::ifComparing(Function kernel) {
  return terms.function("if comparing " + std::to_string(kernel),
                        terms.wordsOf(kernel) + ", if mirrors are compared,");
}

// The bytes of a description do not depend on the file it stands in.
Function Words::call(const fb::LibraryCall &call) {
  fb::LibraryCallT table;
  call.UnPackTo(&table);
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(fb::LibraryCall::Pack(builder, &table));
  std::string_view name((const char *)builder.GetBufferPointer(), builder.GetSize());
  std::ostringstream words;
  if (const dpcrt::LibraryFunction *function = dpcrt::findLibraryFunction(call.function_type())) {
    words << function->name() << " ";
    function->print(words, call);
  }
  return terms.function(name, words.str());
}

Function Words::call(nn::LibraryOpInterface op) {
  fb::LibraryCallT table;
  auto add = [&](Type type, fb::Access access) {
    auto shaped = cast<ShapedType>(type);
    table.operands.push_back(fb::Buffer(nn::getByteSize(shaped),
                                        uint8_t(*nn::getElement(shaped.getElementType())), access));
  };
  for (Value source : op.getLibrarySources())
    add(source.getType(), fb::Access::Read);
  add(op->getResult(0).getType(), op.getAccumulator() ? fb::Access::ReadWrite : fb::Access::Write);
  if (int64_t bytes = op.getWorkspaceBytes())
    table.operands.push_back(fb::Buffer(bytes, uint8_t(dpcrt::Element::U8), fb::Access::Write));
  op.describeCall().pack(table.function);
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(fb::LibraryCall::Pack(builder, &table));
  return call(*flatbuffers::GetRoot<fb::LibraryCall>(builder.GetBufferPointer()));
}

Function Words::sum(dpcrt::Element element) {
  std::string name = std::string("sum over ranks of ") + dpcrt::nameOf(element);
  return terms.function(name, "the sum over ranks");
}

Term Words::constant(llvm::StringRef bytes) {
  llvm::XXH128_hash_t hash = llvm::xxh3_128bits(llvm::arrayRefFromStringRef<uint8_t>(bytes));
  std::string name;
  llvm::raw_string_ostream(name) << "a constant of " << bytes.size() << " bytes (XXH3 "
                                 << llvm::format_hex_no_prefix(hash.high64, 16)
                                 << llvm::format_hex_no_prefix(hash.low64, 16) << ")";
  return terms.leaf(name, bytes.size());
}

// Booleans are a byte each, and a splat is written out, as in a file.
Term Words::constant(ElementsAttr value) {
  auto dense = cast<DenseElementsAttr>(value);
  std::string bytes;
  if (dense.getElementType().isInteger(1)) {
    for (bool element : dense.getValues<bool>())
      bytes.push_back(element);
    return constant(bytes);
  }
  ArrayRef<char> raw = dense.getRawData();
  if (!dense.isSplat())
    return constant(llvm::StringRef(raw.data(), raw.size()));
  for (int64_t i = 0; i < dense.getNumElements(); ++i)
    bytes.append(raw.data(), raw.size());
  return constant(bytes);
}

static std::string onExpertRank(const Words &words, unsigned ep) {
  return words.grid.ep > 1 ? " on expert rank " + std::to_string(ep) : "";
}

Term Words::input(std::string_view name, unsigned microBatch, unsigned e, uint64_t bytes) {
  return terms.leaf("input '" + std::string(name) + "' of micro-batch " +
                        std::to_string(microBatch) + onExpertRank(*this, e),
                    bytes);
}

Term Words::parameter(std::string_view name, std::string_view what, unsigned e, uint64_t bytes) {
  auto [it, isNew] = sharded.try_emplace(name, false);
  if (isNew)
    if (auto op = symbols.lookup<nn::ParameterOp>(name))
      it->second = nn::isSharded(op);
  return terms.leaf((what == "weight" ? "" : std::string(what) + " of ") + "parameter '" +
                        std::string(name) + "' before the step" +
                        (it->second ? onExpertRank(*this, e) : ""),
                    bytes);
}

Term Words::recordHeader(uint64_t bytes) { return terms.leaf("the step record", bytes); }

Term Words::recordEntry(std::string_view parameter, uint64_t bytes) {
  return terms.leaf("the step record's entry of parameter '" + std::string(parameter) + "'", bytes);
}

} // namespace dpc::proof
