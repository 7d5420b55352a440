// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Arenas, kernels, parameters, groups.

#include "program/format/Axes.h"
#include "program/format/LibraryFunction.h"
#include "program/format/Optimizers.h"
#include "program/format/StepRecord.h"
#include "program/format/Validator.h"

#include <algorithm>
#include <numeric>
#include <tuple>

using namespace dpcrt;

// What one program may ask for at most, beside kMaxBytes.
static constexpr uint32_t kMaxRanks = 1u << 20;
static constexpr uint32_t kMaxMicroBatches = 1u << 20;
static constexpr size_t kMaxNameBytes = 4096;

void Validator::validateTables() {
  validateHeader();
  validateArenas();
  validateKernels();
  validateLibrary();
  validateGroups();
  validateTensors();
  validateParameters();
  validateConstants();
}

template <typename Name>
void Validator::checkName(const flatbuffers::String *name, const char *what, uint32_t index,
                          Name &seen) {
  std::string_view words = text(name);
  if (words.empty())
    error(what, " ", index, " has no name");
  else if (words.size() > kMaxNameBytes)
    error(what, " ", index, " has a name of ", words.size(), " bytes; at most ", kMaxNameBytes,
          " are allowed");
  else if (!seen.insert(std::string(words)).second)
    error("two of the program's ", what, "s are named ", quoted(words));
}

void Validator::validateHeader() {
  if (text(program.entry()).empty())
    error("the program does not say which entry point it belongs to");
  const fb::Mesh *mesh = program.mesh();
  if (!mesh) {
    error("the program has no mesh");
  } else {
    uint64_t ranks = 1;
    for (auto [name, size] :
         {std::pair("pp", mesh->pp()), std::pair("mirror", mesh->mirror()),
          std::pair("dp", mesh->dp()), std::pair("ep", mesh->ep()), std::pair("tp", mesh->tp())}) {
      if (size == 0 || size > kMaxRanks)
        error("mesh axis ", name, " has size ", size, "; it must be 1..", kMaxRanks);
      ranks = size ? std::min<uint64_t>(ranks * size, uint64_t(kMaxRanks) + 1) : ranks;
    }
    if (ranks > kMaxRanks)
      error("the mesh has more than ", kMaxRanks, " ranks");
    if (program.coordinate() >= mesh->pp())
      error("coordinate ", program.coordinate(), " is outside the pp axis of ", mesh->pp());
  }
  if (program.micro_batches() == 0 || program.micro_batches() > kMaxMicroBatches)
    error("the step has ", program.micro_batches(), " micro-batches; it must have 1..",
          kMaxMicroBatches);
  if (!inRange(program.weighting(), fb::LossWeighting::MAX))
    error("unknown loss weighting ", unsigned(program.weighting()));

  std::set<std::string> names;
  uint32_t streams = count(program.streams());
  if (streams > kMaxStreams)
    error("the program has ", streams, " streams; at most ", kMaxStreams, " are allowed");
  uint32_t index = 0;
  for (const fb::Stream *stream : walk(program.streams())) {
    if (!inRange(stream->kind(), fb::StreamKind::MAX))
      error("stream ", index, " is of unknown kind ", unsigned(stream->kind()));
    checkName(stream->name(), "stream", index++, names);
  }
}

void Validator::validateArenas() {
  std::set<std::string> names;
  uint32_t index = 0;
  for (const fb::Arena *arena : walk(program.arenas())) {
    if (!inRange(arena->role(), fb::ArenaRole::MAX))
      error("arena ", index, " has unknown role ", unsigned(arena->role()));
    if (arena->bytes() > kMaxBytes)
      error("arena ", index, " is of ", arena->bytes(), " bytes; at most ", kMaxBytes,
            " are allowed");
    checkName(arena->name(), "arena", index++, names);
  }
  if (const fb::StepRecord *record = program.step_record()) {
    checkPlace(record->header(), sizeof(StepHeader), fb::ArenaRole::StepRecord, "the step record",
               "header");
    if (record->header() && record->header()->index() != record->arena())
      error("the step record lies in arena ", record->arena(), ", but its header in arena ",
            record->header()->index());
  }
}

/// Kernels are looked up by name in a shared object.
static bool isIdentifier(std::string_view name) {
  if (name.empty() || name.size() > 1024)
    return false;
  for (size_t i = 0; i < name.size(); ++i) {
    char c = name[i];
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    if (!letter && !(i > 0 && c >= '0' && c <= '9'))
      return false;
  }
  return true;
}

