// How the losses of micro-batches join. A mean whose denominator depends on the
// data (labels that are ignored, class weights) must be weighted by it; that is
// right only if it enters the loss linearly. So the loss is followed backwards
// through sums, differences, factors that are constants, and views.
#include "Loss.h"

#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace dpc;
using namespace dpc::import;

namespace {

// What lies at the ends of the linear paths.
struct Ends {
  llvm::SetVector<Operation *> weightedMeans; ///< reached linearly
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

static Ends followLinear(Value loss) {
  Ends ends;
  llvm::SetVector<Value> work;
  work.insert(loss);
  for (size_t i = 0; i < work.size(); ++i) {
    Operation *op = work[i].getDefiningOp();
    if (!op)
      continue;
    Value sum;
    if (isMean(op, sum)) {
      ends.hasMean = true;
      continue;
    }
    if (isa<nn::WeightedMeanOp>(op)) {
      ends.weightedMeans.insert(op);
    } else if (isa<nn::AddOp, nn::SubOp, nn::NegOp, nn::ReshapeOp>(op)) {
      work.insert(op->operand_begin(), op->operand_end());
    } else if (isa<nn::CastOp>(op) && isFloat(op->getOperand(0))) {
      work.insert(op->getOperand(0));
    } else if (isa<nn::MulOp, nn::DivOp>(op) &&
               getConstantNumber(op->getOperand(1))) {
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

FailureOr<Weighting> dpc::import::findWeighting(Value loss,
                                                LossReduction reduction,
                                                Location loc) {
  Ends ends = followLinear(loss);
  auto denominator = [&] {
    auto mean = cast<nn::WeightedMeanOp>(ends.weightedMeans.front());
    return Weighting{"denominator", mean.getDen(), ""};
  };
  bool one = ends.weightedMeans.size() == 1 &&
             !dependOnWeightedMean(ends.nonlinear) &&
             !dependOnWeightedMean(ends.sums);
  switch (reduction) {
  case LossReduction::Mean:
    return Weighting{"mean", {}, ""};
  case LossReduction::Sum:
    return Weighting{"sum", {}, ""};
  case LossReduction::TokenMean:
    if (one)
      return denominator();
    return emitError(loc) << "--loss-reduction token-mean needs exactly one mean "
                             "over labels that enters the loss linearly; "
                          << ends.weightedMeans.size() << " do";
  case LossReduction::Auto:
    break;
  }
  if (one)
    return denominator();
  if (ends.weightedMeans.size() > 1)
    return Weighting{"mean", {},
                     "the loss contains " +
                         std::to_string(ends.weightedMeans.size()) +
                         " means over labels, so micro-batches have equal "
                         "weight (--loss-reduction sets another)"};
  if (dependOnWeightedMean(ends.nonlinear) || dependOnWeightedMean(ends.sums))
    return Weighting{"mean", {},
                     "a mean over labels enters the loss non-linearly, so "
                     "micro-batches have equal weight (--loss-reduction sets "
                     "another)"};
  if (!ends.sums.empty() && !ends.hasMean && ends.nonlinear.empty())
    return Weighting{"sum", {}, "the loss is a sum, so micro-batches add up"};
  return Weighting{"mean", {}, ""};
}
