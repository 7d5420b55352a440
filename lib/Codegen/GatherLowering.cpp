// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reads at indices. An index out of range reads zero.
#include "LoweringModels.h"

using namespace mlir;

namespace dpc::codegen {
namespace {

using B = ImplicitLocOpBuilder;

// An index from a tensor: its position, 0 where it is out of range, and whether it
// is in range (and-ed to `valid`, which may be null).
Value bounded(B &b, Value index, int64_t size, Value &valid) {
  Value in = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, index,
                                   constant(b, index.getType(), size));
  Value at = arith::SelectOp::create(b, in, index, constant(b, index.getType(), 0));
  valid = valid ? Value(arith::AndIOp::create(b, valid, in)) : in;
  return arith::IndexCastOp::create(b, b.getIndexType(), at);
}
Value orZero(B &b, Value valid, Value element) {
  return valid
             ? Value(arith::SelectOp::create(b, valid, element, constant(b, element.getType(), 0)))
             : element;
}

struct Gather : LinalgModel<Gather, nn::GatherOp> {
  LogicalResult lower(nn::GatherOp op, LinalgBuilder &b, ValueRange v,
                      SmallVectorImpl<Value> &results) const {
    RankedTensorType table = tensorType(v[0]), indices = tensorType(v[1]),
                     type = loweredType(op.getType());
    int64_t axis = op.getAxis(), n = indices.getRank();
    SmallVector<AffineExpr> at;
    for (int64_t i = 0; i < n; ++i)
      at.push_back(b.b.getAffineDimExpr(axis + i));
    AffineMap map = AffineMap::get(type.getRank(), 0, at, b.b.getContext());
    results.push_back(b.map(type, {v[1]}, {map}, [&](B &i, ValueRange e) {
      Value valid;
      SmallVector<Value> position;
      for (int64_t d = 0; d < axis; ++d)
        position.push_back(linalg::IndexOp::create(i, d));
      position.push_back(bounded(i, e[0], table.getDimSize(axis), valid));
      for (int64_t d = axis + n; d < type.getRank(); ++d)
        position.push_back(linalg::IndexOp::create(i, d));
      return orZero(i, valid, tensor::ExtractOp::create(i, v[0], position));
    }));
    return success();
  }
};

struct GatherNd : LinalgModel<GatherNd, nn::GatherNdOp> {
  LogicalResult lower(nn::GatherNdOp op, LinalgBuilder &b, ValueRange v,
                      SmallVectorImpl<Value> &results) const {
    RankedTensorType table = tensorType(v[0]), indices = tensorType(v[1]),
                     type = loweredType(op.getType());
    int64_t batch = op.getBatchDims(), outer = indices.getRank() - 1,
            tuple = indices.getShape().back();
    results.push_back(b.map(type, {}, {}, [&](B &i, ValueRange) {
      Value valid;
      SmallVector<Value> from, position;
      for (int64_t d = 0; d < outer; ++d)
        from.push_back(linalg::IndexOp::create(i, d));
      for (int64_t d = 0; d < batch; ++d)
        position.push_back(from[d]);
      from.push_back(nullptr);
      for (int64_t t = 0; t < tuple; ++t) {
        from.back() = arith::ConstantIndexOp::create(i, t);
        position.push_back(bounded(i, tensor::ExtractOp::create(i, v[1], from),
                                   table.getDimSize(batch + t), valid));
      }
      for (int64_t d = outer; d < type.getRank(); ++d)
        position.push_back(linalg::IndexOp::create(i, d));
      return orZero(i, valid, tensor::ExtractOp::create(i, v[0], position));
    }));
    return success();
  }
};

struct GatherElements : LinalgModel<GatherElements, nn::GatherElementsOp> {
  LogicalResult lower(nn::GatherElementsOp op, LinalgBuilder &b, ValueRange v,
                      SmallVectorImpl<Value> &results) const {
    RankedTensorType table = tensorType(v[0]), type = loweredType(op.getType());
    int64_t axis = op.getAxis();
    results.push_back(b.map(type, {v[1]}, [&](B &i, ValueRange e) {
      Value valid;
      SmallVector<Value> position;
      for (int64_t d = 0; d < type.getRank(); ++d)
        position.push_back(d == axis ? bounded(i, e[0], table.getDimSize(axis), valid)
                                     : Value(linalg::IndexOp::create(i, d)));
      return orZero(i, valid, tensor::ExtractOp::create(i, v[0], position));
    }));
    return success();
  }
};

} // namespace

void attachGatherLowerings(MLIRContext *context) {
  nn::GatherOp::attachInterface<Gather>(*context);
  nn::GatherNdOp::attachInterface<GatherNd>(*context);
  nn::GatherElementsOp::attachInterface<GatherElements>(*context);
}

} // namespace dpc::codegen
