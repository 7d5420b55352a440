// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See Denominator.h.
#include "Denominator.h"

#include "dpc/Dialect/NN/Builders.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace dpc;
using namespace dpc::import;

namespace {

// What a divisor may be off by unnoticed: single precision's noise in a sum.
constexpr double kNoise = 1e-6;

bool hasOneElement(Value value) { return getTensorType(value).getNumElements() == 1; }

// Reshapes, repetitions and casts that lose nothing a mask holds.
Value skipViews(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (!isa<nn::ReshapeOp, nn::BroadcastOp, nn::CastOp>(op))
      break;
    // A cast to a boolean or from a fraction to an integer is no view.
    if (isa<nn::CastOp>(op) && !isFloat(value) && isFloat(op->getOperand(0)))
      break;
    if (isa<nn::CastOp>(op) && getElementType(value).isInteger(1))
      break;
    value = op->getOperand(0);
  }
  return value;
}

Value skipReshapes(Value value) {
  while (auto view = value.getDefiningOp<nn::ReshapeOp>())
    value = view.getOperand();
  return value;
}

// Sums over everything there is. A sum of one sample over its other dimensions
// has one element, too, where the batch is one sample: the first dimension must
// be summed here, or by a sum that this one adds up.
bool isWholeSum(nn::ReduceSumOp op) {
  if (!hasOneElement(op.getResult()))
    return false;
  if (static_cast<int64_t>(op.getAxes().size()) == getRank(op.getOperand()) ||
      llvm::is_contained(op.getAxes(), 0))
    return true;
  auto inner = skipReshapes(op.getOperand()).getDefiningOp<nn::ReduceSumOp>();
  return inner && llvm::is_contained(inner.getAxes(), 0);
}

// not(a == b) and a != b are one question: as compared values, operands and
// whether they are asked to be equal.
struct Comparison {
  Value lhs, rhs;
  bool equal;
};
std::optional<Comparison> getComparison(Value value) {
  bool flipped = false;
  Value at = skipViews(value);
  while (auto inverse = at.getDefiningOp<nn::NotOp>()) {
    flipped = !flipped;
    at = skipViews(inverse.getOperand());
  }
  auto compare = at.getDefiningOp<nn::CompareOp>();
  if (!compare ||
      (compare.getPredicate() != nn::Predicate::EQ && compare.getPredicate() != nn::Predicate::NE))
    return std::nullopt;
  return Comparison{compare.getLhs(), compare.getRhs(),
                    (compare.getPredicate() == nn::Predicate::EQ) != flipped};
}

bool compareDeeply(Value a, Value b, int depth) {
  a = skipViews(a);
  b = skipViews(b);
  if (a == b)
    return true;
  Operation *x = a.getDefiningOp(), *y = b.getDefiningOp();
  if (!x || !y || depth == 0)
    return false;
  std::optional<double> m = getConstantNumber(a), n = getConstantNumber(b);
  if (m || n)
    return m == n;
  auto c = getComparison(a), d = getComparison(b);
  if (c && d && c->equal == d->equal)
    return compareDeeply(c->lhs, d->lhs, depth - 1) && compareDeeply(c->rhs, d->rhs, depth - 1);
  if (x->getName() != y->getName() || x->getNumOperands() == 0 ||
      x->getNumOperands() != y->getNumOperands() ||
      x->getAttrDictionary() != y->getAttrDictionary() ||
      cast<OpResult>(a).getResultNumber() != cast<OpResult>(b).getResultNumber())
    return false;
  return llvm::all_of(llvm::zip_equal(x->getOperands(), y->getOperands()), [&](auto pair) {
    return compareDeeply(std::get<0>(pair), std::get<1>(pair), depth - 1);
  });
}

// Values that everything below depends on.
bool dependsOn(Value value, llvm::function_ref<bool(Value)> leaf,
               llvm::function_ref<bool(OpOperand &)> follow) {
  llvm::SetVector<Value> work;
  work.insert(value);
  for (size_t i = 0; i < work.size(); ++i) {
    if (leaf(work[i]))
      return true;
    if (Operation *op = work[i].getDefiningOp())
      for (OpOperand &operand : op->getOpOperands())
        if (follow(operand))
          work.insert(operand.get());
  }
  return false;
}

bool dependsOnInput(Value value) {
  return dependsOn(
      value, [](Value v) { return isa<BlockArgument>(v); }, [](OpOperand &) { return true; });
}

