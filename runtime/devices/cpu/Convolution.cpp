// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a valid convolution is, and how its output is cut into blocks.
#include "devices/cpu/Convolution.h"
#include "devices/cpu/ConvolutionPrimitive.h"
#include <algorithm>

namespace dpcrt {
namespace {

using Kind = ConvolutionShape::Kind;
using Numbers = std::vector<int64_t>;

int64_t product(const Numbers &numbers) {
  int64_t result = 1;
  for (int64_t number : numbers)
    result *= number;
  return result;
}

// Elements from the first to the last that a window reads.
int64_t span(const ConvolutionShape &s, size_t i) { return (s.kernel[i] - 1) * s.dilations[i] + 1; }

// Numbers are below this, so that what is computed of two of them does not overflow.
constexpr int64_t largest = INT32_MAX;
// A tensor has fewer elements than this.
constexpr int64_t largestTensor = int64_t(1) << 40;

// Whether a tensor of these extents is small enough.
bool fits(std::initializer_list<const Numbers *> extents) {
  int64_t count = 1;
  for (const Numbers *list : extents)
    for (int64_t extent : *list)
      if (__builtin_mul_overflow(count, extent, &count) || count > largestTensor)
        return false;
  return true;
}

} // namespace

Numbers ConvolutionShape::output() const {
  Numbers places;
  for (size_t i = 0; i < input.size(); ++i)
    places.push_back((input[i] + low[i] + high[i] - span(*this, i)) / strides[i] + 1);
  return places;
}
int64_t ConvolutionShape::operandSize() const { return batch * inputChannels * product(input); }
int64_t ConvolutionShape::weightSize() const {
  return outputChannels * (inputChannels / groups) * product(kernel);
}
int64_t ConvolutionShape::resultSize() const { return batch * outputChannels * product(output()); }
double ConvolutionShape::flops() const {
  return 2.0 * double(resultSize()) * double(inputChannels / groups) * double(product(kernel));
}

Status checkConvolution(const ConvolutionShape &s) {
  auto invalid = [](const auto &...what) {
    return error(Code::Artifact, "a library call is no valid convolution: ", what...);
  };
  size_t spatial = s.input.size();
  if (spatial < 1 || spatial > 2)
    return invalid("it has ", spatial, " spatial dimensions, 1 and 2 are computed");
  struct List {
    const char *name;
    const Numbers &numbers;
    int64_t least;
  };
  const Numbers channels = {s.batch, s.groups, s.inputChannels, s.outputChannels};
  for (auto &[name, numbers, least] :
       {List{"extents", s.input, 1}, List{"kernel extents", s.kernel, 1},
        List{"strides", s.strides, 1}, List{"dilations", s.dilations, 1},
        List{"padding before", s.low, 0}, List{"padding behind", s.high, 0}}) {
    if (numbers.size() != spatial)
      return invalid("it has ", name, " for ", numbers.size(), " of ", spatial, " dimensions");
    for (int64_t number : numbers)
      if (number < least || number > largest)
        return invalid("its ", name, " contain ", number);
  }
  for (int64_t number : channels)
    if (number < 1 || number > largest)
      return invalid("its batch, groups or channels are ", number);
  if (s.inputChannels % s.groups != 0 || s.outputChannels % s.groups != 0)
    return invalid("it divides ", s.inputChannels, " and ", s.outputChannels, " channels into ",
                   s.groups, " groups");
  for (size_t i = 0; i < spatial; ++i) {
    if (span(s, i) > largest)
      return invalid("its window spans ", span(s, i), " elements");
    if (s.low[i] >= span(s, i) || s.high[i] >= span(s, i))
      return invalid("it pads by ", s.low[i], " and ", s.high[i], " a window of ", span(s, i));
    if (s.input[i] + s.low[i] + s.high[i] < span(s, i))
      return invalid("it slides a window of ", span(s, i), " over ", s.input[i], " and ",
                     s.low[i] + s.high[i], " of padding");
  }
  Numbers output = s.output(), operand = {s.batch, s.inputChannels},
          weight = {s.outputChannels, s.inputChannels / s.groups},
          result = {s.batch, s.outputChannels};
  if (!fits({&operand, &s.input}) || !fits({&weight, &s.kernel}) || !fits({&result, &output}))
    return invalid("a tensor of it has more than 2^40 elements");
  return {};
}

namespace {

// What the output is cut along. Blocks share the operand that does not have the
// dimension, and each core makes its own copy of that.
enum class Axis { Batch, Groups, Outputs, Inputs };

struct Cut {
  Axis axis = Axis::Batch;
  int64_t extent = 1, step = 1; // the axis's, and a block's
  int64_t blocks() const { return (extent + step - 1) / step; }
};

// Along an axis into at most `pieces` parts of a multiple of `unit`.
Cut cutInto(Axis axis, int64_t extent, int64_t pieces, int64_t unit) {
  int64_t step = (extent + pieces - 1) / pieces;
  return {axis, extent, std::min(extent, (step + unit - 1) / unit * unit)};
}

// About eight million operations a block, at most four, as for matmuls. The cut is
// the one that shares the least, among those that there is enough of.
Cut chooseCut(const ConvolutionShape &s) {
  int64_t pieces = std::clamp<int64_t>(int64_t(s.flops() / 8e6), 1, 4);
  int64_t operand = s.operandSize(), weight = s.weightSize(), result = s.resultSize();
  // Channels that the library computes together.
  constexpr int64_t vectorChannels = 16, tileChannels = 64;
  std::vector<std::pair<int64_t, Cut>> cuts; // with the number of elements shared
  if (s.kind != Kind::WeightGrad)
    cuts.push_back({weight, cutInto(Axis::Batch, s.batch, pieces, 1)});
  if (s.groups > 1) {
    int64_t channels = std::min(s.inputChannels, s.outputChannels) / s.groups;
    int64_t unit = (vectorChannels + channels - 1) / channels;
    cuts.push_back({0, cutInto(Axis::Groups, s.groups, pieces, unit)});
  } else {
    if (s.kind != Kind::InputGrad)
      cuts.push_back({operand, cutInto(Axis::Outputs, s.outputChannels, pieces, tileChannels)});
    if (s.kind != Kind::Forward)
      cuts.push_back({result, cutInto(Axis::Inputs, s.inputChannels, pieces, tileChannels)});
  }
  Cut best = cuts.front().second;
  int64_t shared = INT64_MAX;
  for (auto &[elements, cut] : cuts)
    if (cut.blocks() > 1 && elements < shared)
      best = cut, shared = elements;
  return best;
}

} // namespace

ConvolutionLibrary::ConvolutionLibrary(unsigned cores)
    : engine(dnnl::engine::kind::cpu, 0), cores(cores) {}
ConvolutionLibrary::~ConvolutionLibrary() = default;

Status ConvolutionLibrary::primitive(const ConvolutionShape &block, const ConvolutionShape &whole,
                                     ConvolutionPrimitive *&out) {
  Numbers key = {int64_t(block.kind), block.accumulate,     block.batch,
                 block.groups,        block.inputChannels,  block.outputChannels,
                 whole.inputChannels, whole.outputChannels, whole.groups};
  for (const Numbers *list :
       {&block.input, &block.kernel, &block.strides, &block.dilations, &block.low, &block.high})
    key.insert(key.end(), list->begin(), list->end());
  auto &entry = primitives[key];
  if (!entry) {
    auto made = std::make_unique<ConvolutionPrimitive>();
    if (Status s = made->make(block, whole, engine, cores); !s.ok())
      return s;
    scratch = std::max(scratch, made->scratchBytes);
    entry = std::move(made);
  }
  out = entry.get();
  return {};
}

Status ConvolutionPlan::make(const ConvolutionShape &s, ConvolutionLibrary &library,
                             std::unique_ptr<ConvolutionPlan> &out) {
  if (Status status = checkConvolution(s); !status.ok())
    return status;
  auto plan = std::make_unique<ConvolutionPlan>();
  plan->work = s.flops();
  Cut cut = chooseCut(s);
  int64_t ownInputs = s.inputChannels / s.groups, ownOutputs = s.outputChannels / s.groups;
  int64_t places = product(s.input), kernel = product(s.kernel), windows = product(s.output());
  for (int64_t begin = 0; begin < cut.extent; begin += cut.step) {
    int64_t count = std::min(cut.step, cut.extent - begin);
    ConvolutionShape part = s;
    int64_t operand = 0, weight = 0, result = 0;
    switch (cut.axis) {
    case Axis::Batch:
      part.batch = count;
      operand = begin * s.inputChannels * places;
      result = begin * s.outputChannels * windows;
      break;
    case Axis::Groups:
      part.groups = count;
      part.inputChannels = count * ownInputs;
      part.outputChannels = count * ownOutputs;
      operand = begin * ownInputs * places;
      weight = begin * ownOutputs * ownInputs * kernel;
      result = begin * ownOutputs * windows;
      break;
    case Axis::Outputs:
      part.outputChannels = count;
      weight = begin * ownInputs * kernel;
      result = begin * windows;
      break;
    case Axis::Inputs:
      part.inputChannels = count;
      operand = begin * places;
      weight = begin * kernel;
      break;
    }
    Block block{};
    if (s.kind == Kind::Forward)
      block.lhs = operand, block.rhs = weight, block.dst = result;
    else if (s.kind == Kind::InputGrad)
      block.lhs = result, block.rhs = weight, block.dst = operand;
    else
      block.lhs = operand, block.rhs = result, block.dst = weight;
    if (Status status = library.primitive(part, s, block.primitive); !status.ok())
      return status;
    plan->list.push_back(block);
  }
  out = std::move(plan);
  return {};
}

uint64_t ConvolutionPlan::scratchBytes() const {
  uint64_t bytes = 0;
  for (const Block &block : list)
    bytes = std::max(bytes, block.primitive->scratchBytes);
  return bytes;
}

bool ConvolutionPlan::run(size_t block, int core, CallScratch &scratch, const float *lhs,
                          const float *rhs, float *dst) const {
  const Block &b = list[block];
  return b.primitive->run(core, scratch, lhs + b.lhs, rhs + b.rhs, dst + b.dst);
}

const char *ConvolutionPlan::implementation(size_t block) const {
  return list[block].primitive->implementation.c_str();
}

} // namespace dpcrt
