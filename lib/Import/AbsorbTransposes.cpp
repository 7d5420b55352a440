// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Permutations as strides of the matrix products that read or write them.
// Three rewritings, to a fixpoint:
//   1. a transpose between two reshapes that join and split the same batch
//      dimensions is one transpose without them;
//   2. a transpose moves behind an elementwise operation with a constant on its
//      way to a product (attention scales its keys after transposing them);
//   3. a product absorbs the transpose.
#include "dpc/Dialect/NN/ModelAttrs.h"
#include "dpc/Dialect/NN/NN.h"
#include "dpc/Import/Passes.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace dpc::import {
#define GEN_PASS_DEF_NNABSORBTRANSPOSES
#include "dpc/Import/Passes.h.inc"
} // namespace dpc::import

using namespace mlir;
using namespace dpc;

static ArrayRef<int64_t> getShape(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

// What `outer` of `inner` does in one step: element i is inner[outer[i]].
static SmallVector<int64_t> compose(ArrayRef<int64_t> inner, ArrayRef<int64_t> outer) {
  SmallVector<int64_t> result;
  for (int64_t i : outer)
    result.push_back(inner[i]);
  return result;
}

static DenseI64ArrayAttr getPermutationAttr(Builder &builder, ArrayRef<int64_t> perm) {
  if (llvm::equal(perm, llvm::seq<int64_t>(0, perm.size())))
    return {};
  return builder.getDenseI64ArrayAttr(perm);
}

// What takes an operation's place asks for the stage that it asked for.
static void keepStage(Operation *from, Operation *to) {
  if (Attribute stage = from->getAttr(nn::kPipelineStageAttr))
    to->setAttr(nn::kPipelineStageAttr, stage);
}

// The runs of dimensions of `from` whose products are the dimensions of `to`;
// empty if a dimension is split.
static SmallVector<SmallVector<int64_t>> groupDimensions(ArrayRef<int64_t> from,
                                                         ArrayRef<int64_t> to) {
  SmallVector<SmallVector<int64_t>> groups(to.size());
  size_t next = 0;
  for (size_t i = 0; i < to.size(); ++i) {
    int64_t product = 1;
    while (next < from.size() && (groups[i].empty() || product < to[i])) {
      product *= from[next];
      groups[i].push_back(next++);
    }
    // Trailing unit dimensions belong to the last group.
    while (i + 1 == to.size() && next < from.size() && from[next] == 1)
      groups[i].push_back(next++);
    if (product != to[i])
      return {};
  }
  if (next != from.size())
    return {};
  return groups;
}

namespace {

struct DropBatchReshapes : OpRewritePattern<nn::ReshapeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(nn::ReshapeOp split, PatternRewriter &rewriter) const override {
    auto transpose = split.getOperand().getDefiningOp<nn::TransposeOp>();
    auto join = transpose ? transpose.getOperand().getDefiningOp<nn::ReshapeOp>() : nn::ReshapeOp();
    if (!join)
      return rewriter.notifyMatchFailure(split, "no transpose of a reshape");
    ArrayRef<int64_t> source = getShape(join.getOperand());
    auto groups = groupDimensions(source, getShape(join));
    if (groups.empty())
      return rewriter.notifyMatchFailure(split, "a dimension is split");
    SmallVector<int64_t> perm, shape;
    for (int64_t group : transpose.getPerm())
      for (int64_t dim : groups[group]) {
        perm.push_back(dim);
        shape.push_back(source[dim]);
      }
    if (ArrayRef(shape) != getShape(split))
      return rewriter.notifyMatchFailure(split, "other dimensions come out");
    auto joined =
        nn::TransposeOp::create(rewriter, split.getLoc(), split.getType(), join.getOperand(), perm);
    keepStage(split, joined);
    rewriter.replaceOp(split, joined);
    return success();
  }
};

// scale(transpose(x)) -> transpose(scale(x)), only where a product will take it.
struct SinkTranspose : RewritePattern {
  SinkTranspose(MLIRContext *context) : RewritePattern(MatchAnyOpTypeTag(), 1, context) {}

  LogicalResult matchAndRewrite(Operation *op, PatternRewriter &rewriter) const override {
    if (!op->hasTrait<nn::ElementwiseOp>() || op->getNumOperands() != 2 ||
        op->getNumResults() != 1 || !op->hasOneUse() || !isa<nn::MatmulOp>(*op->user_begin()))
      return rewriter.notifyMatchFailure(op, "not on the way to one product");
    for (unsigned i : {0, 1}) {
      auto transpose = op->getOperand(i).getDefiningOp<nn::TransposeOp>();
      auto constant = op->getOperand(1 - i).getDefiningOp<nn::ConstantOp>();
      auto value = constant ? dyn_cast<SplatElementsAttr>(constant.getValue()) : nullptr;
      if (!transpose || !value || !transpose->hasOneUse() ||
          op->getOperand(i).getType() != op->getResult(0).getType())
        continue;
      auto type = cast<RankedTensorType>(transpose.getOperand().getType());
      Value splat =
          nn::ConstantOp::create(rewriter, constant.getLoc(), type,
                                 DenseElementsAttr::get(type, value.getSplatValue<Attribute>()));
      IRMapping mapping;
      mapping.map(op->getOperand(i), transpose.getOperand());
      mapping.map(op->getOperand(1 - i), splat);
      Operation *moved = rewriter.clone(*op, mapping);
      moved->getResult(0).setType(type);
      auto sunk = nn::TransposeOp::create(rewriter, op->getLoc(), op->getResult(0).getType(),
                                          moved->getResult(0), transpose.getPerm());
      keepStage(transpose, sunk);
      rewriter.replaceOp(op, sunk);
      return success();
    }
    return rewriter.notifyMatchFailure(op, "no transpose and constant");
  }
};

struct AbsorbIntoOperand : OpRewritePattern<nn::MatmulOp> {
  AbsorbIntoOperand(MLIRContext *context, llvm::Statistic &absorbed)
      : OpRewritePattern(context), absorbed(absorbed) {}

  LogicalResult matchAndRewrite(nn::MatmulOp op, PatternRewriter &rewriter) const override {
    bool changed = false;
    for (unsigned i : {0, 1}) {
      auto transpose = op->getOperand(i).getDefiningOp<nn::TransposeOp>();
      if (!transpose)
        continue;
      SmallVector<int64_t> perm =
          compose(transpose.getPerm(), i == 0 ? op.getLhsPermutation() : op.getRhsPermutation());
      // One of the matrix dimensions must be contiguous in memory.
      int64_t last = perm.size() - 1;
      if (perm[last] != last && perm[last - 1] != last)
        continue;
      rewriter.modifyOpInPlace(op, [&] {
        op->setOperand(i, transpose.getOperand());
        DenseI64ArrayAttr attr = getPermutationAttr(rewriter, perm);
        if (i == 0)
          op.setLhsPermAttr(attr);
        else
          op.setRhsPermAttr(attr);
      });
      ++absorbed;
      changed = true;
    }
    return success(changed);
  }

  llvm::Statistic &absorbed;
};

struct AbsorbIntoResult : OpRewritePattern<nn::TransposeOp> {
  AbsorbIntoResult(MLIRContext *context, llvm::Statistic &absorbed)
      : OpRewritePattern(context), absorbed(absorbed) {}

  LogicalResult matchAndRewrite(nn::TransposeOp op, PatternRewriter &rewriter) const override {
    auto matmul = op.getOperand().getDefiningOp<nn::MatmulOp>();
    if (!matmul || !matmul->hasOneUse())
      return rewriter.notifyMatchFailure(op, "not the only reader of a product");
    SmallVector<int64_t> perm = compose(matmul.getResultPermutation(), op.getPerm());
    // Rows of the product stay contiguous: what the library writes at full speed.
    if (perm.back() != static_cast<int64_t>(perm.size()) - 1)
      return rewriter.notifyMatchFailure(op, "rows would be scattered");
    // The product takes the transpose's place in the list, so that operands
    // stay where they are and readers still follow.
    auto moved = nn::MatmulOp::create(rewriter, matmul.getLoc(), op.getType(), matmul.getLhs(),
                                      matmul.getRhs(), matmul.getLhsPermAttr(),
                                      matmul.getRhsPermAttr(), getPermutationAttr(rewriter, perm));
    keepStage(matmul, moved);
    rewriter.replaceOp(op, moved);
    rewriter.eraseOp(matmul);
    ++absorbed;
    return success();
  }

  llvm::Statistic &absorbed;
};

class AbsorbTransposes : public dpc::import::impl::NNAbsorbTransposesBase<AbsorbTransposes> {
  void runOnOperation() override {
    MLIRContext *context = &getContext();
    RewritePatternSet patterns(context);
    patterns.add<DropBatchReshapes, SinkTranspose>(context);
    patterns.add<AbsorbIntoOperand>(context, numOperands);
    patterns.add<AbsorbIntoResult>(context, numResults);
    // Nothing else changes: no folding, no merging of constants.
    GreedyRewriteConfig config;
    config.enableFolding(false).enableConstantCSE(false).setRegionSimplificationLevel(
        GreedySimplifyRegionLevel::Disabled);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns), config)))
      signalPassFailure();
  }
};

} // namespace
