// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Gathers and their transposes, the scatter-adds, in three forms (along an axis,
// by tuple, by element), and top_k. A gather's derivative is the scatter-add of
// its form and the other way round.
#include "Folding.h"
#include "Grad.h"

using namespace mlir;
using namespace dpc;
using namespace dpc::nn;

//===----------------------------------------------------------------------===//
// gather, scatter_add: along one axis
//===----------------------------------------------------------------------===//

// table[:axis] + indices + table[axis+1:].
static FailureOr<SmallVector<int64_t>> getGatherShape(StringRef name,
                                                      std::optional<Location> location,
                                                      RankedTensorType table,
                                                      RankedTensorType indices, int64_t axis) {
  if (axis < 0 || axis >= table.getRank()) {
    (void)emitOptionalError(location, "'", name, "' op indexes dimension ", axis, " of ",
                            table.getRank(), " dimensions");
    return failure();
  }
  SmallVector<int64_t> shape(table.getShape().take_front(axis));
  llvm::append_range(shape, indices.getShape());
  llvm::append_range(shape, table.getShape().drop_front(axis + 1));
  return shape;
}

LogicalResult GatherOp::inferReturnTypes(MLIRContext *context, std::optional<Location> location,
                                         ValueRange operands, DictionaryAttr attributes,
                                         OpaqueProperties properties, RegionRange regions,
                                         SmallVectorImpl<Type> &types) {
  Adaptor adaptor(operands, attributes, properties, regions);
  RankedTensorType table = getTensorType(adaptor.getTable());
  auto shape = getGatherShape(getOperationName(), location, table,
                              getTensorType(adaptor.getIndices()), adaptor.getAxis());
  if (failed(shape))
    return failure();
  int64_t extent = table.getDimSize(adaptor.getAxis());
  if (auto row = adaptor.getPaddingRow(); row && static_cast<int64_t>(*row) >= extent)
    return emitOptionalError(location, "'nn.gather' op has the padding row ",
                             static_cast<int64_t>(*row), " of a table with ", extent,
                             " along dimension ", adaptor.getAxis());
  types.push_back(table.clone(*shape));
  return success();
}

static LogicalResult verifyUpdates(Operation *op, Value updates, Type result,
                                   FailureOr<SmallVector<int64_t>> shape) {
  if (failed(shape))
    return failure();
  Type expected = cast<RankedTensorType>(result).clone(*shape);
  if (updates.getType() != expected)
    return op->emitOpError("adds updates of type ")
           << updates.getType() << " into " << result << ", expected " << expected;
  return success();
}

LogicalResult ScatterAddOp::verify() {
  return verifyUpdates(*this, getUpdates(), getType(),
                       getGatherShape(getOperationName(), getLoc(), getType(),
                                      getTensorType(getIndices()), getAxis()));
}

OpFoldResult GatherOp::fold(FoldAdaptor adaptor) {
  auto indices = getInts(adaptor.getIndices());
  if (!indices)
    return {};
  RankedTensorType table = getTensorType(getTable());
  int64_t extent = table.getDimSize(getAxis()), inner = 1;
  for (int64_t size : table.getShape().drop_front(getAxis() + 1))
    inner *= size;
  int64_t count = indices->size();
  return foldMove(
      adaptor.getTable(), getType(),
      [&](int64_t i) -> int64_t {
        int64_t index = (*indices)[i / inner % count];
        if (index < 0 || index >= extent)
          return -1;
        return (i / inner / count * extent + index) * inner + i % inner;
      },
      getScalarAttr(table.getElementType(), 0));
}

int64_t GatherOp::getFlops() { return 0; }
int64_t ScatterAddOp::getFlops() { return getElementCount(getUpdates()); }
KernelForm GatherOp::getKernelForm() { return KernelForm::Move; }
KernelForm ScatterAddOp::getKernelForm() { return KernelForm::Loops; }

