// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Softmax, layer normalisation and their derivatives: reductions over the last
// dimension and elementwise operations around them.
#include "LoweringModels.h"

using namespace mlir;

namespace dpc::codegen {
namespace {

using B = ImplicitLocOpBuilder;

Value sub(B &b, Value x, Value y) { return arith::SubFOp::create(b, x, y); }
Value mul(B &b, Value x, Value y) { return arith::MulFOp::create(b, x, y); }
Value add(B &b, Value x, Value y) { return arith::AddFOp::create(b, x, y); }
Value div(B &b, Value x, Value y) { return arith::DivFOp::create(b, x, y); }

// What the lowerings of this file share: the operand's shape, its compute type,
// and maps of rows and columns.
struct Rows {
  LinalgBuilder &b;
  RankedTensorType full, row; // in compute type
  unsigned rank;
  AffineMap id, byRow, byColumn;

  Rows(LinalgBuilder &b, Type type) : b(b) {
    RankedTensorType given = loweredType(type);
    rank = given.getRank();
    full = given.clone(computeType(given.getElementType()));
    row = RankedTensorType::get(given.getShape().drop_back(), full.getElementType());
    id = b.identityMap(rank);
    byRow = b.rowMap(rank);
    byColumn = b.lastMap(rank);
  }
  Type compute() { return full.getElementType(); }
  int64_t columns() { return full.getShape().back(); }
  Value convert(Value v, Type element) {
    RankedTensorType type = tensorType(v);
    if (type.getElementType() == element)
      return v;
    return b.map(type.clone(element), {v},
                 [&](B &inner, ValueRange e) { return convertFloat(inner, e[0], element); });
  }
  Value widen(Value v) { return convert(v, compute()); }
  Value narrow(Value v, Value like) { return convert(v, tensorType(like).getElementType()); }
  Value sum(Value v) { return b.reduce(v, {rank - 1}, Combiner::Add); }
  Value max(Value v) { return b.reduce(v, {rank - 1}, Combiner::MaxNum); }
  // The mean of each row.
  Value mean(Value v) {
    return b.map(row, {sum(v)}, [&](B &i, ValueRange e) {
      return div(i, e[0], constant(i, compute(), columns()));
    });
  }
};

// exp(x - max) over rows; `shifted` is x - max.
struct Exponentials {
  Value shifted, values, sum;
};
Exponentials exponentials(Rows &r, Value x) {
  Value max = r.max(x);
  Value shifted = r.b.map(r.full, {x, max}, {r.id, r.byRow},
                          [](B &i, ValueRange e) { return sub(i, e[0], e[1]); });
  Value values = r.b.map(r.full, {shifted},
                         [](B &i, ValueRange e) -> Value { return math::ExpOp::create(i, e[0]); });
  return {shifted, values, r.sum(values)};
}

struct Softmax : LinalgModel<Softmax, nn::SoftmaxOp> {
  LogicalResult lower(nn::SoftmaxOp op, LinalgBuilder &b, ValueRange v,
                      SmallVectorImpl<Value> &results) const {
    Rows r(b, op.getType());
    Exponentials e = exponentials(r, r.widen(v[0]));
    Value inverse = b.map(r.row, {e.sum}, [&](B &i, ValueRange s) {
      return div(i, constant(i, r.compute(), 1), s[0]);
    });
    Value y = b.map(r.full, {e.values, inverse}, {r.id, r.byRow},
                    [](B &i, ValueRange s) { return mul(i, s[0], s[1]); });
    results.push_back(r.narrow(y, v[0]));
    return success();
  }
};

struct SoftmaxGrad : LinalgModel<SoftmaxGrad, nn::SoftmaxGradOp> {
  LogicalResult lower(nn::SoftmaxGradOp op, LinalgBuilder &b, ValueRange v,
                      SmallVectorImpl<Value> &results) const {
    Rows r(b, op.getType());
    Value g = r.widen(v[0]), y = r.widen(v[1]);
    Value s = r.sum(b.map(r.full, {g, y}, [](B &i, ValueRange e) { return mul(i, e[0], e[1]); }));
    Value dx = b.map(r.full, {g, y, s}, {r.id, r.id, r.byRow},
                     [](B &i, ValueRange e) { return mul(i, e[1], sub(i, e[0], e[2])); });
    results.push_back(r.narrow(dx, v[0]));
    return success();
  }
};

struct LogSoftmax : LinalgModel<LogSoftmax, nn::LogSoftmaxOp> {
  LogicalResult lower(nn::LogSoftmaxOp op, LinalgBuilder &b, ValueRange v,
                      SmallVectorImpl<Value> &results) const {
    Rows r(b, op.getType());
    Exponentials e = exponentials(r, r.widen(v[0]));
    Value log = b.map(r.row, {e.sum},
                      [](B &i, ValueRange s) -> Value { return math::LogOp::create(i, s[0]); });
    Value y = b.map(r.full, {e.shifted, log}, {r.id, r.byRow},
                    [](B &i, ValueRange s) { return sub(i, s[0], s[1]); });
    results.push_back(r.narrow(y, v[0]));
    return success();
  }
};

struct LogSoftmaxGrad : LinalgModel<LogSoftmaxGrad, nn::LogSoftmaxGradOp> {
  LogicalResult lower(nn::LogSoftmaxGradOp op, LinalgBuilder &b, ValueRange v,
                      SmallVectorImpl<Value> &results) const {
    Rows r(b, op.getType());
    Value g = r.widen(v[0]), y = r.widen(v[1]), s = r.sum(g);
    Value dx = b.map(r.full, {g, y, s}, {r.id, r.id, r.byRow}, [](B &i, ValueRange e) {
      return sub(i, e[0], mul(i, math::ExpOp::create(i, e[1]), e[2]));
    });
    results.push_back(r.narrow(dx, v[0]));
    return success();
  }
};

struct LayerNorm : LinalgModel<LayerNorm, nn::LayerNormOp> {
  LogicalResult lower(nn::LayerNormOp op, LinalgBuilder &b, ValueRange v,
                      SmallVectorImpl<Value> &results) const {
    Rows r(b, op.getOperand().getType());
    Value x = r.widen(v[0]), mean = r.mean(x);
    Value squares = b.map(r.full, {x, mean}, {r.id, r.byRow}, [](B &i, ValueRange e) {
      Value d = sub(i, e[0], e[1]);
      return mul(i, d, d);
    });
    double epsilon = op.getEpsilon().convertToDouble();
    Value rstd = b.map(r.row, {r.mean(squares)}, [&](B &i, ValueRange e) {
      Value root = math::SqrtOp::create(i, add(i, e[0], constant(i, r.compute(), epsilon)));
      return div(i, constant(i, r.compute(), 1), root);
    });
    SmallVector<Value> inputs = {x, mean, rstd, r.widen(v[1])};
    SmallVector<AffineMap> maps = {r.id, r.byRow, r.byRow, r.byColumn};
    if (v.size() > 2) {
      inputs.push_back(r.widen(v[2]));
      maps.push_back(r.byColumn);
    }
    Value y = b.map(r.full, inputs, maps, [](B &i, ValueRange e) {
      Value scaled = mul(i, mul(i, sub(i, e[0], e[1]), e[2]), e[3]);
      return e.size() > 4 ? add(i, scaled, e[4]) : scaled;
    });
    results.push_back(r.narrow(y, v[0]));
    results.push_back(
        r.convert(mean, cast<RankedTensorType>(op.getMean().getType()).getElementType()));
    results.push_back(
        r.convert(rstd, cast<RankedTensorType>(op.getRstd().getType()).getElementType()));
    return success();
  }
};

struct LayerNormDx : LinalgModel<LayerNormDx, nn::LayerNormDxOp> {
  LogicalResult lower(nn::LayerNormDxOp op, LinalgBuilder &b, ValueRange v,
                      SmallVectorImpl<Value> &results) const {
    Rows r(b, op.getType());
    Value g = r.widen(v[0]), x = r.widen(v[1]), scale = r.widen(v[2]), mean = r.widen(v[3]),
          rstd = r.widen(v[4]);
    Value gs = b.map(r.full, {g, scale}, {r.id, r.byColumn},
                     [](B &i, ValueRange e) { return mul(i, e[0], e[1]); });
    Value xhat = b.map(r.full, {x, mean, rstd}, {r.id, r.byRow, r.byRow},
                       [](B &i, ValueRange e) { return mul(i, sub(i, e[0], e[1]), e[2]); });
    Value product =
        b.map(r.full, {gs, xhat}, [](B &i, ValueRange e) { return mul(i, e[0], e[1]); });
    Value dx = b.map(r.full, {gs, xhat, rstd, r.mean(gs), r.mean(product)},
                     {r.id, r.id, r.byRow, r.byRow, r.byRow}, [](B &i, ValueRange e) {
                       return mul(i, e[2], sub(i, sub(i, e[0], e[3]), mul(i, e[1], e[4])));
                     });
    results.push_back(r.narrow(dx, v[0]));
    return success();
  }
};

struct LayerNormDscale : LinalgModel<LayerNormDscale, nn::LayerNormDscaleOp> {
  LogicalResult lower(nn::LayerNormDscaleOp op, LinalgBuilder &b, ValueRange v,
                      SmallVectorImpl<Value> &results) const {
    Rows r(b, op.getGrad().getType());
    Value g = r.widen(v[0]), x = r.widen(v[1]), mean = r.widen(v[2]), rstd = r.widen(v[3]);
    Value product =
        b.map(r.full, {g, x, mean, rstd}, {r.id, r.id, r.byRow, r.byRow},
              [](B &i, ValueRange e) { return mul(i, e[0], mul(i, sub(i, e[1], e[2]), e[3])); });
    SmallVector<int64_t> axes;
    for (int64_t i = 0; i + 1 < r.full.getRank(); ++i)
      axes.push_back(i);
    results.push_back(r.convert(reduceSum(b, product, axes),
                                cast<RankedTensorType>(op.getType()).getElementType()));
    return success();
  }
};

} // namespace

void attachNormalizationLowerings(MLIRContext *context) {
  nn::SoftmaxOp::attachInterface<Softmax>(*context);
  nn::SoftmaxGradOp::attachInterface<SoftmaxGrad>(*context);
  nn::LogSoftmaxOp::attachInterface<LogSoftmax>(*context);
  nn::LogSoftmaxGradOp::attachInterface<LogSoftmaxGrad>(*context);
  nn::LayerNormOp::attachInterface<LayerNorm>(*context);
  nn::LayerNormDxOp::attachInterface<LayerNormDx>(*context);
  nn::LayerNormDscaleOp::attachInterface<LayerNormDscale>(*context);
}

} // namespace dpc::codegen
