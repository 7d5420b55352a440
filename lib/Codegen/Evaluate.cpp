// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Evaluation of linalg and reshapes at a position. See KernelEmitter.h.
#include "KernelEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace dpc::codegen {

KernelEmitter::Key KernelEmitter::makeKey(Value tensor, const Position &at, const Lanes &lanes) {
  // Along a dimension of extent 1 there is one position, whatever value holds it.
  SmallVector<Index> dims =
      at.flat ? at.dims : dropUnits(at.dims, cast<RankedTensorType>(tensor.getType()).getShape());
  return {tensor.getAsOpaquePointer(), at.flat, dims, lanes.count, lanes.mask.getAsOpaquePointer()};
}

void KernelEmitter::remember(Value tensor, const Position &at, const Lanes &lanes, Value value) {
  memo.back()[makeKey(tensor, at, lanes)] = value;
}

Value KernelEmitter::evaluate(Value tensor, const Position &at, const Lanes &given) {
  // Where all lanes are at one place, one value serves all, whatever the mask.
  Lanes lanes = given;
  if (llvm::all_of(at.dims, [](const Index &i) { return i.isUniform(); }))
    lanes = {};
  Key key = makeKey(tensor, at, lanes);
  for (auto &scope : llvm::reverse(memo))
    if (auto it = scope.find(key); it != scope.end())
      return it->second;

  auto type = cast<RankedTensorType>(tensor.getType());
  Value value;
  auto stored = materialized.find(tensor);
  if (stored != materialized.end() && !at.flat && type.getRank() > 0 &&
      isInRow(ArrayRef<Index>(at.dims).drop_back(), type.getShape().drop_back())) {
    Index offset{stored->second.offset, 0, {}};
    value = load(stored->second.buffer, type.getElementType(),
                 add(offset, at.dims.back(), lanes.count), lanes);
  } else if (auto argument = dyn_cast<BlockArgument>(tensor)) {
    Index linear = at.flat ? at.dims[0] : linearize(at.dims, type.getShape(), lanes.count);
    value = load(buffers[argument.getArgNumber()], type.getElementType(), linear, lanes);
  } else if (auto generic = tensor.getDefiningOp<linalg::GenericOp>()) {
    value = evaluateGeneric(generic, at, lanes);
  } else if (auto reshape = tensor.getDefiningOp<tensor::ReshapeOp>()) {
    value = evaluateReshape(reshape.getSource(), tensor, at, lanes);
  } else {
    tensor.getDefiningOp()->emitOpError() << "cannot be computed inside another kernel's loops";
  }
  if (value)
    memo.back()[key] = value;
  return value;
}

//===----------------------------------------------------------------------===//
// Reshapes
//===----------------------------------------------------------------------===//

Value KernelEmitter::evaluateReshape(Value source, Value result, const Position &at,
                                     const Lanes &lanes) {
  if (at.flat)
    return evaluate(source, at, lanes);
  ArrayRef<int64_t> sourceShape = cast<RankedTensorType>(source.getType()).getShape(),
                    resultShape = cast<RankedTensorType>(result.getType()).getShape();
  SmallVector<int64_t> fromShape = dropUnits(sourceShape), toShape = dropUnits(resultShape);
  SmallVector<Index> given = dropUnits(at.dims, resultShape);
  ArrayRef<int64_t> from = fromShape, to = toShape;
  ArrayRef<Index> dims = given;
  // Equal trailing dimensions pass through.
  SmallVector<Index> trailing;
  while (!from.empty() && !to.empty() && from.back() == to.back()) {
    trailing.push_back(dims.back());
    from = from.drop_back();
    to = to.drop_back();
    dims = dims.drop_back();
  }
  SmallVector<Index> leading;
  if (isInRow(dims, to)) {
    llvm::append_range(leading, rowIndices(from));
  } else if (!from.empty()) {
    Index linear = linearize(dims, to, lanes.count);
    int64_t last = from.back(), run = to.empty() ? 1 : to.back();
    // A run of lanes inside a shorter dimension stays inside the longer one.
    if (!linear.isUniform() && !linear.vector && linear.stride == 1 && last % run == 0) {
      Index start = linearize(dims.drop_back(), to.drop_back(), lanes.count);
      SmallVector<Index> outer = delinearize(
          start,
          [&] {
            SmallVector<int64_t> shape(from.begin(), from.end() - 1);
            shape.push_back(last / run);
            return shape;
          }(),
          lanes.count);
      outer.back() = add(mul(outer.back(), run, lanes.count), dims.back(), lanes.count);
      leading = outer;
    } else {
      leading = delinearize(linear, from, lanes.count);
    }
  }
  leading.append(trailing.rbegin(), trailing.rend());
  // Back to the source's own dimensions.
  SmallVector<Index> position;
  ArrayRef<Index> rest = leading;
  for (int64_t extent : sourceShape) {
    position.push_back(extent == 1 ? Index{constantIndex(0), 0, {}} : rest.front());
    rest = rest.drop_front(extent != 1);
  }
  return evaluate(source, position, lanes);
}