LogicalResult GatherOp::buildBackward(OpBuilder &builder, ValueRange resultGrads,
                                      ArrayRef<bool> needed, MutableArrayRef<Value> operandGrads) {
  if (!needed[0])
    return success();
  Value indices = getIndices();
  if (std::optional<uint64_t> padding = getPaddingRow()) {
    // What is added at an index out of range is dropped.
    Grad b(builder, *this);
    indices = b.select(b.compare(Predicate::EQ, indices, b.splat(indices, double(*padding))),
                       b.splat(indices, -1), indices);
  }
  operandGrads[0] = ScatterAddOp::create(builder, getGradLoc(getLoc()), getTable().getType(),
                                         indices, resultGrads[0], getAxis());
  return success();
}

// The scatter of updates in f32; null if they have no fewer bits.
template <typename Op>
static Value buildUnroundedScatter(Op op, int64_t parameter, OpBuilder &builder) {
  Value wide = widen(builder, op.getLoc(), op.getUpdates());
  if (!wide)
    return {};
  Type type = getTensorType(op.getResult()).clone(builder.getF32Type());
  return Op::create(builder, op.getLoc(), type, op.getIndices(), wide, parameter);
}

Value ScatterAddOp::buildUnrounded(OpBuilder &builder) {
  return buildUnroundedScatter(*this, getAxis(), builder);
}

LogicalResult ScatterAddOp::buildBackward(OpBuilder &builder, ValueRange resultGrads,
                                          ArrayRef<bool> needed,
                                          MutableArrayRef<Value> operandGrads) {
  if (needed[1])
    operandGrads[1] =
        GatherOp::create(builder, getGradLoc(getLoc()), resultGrads[0], getIndices(), getAxis());
  return success();
}

//===----------------------------------------------------------------------===//
// gather_nd, scatter_nd_add: by index tuple
//===----------------------------------------------------------------------===//

// indices[:-1] + table[batch_dims + n:], n being the tuples' length.
static FailureOr<SmallVector<int64_t>> getGatherNdShape(StringRef name,
                                                        std::optional<Location> location,
                                                        RankedTensorType table,
                                                        RankedTensorType indices, int64_t batch) {
  if (indices.getRank() < 1 || batch < 0 || batch >= indices.getRank() || batch > table.getRank()) {
    (void)emitOptionalError(location, "'", name, "' op has ", batch,
                            " batch dimensions for a table ", table, " and indices ", indices);
    return failure();
  }
  int64_t length = indices.getShape().back();
  if (batch + length > table.getRank()) {
    (void)emitOptionalError(location, "'", name, "' op has index tuples of ", length, " after ",
                            batch,
                            " batch dimensions for a "
                            "table of ",
                            table.getRank(), " dimensions");
    return failure();
  }
  if (indices.getShape().take_front(batch) != table.getShape().take_front(batch)) {
    (void)emitOptionalError(location, "'", name, "' op has a table ", table, " and indices ",
                            indices, " that differ in the ", "first ", batch, " dimensions");
    return failure();
  }
  SmallVector<int64_t> shape(indices.getShape().drop_back());
  llvm::append_range(shape, table.getShape().drop_front(batch + length));
  return shape;
}

LogicalResult GatherNdOp::inferReturnTypes(MLIRContext *context, std::optional<Location> location,
                                           ValueRange operands, DictionaryAttr attributes,
                                           OpaqueProperties properties, RegionRange regions,
                                           SmallVectorImpl<Type> &types) {
  Adaptor adaptor(operands, attributes, properties, regions);
  RankedTensorType table = getTensorType(adaptor.getTable());
  auto shape = getGatherNdShape(getOperationName(), location, table,
                                getTensorType(adaptor.getIndices()), adaptor.getBatchDims());
  if (failed(shape))
    return failure();
  types.push_back(table.clone(*shape));
  return success();
}

LogicalResult ScatterNdAddOp::verify() {
  return verifyUpdates(*this, getUpdates(), getType(),
                       getGatherNdShape(getOperationName(), getLoc(), getType(),
                                        getTensorType(getIndices()), getBatchDims()));
}

