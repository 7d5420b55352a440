// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How the losses of micro-batches join. A mean whose denominator depends on the
// data (labels that are ignored, class weights) must be weighted by it; that is
// right only if it enters the loss linearly. So the loss is followed backwards
// through sums, differences, factors that are constants, and views, to operations
// that know their denominator and to means that the graph writes out.
#include "Loss.h"

#include "Denominator.h"
#include "dpc/Dialect/NN/Location.h"

#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace dpc;
using namespace dpc::import;

namespace {

using IsTrained = llvm::function_ref<bool(StringRef)>;

// What lies at the ends of the linear paths.
struct Ends {
  llvm::SetVector<Operation *> weightedMeans; ///< reached linearly
  SmallVector<Quotient> quotients;            ///< means that are written out
  llvm::SetVector<Operation *> sums;          ///< sums over elements
  bool hasMean = false;                       ///< a sum divided by its count
  llvm::SetVector<Operation *> nonlinear;     ///< all else
};

} // namespace

static Value skipViews(Value value) {
  while (auto view = value.getDefiningOp<nn::ReshapeOp>())
    value = view.getOperand();
  return value;
}

// Whether this divides a sum by the number of its terms.
static bool isMean(Operation *op, Value &sum) {
  auto div = dyn_cast<nn::DivOp>(op);
  if (!div)
    return false;
  auto reduce = skipViews(div.getLhs()).getDefiningOp<nn::ReduceSumOp>();
  std::optional<double> by = getConstantNumber(div.getRhs());
  if (!reduce || !by)
    return false;
  double terms = 1;
  for (int64_t axis : reduce.getAxes())
    terms *= getShape(reduce.getOperand())[axis];
  sum = reduce;
  return *by == terms;
}

// `Σm > 0 ? mean : 0`: what the guard of a quotient would do anyway.
static Value getGuarded(Operation *op) {
  auto select = dyn_cast<nn::SelectOp>(op);
  if (!select || getTensorType(select.getResult()).getNumElements() != 1)
    return {};
  if (getConstantNumber(select.getOnFalse()) == 0.0)
    return select.getOnTrue();
  if (getConstantNumber(select.getOnTrue()) == 0.0)
    return select.getOnFalse();
  return {};
}

// Whether the condition of the selection asks for the denominator only.
static bool asksFor(Operation *select, Value den) {
  auto compare =
      skipViews(cast<nn::SelectOp>(select).getCondition()).getDefiningOp<nn::CompareOp>();
  return compare && getConstantNumber(compare.getRhs()) == 0.0 && areEqual(compare.getLhs(), den);
}

static Ends followLinear(Value loss, IsTrained isTrained) {
  Ends ends;
  llvm::SetVector<Value> work;
  work.insert(loss);
  auto addQuotient = [&](Operation *op) {
    auto quotient = op ? matchQuotient(op, isTrained) : std::nullopt;
    if (quotient)
      ends.quotients.push_back(*quotient);
    return quotient.has_value();
  };
  for (size_t i = 0; i < work.size(); ++i) {
    Operation *op = work[i].getDefiningOp();
    if (!op || addQuotient(op))
      continue;
    Value sum;
    if (isMean(op, sum)) {
      if (!addQuotient(sum.getDefiningOp()))
        ends.hasMean = true;
      continue;
    }
    if (Value inner = getGuarded(op)) {
      Operation *mean = skipViews(inner).getDefiningOp();
      auto quotient = mean ? matchQuotient(mean, isTrained) : std::nullopt;
      if (quotient && quotient->den && asksFor(op, quotient->den)) {
        ends.quotients.push_back(*quotient);
        continue;
      }
    }
    if (isa<nn::WeightedMeanOp>(op)) {
      ends.weightedMeans.insert(op);
    } else if (isa<nn::AddOp, nn::SubOp, nn::NegOp, nn::ReshapeOp>(op)) {
      work.insert(op->operand_begin(), op->operand_end());
    } else if (isa<nn::CastOp>(op) && isFloat(op->getOperand(0))) {
      work.insert(op->getOperand(0));
    } else if (isa<nn::MulOp, nn::DivOp>(op) && getConstantNumber(op->getOperand(1))) {
      work.insert(op->getOperand(0));
    } else if (isa<nn::MulOp>(op) && getConstantNumber(op->getOperand(0))) {
      work.insert(op->getOperand(1));
    } else if (isa<nn::ReduceSumOp>(op)) {
      ends.sums.insert(op);
    } else if (!isa<nn::ConstantOp>(op)) {
      ends.nonlinear.insert(op);
    }
  }
  return ends;
}

