// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The convolution of Program.fbs.
#include "program/format/ConvolutionShape.h"
#include "program/format/LibraryFunctions.h"

#include <ostream>

using namespace dpcrt;

namespace {

/// The three operands of a kind, by name and in elements.
struct Sides {
  const char *names[3];
  int64_t elements[3];
};
Sides sidesOf(const ConvolutionShape &s) {
  switch (s.kind) {
  case ConvolutionShape::Kind::Forward:
    return {{"operand", "weight", "result"}, {s.operandSize(), s.weightSize(), s.resultSize()}};
  case ConvolutionShape::Kind::InputGrad:
    return {{"result's gradient", "weight", "operand's gradient"},
            {s.resultSize(), s.weightSize(), s.operandSize()}};
  case ConvolutionShape::Kind::WeightGrad:
    break;
  }
  return {{"operand", "result's gradient", "weight's gradient"},
          {s.operandSize(), s.resultSize(), s.weightSize()}};
}

class ConvolutionFunction : public LibraryFunction {
  const char *name() const override { return "convolution"; }

  std::string findProblem(const LibraryDescription &described) const override {
    const fb::Convolution &table = *described.call.function_as_Convolution();
    ConvolutionShape shape =
        readConvolution(table, [&](const auto *numbers) { return described.read(numbers); });
    // Its sentences begin with the convolution.
    if (std::string problem = convolutionProblem(shape); !problem.empty())
      return "is not possible: " + problem;
    Sides sides = sidesOf(shape);
    if (std::string problem =
            productOperandsProblem(described.operands, sides.names, shape.accumulate);
        !problem.empty())
      return problem;
    for (size_t i = 0; i < 3; ++i) {
      const fb::Buffer &operand = described.operands[i];
      uint64_t bytes = uint64_t(sides.elements[i]) * sizeOf(elementOf(operand));
      if (operand.bytes() != bytes)
        return "has " + std::to_string(operand.bytes()) + " bytes of its " + sides.names[i] +
               "; it needs " + std::to_string(bytes);
    }
    return "";
  }

  void print(std::ostream &out, const fb::LibraryCall &call) const override {
    const fb::Convolution &table = *call.function_as_Convolution();
    static constexpr const char *kinds[] = {"forward", "input gradient", "weight gradient"};
    auto numbers = [&](const char *what, const flatbuffers::Vector<uint64_t> *list) {
      out << what;
      const char *separator = " ";
      for (uint64_t number : items(list)) {
        out << separator << number;
        separator = "x";
      }
    };
    out << kinds[size_t(table.kind())] << ", " << table.batch() << "x" << table.input_channels();
    for (uint64_t extent : items(table.input()))
      out << "x" << extent;
    out << " to " << table.output_channels() << " channels";
    numbers(", kernel", table.kernel());
    numbers(" strides", table.strides());
    numbers(" dilations", table.dilations());
    numbers(" padding", table.low());
    numbers(" and", table.high());
    out << " groups " << table.groups() << (table.accumulate() ? ", accumulates" : "");
  }
};

} // namespace

const LibraryFunction &dpcrt::convolutionFunction() {
  static const ConvolutionFunction function;
  return function;
}
