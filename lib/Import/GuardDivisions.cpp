// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Divisions of integers that a processor would stop at: by 0, and of the least integer
// by -1. Both are given results, 0 and the least integer again, and of the first the
// function says where it happened, as one more result. So a kernel divides what data
// brings, and no kernel has anything to report: what is wrong is a value like others.
#include "dpc/Dialect/NN/Builders.h"
#include "dpc/Dialect/NN/GraphOutputs.h"
#include "dpc/Dialect/NN/Location.h"
#include "dpc/Dialect/NN/ModelAttrs.h"
#include "dpc/Import/Passes.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/Matchers.h"

namespace dpc::import {
#define GEN_PASS_DEF_NNGUARDDIVISIONS
#include "dpc/Import/Passes.h.inc"
} // namespace dpc::import

using namespace mlir;
using namespace dpc;

namespace {

// Whether the divisor is known, and is neither 0 nor -1 anywhere.
bool isHarmless(Value divisor) {
  DenseElementsAttr value;
  if (!matchPattern(divisor, m_Constant(&value)))
    return false;
  return llvm::none_of(value.getValues<APInt>(),
                       [](const APInt &v) { return v.isZero() || v.isAllOnes(); });
}

class GuardDivisions : public dpc::import::impl::NNGuardDivisionsBase<GuardDivisions> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto forward = module.lookupSymbol<func::FuncOp>("forward");
    if (!forward || forward.isExternal() || module->hasAttr(nn::kDivisionsAttr))
      return;
    SmallVector<nn::DivOp> divisions;
    for (auto division : forward.getBody().front().getOps<nn::DivOp>())
      if (isa<IntegerType>(division.getType().getElementType()) && !isHarmless(division.getRhs()))
        divisions.push_back(division);
    if (divisions.empty())
      return;
    OpBuilder builder(&getContext());
    // What only evaluation computes is given its results, and stops no training.
    llvm::DenseSet<Operation *> evaluationOnly = nn::findEvaluationOnly(forward.getBody().front());
    llvm::erase_if(divisions, [&](nn::DivOp division) {
      if (!evaluationOnly.contains(division))
        return false;
      guard(builder, division);
      ++numGuarded;
      return true;
    });
    if (divisions.empty())
      return;
    SmallVector<Attribute> names;
    Value fault;
    for (auto [i, division] : llvm::enumerate(divisions)) {
      names.push_back(builder.getDictionaryAttr(
          {builder.getNamedAttr("node", builder.getStringAttr(nn::getNodeName(division.getLoc()))),
           builder.getNamedAttr("shape",
                                builder.getDenseI64ArrayAttr(division.getType().getShape()))}));
      Value isZero = guard(builder, division);
      Value own = findFirst(builder, division.getLoc(), isZero, divisions.size() - i);
      fault = fault ? Value(nn::MaxOp::create(builder, division.getLoc(), fault, own)) : own;
      ++numGuarded;
    }
    Operation *end = forward.getBody().front().getTerminator();
    unsigned result = nn::countTrainingResults(forward.getBody().front());
    end->insertOperands(result, fault);
    [[maybe_unused]] LogicalResult inserted = forward.insertResult(
        result, fault.getType(),
        builder.getDictionaryAttr(builder.getNamedAttr("nn.name", builder.getStringAttr("fault"))));
    assert(succeeded(inserted));
    module->setAttr(nn::kDivisionsAttr, builder.getArrayAttr(names));
  }

  // Puts a quotient that is defined everywhere in the division's place, and returns where
  // the divisor is 0. Leaves the builder behind all this.
  static Value guard(OpBuilder &builder, nn::DivOp division) {
    builder.setInsertionPoint(division);
    Location loc = division.getLoc();
    Value a = division.getLhs(), b = division.getRhs();
    RankedTensorType type = nn::getTensorType(a);
    bool isSigned = !type.getElementType().isUnsignedInteger();
    auto splat = [&](double value) { return nn::createSplat(builder, loc, type, value); };
    auto equals = [&](double value) -> Value {
      return nn::CompareOp::create(builder, loc, nn::Predicate::EQ, b, splat(value));
    };
    Value isZero = equals(0), isMinusOne = isSigned ? equals(-1) : Value();
    Value replaced = isZero;
    if (isSigned)
      replaced = nn::OrOp::create(builder, loc, isZero, isMinusOne);
    Value divisor = nn::SelectOp::create(builder, loc, replaced, splat(1), b);
    Value quotient = nn::DivOp::create(builder, loc, a, divisor);
    if (isSigned) // wraps around, as integers do
      quotient = nn::SelectOp::create(builder, loc, isMinusOne, nn::NegOp::create(builder, loc, a),
                                      quotient);
    quotient = nn::SelectOp::create(builder, loc, isZero, splat(0), quotient);
    division.replaceAllUsesWith(quotient);
    if (Attribute stage = division->getAttr(nn::kPipelineStageAttr))
      for (Operation *op = isZero.getDefiningOp(); op != division; op = op->getNextNode())
        op->setAttr(nn::kPipelineStageAttr, stage);
    builder.setInsertionPointAfter(division);
    division.erase();
    return isZero;
  }

  // kDivisionsAttr says what the number means.
  static Value findFirst(OpBuilder &builder, Location loc, Value isZero, int64_t number) {
    int64_t count = nn::getElementCount(isZero);
    auto type = RankedTensorType::get({count}, builder.getI64Type());
    auto splat = [&](int64_t value) {
      return nn::ConstantOp::create(builder, loc, DenseElementsAttr::get(type, value));
    };
    Value index = nn::IotaOp::create(builder, loc, type, builder.getI64IntegerAttr(0));
    Value code = nn::SubOp::create(
        builder, loc, splat(number * nn::kDivisionUnit + (nn::kDivisionUnit - 1)), index);
    code = nn::SelectOp::create(builder, loc, nn::createReshape(builder, loc, isZero, {count}),
                                code, splat(0));
    return nn::ReduceMaxOp::create(builder, loc, code, builder.getDenseI64ArrayAttr({0}));
  }
};

} // namespace
