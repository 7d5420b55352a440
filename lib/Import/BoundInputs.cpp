// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One sweep from the last operation to the first: all readers of a value have
// been seen before the operation that makes it.
#include "dpc/Import/Passes.h"

#include "Emitter.h"
#include "dpc/Dialect/NN/ModelAttrs.h"
#include "dpc/Dialect/NN/NN.h"

using namespace mlir;
using namespace dpc;
using dpc::import::getConstantNumber;

namespace dpc::import {
#define GEN_PASS_DEF_NNBOUNDINPUTS
#include "dpc/Import/Passes.h.inc"
} // namespace dpc::import

namespace {

constexpr int64_t kNoMinimum = std::numeric_limits<int64_t>::min();

bool holdsIntegers(Value value) {
  auto type = dyn_cast<ShapedType>(value.getType());
  return type && type.getElementType().isInteger() && !type.getElementType().isInteger(1);
}

// The integers that a value may hold: from the minimum up to below the limit,
// and some beyond that are passed over.
struct Bounds {
  int64_t minimum = 0, limit = 0;
  SmallVector<int64_t, 1> ignored; ///< ascending

  bool isRange(int64_t value) const { return value >= minimum && value < limit; }
  bool allows(int64_t value) const { return isRange(value) || llvm::is_contained(ignored, value); }
  void ignore(int64_t value) {
    if (allows(value))
      return;
    ignored.push_back(value);
    llvm::sort(ignored);
  }
  void forgetMinimum() {
    minimum = kNoMinimum;
    llvm::erase_if(ignored, [this](int64_t value) { return isRange(value); });
  }
  /// What both allow.
  Bounds meet(const Bounds &other) const {
    Bounds both{std::max(minimum, other.minimum), std::min(limit, other.limit), {}};
    for (const Bounds *one : {this, &other})
      for (int64_t value : one->ignored)
        if (allows(value) && other.allows(value))
          both.ignore(value);
    return both;
  }
};

std::optional<int64_t> getInteger(Value value) {
  if (!holdsIntegers(value))
    return std::nullopt;
  std::optional<double> number = getConstantNumber(value);
  return number ? std::optional<int64_t>(int64_t(*number)) : std::nullopt;
}

// A comparison of `x` with a number.
struct Test {
  nn::Predicate predicate;
  int64_t number;
};
std::optional<Test> getTest(Value condition, Value x) {
  auto compare = condition.getDefiningOp<nn::CompareOp>();
  if (!compare || compare.getLhs() != x)
    return std::nullopt;
  std::optional<int64_t> number = getInteger(compare.getRhs());
  if (!number)
    return std::nullopt;
  return Test{compare.getPredicate(), *number};
}

class BoundsOfValues {
public:
  explicit BoundsOfValues(Block &block) {
    for (Operation &op : llvm::reverse(block))
      visit(&op);
  }
  const Bounds *of(Value value) const {
    auto found = known.find(value);
    return found == known.end() ? nullptr : &found->second;
  }

private:
  void visit(Operation *op) {
    if (auto indexing = dyn_cast<nn::IndexingOpInterface>(op))
      return visitIndexing(op, indexing);
    const Bounds *result = op->getNumResults() == 1 ? of(op->getResult(0)) : nullptr;
    if (!result)
      return;
    Bounds bounds = *result;
    if (auto select = dyn_cast<nn::SelectOp>(op))
      return visitSelect(select, bounds);
    // A value raised to a minimum may be anything below, and the other way
    // round.
    if (isa<nn::MaxOp>(op))
      bounds.forgetMinimum();
    else if (!op->hasTrait<nn::MovesElementsOp>() && !isa<nn::CastOp>(op))
      return;
    for (Value operand : op->getOperands())
      add(operand, bounds);
  }

