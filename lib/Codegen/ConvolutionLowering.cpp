// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Convolutions that no library computes: of f64. A point is one element of the result,
// a sum in ascending order of channels and places of the kernel (of the weight's
// gradient: of images and places of the window); what lies in the padding adds nothing.
#include "KernelEmitter.h"
#include "LoweringModels.h"

#include "dpc/Dialect/NN/Convolution.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace dpc::codegen {
namespace {

// Adds up `term` over all places of `extents`, the last fastest. A null term ends it.
using Term = llvm::function_ref<Value(ArrayRef<Value> place, Value sum)>;
Value emitSum(KernelEmitter &e, ArrayRef<int64_t> extents, SmallVector<Value> place, Value sum,
              Term term) {
  if (place.size() == extents.size())
    return term(place, sum);
  auto loop = scf::ForOp::create(e.b, e.constantIndex(0), e.constantIndex(extents[place.size()]),
                                 e.constantIndex(1), ValueRange{sum});
  {
    KernelEmitter::Scope scope(e);
    e.b.setInsertionPointToStart(loop.getBody());
    place.push_back(loop.getInductionVar());
    Value inner = emitSum(e, extents, place, loop.getRegionIterArgs()[0], term);
    if (!inner)
      return {};
    scf::YieldOp::create(e.b, inner);
  }
  e.b.setInsertionPointAfter(loop);
  return loop.getResult(0);
}

// sum + x y where `in` holds. The reads stay within their tensors whatever it says.
Value addProduct(KernelEmitter &e, Value sum, Value x, Value y, Value in) {
  if (!x || !y)
    return {};
  Value next = arith::AddFOp::create(e.b, sum,
                                     arith::MulFOp::create(e.b, convertFloat(e.b, x, sum.getType()),
                                                           convertFloat(e.b, y, sum.getType())));
  return in ? Value(arith::SelectOp::create(e.b, in, next, sum)) : next;
}

SmallVector<Index> uniform(ArrayRef<Value> at) {
  return llvm::map_to_vector(at, [](Value v) { return Index{v, 0, {}}; });
}

// Whether 0 <= value < extent, and the value, or 0 where it is not.
std::pair<Value, Value> bounded(KernelEmitter &e, Value value, int64_t extent) {
  Value in = arith::CmpIOp::create(e.b, arith::CmpIPredicate::ult, value, e.constantIndex(extent));
  return {in, arith::SelectOp::create(e.b, in, value, e.constantIndex(0))};
}
Value both(KernelEmitter &e, Value a, Value b) {
  return a ? Value(arith::AndIOp::create(e.b, a, b)) : b;
}

// The place of the input that place `k` of the kernel reads for place `p` of the window,
// per dimension.
Value inputPlace(KernelEmitter &e, const nn::Convolution &c, size_t d, Value p, Value k) {
  Value at = e.add(e.mul(p, c.strides[d]), e.mul(k, c.dilations[d]));
  return arith::SubIOp::create(e.b, at, e.constantIndex(c.low[d]));
}

template <typename Op, typename Model>
struct ConvolutionModel : LoopLoweringOpInterface::ExternalModel<Model, Op> {
  int64_t getLoopPoints(Operation *op) const {
    return tensorType(cast<Op>(op).getResult()).getNumElements();
  }
  LogicalResult emitLoops(Operation *generic, KernelEmitter &e, Value point) const {
    auto op = cast<Op>(generic);
    RankedTensorType type = tensorType(op.getResult());
    SmallVector<Value> at;
    for (Index index : e.delinearize({point, 0, {}}, type.getShape(), 1))
      at.push_back(index.base);
    Type compute = computeType(type.getElementType());
    Value zero = e.constant(cast<TypedAttr>(e.b.getZeroAttr(compute)));
    Value sum = static_cast<const Model *>(this)->emit(op, op.getConvolution(), e, at, zero);
    if (!sum)
      return failure();
    e.store(e.getOutput(op.getResult()), {point, 0, {}},
            convertFloat(e.b, sum, type.getElementType()), {});
    return success();
  }
};

struct Forward : ConvolutionModel<nn::ConvOp, Forward> {
  Value emit(nn::ConvOp op, const nn::Convolution &c, KernelEmitter &e, ArrayRef<Value> at,
             Value zero) const {
    int64_t channels = c.inputChannels / c.groups, outputs = c.outputChannels / c.groups;
    Value group = arith::DivUIOp::create(e.b, at[1], e.constantIndex(outputs));
    SmallVector<int64_t> extents = {channels};
    llvm::append_range(extents, c.kernel);
    return emitSum(e, extents, {}, zero, [&](ArrayRef<Value> place, Value sum) {
      SmallVector<Value> x = {at[0], e.add(e.mul(group, channels), place[0])},
                         w = {at[1], place[0]};
      Value in;
      for (size_t d = 0; d < c.kernel.size(); ++d) {
        auto [inside, p] = bounded(e, inputPlace(e, c, d, at[2 + d], place[1 + d]), c.input[d]);
        in = both(e, in, inside);
        x.push_back(p);
        w.push_back(place[1 + d]);
      }
      return addProduct(e, sum, e.evaluate(op.getOperand(), uniform(x), {}),
                        e.evaluate(op.getWeight(), uniform(w), {}), in);
    });
  }
};

struct InputGrad : ConvolutionModel<nn::ConvInputGradOp, InputGrad> {
  Value emit(nn::ConvInputGradOp op, const nn::Convolution &c, KernelEmitter &e, ArrayRef<Value> at,
             Value zero) const {
    int64_t channels = c.inputChannels / c.groups, outputs = c.outputChannels / c.groups;
    Value group = arith::DivUIOp::create(e.b, at[1], e.constantIndex(channels));
    Value channel = arith::RemUIOp::create(e.b, at[1], e.constantIndex(channels));
    SmallVector<int64_t> extents = {outputs};
    llvm::append_range(extents, c.kernel);
    return emitSum(e, extents, {}, zero, [&](ArrayRef<Value> place, Value sum) {
      Value output = e.add(e.mul(group, outputs), place[0]);
      SmallVector<Value> g = {at[0], output}, w = {output, channel};
      Value in;
      for (size_t d = 0; d < c.kernel.size(); ++d) {
        // The place of the window, if it is one: a whole number of strides away.
        Value distance = arith::SubIOp::create(e.b, e.add(at[2 + d], e.constantIndex(c.low[d])),
                                               e.mul(place[1 + d], c.dilations[d]));
        Value stride = e.constantIndex(c.strides[d]);
        Value whole = arith::CmpIOp::create(e.b, arith::CmpIPredicate::eq,
                                            arith::RemSIOp::create(e.b, distance, stride),
                                            e.constantIndex(0));
        // A negative distance is no place: as unsigned it is beyond all.
        Value negative =
            arith::CmpIOp::create(e.b, arith::CmpIPredicate::slt, distance, e.constantIndex(0));
        Value window = arith::SelectOp::create(e.b, negative, e.constantIndex(-1),
                                               arith::DivSIOp::create(e.b, distance, stride));
        auto [inside, p] = bounded(e, window, c.output[d]);
        in = both(e, both(e, in, whole), inside);
        g.push_back(p);
      }
      llvm::append_range(w, place.drop_front());
      return addProduct(e, sum, e.evaluate(op.getGrad(), uniform(g), {}),
                        e.evaluate(op.getWeight(), uniform(w), {}), in);
    });
  }
};

struct WeightGrad : ConvolutionModel<nn::ConvWeightGradOp, WeightGrad> {
  Value emit(nn::ConvWeightGradOp op, const nn::Convolution &c, KernelEmitter &e,
             ArrayRef<Value> at, Value zero) const {
    int64_t channels = c.inputChannels / c.groups, outputs = c.outputChannels / c.groups;
    Value group = arith::DivUIOp::create(e.b, at[0], e.constantIndex(outputs));
    SmallVector<int64_t> extents = {c.batch};
    llvm::append_range(extents, c.output);
    return emitSum(e, extents, {}, zero, [&](ArrayRef<Value> place, Value sum) {
      SmallVector<Value> x = {place[0], e.add(e.mul(group, channels), at[1])},
                         g = {place[0], at[0]};
      Value in;
      for (size_t d = 0; d < c.kernel.size(); ++d) {
        auto [inside, p] = bounded(e, inputPlace(e, c, d, place[1 + d], at[2 + d]), c.input[d]);
        in = both(e, in, inside);
        x.push_back(p);
        g.push_back(place[1 + d]);
      }
      return addProduct(e, sum, e.evaluate(op.getOperand(), uniform(x), {}),
                        e.evaluate(op.getGrad(), uniform(g), {}), in);
    });
  }
};

} // namespace

void attachConvolutionLowerings(MLIRContext *context) {
  nn::ConvOp::attachInterface<Forward>(*context);
  nn::ConvInputGradOp::attachInterface<InputGrad>(*context);
  nn::ConvWeightGradOp::attachInterface<WeightGrad>(*context);
}

} // namespace dpc::codegen
