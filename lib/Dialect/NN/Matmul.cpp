// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The matrix product. Its derivative is two more products whose permutations are
// composed from the forward's, so that no transpose is ever needed and each
// gradient comes out in its operand's stored layout.
#include "Grad.h"
#include "Text.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"

using namespace mlir;
using namespace dpc;
using namespace dpc::nn;

static SmallVector<int64_t> permutationOr(std::optional<ArrayRef<int64_t>> perm, int64_t rank) {
  return perm ? SmallVector<int64_t>(*perm) : identityPermutation(rank);
}

static SmallVector<int64_t> permuteShape(ArrayRef<int64_t> shape, ArrayRef<int64_t> perm) {
  SmallVector<int64_t> result;
  for (int64_t p : perm)
    result.push_back(shape[p]);
  return result;
}

SmallVector<int64_t> MatmulOp::getLhsPermutation() {
  return permutationOr(getLhsPerm(), getTensorType(getLhs()).getRank());
}
SmallVector<int64_t> MatmulOp::getRhsPermutation() {
  return permutationOr(getRhsPerm(), getTensorType(getRhs()).getRank());
}
SmallVector<int64_t> MatmulOp::getResultPermutation() {
  return permutationOr(getResultPerm(), getTensorType(getResult()).getRank());
}

MatmulOp::Extents MatmulOp::getExtents() {
  SmallVector<int64_t> lhs = permuteShape(getTensorType(getLhs()).getShape(), getLhsPermutation());
  SmallVector<int64_t> rhs = permuteShape(getTensorType(getRhs()).getShape(), getRhsPermutation());
  Extents extents;
  extents.k = lhs.pop_back_val();
  extents.m = lhs.pop_back_val();
  extents.n = rhs.back();
  extents.batch = lhs;
  return extents;
}

OpFoldResult MatmulOp::fold(FoldAdaptor) {
  // Products of K = 0 are sums of no terms.
  if (getExtents().k != 0 || getElementCount(getResult()) == 0)
    return {};
  if (getAccumulator())
    return getAccumulator();
  return DenseElementsAttr::get(cast<ShapedType>(getType()),
                                cast<Attribute>(getScalarAttr(getType().getElementType(), 0)));
}

LogicalResult MatmulOp::inferReturnTypes(MLIRContext *context, std::optional<Location> location,
                                         ValueRange operands, DictionaryAttr attributes,
                                         OpaqueProperties properties, RegionRange regions,
                                         SmallVectorImpl<Type> &types) {
  Adaptor adaptor(operands, attributes, properties, regions);
  RankedTensorType lhsType = getTensorType(adaptor.getLhs());
  RankedTensorType rhsType = getTensorType(adaptor.getRhs());
  int64_t rank = lhsType.getRank();
  if (rank < 2 || rhsType.getRank() != rank)
    return emitOptionalError(location, "'nn.matmul' op multiplies ", lhsType, " by ", rhsType,
                             ", expected two tensors of the same rank, at least 2");
  if (lhsType.getElementType() != rhsType.getElementType())
    return emitOptionalError(location, "'nn.matmul' op multiplies ", lhsType, " by ", rhsType,
                             ", expected equal element types");
  std::pair<StringRef, std::optional<ArrayRef<int64_t>>> perms[] = {
      {"lhs", adaptor.getLhsPerm()},
      {"rhs", adaptor.getRhsPerm()},
      {"result", adaptor.getResultPerm()}};
  for (auto [name, perm] : perms)
    if (perm && (static_cast<int64_t>(perm->size()) != rank || !isPermutationVector(*perm)))
      return emitOptionalError(location, "'nn.matmul' op has the ", name, " permutation [",
                               join(*perm), "], expected a permutation of ", rank, " dimensions");
  SmallVector<int64_t> lhs =
      permuteShape(lhsType.getShape(), permutationOr(adaptor.getLhsPerm(), rank));
  SmallVector<int64_t> rhs =
      permuteShape(rhsType.getShape(), permutationOr(adaptor.getRhsPerm(), rank));
  if (ArrayRef(lhs).drop_back(2) != ArrayRef(rhs).drop_back(2))
    return emitOptionalError(location, "'nn.matmul' op has the batch extents [",
                             join(ArrayRef(lhs).drop_back(2)), "] on the left and [",
                             join(ArrayRef(rhs).drop_back(2)), "] on the right");
  if (lhs[rank - 1] != rhs[rank - 2])
    return emitOptionalError(location, "'nn.matmul' op sums over ", lhs[rank - 1],
                             " elements on the left and ", rhs[rank - 2], " on the right");
  SmallVector<int64_t> product(lhs);
  product[rank - 1] = rhs[rank - 1];
  types.push_back(
      lhsType.clone(permuteShape(product, permutationOr(adaptor.getResultPerm(), rank))));
  return success();
}

LogicalResult MatmulOp::verify() {
  if (Value accumulator = getAccumulator(); accumulator && accumulator.getType() != getType())
    return emitOpError() << "adds its product of type " << getType() << " to "
                         << accumulator.getType();
  return success();
}

