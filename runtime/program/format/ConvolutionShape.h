// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A convolution as a program describes it, and what a valid one is: for the checker,
// and for devices that compute it.
#pragma once
#include "program/format/Program.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace dpcrt {

// operand [batch, input channels, input...], weight [output channels, input channels
// of a group, kernel...], result [batch, output channels, output...], each dense and
// row-major. A window starts `low` elements before the operand, moves by the stride
// and may reach `high` elements beyond it; what is outside is zero.
struct ConvolutionShape {
  enum class Kind {
    Forward,   // result (+)= operand, weight
    InputGrad, // the operand's gradient (+)= the result's gradient, weight
    WeightGrad // the weight's gradient (+)= operand, the result's gradient
  };
  Kind kind = Kind::Forward;
  bool accumulate = false; // adds to the destination
  int64_t batch = 1, groups = 1;
  int64_t inputChannels = 1, outputChannels = 1;                     // of all groups
  std::vector<int64_t> input, kernel, strides, dilations, low, high; // one or two numbers each

  std::vector<int64_t> output() const; // places of the window
  // Elements, which a checked shape has not too many of.
  int64_t operandSize() const, weightSize() const, resultSize() const;
  double flops() const;
};

// What is wrong with a description, as in "it divides 3 channels into 2 groups"; "" if
// nothing is.
std::string convolutionProblem(const ConvolutionShape &shape);

// The table's numbers; one that is too large for any shape stays too large. `read`
// copies a vector of the file.
template <typename Read> ConvolutionShape readConvolution(const fb::Convolution &table, Read read) {
  auto number = [](uint64_t value) {
    return int64_t(std::min<uint64_t>(value, uint64_t(1) << 40));
  };
  auto list = [&](const flatbuffers::Vector<uint64_t> *from) {
    std::vector<int64_t> to;
    for (uint64_t value : read(from))
      to.push_back(number(value));
    return to;
  };
  ConvolutionShape shape;
  shape.kind = ConvolutionShape::Kind(table.kind());
  shape.accumulate = table.accumulate();
  shape.batch = number(table.batch()), shape.groups = number(table.groups());
  shape.inputChannels = number(table.input_channels());
  shape.outputChannels = number(table.output_channels());
  shape.input = list(table.input()), shape.kernel = list(table.kernel());
  shape.strides = list(table.strides()), shape.dilations = list(table.dilations());
  shape.low = list(table.low()), shape.high = list(table.high());
  return shape;
}

} // namespace dpcrt