// Elements are 0 or 1.
bool isMask(Value value, int depth = 16) {
  if (depth == 0)
    return false;
  if (getElementType(value).isInteger(1))
    return true;
  if (std::optional<double> number = getConstantNumber(value))
    return *number == 0 || *number == 1;
  Operation *op = value.getDefiningOp();
  if (!op)
    return false;
  auto all = [&](auto operands) {
    return llvm::all_of(operands, [&](Value v) { return isMask(v, depth - 1); });
  };
  if (auto select = dyn_cast<nn::SelectOp>(op))
    return all(SmallVector<Value>{select.getOnTrue(), select.getOnFalse()});
  if (isa<nn::MulOp, nn::MaxOp, nn::MinOp, nn::CastOp>(op) || op->hasTrait<nn::MovesElementsOp>())
    return all(op->getOperands());
  return false;
}

// A sum of sums over the batch, times constants.
struct Additive {
  SmallVector<Value> terms; ///< what is summed, element by element
  std::string problem;
};

void addTerms(Value value, Additive &result, int depth = 64) {
  auto fail = [&](StringRef why) {
    if (result.problem.empty())
      result.problem = why.str();
  };
  Operation *op = value.getDefiningOp();
  if (!op || depth == 0)
    return fail("is no sum over the batch");
  if (auto sum = dyn_cast<nn::ReduceSumOp>(op)) {
    if (!isWholeSum(sum))
      return fail("is a sum of each sample, not over the batch");
    result.terms.push_back(sum.getOperand());
  } else if (isa<nn::AddOp, nn::SubOp>(op)) {
    addTerms(op->getOperand(0), result, depth - 1);
    addTerms(op->getOperand(1), result, depth - 1);
  } else if (isa<nn::NegOp, nn::ReshapeOp>(op) ||
             (isa<nn::CastOp>(op) && (isFloat(value) || !isFloat(op->getOperand(0))) &&
              !getElementType(value).isInteger(1))) {
    addTerms(op->getOperand(0), result, depth - 1);
  } else if (isa<nn::MulOp, nn::DivOp>(op) && getConstantNumber(op->getOperand(1)) &&
             (isFloat(value) || isa<nn::MulOp>(op))) {
    addTerms(op->getOperand(0), result, depth - 1);
  } else if (isa<nn::MulOp>(op) && getConstantNumber(op->getOperand(0))) {
    addTerms(op->getOperand(1), result, depth - 1);
  } else if (getConstantNumber(value)) {
    fail("adds a constant once per micro-batch");
  } else {
    fail("is no sum over the batch");
  }
}

// Whether every term is 0 wherever the mask is: a factor of it is the mask, or
// it is chosen by it.
bool isMaskedBy(Value term, Value mask, int depth = 32) {
  if (areEqual(term, mask))
    return true;
  Operation *op = term.getDefiningOp();
  if (!op || depth == 0)
    return false;
  auto masked = [&](unsigned i) { return isMaskedBy(op->getOperand(i), mask, depth - 1); };
  if (isa<nn::MulOp>(op))
    return masked(0) || masked(1);
  if (isa<nn::AddOp, nn::SubOp>(op))
    return masked(0) && masked(1);
  if (isa<nn::DivOp, nn::NegOp, nn::CastOp>(op) ||
      (op->hasTrait<nn::MovesElementsOp>() && op->getNumOperands() == 1))
    return masked(0);
  auto select = dyn_cast<nn::SelectOp>(op);
  if (!select)
    return false;
  bool zeroElse = getConstantNumber(select.getOnFalse()) == 0.0;
  bool zeroThen = getConstantNumber(select.getOnTrue()) == 0.0;
  if (zeroElse && (areEqual(select.getCondition(), mask) || masked(1)))
    return true;
  auto chosen = getComparison(select.getCondition()), asked = getComparison(mask);
  bool inverse = chosen && asked && chosen->equal != asked->equal &&
                 areEqual(chosen->lhs, asked->lhs) && areEqual(chosen->rhs, asked->rhs);
  return zeroThen && (inverse || masked(2));
}

// What keeps a divisor from being 0.
struct Floor {
  Value sum; ///< the divisor without it
  double amount = 0;
  bool adds = false;       ///< Σm + amount
  bool onlyAtZero = false; ///< Σm == 0 ? amount : Σm
};

