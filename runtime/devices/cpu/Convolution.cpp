// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How the output of a convolution is cut into blocks.
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
  if (std::string problem = convolutionProblem(s); !problem.empty())
    return error(Code::Artifact, "a library call is no valid convolution: ", problem);
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
