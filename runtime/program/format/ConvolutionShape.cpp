// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "program/format/ConvolutionShape.h"

#include <sstream>

namespace dpcrt {
namespace {

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

std::string convolutionProblem(const ConvolutionShape &s) {
  auto invalid = [](const auto &...what) {
    std::ostringstream text;
    (text << ... << what);
    return text.str();
  };
  size_t spatial = s.input.size();
  if (s.kind > ConvolutionShape::Kind::WeightGrad)
    return invalid("it is of unknown kind ", int(s.kind));
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

} // namespace dpcrt
