// One sweep from the last operation to the first: all readers of a value have been
// seen before the operation that makes it.
#include "dpc/Import/Passes.h"

#include "dpc/Dialect/NN/ModelAttrs.h"
#include "dpc/Dialect/NN/NN.h"

using namespace mlir;
using namespace dpc;

namespace dpc::import {
#define GEN_PASS_DEF_NNBOUNDINPUTS
#include "dpc/Import/Passes.h.inc"
} // namespace dpc::import

namespace {

bool holdsIntegers(Value value) {
  auto type = dyn_cast<ShapedType>(value.getType());
  return type && type.getElementType().isInteger() && !type.getElementType().isInteger(1);
}

class Limits {
public:
  explicit Limits(Block &block) {
    for (Operation &op : llvm::reverse(block))
      visit(&op);
  }
  /// 0: none is known.
  int64_t of(Value value) const { return known.lookup(value); }

private:
  void visit(Operation *op) {
    auto indexing = dyn_cast<nn::IndexingOpInterface>(op);
    bool moves = op->hasTrait<nn::MovesElementsOp>() || isa<nn::CastOp>(op);
    for (OpOperand &operand : op->getOpOperands()) {
      if (!holdsIntegers(operand.get()))
        continue;
      if (indexing)
        lower(operand.get(), indexing.getIndexLimit(operand.getOperandNumber()));
      if (moves && holdsIntegers(op->getResult(0)))
        lower(operand.get(), of(op->getResult(0)));
    }
  }
  void lower(Value value, int64_t limit) {
    if (limit <= 0)
      return;
    auto [place, added] = known.try_emplace(value, limit);
    if (!added)
      place->second = std::min(place->second, limit);
  }

  llvm::DenseMap<Value, int64_t> known;
};

struct BoundInputs : public dpc::import::impl::NNBoundInputsBase<BoundInputs> {
  void runOnOperation() override {
    for (func::FuncOp function : getOperation().getOps<func::FuncOp>()) {
      if (function.isExternal() || !function.getBody().hasOneBlock())
        continue;
      Limits limits(function.getBody().front());
      for (BlockArgument argument : function.getArguments())
        if (int64_t limit = limits.of(argument)) {
          function.setArgAttr(argument.getArgNumber(), nn::kLimitAttr, Builder(&getContext()).getI64IntegerAttr(limit));
          ++numBounded;
        }
    }
  }
};

} // namespace
