// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Losses: cross entropy over rows of logits, the weighted mean, and derivatives.
#include "LoweringModels.h"

using namespace mlir;

namespace dpc::codegen {
namespace {

using B = ImplicitLocOpBuilder;

Value cmpI(B &b, arith::CmpIPredicate p, Value x, Value y) {
  return arith::CmpIOp::create(b, p, x, y);
}
Value select(B &b, Value c, Value x, Value y) { return arith::SelectOp::create(b, c, x, y); }

// Whether the label names a class: 0 <= label < classes.
Value isClass(B &b, Value label, int64_t classes) {
  return cmpI(b, arith::CmpIPredicate::ult, label, constant(b, label.getType(), classes));
}
// Whether the row counts; null if all do.
Value isIgnored(B &b, Value label, std::optional<int64_t> ignore) {
  return ignore ? cmpI(b, arith::CmpIPredicate::eq, label,
                       arith::ConstantOp::create(b, b.getIntegerAttr(label.getType(), *ignore)))
                : Value();
}
Type elementOf(Value v) { return tensorType(v).getElementType(); }

struct CrossEntropy : LinalgModel<CrossEntropy, nn::CrossEntropyOp> {
  LogicalResult lower(nn::CrossEntropyOp op, LinalgBuilder &b, ValueRange v,
                      SmallVectorImpl<Value> &results) const {
    Value logits = v[0], labels = v[1];
    RankedTensorType given = tensorType(logits);
    Type compute = computeType(given.getElementType());
    RankedTensorType full = given.clone(compute),
                     row = RankedTensorType::get({given.getDimSize(0)}, compute);
    int64_t classes = given.getDimSize(1);
    Value x =
        b.map(full, {logits}, [&](B &i, ValueRange e) { return convertFloat(i, e[0], compute); });
    if (compute == given.getElementType())
      x = logits;
    Value max = b.reduce(x, {1}, Combiner::MaxNum);
    Value e =
        b.map(full, {x, max}, {b.identityMap(2), b.rowMap(2)}, [](B &i, ValueRange a) -> Value {
          return math::ExpOp::create(i, arith::SubFOp::create(i, a[0], a[1]));
        });
    Value sum = b.reduce(e, {1}, Combiner::Add);
    Value lse = b.map(row, {max, sum}, [](B &i, ValueRange a) -> Value {
      return arith::AddFOp::create(i, a[0], math::LogOp::create(i, a[1]));
    });
    Value loss = b.map(
        row.clone(cast<RankedTensorType>(op.getLoss().getType()).getElementType()), {labels, lse},
        [&](B &i, ValueRange a) {
          Value valid = isClass(i, a[0], classes);
          Value at = select(i, valid, a[0], constant(i, a[0].getType(), 0));
          Value logit = tensor::ExtractOp::create(
              i, x,
              ValueRange{linalg::IndexOp::create(i, 0),
                         arith::IndexCastOp::create(i, i.getIndexType(), at)});
          Value value = select(i, valid, arith::SubFOp::create(i, a[1], logit),
                               constant(i, compute, std::numeric_limits<double>::quiet_NaN()));
          if (Value ignored = isIgnored(i, a[0], op.getIgnoreIndex()))
            value = select(i, ignored, constant(i, compute, 0), value);
          return convertFloat(i, value,
                              cast<RankedTensorType>(op.getLoss().getType()).getElementType());
        });
    results.push_back(loss);
    Type lseElement = cast<RankedTensorType>(op.getLse().getType()).getElementType();
    results.push_back(
        lseElement == compute ? lse : b.map(row.clone(lseElement), {lse}, [&](B &i, ValueRange a) {
          return convertFloat(i, a[0], lseElement);
        }));
    return success();
  }
};

struct CrossEntropyGrad : LinalgModel<CrossEntropyGrad, nn::CrossEntropyGradOp> {
  LogicalResult lower(nn::CrossEntropyGradOp op, LinalgBuilder &b, ValueRange v,
                      SmallVectorImpl<Value> &results) const {
    RankedTensorType type = tensorType(v[1]);
    Type compute = computeType(type.getElementType());
    int64_t classes = type.getDimSize(1);
    // The class as i32, -1 where the label names none, so that the comparison with
    // the column costs as little as the rest.
    RankedTensorType rowI32 = RankedTensorType::get({type.getDimSize(0)}, b.b.getI32Type());
    Value label = b.map(rowI32, {v[2]}, [&](B &i, ValueRange e) {
      Value at = e[0].getType().isInteger(32)
                     ? e[0]
                     : Value(arith::TruncIOp::create(i, i.getI32Type(), e[0]));
      return select(i, isClass(i, e[0], classes), at, constant(i, i.getI32Type(), -1));
    });
    RankedTensorType rowI1 = RankedTensorType::get({type.getDimSize(0)}, b.b.getI1Type());
    Value ignored = b.map(rowI1, {v[2]}, [&](B &i, ValueRange e) {
      Value ignore = isIgnored(i, e[0], op.getIgnoreIndex());
      return ignore ? ignore : constant(i, i.getI1Type(), 0);
    });
    AffineMap id = b.identityMap(2), row = b.rowMap(2);
    results.push_back(b.map(
        type, {v[0], v[1], label, v[3], ignored}, {row, id, row, row, row},
        [&](B &i, ValueRange e) {
          Value x = convertFloat(i, e[1], compute), g = convertFloat(i, e[0], compute),
                lse = convertFloat(i, e[3], compute);
          Value p = math::ExpOp::create(i, arith::SubFOp::create(i, x, lse));
          Value column =
              arith::IndexCastOp::create(i, i.getI32Type(), linalg::IndexOp::create(i, 1));
          Value hit = cmpI(i, arith::CmpIPredicate::eq, column, e[2]);
          Value d = select(i, hit, arith::SubFOp::create(i, p, constant(i, compute, 1)), p);
          Value value = select(i, e[4], constant(i, compute, 0), arith::MulFOp::create(i, g, d));
          return convertFloat(i, value, type.getElementType());
        }));
    return success();
  }
};

struct WeightedMean : LinalgModel<WeightedMean, nn::WeightedMeanOp> {
  LogicalResult lower(nn::WeightedMeanOp op, LinalgBuilder &b, ValueRange v,
                      SmallVectorImpl<Value> &results) const {
    RankedTensorType type = tensorType(v[0]);
    Type element = type.getElementType(), compute = computeType(element);
    RankedTensorType wide = type.clone(compute);
    Value products = b.map(wide, {v[0], v[1]}, [&](B &i, ValueRange e) -> Value {
      return arith::MulFOp::create(i, convertFloat(i, e[0], compute),
                                   convertFloat(i, e[1], compute));
    });
    Value weights =
        b.map(wide, {v[1]}, [&](B &i, ValueRange e) { return convertFloat(i, e[0], compute); });
    Value numerator = b.reduce(products, {0}, Combiner::Add),
          denominator = b.reduce(weights, {0}, Combiner::Add);
    results.push_back(
        b.map(RankedTensorType::get({}, elementOf(op.getResult())), {numerator, denominator},
              [&](B &i, ValueRange e) {
                Value zero = constant(i, compute, 0);
                Value empty = arith::CmpFOp::create(i, arith::CmpFPredicate::OEQ, e[1], zero);
                return convertFloat(i, select(i, empty, zero, arith::DivFOp::create(i, e[0], e[1])),
                                    element);
              }));
    results.push_back(
        b.map(RankedTensorType::get({}, elementOf(op.getDen())), {denominator},
              [&](B &i, ValueRange e) { return convertFloat(i, e[0], elementOf(op.getDen())); }));
    return success();
  }
};

struct WeightedMeanGrad : LinalgModel<WeightedMeanGrad, nn::WeightedMeanGradOp> {
  LogicalResult lower(nn::WeightedMeanGradOp op, LinalgBuilder &b, ValueRange v,
                      SmallVectorImpl<Value> &results) const {
    RankedTensorType type = tensorType(v[1]);
    Type element = type.getElementType(), compute = computeType(element);
    results.push_back(
        b.map(type, {v[0], v[1], v[2]}, {b.scalarMap(1), b.identityMap(1), b.scalarMap(1)},
              [&](B &i, ValueRange e) {
                Value g = convertFloat(i, e[0], compute), w = convertFloat(i, e[1], compute),
                      den = convertFloat(i, e[2], compute);
                Value zero = constant(i, compute, 0);
                Value empty = arith::CmpFOp::create(i, arith::CmpFPredicate::OEQ, den, zero);
                Value value = arith::DivFOp::create(i, arith::MulFOp::create(i, g, w), den);
                return convertFloat(i, select(i, empty, zero, value), element);
              }));
    return success();
  }
};

} // namespace

void attachLossLowerings(MLIRContext *context) {
  nn::CrossEntropyOp::attachInterface<CrossEntropy>(*context);
  nn::CrossEntropyGradOp::attachInterface<CrossEntropyGrad>(*context);
  nn::WeightedMeanOp::attachInterface<WeightedMean>(*context);
  nn::WeightedMeanGradOp::attachInterface<WeightedMeanGrad>(*context);
}

} // namespace dpc::codegen
