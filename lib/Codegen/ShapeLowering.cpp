// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Operations that move elements: reads at affine positions where possible, at
// computed positions where a value may come from nowhere (pad) or from several
// tensors (concat).
#include "LoweringModels.h"

using namespace mlir;

namespace dpc::codegen {
namespace {

using B = ImplicitLocOpBuilder;

Value indexConstant(B &b, int64_t v) { return arith::ConstantIndexOp::create(b, v); }

struct Broadcast : LinalgModel<Broadcast, nn::BroadcastOp> {
  LogicalResult lower(nn::BroadcastOp op, LinalgBuilder &b, ValueRange operands,
                      SmallVectorImpl<Value> &results) const {
    RankedTensorType from = tensorType(operands[0]), to = loweredType(op.getType());
    SmallVector<AffineExpr> exprs;
    for (auto [i, dim] : llvm::enumerate(op.getDims()))
      exprs.push_back(from.getDimSize(i) == 1 ? b.b.getAffineConstantExpr(0)
                                              : b.b.getAffineDimExpr(dim));
    AffineMap map = AffineMap::get(to.getRank(), 0, exprs, b.b.getContext());
    results.push_back(b.map(to, operands, {map}, [](B &, ValueRange v) { return v[0]; }));
    return success();
  }
};

struct Reshape : LinalgModel<Reshape, nn::ReshapeOp> {
  LogicalResult lower(nn::ReshapeOp op, LinalgBuilder &b, ValueRange operands,
                      SmallVectorImpl<Value> &results) const {
    results.push_back(b.reshape(operands[0], loweredType(op.getType()).getShape()));
    return success();
  }
};

struct Transpose : LinalgModel<Transpose, nn::TransposeOp> {
  LogicalResult lower(nn::TransposeOp op, LinalgBuilder &b, ValueRange operands,
                      SmallVectorImpl<Value> &results) const {
    // Dimension i of the result is dimension perm[i] of the operand.
    SmallVector<AffineExpr> exprs(op.getPerm().size());
    for (auto [i, p] : llvm::enumerate(op.getPerm()))
      exprs[p] = b.b.getAffineDimExpr(i);
    AffineMap map = AffineMap::get(exprs.size(), 0, exprs, b.b.getContext());
    results.push_back(b.map(op.getType(), operands, {map}, [](B &, ValueRange v) { return v[0]; }));
    return success();
  }
};

struct Slice : LinalgModel<Slice, nn::SliceOp> {
  LogicalResult lower(nn::SliceOp op, LinalgBuilder &b, ValueRange operands,
                      SmallVectorImpl<Value> &results) const {
    SmallVector<AffineExpr> exprs;
    for (auto [i, start] : llvm::enumerate(op.getStarts()))
      exprs.push_back(b.b.getAffineDimExpr(i) * op.getStrides()[i] + start);
    AffineMap map = AffineMap::get(exprs.size(), 0, exprs, b.b.getContext());
    results.push_back(b.map(op.getType(), operands, {map}, [](B &, ValueRange v) { return v[0]; }));
    return success();
  }
};

struct Pad : LinalgModel<Pad, nn::PadOp> {
  LogicalResult lower(nn::PadOp op, LinalgBuilder &b, ValueRange operands,
                      SmallVectorImpl<Value> &results) const {
    Value source = operands[0];
    RankedTensorType from = tensorType(source);
    results.push_back(b.map(op.getType(), {}, {}, [&](B &inner, ValueRange) -> Value {
      Value inside;
      SmallVector<Value> indices;
      for (int64_t i = 0; i < from.getRank(); ++i) {
        Value at = linalg::IndexOp::create(inner, i);
        int64_t low = op.getLow()[i], high = op.getHigh()[i], step = op.getInterior()[i] + 1;
        if (low == 0 && high == 0 && step == 1) {
          indices.push_back(at);
          continue;
        }
        int64_t span = (from.getDimSize(i) - 1) * step + 1;
        Value shifted = arith::SubIOp::create(inner, at, indexConstant(inner, low));
        // As an unsigned number, a position before the first is large.
        Value in = arith::CmpIOp::create(inner, arith::CmpIPredicate::ult, shifted,
                                         indexConstant(inner, span));
        Value bounded = arith::SelectOp::create(inner, in, shifted, indexConstant(inner, 0));
        if (step > 1) {
          Value rest = arith::RemUIOp::create(inner, bounded, indexConstant(inner, step));
          in = arith::AndIOp::create(inner, in,
                                     arith::CmpIOp::create(inner, arith::CmpIPredicate::eq, rest,
                                                           indexConstant(inner, 0)));
          bounded = arith::DivUIOp::create(inner, bounded, indexConstant(inner, step));
        }
        inside = inside ? Value(arith::AndIOp::create(inner, inside, in)) : in;
        indices.push_back(bounded);
      }
      Value element = tensor::ExtractOp::create(inner, source, indices);
      if (!inside)
        return element;
      TypedAttr value = op.getValue();
      if (auto integer = dyn_cast<IntegerAttr>(value))
        value = IntegerAttr::get(from.getElementType(), integer.getValue());
      return arith::SelectOp::create(inner, inside, element,
                                     arith::ConstantOp::create(inner, value));
    }));
    return success();
  }
};

struct Concat : LinalgModel<Concat, nn::ConcatOp> {
  LogicalResult lower(nn::ConcatOp op, LinalgBuilder &b, ValueRange operands,
                      SmallVectorImpl<Value> &results) const {
    RankedTensorType type = loweredType(op.getType());
    if (operands.size() == 1) {
      results.push_back(operands[0]);
      return success();
    }
    int64_t axis = op.getAxis();
    results.push_back(b.map(type, {}, {}, [&](B &inner, ValueRange) -> Value {
      SmallVector<Value> indices;
      for (int64_t i = 0; i < type.getRank(); ++i)
        indices.push_back(linalg::IndexOp::create(inner, i));
      Value at = indices[axis], result;
      int64_t begin = 0;
      for (Value operand : operands) {
        int64_t size = tensorType(operand).getDimSize(axis);
        if (size == 0)
          continue;
        Value shifted = arith::SubIOp::create(inner, at, indexConstant(inner, begin));
        Value in = arith::CmpIOp::create(inner, arith::CmpIPredicate::ult, shifted,
                                         indexConstant(inner, size));
        indices[axis] = arith::SelectOp::create(inner, in, shifted, indexConstant(inner, 0));
        Value element = tensor::ExtractOp::create(inner, operand, indices);
        result = result ? Value(arith::SelectOp::create(inner, in, element, result)) : element;
        begin += size;
      }
      return result;
    }));
    return success();
  }
};

struct Constant : LinalgModel<Constant, nn::ConstantOp> {
  LogicalResult lower(nn::ConstantOp op, LinalgBuilder &b, ValueRange,
                      SmallVectorImpl<Value> &results) const {
    RankedTensorType type = loweredType(op.getType());
    auto elements = dyn_cast<DenseElementsAttr>(op.getValue());
    if (!elements)
      return op.emitOpError() << "is not a dense constant, which a kernel needs";
    auto scalar = [&](B &inner, Attribute value) -> Value {
      if (auto integer = dyn_cast<IntegerAttr>(value))
        return arith::ConstantOp::create(
            inner, IntegerAttr::get(type.getElementType(), integer.getValue()));
      return arith::ConstantOp::create(inner, cast<TypedAttr>(value));
    };
    results.push_back(b.map(type, {}, {}, [&](B &inner, ValueRange) -> Value {
      if (elements.isSplat())
        return scalar(inner, elements.getSplatValue<Attribute>());
      // A few different values: selected by the row-major position.
      Value position = indexConstant(inner, 0);
      for (int64_t i = 0; i < type.getRank(); ++i)
        position = arith::AddIOp::create(
            inner, arith::MulIOp::create(inner, position, indexConstant(inner, type.getDimSize(i))),
            linalg::IndexOp::create(inner, i));
      Value result;
      for (auto [i, value] : llvm::enumerate(elements.getValues<Attribute>())) {
        Value element = scalar(inner, value);
        Value here = arith::CmpIOp::create(inner, arith::CmpIPredicate::eq, position,
                                           indexConstant(inner, i));
        result = result ? Value(arith::SelectOp::create(inner, here, element, result)) : element;
      }
      return result;
    }));
    return success();
  }
};

struct Iota : LinalgModel<Iota, nn::IotaOp> {
  LogicalResult lower(nn::IotaOp op, LinalgBuilder &b, ValueRange,
                      SmallVectorImpl<Value> &results) const {
    RankedTensorType type = loweredType(op.getType());
    results.push_back(b.map(type, {}, {}, [&](B &inner, ValueRange) -> Value {
      Value at = linalg::IndexOp::create(inner, op.getAxis());
      Type element = type.getElementType();
      if (!isa<FloatType>(element))
        return arith::IndexCastOp::create(inner, element, at);
      Value wide = arith::IndexCastOp::create(inner, inner.getI32Type(), at);
      return convertFloat(inner, arith::SIToFPOp::create(inner, computeType(element), wide),
                          element);
    }));
    return success();
  }
};

} // namespace

void attachShapeLowerings(MLIRContext *context) {
  nn::BroadcastOp::attachInterface<Broadcast>(*context);
  nn::ReshapeOp::attachInterface<Reshape>(*context);
  nn::TransposeOp::attachInterface<Transpose>(*context);
  nn::SliceOp::attachInterface<Slice>(*context);
  nn::PadOp::attachInterface<Pad>(*context);
  nn::ConcatOp::attachInterface<Concat>(*context);
  nn::ConstantOp::attachInterface<Constant>(*context);
  nn::IotaOp::attachInterface<Iota>(*context);
}

} // namespace dpc::codegen