//===----------------------------------------------------------------------===//
// linalg.generic
//===----------------------------------------------------------------------===//

Index KernelEmitter::applyExpr(AffineExpr expr, ArrayRef<Index> dims, int64_t lanes) {
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return dims[dim.getPosition()];
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return {constantIndex(constant.getValue()), 0, {}};
  auto binary = cast<AffineBinaryOpExpr>(expr);
  if (binary.getKind() == AffineExprKind::Add)
    return add(applyExpr(binary.getLHS(), dims, lanes), applyExpr(binary.getRHS(), dims, lanes),
               lanes);
  assert(binary.getKind() == AffineExprKind::Mul && "reads are strided");
  return mul(applyExpr(binary.getLHS(), dims, lanes),
             cast<AffineConstantExpr>(binary.getRHS()).getValue(), lanes);
}

Position KernelEmitter::applyMap(AffineMap map, const Position &at, RankedTensorType operand,
                                 int64_t lanes) {
  if (at.flat && map.isIdentity())
    return at;
  Position result;
  for (auto [i, expr] : llvm::enumerate(map.getResults())) {
    bool unit = operand.getDimSize(i) == 1;
    result.dims.push_back(unit ? Index{constantIndex(0), 0, {}} : applyExpr(expr, at.dims, lanes));
  }
  return result;
}

Value KernelEmitter::evaluateGeneric(linalg::GenericOp op, const Position &at, const Lanes &lanes) {
  if (isReduction(op)) {
    op.emitOpError() << "is read at a place where its value is not known";
    return {};
  }
  DenseMap<Value, BodyValue> known;
  return evaluateBody(op, op.getBody()->getTerminator()->getOperand(0), at, lanes, known).value;
}

std::optional<Index> KernelEmitter::evaluateIndexOp(Operation *op, ArrayRef<BodyValue> operands,
                                                    int64_t lanes) {
  auto at = [&](unsigned i) -> const Index & { return *operands[i].index; };
  if (isa<arith::AddIOp>(op))
    return add(at(0), at(1), lanes);
  if (isa<arith::SubIOp>(op) && !at(0).vector && !at(1).vector) {
    if (std::optional<int64_t> c = getConstantIntValue(at(1).base); c && at(1).stride == 0)
      return Index{add(at(0).base, -*c), at(0).stride, {}};
    return Index{arith::SubIOp::create(b, at(0).base, at(1).base), at(0).stride - at(1).stride, {}};
  }
  if (isa<arith::MulIOp>(op))
    if (std::optional<int64_t> c =
            at(1).isUniform() ? getConstantIntValue(at(1).base) : std::nullopt)
      return mul(at(0), *c, lanes);
  return std::nullopt;
}

