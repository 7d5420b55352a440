// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Arenas, kernels, parameters, groups.

#include "program/format/StepRecord.h"
#include "program/format/Validator.h"

#include <algorithm>
#include <numeric>
#include <tuple>

using namespace dpcrt;

// What one program may ask for at most: far above any machine, and low enough
// that sums of such numbers do not overflow.
static constexpr uint64_t kMaxBytes = uint64_t(1) << 48;
static constexpr uint32_t kMaxRanks = 1u << 20;
static constexpr uint32_t kMaxMicroBatches = 1u << 20;
static constexpr uint32_t kMaxBatchDimensions = 10;
static constexpr uint64_t kMaxBlocks = 1u << 20; // of a product
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
    uint32_t buffers = count(kernel->buffer_bytes());
    if (buffers == 0)
      error(name, " has no buffers");
    if (buffers > kMaxKernelBuffers)
      error(name, " has ", buffers, " buffers; at most ", kMaxKernelBuffers, " are possible");
    if (count(kernel->buffer_access()) != buffers)
      error(name, " has ", buffers, " buffers, but says of ", count(kernel->buffer_access()),
            " how they are accessed");
    for (uint64_t bytes : walk(kernel->buffer_bytes()))
      if (bytes == 0 || bytes > kMaxBytes)
        error(name, " has a buffer of ", bytes, " bytes");
    for (auto access : walk(kernel->buffer_access()))
      if (unsigned(access) > unsigned(fb::Access::MAX))
        error(name, " has a buffer of unknown access ", unsigned(access));
    if (kernel->range() == 0 || kernel->range() > uint64_t(INT64_MAX))
      error(name, " has a range of ", kernel->range(), " points");
    if (kernel->grain() == 0)
      error(name, " has a grain of 0 points; it must be at least 1");
    if (kernel->scratch_bytes() > kMaxBytes)
      error(name, " wants ", kernel->scratch_bytes(), " bytes of scratch");
    ++index;
  }
}

/// The number of elements that `dims` x `strides` reach, the last one included.
static bool reach(const std::vector<uint64_t> &dims, const std::vector<uint64_t> &strides,
                  uint64_t &elements) {
  elements = 1;
  for (uint32_t d = 0; d < dims.size(); ++d) {
    uint64_t span = dims[d] - 1;
    if (!multiply(span, strides[d]) || __builtin_add_overflow(elements, span, &elements))
      return false;
  }
  return true;
}

bool Validator::validateMatmul(const fb::Matmul &matmul, const flatbuffers::Vector<uint64_t> *bytes,
                               std::string &problem) {
  uint32_t batches = count(matmul.batch());
  if (batches > kMaxBatchDimensions) {
    problem = "has " + std::to_string(batches) + " batch dimensions; at most " +
              std::to_string(kMaxBatchDimensions) + " are allowed";
    return false;
  }
  std::vector<uint64_t> batch = read(matmul.batch()), argumentBytes = read(bytes);
  if (std::count(batch.begin(), batch.end(), 0) || matmul.m() == 0 || matmul.n() == 0 ||
      matmul.k() == 0) {
    problem = "has a dimension of size 0";
    return false;
  }
  if (matmul.block_rows() == 0 || matmul.block_columns() == 0) {
    problem = "is dealt in blocks of size 0";
    return false;
  }
  // Each block is a primitive made at load.
  auto pieces = [](uint64_t size, uint64_t piece) { return size / piece + (size % piece != 0); };
  uint64_t blocks = pieces(matmul.m(), matmul.block_rows());
  bool fits = multiply(blocks, pieces(matmul.n(), matmul.block_columns()));
  for (uint64_t size : batch)
    fits = fits && multiply(blocks, size);
  if (!fits || blocks > kMaxBlocks) {
    problem = "is dealt in more than " + std::to_string(kMaxBlocks) + " blocks";
    return false;
  }
  if (argumentBytes.size() != 3) {
    problem = "has " + std::to_string(argumentBytes.size()) +
              " argument sizes; it takes lhs, rhs and destination";
    return false;
  }
  struct Side {
    const char *name;
    uint64_t rows, columns;
    std::vector<uint64_t> strides;
  } sides[] = {{"lhs", matmul.m(), matmul.k(), read(matmul.lhs_strides())},
               {"rhs", matmul.k(), matmul.n(), read(matmul.rhs_strides())},
               {"dst", matmul.m(), matmul.n(), read(matmul.dst_strides())}};
  for (int side = 0; side < 3; ++side) {
    const Side &s = sides[side];
    if (s.strides.size() != batch.size() + 2) {
      problem = std::string("gives ") + std::to_string(s.strides.size()) + " strides for " +
                s.name + ", which has " + std::to_string(batch.size() + 2) + " dimensions";
      return false;
    }
    std::vector<uint64_t> dims = batch;
    dims.push_back(s.rows);
    dims.push_back(s.columns);
    uint64_t elements = 0;
    if (!reach(dims, s.strides, elements) || elements > kMaxBytes / 4 ||
        elements * 4 > argumentBytes[side]) {
      problem = std::string("reaches beyond the ") + std::to_string(argumentBytes[side]) +
                " bytes of " + s.name;
      return false;
    }
    // An element of the destination must not be reached in two ways, and the
    // matrix dimensions of a source must not repeat.
    std::vector<uint32_t> byStride(dims.size());
    std::iota(byStride.begin(), byStride.end(), 0);
    std::sort(byStride.begin(), byStride.end(), [&](uint32_t a, uint32_t b) {
      return std::pair(s.strides[a], a) < std::pair(s.strides[b], b);
    });
    uint64_t covered = 1;
    for (uint32_t d : byStride) {
      bool mayRepeat = side != 2 && d < batch.size();
      if (dims[d] == 1 || (mayRepeat && s.strides[d] == 0))
        continue;
      if (side == 2 ? s.strides[d] < covered : s.strides[d] == 0) {
        problem = std::string("has strides of ") + s.name + " by which elements coincide";
        return false;
      }
      covered += (dims[d] - 1) * s.strides[d];
    }
  }
  return true;
}

