// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Products that no library computes: of f64. A point is a row of one matrix of the
// result; an element is the sum over k in ascending order, each term rounded before it
// is added. (Of 16 bits, which are a library's, it would be summed in f32.)
#include "KernelEmitter.h"
#include "LoweringModels.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace dpc::codegen {
namespace {

struct Matmul : LoopLoweringOpInterface::ExternalModel<Matmul, nn::MatmulOp> {
  int64_t getLoopPoints(Operation *op) const {
    auto extents = cast<nn::MatmulOp>(op).getExtents();
    return ShapedType::getNumElements(extents.batch) * extents.m;
  }

  // The logical dimension j of a permuted tensor is the stored dimension perm[j].
  static SmallVector<Index> stored(ArrayRef<Index> batch, Value row, Value column,
                                   ArrayRef<int64_t> perm) {
    SmallVector<Index> logical(batch), result(perm.size());
    logical.push_back({row, 0, {}});
    logical.push_back({column, 0, {}});
    for (auto [j, dimension] : llvm::enumerate(perm))
      result[dimension] = logical[j];
    return result;
  }

  LogicalResult emitLoops(Operation *generic, KernelEmitter &e, Value point) const {
    auto op = cast<nn::MatmulOp>(generic);
    auto extents = op.getExtents();
    SmallVector<int64_t> rows(extents.batch);
    rows.push_back(extents.m);
    SmallVector<Index> batch = e.delinearize({point, 0, {}}, rows, 1);
    Value row = batch.pop_back_val().base;
    ImplicitLocOpBuilder &b = e.b;
    auto type = cast<RankedTensorType>(op.getType());
    Type compute = computeType(tensorType(op.getLhs()).getElementType());
    Value zero = e.constant(cast<TypedAttr>(b.getZeroAttr(compute)));
    auto columns =
        scf::ForOp::create(b, e.constantIndex(0), e.constantIndex(extents.n), e.constantIndex(1));
    KernelEmitter::Scope outer(e);
    b.setInsertionPointToStart(columns.getBody());
    Value column = columns.getInductionVar();
    auto terms = scf::ForOp::create(b, e.constantIndex(0), e.constantIndex(extents.k),
                                    e.constantIndex(1), ValueRange{zero});
    {
      KernelEmitter::Scope inner(e);
      b.setInsertionPointToStart(terms.getBody());
      Value k = terms.getInductionVar();
      Value lhs = e.evaluate(op.getLhs(), stored(batch, row, k, op.getLhsPermutation()), {});
      Value rhs = e.evaluate(op.getRhs(), stored(batch, k, column, op.getRhsPermutation()), {});
      if (!lhs || !rhs)
        return failure();
      Value term =
          arith::MulFOp::create(b, convertFloat(b, lhs, compute), convertFloat(b, rhs, compute));
      Value sum = arith::AddFOp::create(b, terms.getRegionIterArgs()[0], term);
      scf::YieldOp::create(b, sum);
    }
    b.setInsertionPointAfter(terms);
    // The result's permutation is of its stored dimensions: dimension i of it is
    // dimension perm[i] of the product.
    SmallVector<Index> product(batch), at;
    product.push_back({row, 0, {}});
    product.push_back({column, 0, {}});
    for (int64_t dimension : op.getResultPermutation())
      at.push_back(product[dimension]);
    e.store(e.getOutput(op.getResult()), e.linearize(at, type.getShape(), 1),
            convertFloat(b, terms.getResult(0), type.getElementType()), {});
    return success();
  }
};

} // namespace

void attachMatmulLowering(MLIRContext *context) { nn::MatmulOp::attachInterface<Matmul>(*context); }

} // namespace dpc::codegen