  void visitIndexing(Operation *op, nn::IndexingOpInterface indexing) {
    for (OpOperand &operand : op->getOpOperands()) {
      int64_t limit = indexing.getIndexLimit(operand.getOperandNumber());
      if (!holdsIntegers(operand.get()) || limit <= 0)
        continue;
      Bounds bounds{0, limit, {}};
      if (auto ignored = indexing.getIgnoredIndex(operand.getOperandNumber()))
        bounds.ignore(*ignored);
      if (auto ignored = getDiscarded(op, operand.get()))
        bounds.ignore(*ignored);
      add(operand.get(), bounds);
    }
  }

  // What is read by an ignored label is multiplied by 0: weights of classes.
  static std::optional<int64_t> getDiscarded(Operation *gather, Value indices) {
    std::optional<int64_t> ignored;
    for (Operation *user : gather->getUsers()) {
      std::optional<int64_t> here;
      for (Value factor : isa<nn::MulOp>(user) ? user->getOperands() : OperandRange(nullptr, 0)) {
        auto cast = factor.getDefiningOp<nn::CastOp>();
        auto test = cast ? getTest(cast.getOperand(), indices) : std::nullopt;
        if (test && test->predicate == nn::Predicate::NE)
          here = test->number;
      }
      if (!here || (ignored && *ignored != *here))
        return std::nullopt;
      ignored = here;
    }
    return ignored;
  }

  void visitSelect(nn::SelectOp select, const Bounds &bounds) {
    for (bool then : {true, false}) {
      Value chosen = then ? select.getOnTrue() : select.getOnFalse();
      Value other = then ? select.getOnFalse() : select.getOnTrue();
      Bounds here = bounds;
      std::optional<Test> test = getTest(select.getCondition(), chosen);
      auto sum = other.getDefiningOp<nn::AddOp>();
      if (test && getInteger(other) &&
          test->predicate == (then ? nn::Predicate::NE : nn::Predicate::EQ))
        here.ignore(test->number); // x == c ? k : x
      else if (test && !then && test->predicate == nn::Predicate::LT && test->number == 0 && sum &&
               sum.getLhs() == chosen && getInteger(sum.getRhs()))
        here.minimum = bounds.minimum - *getInteger(sum.getRhs()); // x < 0 ? x + extent : x
      else
        here.forgetMinimum(); // what is not chosen may be anything
      if (!chosen.getDefiningOp<nn::AddOp>())
        add(chosen, here);
    }
  }

  void add(Value value, const Bounds &bounds) {
    if (!holdsIntegers(value))
      return;
    auto [place, added] = known.try_emplace(value, bounds);
    if (!added)
      place->second = place->second.meet(bounds);
  }

  llvm::DenseMap<Value, Bounds> known;
};

struct BoundInputs : public dpc::import::impl::NNBoundInputsBase<BoundInputs> {
  void runOnOperation() override {
    Builder builder(&getContext());
    for (func::FuncOp function : getOperation().getOps<func::FuncOp>()) {
      if (function.isExternal() || !function.getBody().hasOneBlock())
        continue;
      BoundsOfValues values(function.getBody().front());
      SmallVector<NamedAttribute> bounds;
      for (BlockArgument argument : function.getArguments()) {
        const Bounds *found = values.of(argument);
        if (!found)
          continue;
        function.setArgAttr(argument.getArgNumber(), nn::kLimitAttr,
                            builder.getI64IntegerAttr(found->limit));
        ++numBounded;
        SmallVector<NamedAttribute> parts;
        if (!found->ignored.empty())
          parts.push_back(
              builder.getNamedAttr(nn::kIgnoredAttr, builder.getDenseI64ArrayAttr(found->ignored)));
        if (found->minimum != kNoMinimum)
          parts.push_back(
              builder.getNamedAttr(nn::kMinimumAttr, builder.getI64IntegerAttr(found->minimum)));
        if (auto name =
                function.getArgAttrOfType<StringAttr>(argument.getArgNumber(), nn::kNameAttr);
            name && !parts.empty())
          bounds.push_back(builder.getNamedAttr(name, builder.getDictionaryAttr(parts)));
      }
      if (!bounds.empty())
        function->setAttr(nn::kBoundsAttr, builder.getDictionaryAttr(bounds));
    }
  }
};

} // namespace
