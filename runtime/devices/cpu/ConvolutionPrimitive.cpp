// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Making and running the primitive of one block.
#include "devices/cpu/ConvolutionPrimitive.h"
#include <algorithm>

namespace dpcrt {
namespace {

using Dims = dnnl::memory::dims;
using Desc = dnnl::memory::desc;
using Kind = ConvolutionShape::Kind;

constexpr auto f32 = dnnl::memory::data_type::f32;

Desc anyLayout(const Dims &dims) { return Desc(dims, f32, dnnl::memory::format_tag::any); }

// With these distances of the leading dimensions; the others are dense. The stride of
// an extent of 1 means nothing: it is what a dense layout would have, so that equal
// layouts look equal to the library.
Desc strided(const Dims &dims, const Dims &leading) {
  Dims strides(dims.size(), 1);
  for (size_t i = dims.size(); i-- > 0;) {
    int64_t dense = i + 1 < dims.size() ? strides[i + 1] * dims[i + 1] : 1;
    strides[i] = i < leading.size() && dims[i] > 1 ? leading[i] : dense;
  }
  return Desc(dims, f32, strides);
}

int64_t product(const std::vector<int64_t> &numbers) {
  int64_t result = 1;
  for (int64_t number : numbers)
    result *= number;
  return result;
}

void append(Dims &dims, const std::vector<int64_t> &more) {
  dims.insert(dims.end(), more.begin(), more.end());
}

struct Extents {
  Dims operand, weight, result;
};

Extents getExtents(const ConvolutionShape &s) {
  Extents e;
  e.operand = {s.batch, s.inputChannels};
  e.weight = {s.outputChannels / s.groups, s.inputChannels / s.groups};
  if (s.groups > 1)
    e.weight.insert(e.weight.begin(), s.groups);
  e.result = {s.batch, s.outputChannels};
  append(e.operand, s.input);
  append(e.weight, s.kernel);
  append(e.result, s.output());
  return e;
}

// The operands of a block where they lie: in those of the whole convolution.
struct Layouts {
  Desc operand, weight, result;
};

Layouts getLayouts(const ConvolutionShape &block, const ConvolutionShape &whole) {
  Extents e = getExtents(block);
  // A weight of several groups is a run of whole ones.
  Dims weight = {whole.inputChannels / whole.groups * product(whole.kernel)};
  if (block.groups > 1)
    weight = {};
  return {strided(e.operand, {whole.inputChannels * product(whole.input)}),
          strided(e.weight, weight),
          strided(e.result, {whole.outputChannels * product(whole.output())})};
}

void setHandle(const dnnl::memory &memory, const void *data) {
  dnnl_memory_set_data_handle(memory.get(), const_cast<void *>(data));
}

} // namespace

// In the layouts that the library likes best, or dense. False if there is no
// implementation but the library's reference, which is left where nothing else is.
bool ConvolutionPrimitive::tryMake(const ConvolutionShape &s, bool any,
                                   const dnnl::engine &engine) {
  Extents e = getExtents(s);
  auto layout = [&](const Dims &dims) { return any ? anyLayout(dims) : strided(dims, {}); };
  Desc operand = layout(e.operand), weight = layout(e.weight), result = layout(e.result);
  Dims dilations;
  for (int64_t d : s.dilations)
    dilations.push_back(d - 1);
  constexpr auto algorithm = dnnl::algorithm::convolution_direct;
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  auto take = [&](const auto &description, dnnl::primitive made, Desc a, Desc b, Desc c) {
    implementation = description.impl_info_str();
    libraryScratch = description.scratchpad_desc();
    primitive = std::move(made);
    lhs.wanted = a, rhs.wanted = b, dst.wanted = c;
    return implementation.find("ref") == std::string::npos;
  };
  try {
    dnnl::convolution_forward::primitive_desc forward(
        dnnl::convolution_forward::desc(dnnl::prop_kind::forward_training, algorithm, operand,
                                        weight, result, s.strides, dilations, s.low, s.high),
        attributes, engine);
    if (s.kind == Kind::Forward)
      return take(forward, dnnl::convolution_forward(forward), forward.src_desc(),
                  forward.weights_desc(), forward.dst_desc());
    if (s.kind == Kind::InputGrad) {
      dnnl::convolution_backward_data::primitive_desc made(
          dnnl::convolution_backward_data::desc(algorithm, operand, weight, result, s.strides,
                                                dilations, s.low, s.high),
          attributes, engine, forward);
      return take(made, dnnl::convolution_backward_data(made), made.diff_dst_desc(),
                  made.weights_desc(), made.diff_src_desc());
    }
    dnnl::convolution_backward_weights::primitive_desc made(
        dnnl::convolution_backward_weights::desc(algorithm, operand, weight, result, s.strides,
                                                 dilations, s.low, s.high),
        attributes, engine, forward);
    return take(made, dnnl::convolution_backward_weights(made), made.src_desc(),
                made.diff_dst_desc(), made.diff_weights_desc());
  } catch (const dnnl::error &) {
    return false;
  }
}

void ConvolutionPrimitive::addReorder(Operand &operand, bool isResult, bool accumulate,
                                      const dnnl::engine &engine) {
  operand.isCopied = accumulate || operand.given != operand.wanted;
  if (!operand.isCopied)
    return;
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  if (accumulate) {
    dnnl::post_ops sum;
    sum.append_sum(1.0f);
    attributes.set_post_ops(sum);
  }
  const Desc &from = isResult ? operand.wanted : operand.given;
  const Desc &to = isResult ? operand.given : operand.wanted;
  dnnl::reorder::primitive_desc description(engine, from, engine, to, attributes);
  operand.reorder = dnnl::reorder(description);
  operand.reorderScratch = description.scratchpad_desc();
}

Status ConvolutionPrimitive::make(const ConvolutionShape &block, const ConvolutionShape &whole,
                                  const dnnl::engine &engine, unsigned n) {
  OneThread here;
  if (!tryMake(block, /*any=*/true, engine) && !tryMake(block, /*any=*/false, engine) &&
      implementation.empty())
    return error(Code::Device, "oneDNN has no convolution of ", block.inputChannels, " to ",
                 block.outputChannels, " channels in f32");
  Layouts in = getLayouts(block, whole);
  switch (block.kind) {
  case Kind::Forward:
    lhs.given = in.operand, rhs.given = in.weight, dst.given = in.result;
    lhs.argument = DNNL_ARG_SRC, rhs.argument = DNNL_ARG_WEIGHTS, dst.argument = DNNL_ARG_DST;
    break;
  case Kind::InputGrad:
    lhs.given = in.result, rhs.given = in.weight, dst.given = in.operand;
    lhs.argument = DNNL_ARG_DIFF_DST, rhs.argument = DNNL_ARG_WEIGHTS;
    dst.argument = DNNL_ARG_DIFF_SRC;
    break;
  case Kind::WeightGrad:
    lhs.given = in.operand, rhs.given = in.result, dst.given = in.weight;
    lhs.argument = DNNL_ARG_SRC, rhs.argument = DNNL_ARG_DIFF_DST;
    dst.argument = DNNL_ARG_DIFF_WEIGHTS;
    break;
  }
  try {
    addReorder(lhs, false, false, engine);
    addReorder(rhs, false, false, engine);
    addReorder(dst, true, block.accumulate, engine);
    // One after the other; only copies outlive the primitive that made them.
    scratchBytes = libraryScratch.get_size();
    for (const Operand *operand : {&lhs, &rhs, &dst})
      scratchBytes = std::max<uint64_t>(scratchBytes, operand->reorderScratch.get_size());
    scratchBytes = align64(scratchBytes);
    for (Operand *operand : {&lhs, &rhs, &dst})
      if (operand->isCopied) {
        operand->copyOffset = scratchBytes;
        scratchBytes += align64(operand->wanted.get_size());
      }
    auto object = [&](const Desc &desc) { return dnnl::memory(desc, engine, nullptr); };
    auto objects = [&](const Operand &operand) {
      return OperandState{object(operand.given), object(operand.wanted),
                          object(operand.reorderScratch)};
    };
    for (unsigned i = 0; i < n; ++i)
      cores.push_back(
          {dnnl::stream(engine), objects(lhs), objects(rhs), objects(dst), object(libraryScratch)});
  } catch (const dnnl::error &e) {
    return error(Code::Device, "oneDNN cannot make a convolution: ", e.what());
  }
  return {};
}

bool ConvolutionPrimitive::reorder(const Operand &operand, const OperandState &state,
                                   const CoreState &core, CallScratch &scratch,
                                   const dnnl::memory &from, const dnnl::memory &to) const {
  setHandle(state.reorderScratch, scratch.memory);
  dnnl_exec_arg_t arguments[] = {{DNNL_ARG_FROM, from.get()},
                                 {DNNL_ARG_TO, to.get()},
                                 {DNNL_ARG_SCRATCHPAD, state.reorderScratch.get()}};
  return dnnl_primitive_execute(operand.reorder.get(), core.stream.get(), 3, arguments) ==
         dnnl_success;
}

// Gives the primitive an operand. Blocks of one call share one, so a copy that the
// block before has made on this core is used again.
bool ConvolutionPrimitive::read(const Operand &operand, const OperandState &state,
                                const CoreState &core, CallScratch &scratch, const float *from,
                                const float *&held) const {
  if (!operand.isCopied) {
    setHandle(state.wanted, from);
    return true;
  }
  setHandle(state.wanted, scratch.memory + operand.copyOffset);
  if (held == from)
    return true;
  setHandle(state.given, from);
  held = from;
  return reorder(operand, state, core, scratch, state.given, state.wanted);
}

bool ConvolutionPrimitive::run(int number, CallScratch &scratch, const float *a, const float *b,
                               float *c) const {
  if (scratch.user != this)
    scratch.forget();
  scratch.user = this;
  const CoreState &core = cores[size_t(number)];
  if (!read(lhs, core.lhs, core, scratch, a, scratch.lhs) ||
      !read(rhs, core.rhs, core, scratch, b, scratch.rhs))
    return false;
  setHandle(core.dst.wanted,
            dst.isCopied ? static_cast<void *>(scratch.memory + dst.copyOffset) : c);
  setHandle(core.scratch, scratch.memory);
  dnnl_exec_arg_t arguments[] = {{lhs.argument, core.lhs.wanted.get()},
                                 {rhs.argument, core.rhs.wanted.get()},
                                 {dst.argument, core.dst.wanted.get()},
                                 {DNNL_ARG_SCRATCHPAD, core.scratch.get()}};
  if (dnnl_primitive_execute(primitive.get(), core.stream.get(), 4, arguments) != dnnl_success)
    return false;
  if (!dst.isCopied)
    return true;
  setHandle(core.dst.given, c);
  return reorder(dst, core.dst, core, scratch, core.dst.wanted, core.dst.given);
}

} // namespace dpcrt