void Validator::validateKernels() {
  uint32_t index = 0;
  std::set<std::string> symbols;
  for (const fb::Kernel *kernel : walk(program.kernels())) {
    std::string_view symbol = text(kernel->symbol());
    if (!isIdentifier(symbol))
      error("kernel ", index, " has the symbol ", quoted(symbol), ", which is not an identifier");
    else if (!symbols.insert(std::string(symbol)).second)
      error("two kernels have the symbol ", quoted(symbol));
    std::string name = "kernel " + quoted(symbol);
    uint32_t buffers = count(kernel->buffers());
    if (buffers == 0)
      error(name, " has no buffers");
    if (buffers > kMaxKernelBuffers)
      error(name, " has ", buffers, " buffers; at most ", kMaxKernelBuffers, " are possible");
    readBuffers(kernel->buffers(), name, "buffer");
    ++index;
  }
}

std::optional<std::vector<fb::Buffer>>
Validator::readBuffers(const flatbuffers::Vector<const fb::Buffer *> *list,
                       const std::string &owner, const char *what) {
  std::vector<fb::Buffer> result;
  bool valid = true;
  auto refuse = [&](const auto &...parts) {
    error(owner, " has ", parts...);
    valid = false;
  };
  uint32_t index = 0;
  for (const fb::Buffer *buffer : walk(list)) {
    std::string name = std::string(what) + " " + std::to_string(index++);
    result.push_back(*buffer);
    if (!inRange(buffer->access(), fb::Access::MAX))
      refuse(name, " of unknown access ", unsigned(buffer->access()));
    if (std::string problem = elementProblem(buffer->dtype()); !problem.empty())
      refuse(name, " of ", problem);
    else if (buffer->bytes() == 0 || buffer->bytes() > kMaxBytes ||
             buffer->bytes() % sizeOf(elementOf(*buffer)))
      refuse(name, " of ", buffer->bytes(), " bytes of type ", nameOf(elementOf(*buffer)));
  }
  return valid ? std::optional(std::move(result)) : std::nullopt;
}

void Validator::validateLibrary() {
  struct Description : LibraryDescription {
    Description(Validator &validator, const fb::LibraryCall &call, std::vector<fb::Buffer> operands)
        : LibraryDescription(call, std::move(operands)), validator(validator) {}
    std::vector<uint64_t> read(const flatbuffers::Vector<uint64_t> *numbers) const override {
      return validator.read(numbers);
    }
    Validator &validator;
  };
  uint32_t index = 0;
  for (const fb::LibraryCall *call : walk(program.library())) {
    std::string name = "library call " + std::to_string(index++);
    const LibraryFunction *function = findLibraryFunction(call->function_type());
    if (!function || !call->function()) {
      error(name, " names no function that this build knows");
      continue;
    }
    name += ", a " + std::string(function->name()) + ",";
    auto operands = readBuffers(call->operands(), name, "operand");
    if (!operands)
      continue;
    std::string problem = function->findProblem(Description(*this, *call, std::move(*operands)));
    if (!problem.empty())
      error(name, " ", problem);
  }
}

void Validator::validateGroups() {
  std::set<std::string> names;
  uint32_t index = 0;
  for (const fb::Group *group : walk(program.groups())) {
    checkName(group->name(), "group", index++, names);
    std::vector<uint32_t> members;
    for (uint32_t member : walk(group->pp())) {
      if (program.mesh() && member >= program.mesh()->pp())
        error("group ", quoted(text(group->name())), " has rank ", member, " of a pp axis of ",
              program.mesh()->pp());
      if (!members.empty() && member <= members.back())
        error("group ", quoted(text(group->name())), " does not name its ranks in ascending order");
      members.push_back(member);
    }
    if (members.empty())
      error("group ", quoted(text(group->name())), " has no ranks");
    if (fb::Axes unknown = group->over() & ~fb::Axes::ANY; unknown != fb::Axes::NONE)
      error("group ", quoted(text(group->name())), " spans an axis that this build does not know");
    else if (contains(group->over(), fb::Axes::Tp))
      error("group ", quoted(text(group->name())),
            " spans tp, along which no ranks are placed; groups span dp and ep");
  }
}