OpFoldResult GatherNdOp::fold(FoldAdaptor adaptor) {
  auto indices = getInts(adaptor.getIndices());
  if (!indices)
    return {};
  RankedTensorType table = getTensorType(getTable());
  int64_t batch = getBatchDims(), length = getTensorType(getIndices()).getShape().back(), inner = 1,
          perBatch = 1;
  for (int64_t size : table.getShape().drop_front(batch + length))
    inner *= size;
  for (int64_t size : getTensorType(getIndices()).getShape().drop_front(batch).drop_back())
    perBatch *= size;
  return foldMove(
      adaptor.getTable(), getType(),
      [&](int64_t i) -> int64_t {
        int64_t tuple = i / inner, position = tuple / perBatch;
        for (int64_t j = 0; j < length; ++j) {
          int64_t index = (*indices)[tuple * length + j];
          int64_t extent = table.getDimSize(batch + j);
          if (index < 0 || index >= extent)
            return -1;
          position = position * extent + index;
        }
        return position * inner + i % inner;
      },
      getScalarAttr(table.getElementType(), 0));
}

int64_t GatherNdOp::getFlops() { return 0; }
int64_t ScatterNdAddOp::getFlops() { return getElementCount(getUpdates()); }
KernelForm GatherNdOp::getKernelForm() { return KernelForm::Move; }
KernelForm ScatterNdAddOp::getKernelForm() { return KernelForm::Loops; }

LogicalResult GatherNdOp::buildBackward(OpBuilder &builder, ValueRange resultGrads,
                                        ArrayRef<bool> needed,
                                        MutableArrayRef<Value> operandGrads) {
  if (needed[0])
    operandGrads[0] = ScatterNdAddOp::create(builder, getGradLoc(getLoc()), getTable().getType(),
                                             getIndices(), resultGrads[0], getBatchDims());
  return success();
}

Value ScatterNdAddOp::buildUnrounded(OpBuilder &builder) {
  return buildUnroundedScatter(*this, getBatchDims(), builder);
}

LogicalResult ScatterNdAddOp::buildBackward(OpBuilder &builder, ValueRange resultGrads,
                                            ArrayRef<bool> needed,
                                            MutableArrayRef<Value> operandGrads) {
  if (needed[1])
    operandGrads[1] = GatherNdOp::create(builder, getGradLoc(getLoc()), resultGrads[0],
                                         getIndices(), getBatchDims());
  return success();
}

//===----------------------------------------------------------------------===//
// gather_elements, scatter_elements_add: one index per element
//===----------------------------------------------------------------------===//

static LogicalResult checkElements(StringRef name, std::optional<Location> location,
                                   RankedTensorType table, RankedTensorType indices, int64_t axis) {
  bool fits = table.getRank() == indices.getRank() && axis >= 0 && axis < table.getRank();
  for (int64_t i = 0; fits && i < table.getRank(); ++i)
    fits = i == axis || indices.getDimSize(i) <= table.getDimSize(i);
  if (fits)
    return success();
  return emitOptionalError(location, "'", name, "' op indexes ", table, " by ", indices,
                           " along dimension ", axis,
                           ", expected equal ranks and no larger extents in other dimensions");
}

LogicalResult GatherElementsOp::inferReturnTypes(MLIRContext *context,
                                                 std::optional<Location> location,
                                                 ValueRange operands, DictionaryAttr attributes,
                                                 OpaqueProperties properties, RegionRange regions,
                                                 SmallVectorImpl<Type> &types) {
  Adaptor adaptor(operands, attributes, properties, regions);
  RankedTensorType table = getTensorType(adaptor.getTable());
  RankedTensorType indices = getTensorType(adaptor.getIndices());
  if (failed(checkElements(getOperationName(), location, table, indices, adaptor.getAxis())))
    return failure();
  types.push_back(table.clone(indices.getShape()));
  return success();
}

LogicalResult ScatterElementsAddOp::verify() {
  RankedTensorType indices = getTensorType(getIndices());
  if (failed(checkElements(getOperationName(), getLoc(), getType(), indices, getAxis())))
    return failure();
  return verifyUpdates(*this, getUpdates(), getType(), SmallVector<int64_t>(indices.getShape()));
}

