// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Convolution and its derivatives, which are the same products summed into one of
// three places: there is one loop for all. Products of one output element come in the
// order of channels and places in the kernel, those of one weight in the order of
// the batch and places of the window.
#include "Models.h"
#include "Threads.h"

using namespace mlir;
using namespace dpc;
using namespace dpc::nn;
using namespace dpc::reference;

namespace {

struct Range {
  int64_t begin, end;
};

// The places of a window that lie inside the operand for one place of the kernel.
Range getInside(int64_t offset, int64_t stride, int64_t extent, int64_t places) {
  int64_t first = offset >= 0 ? 0 : (-offset + stride - 1) / stride;
  int64_t last = offset >= extent ? 0 : (extent - 1 - offset) / stride + 1;
  return {first, std::min(last, places)};
}

// Calls f(element of the operand, of the weight, of the result) for each product of
// the given output channels with the given input channels of their group.
template <typename F> void forEachProduct(const Convolution &c, Range outputs, Range inputs, F f) {
  // One dimension is a second one of extent 1.
  bool flat = c.kernel.size() == 1;
  auto get = [&](ArrayRef<int64_t> numbers, int i, int64_t otherwise) {
    return flat ? i ? numbers[0] : otherwise : numbers[i];
  };
  int64_t X[2], W[2], Y[2], stride[2], dilation[2], low[2];
  for (int i : {0, 1}) {
    X[i] = get(c.input, i, 1), W[i] = get(c.kernel, i, 1), Y[i] = get(c.output, i, 1);
    stride[i] = get(c.strides, i, 1), dilation[i] = get(c.dilations, i, 1);
    low[i] = get(c.low, i, 0);
  }
  int64_t own = c.inputChannels / c.groups, group = c.outputChannels / c.groups;
  for (int64_t n = 0; n < c.batch; ++n)
    for (int64_t o = outputs.begin; o < outputs.end; ++o)
      for (int64_t i = inputs.begin; i < inputs.end; ++i) {
        int64_t x = (n * c.inputChannels + o / group * own + i) * X[0] * X[1];
        int64_t w = (o * own + i) * W[0] * W[1], y = (n * c.outputChannels + o) * Y[0] * Y[1];
        for (int64_t k = 0; k < W[0] * W[1]; ++k) {
          int64_t offset[2] = {k / W[1] * dilation[0] - low[0], k % W[1] * dilation[1] - low[1]};
          Range rows = getInside(offset[0], stride[0], X[0], Y[0]);
          Range columns = getInside(offset[1], stride[1], X[1], Y[1]);
          for (int64_t p = rows.begin; p < rows.end; ++p) {
            int64_t from = x + (p * stride[0] + offset[0]) * X[1] + offset[1];
            for (int64_t q = columns.begin; q < columns.end; ++q)
              f(from + q * stride[1], w + k, y + p * Y[1] + q);
          }
        }
      }
}

// Convolutions are dealt to threads by channels of what they sum into.
template <typename Op, typename Sum>
LogicalResult evaluateEach(Operation *op, Evaluator &evaluator,
                           MutableArrayRef<MemberValues> members, bool byInputs, Sum sum) {
  Convolution c = cast<Op>(op).getConvolution();
  int64_t own = c.inputChannels / c.groups;
  for (MemberValues &member : members)
    dealToThreads(byInputs ? own : c.outputChannels,
                  c.getFlops() > 1e7 ? evaluator.getNumThreads() : 1, [&](int64_t channel) {
                    Range one = {channel, channel + 1};
                    forEachProduct(c, byInputs ? Range{0, c.outputChannels} : one,
                                   byInputs ? one : Range{0, own},
                                   [&](int64_t x, int64_t w, int64_t y) { sum(member, x, w, y); });
                  });
  return success();
}

struct ConvModel : ReferenceOpInterface::ExternalModel<ConvModel, ConvOp> {
  LogicalResult evaluate(Operation *op, Evaluator &evaluator,
                         MutableArrayRef<MemberValues> members) const {
    return evaluateEach<ConvOp>(op, evaluator, members, /*byInputs=*/false,
                                [](MemberValues &m, int64_t x, int64_t w, int64_t y) {
                                  m.results[0].floats[y] +=
                                      m.operands[0]->floats[x] * m.operands[1]->floats[w];
                                });
  }
};

struct ConvInputGradModel
    : ReferenceOpInterface::ExternalModel<ConvInputGradModel, ConvInputGradOp> {
  LogicalResult evaluate(Operation *op, Evaluator &evaluator,
                         MutableArrayRef<MemberValues> members) const {
    return evaluateEach<ConvInputGradOp>(op, evaluator, members, /*byInputs=*/true,
                                         [](MemberValues &m, int64_t x, int64_t w, int64_t y) {
                                           m.results[0].floats[x] +=
                                               m.operands[0]->floats[y] * m.operands[1]->floats[w];
                                         });
  }
};

struct ConvWeightGradModel
    : ReferenceOpInterface::ExternalModel<ConvWeightGradModel, ConvWeightGradOp> {
  LogicalResult evaluate(Operation *op, Evaluator &evaluator,
                         MutableArrayRef<MemberValues> members) const {
    (void)evaluateEach<ConvWeightGradOp>(op, evaluator, members, /*byInputs=*/false,
                                         [](MemberValues &m, int64_t x, int64_t w, int64_t y) {
                                           m.results[0].floats[w] +=
                                               m.operands[0]->floats[x] * m.operands[1]->floats[y];
                                         });
    if (cast<ConvWeightGradOp>(op).getAccumulator())
      for (MemberValues &member : members)
        for (auto [sum, added] :
             llvm::zip_equal(member.results[0].floats, member.operands[2]->floats))
          sum += added;
    return success();
  }
};

} // namespace

void reference::attachConvolution(MLIRContext *context) {
  ConvOp::attachInterface<ConvModel>(*context);
  ConvInputGradOp::attachInterface<ConvInputGradModel>(*context);
  ConvWeightGradOp::attachInterface<ConvWeightGradModel>(*context);
}
