// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dpc/Dialect/Library/Library.h"

#include "program/format/ConvolutionShape.h"

using namespace mlir;
using namespace dpc::library;

static std::vector<int64_t> listOf(ArrayRef<int64_t> values) {
  return {values.begin(), values.end()};
}

// What a valid convolution is, the program format says.
LogicalResult ConvolutionAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                      ConvolutionKind kind, int64_t batch, int64_t groups,
                                      int64_t inputChannels, int64_t outputChannels,
                                      ArrayRef<int64_t> input, ArrayRef<int64_t> kernel,
                                      ArrayRef<int64_t> strides, ArrayRef<int64_t> dilations,
                                      ArrayRef<int64_t> low, ArrayRef<int64_t> high,
                                      bool accumulate) {
  dpcrt::ConvolutionShape shape;
  shape.kind = dpcrt::ConvolutionShape::Kind(kind);
  shape.accumulate = accumulate;
  shape.batch = batch, shape.groups = groups;
  shape.inputChannels = inputChannels, shape.outputChannels = outputChannels;
  shape.input = listOf(input), shape.kernel = listOf(kernel);
  shape.strides = listOf(strides), shape.dilations = listOf(dilations);
  shape.low = listOf(low), shape.high = listOf(high);
  std::string problem = dpcrt::convolutionProblem(shape);
  if (!problem.empty())
    return emitError() << "this convolution is not possible: " << problem;
  return success();
}

unsigned ConvolutionAttr::getNumSources() const { return 2; }

void ConvolutionAttr::pack(dpcrt::fb::LibraryFunctionUnion &function) const {
  auto numbers = [](ArrayRef<int64_t> values) {
    return std::vector<uint64_t>(values.begin(), values.end());
  };
  dpcrt::fb::ConvolutionT table;
  table.kind = dpcrt::fb::ConvolutionKind(getKind());
  table.accumulate = getAccumulate();
  table.batch = getBatch();
  table.groups = getGroups();
  table.input_channels = getInputChannels();
  table.output_channels = getOutputChannels();
  table.input = numbers(getInput());
  table.kernel = numbers(getKernel());
  table.strides = numbers(getStrides());
  table.dilations = numbers(getDilations());
  table.low = numbers(getLow());
  table.high = numbers(getHigh());
  function.Set(std::move(table));
}