OpFoldResult GatherElementsOp::fold(FoldAdaptor adaptor) {
  auto indices = getInts(adaptor.getIndices());
  if (!indices)
    return {};
  RankedTensorType table = getTensorType(getTable());
  SmallVector<int64_t> place;
  return foldMove(
      adaptor.getTable(), getType(),
      [&](int64_t i) -> int64_t {
        delinearize(i, getType().getShape(), place);
        int64_t index = (*indices)[i];
        if (index < 0 || index >= table.getDimSize(getAxis()))
          return -1;
        place[getAxis()] = index;
        return linearize(place, table.getShape());
      },
      getScalarAttr(table.getElementType(), 0));
}

int64_t GatherElementsOp::getFlops() { return 0; }
int64_t ScatterElementsAddOp::getFlops() { return getElementCount(getUpdates()); }
KernelForm GatherElementsOp::getKernelForm() { return KernelForm::Move; }
KernelForm ScatterElementsAddOp::getKernelForm() { return KernelForm::Loops; }

LogicalResult GatherElementsOp::buildBackward(OpBuilder &builder, ValueRange resultGrads,
                                              ArrayRef<bool> needed,
                                              MutableArrayRef<Value> operandGrads) {
  if (needed[0])
    operandGrads[0] =
        ScatterElementsAddOp::create(builder, getGradLoc(getLoc()), getTable().getType(),
                                     getIndices(), resultGrads[0], getAxis());
  return success();
}

Value ScatterElementsAddOp::buildUnrounded(OpBuilder &builder) {
  return buildUnroundedScatter(*this, getAxis(), builder);
}

LogicalResult ScatterElementsAddOp::buildBackward(OpBuilder &builder, ValueRange resultGrads,
                                                  ArrayRef<bool> needed,
                                                  MutableArrayRef<Value> operandGrads) {
  if (needed[1])
    operandGrads[1] = GatherElementsOp::create(builder, getGradLoc(getLoc()), resultGrads[0],
                                               getIndices(), getAxis());
  return success();
}

//===----------------------------------------------------------------------===//
// top_k
//===----------------------------------------------------------------------===//

LogicalResult TopKOp::inferReturnTypes(MLIRContext *context, std::optional<Location> location,
                                       ValueRange operands, DictionaryAttr attributes,
                                       OpaqueProperties properties, RegionRange regions,
                                       SmallVectorImpl<Type> &types) {
  Adaptor adaptor(operands, attributes, properties, regions);
  RankedTensorType from = getTensorType(adaptor.getOperand());
  int64_t k = adaptor.getK();
  if (from.getRank() < 1 || k < 0 || k > from.getShape().back())
    return emitOptionalError(location, "'nn.top_k' op takes ", k, " elements of each row of ",
                             from);
  SmallVector<int64_t> shape(from.getShape());
  shape.back() = k;
  types.push_back(from.clone(shape));
  types.push_back(from.clone(shape, IntegerType::get(context, 64)));
  return success();
}

KernelForm TopKOp::getKernelForm() { return KernelForm::Loops; }

int64_t TopKOp::getFlops() {
  // k passes over each row, as the kernel does it.
  return getElementCount(getOperand()) * getK();
}

LogicalResult TopKOp::buildBackward(OpBuilder &builder, ValueRange resultGrads,
                                    ArrayRef<bool> needed, MutableArrayRef<Value> operandGrads) {
  RankedTensorType from = getTensorType(getOperand());
  if (needed[0] && resultGrads[0])
    operandGrads[0] = ScatterElementsAddOp::create(
        builder, getGradLoc(getLoc()), from, getIndices(), resultGrads[0], from.getRank() - 1);
  return success();
}

int64_t GatherOp::getIndexLimit(unsigned operand) {
  return operand == 1 ? getTable().getType().getDimSize(getAxis()) : 0;
}
int64_t GatherNdOp::getIndexLimit(unsigned operand) {
  // One number for all places of a tuple: where their extents are equal.
  int64_t length = getTensorType(getIndices()).getShape().back();
  if (operand != 1 || length == 0)
    return 0;
  ArrayRef<int64_t> extents = getTensorType(getTable()).getShape().slice(getBatchDims(), length);
  return llvm::all_equal(extents) ? extents.front() : 0;
}
int64_t GatherElementsOp::getIndexLimit(unsigned operand) {
  return operand == 1 ? getTable().getType().getDimSize(getAxis()) : 0;
}