void Validator::validateLibrary() {
  uint32_t index = 0;
  for (const fb::LibraryCall *call : walk(program.library())) {
    std::string problem;
    if (const fb::Matmul *matmul = call->function_as_Matmul()) {
      if (!validateMatmul(*matmul, call->argument_bytes(), problem))
        error("library call ", index, ", a matmul, ", problem);
    } else {
      error("library call ", index, " names no function that this build knows");
    }
    ++index;
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
  }
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

void Validator::validateParameters() {
  std::set<std::string> names;
  std::vector<const fb::Ref *> ranges;
  std::vector<std::string> owners;
  uint32_t index = 0;
  for (const fb::Parameter *parameter : walk(program.parameters())) {
    uint32_t number = index++;
    const fb::Tensor *tensor = parameter->tensor();
    if (!tensor) {
      error("parameter ", number, " has no name and shape");
      continue;
    }
    checkName(tensor->name(), "parameter", number, names);
    std::string owner = "parameter " + quoted(text(tensor->name()));
    uint64_t bytes = 0;
    if (!tensorBytes(*tensor, bytes) || bytes == 0) {
      error(owner, " has an impossible type or shape");
      continue;
    }
    auto place = [&](const fb::Ref *ref, uint64_t size, fb::ArenaRole role, const char *what) {
      if (!checkPlace(ref, size, role, owner, what))
        return;
      ranges.push_back(ref);
      owners.push_back("the " + std::string(what) + " of " + owner);
    };
    place(parameter->weight(), bytes, fb::ArenaRole::Weights, "weight");
    if (parameter->trained() || parameter->gradient())
      place(parameter->gradient(), bytes, fb::ArenaRole::Gradients, "gradient");
    if (parameter->trained() || parameter->record())
      place(parameter->record(), sizeof(StepEntry), fb::ArenaRole::StepRecord, "step record entry");
    if (count(parameter->moments()) != count(parameter->moment_names()))
      error(owner, " has ", count(parameter->moments()), " moments and ",
            count(parameter->moment_names()), " names for them");
    std::set<std::string> momentNames;
    uint32_t moment = 0;
    for (const auto *name : walk(parameter->moment_names()))
      checkName(name, "moment", moment++, momentNames);
    for (const fb::Ref *ref : walk(parameter->moments()))
      place(ref, bytes, fb::ArenaRole::Moments, "moment");
  }
  if (program.step_record() && program.step_record()->header() &&
      program.step_record()->header()->space() == fb::Space::Arena &&
      program.step_record()->header()->bytes() == sizeof(StepHeader) &&
      program.step_record()->header()->offset() <= kMaxBytes) {
    ranges.push_back(program.step_record()->header());
    owners.push_back("the header of the step record");
  }
  checkDisjoint(std::move(ranges), std::move(owners));
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
