// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From a program's matmul to primitives: dimensions merged, a column-major output
// computed as the transposed product, layouts that the library has no fast path
// for packed into scratch first.
#include "devices/cpu/Matmul.h"
#include "devices/cpu/MatmulOperand.h"
#include <algorithm>

namespace dpcrt {
namespace {
using dims = dnnl::memory::dims;

// The dims of one operand: 1 where the batch stride is 0, which the library takes
// as a repetition.
dims operandDims(const MatmulShape &s, const std::vector<int64_t> &strides, int64_t rows,
                 int64_t columns) {
  dims d;
  for (size_t i = 0; i < s.batch.size(); ++i)
    d.push_back(strides[i] == 0 ? 1 : s.batch[i]);
  d.push_back(rows);
  d.push_back(columns);
  return d;
}

} // namespace

class BlockPrimitive {
public:
  MatmulOperand lhs, rhs, dst;
  bool accumulate = false;
  dnnl::primitive primitive;
  std::string implementation;
  uint64_t scratchBytes = 0;
  struct CoreState {
    dnnl::stream stream;
    dnnl::memory src, weights, dst, scratch;
  };
  std::vector<CoreState> cores;

  Status make(const MatmulShape &s, const dnnl::engine &engine, unsigned n);
  bool run(int core, CallScratch &scratch, const float *a, const float *b, float *c) const;

private:
  bool tryMake(const dnnl::engine &engine, uint64_t &libraryScratch,
               dnnl::matmul::primitive_desc &description);
  const float *source(const MatmulOperand &operand, const float *from, CallScratch &scratch,
                      const float *&held) const;
};

bool BlockPrimitive::tryMake(const dnnl::engine &engine, uint64_t &libraryScratch,
                             dnnl::matmul::primitive_desc &description) {
  try {
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    if (accumulate && !dst.isCopied()) {
      dnnl::post_ops sum;
      sum.append_sum(1.0f);
      attributes.set_post_ops(sum);
    }
    description = dnnl::matmul::primitive_desc(
        dnnl::matmul::desc(lhs.description(), rhs.description(), dst.description()), attributes,
        engine);
    implementation = description.impl_info_str();
    libraryScratch = description.scratchpad_desc().get_size();
    return implementation.find("ref") == std::string::npos;
  } catch (const dnnl::error &) {
    return false;
  }
}

Status BlockPrimitive::make(const MatmulShape &s, const dnnl::engine &engine, unsigned n) {
  OneThread here;
  accumulate = s.accumulate;
  lhs = {operandDims(s, s.lhs, s.m, s.k), s.lhs};
  rhs = {operandDims(s, s.rhs, s.k, s.n), s.rhs};
  dst = {operandDims(s, s.dst, s.m, s.n), s.dst};
  for (MatmulOperand *operand : {&lhs, &rhs, &dst})
    if (!operand->isDirect() || (operand == &dst && !dst.isRowMajor()))
      operand->copyRowMajor();
  // An element of an operand is used once per row (column) of the other one; from
  // about this many uses on its copy costs less than it saves.
  constexpr int64_t manyUses = 32;
  if (!lhs.isCopied() && !lhs.isRowMajor() && lhs.collides(1) && s.n >= manyUses)
    lhs.copyPadded();
  if (!rhs.isCopied() && rhs.isRowMajor() && rhs.collides(2) && s.m >= manyUses)
    rhs.copyPadded();
  uint64_t libraryScratch = 0;
  dnnl::matmul::primitive_desc description;
  if (!tryMake(engine, libraryScratch, description)) {
    for (MatmulOperand *operand : {&lhs, &rhs, &dst})
      operand->copyRowMajor();
    if (!tryMake(engine, libraryScratch, description) && implementation.empty())
      return error(Code::Device, "oneDNN has no matmul for ", s.m, "x", s.k, " times ", s.k, "x",
                   s.n, " in f32");
  }
  scratchBytes = align64(libraryScratch);
  for (MatmulOperand *operand : {&lhs, &rhs, &dst}) {
    operand->copyOffset = scratchBytes;
    scratchBytes += align64(operand->copyBytes());
  }
  try {
    primitive = dnnl::matmul(description);
    for (unsigned i = 0; i < n; ++i)
      cores.push_back({dnnl::stream(engine), dnnl::memory(description.src_desc(), engine, nullptr),
                       dnnl::memory(description.weights_desc(), engine, nullptr),
                       dnnl::memory(description.dst_desc(), engine, nullptr),
                       dnnl::memory(description.scratchpad_desc(), engine, nullptr)});
  } catch (const dnnl::error &e) {
    return error(Code::Device, "oneDNN cannot make a matmul: ", e.what());
  }
  return {};
}

// Where the library reads an operand. Blocks of one call share operands, so a copy
// that the block before has made on this core is used again.
const float *BlockPrimitive::source(const MatmulOperand &operand, const float *from,
                                    CallScratch &scratch, const float *&held) const {
  if (!operand.isCopied())
    return from;
  auto *copy = reinterpret_cast<float *>(scratch.memory + operand.copyOffset);
  if (held != from)
    operand.copyIn(from, copy);
  held = from;
  return copy;
}

bool BlockPrimitive::run(int core, CallScratch &scratch, const float *a, const float *b,
                         float *c) const {
  if (scratch.user != this)
    scratch.forget();
  scratch.user = this;
  const CoreState &state = cores[size_t(core)];
  float *result = dst.isCopied() ? reinterpret_cast<float *>(scratch.memory + dst.copyOffset) : c;
  auto set = [](const dnnl::memory &memory, const float *data) {
    dnnl_memory_set_data_handle(memory.get(), const_cast<float *>(data));
  };
  set(state.src, source(lhs, a, scratch, scratch.lhs));
  set(state.weights, source(rhs, b, scratch, scratch.rhs));
  set(state.dst, result);
  dnnl_memory_set_data_handle(state.scratch.get(), scratch.memory);
  dnnl_exec_arg_t arguments[] = {{DNNL_ARG_SRC, state.src.get()},
                                 {DNNL_ARG_WEIGHTS, state.weights.get()},
                                 {DNNL_ARG_DST, state.dst.get()},
                                 {DNNL_ARG_SCRATCHPAD, state.scratch.get()}};
  if (dnnl_primitive_execute(primitive.get(), state.stream.get(), 4, arguments) != dnnl_success)
    return false;
  if (dst.isCopied())
    dst.copyOut(result, c, accumulate);
  return true;
}

MatmulLibrary::MatmulLibrary(unsigned cores) : engine(dnnl::engine::kind::cpu, 0), cores(cores) {}
MatmulLibrary::~MatmulLibrary() = default;

Status MatmulLibrary::primitive(const MatmulShape &block, BlockPrimitive *&out) {
  std::vector<int64_t> key = {block.m, block.n, block.k, block.accumulate,
                              int64_t(block.batch.size())};
  for (const auto *list : {&block.batch, &block.lhs, &block.rhs, &block.dst})
    key.insert(key.end(), list->begin(), list->end());
  auto &entry = primitives[key];
  if (!entry) {
    auto made = std::make_unique<BlockPrimitive>();
    if (Status s = made->make(block, engine, cores); !s.ok())
      return s;
    scratch = std::max(scratch, made->scratchBytes);
    entry = std::move(made);
  }
  out = entry.get();
  return {};
}

Status readMatmul(const fb::Matmul &matmul, MatmulShape &out) {
  bool valid = true;
  auto number = [&](uint64_t x) {
    valid &= x <= uint64_t(INT32_MAX) * 1024;
    return int64_t(x);
  };
  auto list = [&](const flatbuffers::Vector<uint64_t> *from, std::vector<int64_t> &to) {
    for (uint64_t x : items(from))
      to.push_back(number(x));
  };
  list(matmul.batch(), out.batch);
  list(matmul.lhs_strides(), out.lhs);
  list(matmul.rhs_strides(), out.rhs);
  list(matmul.dst_strides(), out.dst);
  out.m = number(matmul.m()), out.n = number(matmul.n()), out.k = number(matmul.k());
  out.accumulate = matmul.accumulate();
  out.blockRows = number(matmul.block_rows());
  out.blockColumns = number(matmul.block_columns());
  for (int64_t d : out.batch)
    valid &= d > 0;
  size_t rank = out.batch.size() + 2;
  if (!valid || out.m < 1 || out.n < 1 || out.k < 1 || out.lhs.size() != rank ||
      out.rhs.size() != rank || out.dst.size() != rank || rank > 12)
    return Status(Code::Artifact, "a library call is no valid matmul");
  return {};
}

namespace {
// Computes dst^T = rhs^T lhs^T instead.
void transpose(MatmulShape &s) {
  size_t r = s.batch.size(), c = r + 1;
  std::swap(s.m, s.n);
  std::swap(s.blockRows, s.blockColumns);
  std::swap(s.lhs, s.rhs);
  for (auto *strides : {&s.lhs, &s.rhs, &s.dst})
    std::swap((*strides)[r], (*strides)[c]);
}

// Drops batch dimensions of size 1 and joins neighbours that lie regularly in all
// three operands.
void mergeBatches(MatmulShape &s) {
  auto drop = [&](size_t i) {
    s.batch.erase(s.batch.begin() + long(i));
    for (auto *strides : {&s.lhs, &s.rhs, &s.dst})
      strides->erase(strides->begin() + long(i));
  };
  for (size_t i = s.batch.size(); i-- > 0;)
    if (s.batch[i] == 1)
      drop(i);
  for (size_t i = s.batch.size(); i-- > 1;) {
    bool regular = true;
    for (auto *strides : {&s.lhs, &s.rhs, &s.dst})
      regular &= (*strides)[i - 1] == (*strides)[i] * s.batch[i];
    if (regular) {
      s.batch[i] *= s.batch[i - 1];
      drop(i - 1);
    }
  }
}
} // namespace

Status MatmulPlan::make(const MatmulShape &given, MatmulLibrary &library,
                        std::unique_ptr<MatmulPlan> &out) {
  auto plan = std::make_unique<MatmulPlan>();
  MatmulShape s = given;
  size_t r = s.batch.size(), c = r + 1;
  if (s.n > 1 && s.dst[c] != 1 && (s.dst[r] == 1 || s.m == 1)) {
    transpose(s);
    plan->swapped = true;
  }
  mergeBatches(s);
  plan->work = 2.0 * double(s.m) * double(s.n) * double(s.k);
  for (int64_t d : s.batch)
    plan->work *= double(d);
  int64_t rows = s.blockRows > 0 ? std::min(s.blockRows, s.m) : s.m;
  int64_t columns = s.blockColumns > 0 ? std::min(s.blockColumns, s.n) : s.n;
  size_t axes = s.batch.size();
  std::vector<int64_t> at(axes, 0);
  for (;;) { // over batches, the last dimension fastest
    MatmulShape block = s;
    Block origin{};
    for (size_t i = 0; i < axes; ++i) {
      block.batch[i] = 1;
      origin.lhs += at[i] * s.lhs[i];
      origin.rhs += at[i] * s.rhs[i];
      origin.dst += at[i] * s.dst[i];
    }
    for (int64_t i = 0; i < s.m; i += rows)
      for (int64_t j = 0; j < s.n; j += columns) {
        MatmulShape part = block;
        part.m = std::min(rows, s.m - i);
        part.n = std::min(columns, s.n - j);
        mergeBatches(part);
        Block b = origin;
        b.lhs += i * s.lhs[axes];
        b.rhs += j * s.rhs[axes + 1];
        b.dst += i * s.dst[axes] + j * s.dst[axes + 1];
        if (Status status = library.primitive(part, b.primitive); !status.ok())
          return status;
        plan->list.push_back(b);
      }
    size_t axis = axes;
    while (axis > 0 && ++at[axis - 1] >= s.batch[axis - 1])
      at[--axis] = 0;
    if (axis == 0)
      break;
  }
  out = std::move(plan);
  return {};
}

bool MatmulPlan::run(size_t block, int core, CallScratch &scratch, const float *lhs,
                     const float *rhs, float *dst) const {
  const Block &b = list[block];
  if (swapped)
    std::swap(lhs, rhs);
  return b.primitive->run(core, scratch, lhs + b.lhs, rhs + b.rhs, dst + b.dst);
}

const char *MatmulPlan::implementation(size_t block) const {
  return list[block].primitive->implementation.c_str();
}

} // namespace dpcrt