std::optional<Floor> matchFloor(Value divisor) {
  Operation *op = divisor.getDefiningOp();
  if (!op)
    return std::nullopt;
  if (isa<nn::AddOp, nn::MaxOp>(op))
    for (unsigned i : {0, 1})
      if (auto amount = getConstantNumber(op->getOperand(i)))
        return Floor{op->getOperand(1 - i), *amount, isa<nn::AddOp>(op), false};
  auto select = dyn_cast<nn::SelectOp>(op);
  if (!select)
    return std::nullopt;
  for (bool then : {false, true}) {
    Value kept = then ? select.getOnTrue() : select.getOnFalse();
    auto amount = getConstantNumber(then ? select.getOnFalse() : select.getOnTrue());
    auto asked = getComparison(select.getCondition());
    if (amount && asked && asked->equal != then && areEqual(asked->lhs, kept) &&
        getConstantNumber(asked->rhs) == 0.0)
      return Floor{kept, *amount, false, true};
  }
  return std::nullopt;
}

class Matcher {
public:
  Matcher(Operation *root, llvm::function_ref<bool(StringRef)> isTrained) : isTrained(isTrained) {
    quotient.root = root;
  }

  std::optional<Quotient> match() {
    if (!findDivision())
      return std::nullopt;
    judge();
    // A factor of every term that is no sum over the data is no mean's divisor.
    if (!quotient.numerator && !isSum)
      return std::nullopt;
    return quotient;
  }

private:
  // Divides by one element that depends on an input.
  static OpOperand *getDivisor(Operation *op) {
    OpOperand *operand = nullptr;
    if (isa_and_nonnull<nn::DivOp>(op) && isFloat(op->getResult(0)))
      operand = &op->getOpOperand(1);
    else if (isa_and_nonnull<nn::ReciprocalOp>(op))
      operand = &op->getOpOperand(0);
    if (!operand || !hasOneElement(skipRepeats(operand->get())) || !dependsOnInput(operand->get()))
      return nullptr;
    return operand;
  }
  static Value skipRepeats(Value value) {
    while (Operation *op = value.getDefiningOp()) {
      if (!isa<nn::ReshapeOp, nn::BroadcastOp>(op))
        break;
      value = op->getOperand(0);
    }
    return value;
  }

  bool findDivision() {
    Operation *op = quotient.root;
    if (op->getNumResults() != 1 || !hasOneElement(op->getResult(0)))
      return false;
    if (auto sum = dyn_cast<nn::ReduceSumOp>(op)) {
      if (!isWholeSum(sum) || getRank(sum.getOperand()) == 0)
        return false;
      return findInside(sum.getOperand(), 16);
    }
    if (isa<nn::DivOp>(op) && (quotient.divisor = getDivisor(op))) {
      quotient.numerator = op->getOperand(0);
      return true;
    }
    if (!isa<nn::MulOp>(op))
      return false;
    // A product with 1 / divisor.
    for (unsigned i : {0, 1}) {
      Operation *factor = skipReshapes(op->getOperand(i)).getDefiningOp();
      OpOperand *divisor = getDivisor(factor);
      if (!divisor || (isa<nn::DivOp>(factor) && !getConstantNumber(factor->getOperand(0))))
        continue;
      quotient.divisor = divisor;
      quotient.numerator = op->getOperand(1 - i);
      return true;
    }
    return false;
  }

  // A division of every term of a sum: Σ (l·m / Σm), Σ l·(m / Σm).
  bool findInside(Value value, int depth) {
    Operation *op = value.getDefiningOp();
    if (!op || depth == 0)
      return false;
    if (OpOperand *divisor = getDivisor(op)) {
      quotient.divisor = divisor;
      return true;
    }
    if (isa<nn::ReshapeOp, nn::BroadcastOp, nn::NegOp>(op))
      return findInside(op->getOperand(0), depth - 1);
    if (isa<nn::DivOp>(op))
      return getConstantNumber(op->getOperand(1)) && findInside(op->getOperand(0), depth - 1);
    return isa<nn::MulOp>(op) &&
           (findInside(op->getOperand(0), depth - 1) || findInside(op->getOperand(1), depth - 1));
  }