// Normalising means anywhere below these operations.
static bool dependOnWeightedMean(const llvm::SetVector<Operation *> &roots) {
  llvm::SetVector<Operation *> work(roots.begin(), roots.end());
  for (size_t i = 0; i < work.size(); ++i) {
    if (isa<nn::WeightedMeanOp>(work[i]))
      return true;
    for (Value operand : work[i]->getOperands())
      if (Operation *op = operand.getDefiningOp())
        work.insert(op);
  }
  return false;
}

// The one denominator of all quotients, or null.
static Value getCommonDen(ArrayRef<Quotient> quotients) {
  for (const Quotient &quotient : quotients)
    if (!quotient.den || !areEqual(quotient.den, quotients.front().den))
      return {};
  return quotients.empty() ? Value() : quotients.front().den;
}

// Why a written-out mean is not taken for one, and what that means.
static std::string describe(const Quotient &quotient) {
  std::string name = nn::getNodeName(quotient.root->getLoc());
  std::string text = "'" + name + "' divides by what depends on the data, but " + quotient.problem +
                     ": micro-batches are averaged, each by its own divisor";
  if (quotient.isLikely)
    text += " (--loss-reduction token-mean says that the mask is 0 or 1 "
            "everywhere, and weights them by its sum)";
  return text;
}

FailureOr<Weighting> dpc::import::findWeighting(Value loss, LossReduction reduction,
                                                IsTrained isTrained, Location loc) {
  Ends ends = followLinear(loss, isTrained);
  bool depends = dependOnWeightedMean(ends.nonlinear) || dependOnWeightedMean(ends.sums);
  // The user's word makes a mean of what only the data could prove to be one.
  bool asked = reduction == LossReduction::TokenMean;
  auto refused = llvm::find_if(ends.quotients, [&](const Quotient &quotient) {
    return !quotient.problem.empty() && !(asked && quotient.isLikely);
  });
  bool allRecognised = refused == ends.quotients.end();
  Value common = allRecognised ? getCommonDen(ends.quotients) : Value();
  size_t means = ends.weightedMeans.size() + (common ? 1 : ends.quotients.size());
  bool one = means == 1 && allRecognised && !depends;
  auto denominator = [&] {
    if (!common)
      return Weighting{
          "denominator", cast<nn::WeightedMeanOp>(ends.weightedMeans.front()).getDen(), "", {}};
    return Weighting{"denominator", common, "", ends.quotients};
  };
  switch (reduction) {
  case LossReduction::Mean:
    return Weighting{"mean", {}, "", {}};
  case LossReduction::Sum:
    return Weighting{"sum", {}, "", {}};
  case LossReduction::TokenMean:
    if (one)
      return denominator();
    if (!allRecognised)
      return emitError(loc) << "--loss-reduction token-mean: '"
                            << nn::getNodeName(refused->root->getLoc())
                            << "' divides by what depends on the data, but " << refused->problem;
    return emitError(loc) << "--loss-reduction token-mean needs exactly one mean "
                             "over labels that enters the loss linearly; "
                          << means << " do";
  case LossReduction::Auto:
    break;
  }
  if (one)
    return denominator();
  if (!allRecognised)
    return Weighting{"mean", {}, describe(*refused), {}};
  if (means > 1)
    return Weighting{"mean",
                     {},
                     "the loss contains " + std::to_string(means) +
                         " means over labels, so micro-batches have equal "
                         "weight (--loss-reduction sets another)",
                     {}};
  if (depends)
    return Weighting{"mean",
                     {},
                     "a mean over labels enters the loss non-linearly, so "
                     "micro-batches have equal weight (--loss-reduction sets "
                     "another)",
                     {}};
  if (!ends.sums.empty() && !ends.hasMean && ends.nonlinear.empty())
    return Weighting{"sum", {}, "the loss is a sum, so micro-batches add up", {}};
  return Weighting{"mean", {}, "", {}};
}