bool MatmulOp::isCompatibleReturnTypes(TypeRange inferred, TypeRange actual) {
  if (inferred == actual)
    return true;
  auto narrow = cast<RankedTensorType>(inferred.front());
  auto wide = dyn_cast<RankedTensorType>(actual.front());
  return wide && isUnrounded(wide, narrow);
}

Value MatmulOp::buildUnrounded(OpBuilder &builder) {
  if (getType().getElementTypeBitWidth() != 16 || getAccumulator())
    return {};
  return MatmulOp::create(builder, getLoc(), getType().clone(builder.getF32Type()), getLhs(),
                          getRhs(), getLhsPermAttr(), getRhsPermAttr(), getResultPermAttr());
}

//===----------------------------------------------------------------------===//
// As a library call
//===----------------------------------------------------------------------===//

// Where it is no library call.
KernelForm MatmulOp::getKernelForm() { return KernelForm::Loops; }

// What libraries multiply. f64 is computed too, by a generated kernel.
bool MatmulOp::isLibraryCall() {
  return isLibraryElement(getTensorType(getLhs()).getElementType());
}

SmallVector<Value> MatmulOp::getLibrarySources() { return {getLhs(), getRhs()}; }
bool MatmulOp::canAccumulate() { return true; }
void MatmulOp::setAccumulator(Value accumulator) { getAccumulatorMutable().assign(accumulator); }

static SmallVector<int64_t> rowMajorStrides(ArrayRef<int64_t> shape) {
  SmallVector<int64_t> strides(shape.size(), 1);
  for (int i = (int)shape.size() - 2; i >= 0; --i)
    strides[i] = strides[i + 1] * shape[i + 1];
  return strides;
}

library::FunctionAttrInterface MatmulOp::describeCall() {
  Extents extents = getExtents();
  unsigned rank = extents.batch.size() + 2;
  // Stride of logical dimension j is the stored stride of dimension perm[j].
  auto operandStrides = [&](Value value, ArrayRef<int64_t> perm) {
    SmallVector<int64_t> stored = rowMajorStrides(getTensorType(value).getShape()), logical(rank);
    for (unsigned j = 0; j < rank; ++j)
      logical[j] = stored[perm[j]];
    return logical;
  };
  SmallVector<int64_t> stored = rowMajorStrides(getType().getShape()), dst(rank);
  for (auto [i, j] : llvm::enumerate(getResultPermutation()))
    dst[j] = stored[i];

  // Blocks: about eight million operations each, at most four, along the longer
  // side. Batches are blocks already.
  int64_t batches = 1;
  for (int64_t b : extents.batch)
    batches *= b;
  int64_t rows = extents.m, columns = extents.n;
  int64_t pieces = std::clamp<int64_t>(getFlops() / 8000000, 1, 4);
  if (batches == 1 && pieces > 1) {
    int64_t &side = extents.m >= extents.n ? rows : columns;
    side = std::min(side, ((side + pieces - 1) / pieces + 63) / 64 * 64);
  }
  return cast<library::FunctionAttrInterface>(Attribute(library::MatmulAttr::get(
      getContext(), extents.batch, extents.m, extents.n, extents.k,
      operandStrides(getLhs(), getLhsPermutation()), operandStrides(getRhs(), getRhsPermutation()),
      dst, (bool)getAccumulator(), rows, columns)));
}

int64_t MatmulOp::getFlops() { return 2 * getElementCount(getResult()) * getExtents().k; }

LogicalResult MatmulOp::buildBackward(OpBuilder &builder, ValueRange resultGrads,
                                      ArrayRef<bool> needed, MutableArrayRef<Value> operandGrads) {
  Grad b(builder, *this);
  SmallVector<int64_t> lhs = getLhsPermutation();
  SmallVector<int64_t> rhs = getRhsPermutation();
  // Reads the stored gradient as [batch..., M, N].
  SmallVector<int64_t> grad = invertPermutation(getResultPermutation());
  auto transposed = [](SmallVector<int64_t> perm) {
    std::swap(perm[perm.size() - 1], perm[perm.size() - 2]);
    return perm;
  };
  auto attribute = [&](ArrayRef<int64_t> perm) -> DenseI64ArrayAttr {
    return isIdentityPermutation(perm) ? nullptr : builder.getDenseI64ArrayAttr(perm);
  };
  if (needed[0]) // [M, K] = [M, N] x [N, K]
    operandGrads[0] =
        MatmulOp::create(builder, b.loc, resultGrads[0], getRhs(), attribute(grad),
                         attribute(transposed(rhs)), attribute(invertPermutation(lhs)));
  if (needed[1]) // [K, N] = [K, M] x [M, N]
    operandGrads[1] =
        MatmulOp::create(builder, b.loc, getLhs(), resultGrads[0], attribute(transposed(lhs)),
                         attribute(grad), attribute(invertPermutation(rhs)));
  return success();
}