  void judge() {
    Value divisor = skipRepeats(quotient.divisor->get());
    auto fail = [&](const Twine &why) { quotient.problem = why.str(); };
    bool hasGradient = dependsOn(
        divisor,
        [&](Value value) {
          auto get = value.getDefiningOp<nn::GetOp>();
          return get && isTrained(get.getParameter());
        },
        [](OpOperand &operand) {
          auto rule = dyn_cast<nn::DifferentiableOpInterface>(operand.getOwner());
          return rule && rule.isDifferentiableOperand(operand.getOperandNumber());
        });
    if (hasGradient)
      return fail("the divisor is trained");
    Additive numerator;
    if (quotient.numerator)
      addTerms(quotient.numerator, numerator);
    else
      numerator.terms.push_back(cast<nn::ReduceSumOp>(quotient.root).getOperand());
    if (!numerator.problem.empty())
      return fail("the numerator " + Twine(numerator.problem));
    std::optional<Floor> floor = matchFloor(divisor);
    Additive sum;
    addTerms(floor ? floor->sum : divisor, sum);
    if (!sum.problem.empty())
      return fail("the divisor " + Twine(sum.problem));
    isSum = true;
    quotient.den = divisor;
    if (!floor || (floor->amount > 0 && floor->amount <= kNoise && !floor->onlyAtZero))
      return;
    std::string text;
    llvm::raw_string_ostream(text) << llvm::format("%g", floor->amount);
    if (floor->amount <= 0 || floor->adds || (floor->amount > 1 && !floor->onlyAtZero))
      return fail("the divisor " + Twine(floor->adds ? "adds " : "is at least ") + text +
                  ", which would count once per micro-batch");
    // From here on it acts only on a micro-batch whose mask is 0 everywhere.
    quotient.den = floor->sum;
    bool one = sum.terms.size() == 1 && isCount(floor->sum);
    bool masked = one && llvm::all_of(numerator.terms, [&](Value term) {
                    return isMaskedBy(term, sum.terms.front());
                  });
    bool isBinary = one && isMask(sum.terms.front());
    quotient.isLikely = one && masked;
    if (!masked)
      return fail("the divisor is at least " + Twine(text) +
                  ", and nothing shows that the numerator is 0 where the sum is");
    if (!isBinary && !floor->onlyAtZero)
      return fail("the divisor is at least " + Twine(text) +
                  ", which matters if the mask holds fractions");
  }

  // A sum of its terms, each once: no factor moves it away from 0 and 1.
  static bool isCount(Value value) {
    return isa_and_nonnull<nn::ReduceSumOp>(skipViews(value).getDefiningOp());
  }

  llvm::function_ref<bool(StringRef)> isTrained;
  Quotient quotient;
  bool isSum = false; ///< the divisor adds up, but for what keeps it from 0
};

} // namespace

bool dpc::import::areEqual(Value a, Value b) { return compareDeeply(a, b, 24); }

std::optional<Quotient> dpc::import::matchQuotient(Operation *op,
                                                   llvm::function_ref<bool(StringRef)> isTrained) {
  return Matcher(op, isTrained).match();
}

Value dpc::import::guardQuotient(const Quotient &quotient) {
  // A divisor of 0 is replaced, so that no gradient is NaN ...
  Operation *division = quotient.divisor->getOwner();
  Location loc = quotient.root->getLoc();
  OpBuilder builder(division);
  auto isZero = [&](Value value) {
    return builder.createOrFold<nn::CompareOp>(loc, nn::getBoolType(value.getType()),
                                               nn::Predicate::EQ, value,
                                               nn::createSplat(builder, loc, value.getType(), 0));
  };
  Value divisor = quotient.divisor->get();
  Value safe = builder.createOrFold<nn::SelectOp>(
      loc, divisor.getType(), isZero(divisor), nn::createSplat(builder, loc, divisor.getType(), 1),
      divisor);
  quotient.divisor->set(safe);
  // ... and the mean of nothing is 0.
  Value result = quotient.root->getResult(0);
  builder.setInsertionPointAfter(quotient.root);
  Value den = nn::createReshape(builder, loc, quotient.den, getTensorType(result).getShape());
  Value zero = nn::createSplat(builder, loc, result.getType(), 0);
  Value guarded = nn::SelectOp::create(builder, loc, result.getType(), isZero(den), zero, result);
  result.replaceAllUsesExcept(guarded, guarded.getDefiningOp());
  return guarded;
}