std::string Validator::elementProblem(uint8_t dtype) {
  std::optional<Element> element = elementNumbered(dtype);
  if (!element)
    return "unknown type " + std::to_string(dtype);
  if (sizeOf(*element) == 0)
    return std::string("type ") + nameOf(*element) + ", of which several share a byte";
  return "";
}

bool Validator::tensorBytes(const fb::Tensor &tensor, uint64_t &bytes) {
  if (!elementNumbered(tensor.dtype()))
    return false;
  bytes = sizeOf(elementOf(tensor));
  for (uint64_t size : walk(tensor.shape()))
    if (!multiply(bytes, size))
      return false;
  return bytes <= kMaxBytes;
}

void Validator::validateTensors() {
  auto validate = [&](const auto *tensors, const char *what) {
    std::set<std::string> names;
    uint32_t index = 0;
    for (const fb::Tensor *tensor : walk(tensors)) {
      checkName(tensor->name(), what, index++, names);
      uint64_t bytes;
      if (!elementNumbered(tensor->dtype()))
        error(what, " ", quoted(text(tensor->name())), " is of unknown type ",
              unsigned(tensor->dtype()));
      else if (!tensorBytes(*tensor, bytes) || bytes == 0)
        error(what, " ", quoted(text(tensor->name())), " has an impossible shape");
    }
  };
  validate(program.inputs(), "input");
  validate(program.outputs(), "output");
}

bool Validator::checkPlace(const fb::Ref *ref, uint64_t bytes, fb::ArenaRole role,
                           const std::string &owner, const char *what) {
  if (!ref) {
    error(owner, " has no ", what);
    return false;
  }
  if (ref->space() != fb::Space::Arena || ref->index() >= count(program.arenas())) {
    error("the ", what, " of ", owner, " lies in no arena");
    return false;
  }
  const fb::Arena *arena = program.arenas()->Get(ref->index());
  if (arena->role() != role) {
    error("the ", what, " of ", owner, " lies in the ", roleName(arena->role()), " arena ",
          quoted(text(arena->name())), "; it must lie in one of role ", roleName(role));
    return false;
  }
  if (!inside(ref->offset(), ref->bytes(), arena->bytes())) {
    error("the ", what, " of ", owner, ", ", ref->bytes(), " bytes at ", ref->offset(),
          ", reaches beyond the ", arena->bytes(), " bytes of arena ", quoted(text(arena->name())));
    return false;
  }
  if (ref->bytes() != bytes) {
    error("the ", what, " of ", owner, " has ", ref->bytes(), " bytes; it must have ", bytes);
    return false;
  }
  if (std::string problem = elementProblem(ref->dtype()); !problem.empty()) {
    error("the ", what, " of ", owner, " is of ", problem);
    return false;
  }
  return true;
}

void Validator::checkDisjoint(std::vector<const fb::Ref *> ranges,
                              std::vector<std::string> owners) {
  std::vector<uint32_t> order(ranges.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    return std::tuple(ranges[a]->index(), ranges[a]->offset(), a) <
           std::tuple(ranges[b]->index(), ranges[b]->offset(), b);
  });
  for (size_t i = 1; i < order.size(); ++i) {
    const fb::Ref &before = *ranges[order[i - 1]], &after = *ranges[order[i]];
    if (before.index() == after.index() && before.offset() + before.bytes() > after.offset())
      error(owners[order[i - 1]], " and ", owners[order[i]],
            " overlap: ", rangeName(program, nullptr, before), " and ",
            rangeName(program, nullptr, after));
  }
}

void Validator::validateConstants() {
  std::set<std::string> names;
  std::vector<const fb::Ref *> ranges;
  std::vector<std::string> owners;
  uint32_t index = 0;
  for (const fb::Constant *constant : walk(program.constants())) {
    checkName(constant->name(), "constant", index++, names);
    std::string owner = "constant " + quoted(text(constant->name()));
    const fb::Ref *dst = constant->dst();
    if (!checkPlace(dst, dst ? dst->bytes() : 0, fb::ArenaRole::Constants, owner, "place"))
      continue;
    if (constant->file_offset() > kMaxBytes)
      error(owner, " lies at offset ", constant->file_offset(), " of the constants file");
    ranges.push_back(dst);
    owners.push_back(owner);
  }
  checkDisjoint(std::move(ranges), std::move(owners));
}