KernelEmitter::BodyValue KernelEmitter::evaluateBody(linalg::GenericOp op, Value value,
                                                     const Position &at, const Lanes &lanes,
                                                     DenseMap<Value, BodyValue> &known) {
  if (auto it = known.find(value); it != known.end())
    return it->second;
  BodyValue result;
  auto argument = dyn_cast<BlockArgument>(value);
  Operation *def = value.getDefiningOp();
  if (argument && argument.getOwner() == op.getBody()) {
    OpOperand &operand = op->getOpOperand(argument.getArgNumber());
    auto type = cast<RankedTensorType>(operand.get().getType());
    result.value = evaluate(
        operand.get(), applyMap(op.getMatchingIndexingMap(&operand), at, type, lanes.count), lanes);
  } else if (auto index = dyn_cast<linalg::IndexOp>(def)) {
    result.index = at.dims[index.getDim()];
  } else if (auto literal = dyn_cast<arith::ConstantOp>(def)) {
    result.value = constant(literal.getValue());
    if (result.value.getType().isIndex())
      result.index = Index{result.value, 0, {}};
  } else {
    SmallVector<BodyValue> operands;
    auto extract = dyn_cast<tensor::ExtractOp>(def);
    for (Value operand :
         extract ? ValueRange(extract.getIndices()) : ValueRange(def->getOperands())) {
      operands.push_back(evaluateBody(op, operand, at, lanes, known));
      if (!operands.back().value && !operands.back().index)
        return {};
    }
    if (extract) {
      Position position;
      for (auto [i, operand] : llvm::enumerate(operands)) {
        bool unit = extract.getTensor().getType().getDimSize(i) == 1;
        position.dims.push_back(unit ? Index{constantIndex(0), 0, {}} : *operand.index);
      }
      result.value = evaluate(extract.getTensor(), position, lanes);
    } else {
      bool isIndex = value.getType().isIndex();
      if (isIndex && llvm::all_of(operands, [](const BodyValue &v) { return v.index.has_value(); }))
        result.index = evaluateIndexOp(def, operands, lanes.count);
      // The position as a number: base cast, plus constant steps.
      if (isa<arith::IndexCastOp>(def) && operands[0].index && !operands[0].index->vector &&
          operands[0].index->stride != 0) {
        const Index &position = *operands[0].index;
        Type element = value.getType();
        auto vector = VectorType::get({lanes.count}, element);
        SmallVector<Attribute> steps;
        for (int64_t i = 0; i < lanes.count; ++i)
          steps.push_back(b.getIntegerAttr(element, i * position.stride));
        Value base = broadcast(arith::IndexCastOp::create(b, element, position.base), lanes.count);
        result.value = arith::AddIOp::create(
            b, base, constant(cast<TypedAttr>(DenseElementsAttr::get(vector, steps))));
      } else if (!result.index) {
        // Any other scalar operation: on scalars if all operands are, else on vectors.
        SmallVector<Value> values;
        bool varies = false;
        for (BodyValue &operand : operands) {
          if (operand.index)
            operand.value = operand.index->isUniform() ? operand.index->base
                                                       : materialize(*operand.index, lanes.count);
          values.push_back(operand.value);
          varies |= isa<VectorType>(operand.value.getType());
        }
        IRMapping map;
        for (auto [i, operand] : llvm::enumerate(def->getOperands())) {
          bool keepScalar = i == 0 && isa<arith::SelectOp>(def);
          map.map(operand, varies && !keepScalar ? broadcast(values[i], lanes.count) : values[i]);
        }
        // Lanes beyond the end hold zeros, and a processor stops at a division by one.
        if (varies && lanes.mask &&
            isa<arith::DivSIOp, arith::DivUIOp, arith::RemSIOp, arith::RemUIOp>(def)) {
          Value divisor = map.lookup(def->getOperand(1));
          auto type = cast<VectorType>(divisor.getType());
          Value one = constant(cast<TypedAttr>(
              DenseElementsAttr::get(type, b.getIntegerAttr(type.getElementType(), 1))));
          map.map(def->getOperand(1), arith::SelectOp::create(b, lanes.mask, divisor, one));
        }
        // A select between scalars by a vector, or of vectors by a scalar, is fine.
        Operation *copy = b.clone(*def, map);
        if (varies)
          copy->getResult(0).setType(VectorType::get({lanes.count}, value.getType()));
        result.value = copy->getResult(0);
        if (isIndex)
          result.index = varies ? Index{{}, 0, result.value} : Index{result.value, 0, {}};
      }
    }
  }
  known[value] = result;
  return result;
}

} // namespace dpc::codegen
