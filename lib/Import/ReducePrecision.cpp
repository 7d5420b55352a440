// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Mixed precision: which values of f32 become 16-bit floats, and casts between both.
//
// Three sweeps over the graph. The first goes with the data and finds which values
// have 16 bits because of what makes them; what only moves elements, and what can do
// either, stays open. The second goes against it and decides the open ones by what
// reads them, parameters among them. The third writes the casts.
//
// Chains of elementwise operations stay in f32 inside, so that each is rounded once,
// where memory would hold it: at a value that something of 16 bits reads, or that has
// several readers. All of these read the rounded value, or the others would keep a
// second copy of it, of twice the bytes.
//
// What only further outputs need stays in f32 and has no say: training is the same with
// and without them.
#include "dpc/Dialect/NN/Builders.h"
#include "dpc/Dialect/NN/GraphOutputs.h"
#include "dpc/Dialect/NN/ModelAttrs.h"
#include "dpc/Import/Passes.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/StringSet.h"

namespace dpc::import {
#define GEN_PASS_DEF_NNREDUCEPRECISION
#include "dpc/Import/Passes.h.inc"
} // namespace dpc::import

using namespace mlir;
using namespace dpc;
using nn::Precision;

namespace {

bool isF32(Value value) { return getElementTypeOrSelf(value.getType()).isF32(); }

class MixedPrecision {
public:
  MixedPrecision(func::FuncOp function, FloatType narrow)
      : function(function), block(function.getBody().front()), narrow(narrow),
        evaluationOnly(nn::findEvaluationOnly(block)),
        trainingResults(nn::countTrainingResults(block)) {}

  void run() {
    findPrecisions();
    findForms();
    settleOpen();
    findRounded();
    rewrite();
  }

  unsigned narrowed = 0, casts = 0, parameters = 0;

private:
  enum class Form : uint8_t { Wide, Narrow, Open };

  func::FuncOp function;
  Block &block;
  FloatType narrow;
  const llvm::DenseSet<Operation *> evaluationOnly;
  const unsigned trainingResults;
  llvm::DenseMap<Operation *, Form> opForms;
  // Of values that were f32 at the beginning.
  llvm::DenseMap<Value, Form> forms;
  // Computed from constants and parameters that are not trained.
  llvm::DenseSet<Value> fixed;
  llvm::DenseMap<Operation *, Precision> precisions;
  llvm::DenseSet<Value> rounded;
  llvm::StringSet<> narrowParameters;

  // Asked before anything is rewritten, so that answers stay.
  Precision decidePrecision(Operation *op) const {
    auto known = dyn_cast<nn::PrecisionOpInterface>(op);
    if (!known)
      return Precision::Wide;
    // What is looked up in a table that nobody trains, as rotary embeddings are, loses
    // by being rounded, and nothing is gained: it is not what memory is full of.
    bool isOfFixed = llvm::all_of(op->getOpOperands(), [&](OpOperand &operand) {
      return !isF32(operand.get()) || !known.isNarrowOperand(operand.getOperandNumber()) ||
             fixed.contains(operand.get());
    });
    Precision precision = known.getPrecision();
    return precision == Precision::Narrow && isOfFixed ? Precision::Wide : precision;
  }
  Precision precisionOf(Operation *op) const {
    auto it = precisions.find(op);
    return it == precisions.end() ? Precision::Wide : it->second;
  }

  void findPrecisions() {
    auto module = function->getParentOfType<ModuleOp>();
    for (Operation &op : block.without_terminator()) {
      bool isFixed = llvm::all_of(op.getOperands(), [&](Value v) { return fixed.contains(v); });
      if (auto get = dyn_cast<nn::GetOp>(op)) {
        auto parameter = module.lookupSymbol<nn::ParameterOp>(get.getParameter());
        isFixed = parameter && !parameter.getTrained();
      }
      if (isFixed)
        fixed.insert_range(op.getResults());
      precisions[&op] = decidePrecision(&op);
    }
  }

  void findForms() {
    for (BlockArgument argument : block.getArguments())
      if (isF32(argument))
        forms[argument] = Form::Wide;
    for (Operation &op : block.without_terminator())
      setForm(&op, formOf(&op));
  }

  // The uses that decide.
  auto getUses(Value value) const {
    return llvm::make_filter_range(value.getUses(), [this](OpOperand &use) {
      return !evaluationOnly.contains(use.getOwner()) && !isFurtherOutput(use);
    });
  }
  bool isFurtherOutput(OpOperand &use) const {
    return use.getOwner()->hasTrait<OpTrait::IsTerminator>() &&
           use.getOperandNumber() >= trainingResults;
  }

  Form formOf(Operation *op) const {
    if (isa<nn::GetOp, nn::ConstantOp>(op))
      return Form::Open;
    if (evaluationOnly.contains(op))
      return Form::Wide;
    switch (precisionOf(op)) {
    case Precision::Wide:
      return Form::Wide;
    case Precision::Narrow:
      return Form::Narrow;
    case Precision::AsRead:
      return Form::Open;
    case Precision::AsGiven:
      break;
    }
    for (OpOperand &operand : op->getOpOperands()) {
      auto it = forms.find(operand.get());
      if (it != forms.end() && takesNarrow(operand) && it->second == Form::Narrow)
        return Form::Narrow;
    }
    // Then it is as it is read: better rounded before it is moved than behind.
    return Form::Open;
  }

  void setForm(Operation *op, Form form) {
    opForms[op] = form;
    auto known = dyn_cast<nn::PrecisionOpInterface>(op);
    for (OpResult result : op->getResults())
      if (isF32(result))
        forms[result] =
            !known || known.isNarrowResult(result.getResultNumber()) ? form : Form::Wide;
  }

  static bool takesNarrow(OpOperand &use) {
    auto reader = dyn_cast<nn::PrecisionOpInterface>(use.getOwner());
    return reader && reader.isNarrowOperand(use.getOperandNumber());
  }

  // What the reader takes; its own form is settled.
  Form formFor(OpOperand &use) const {
    auto it = opForms.find(use.getOwner());
    bool isNarrow = it != opForms.end() && it->second == Form::Narrow && takesNarrow(use);
    return isNarrow ? Form::Narrow : Form::Wide;
  }

  bool areReadersNarrow(Value value) const {
    auto uses = getUses(value);
    return !uses.empty() &&
           llvm::all_of(uses, [&](OpOperand &use) { return formFor(use) == Form::Narrow; });
  }

  void settleOpen() {
    llvm::StringSet<> wideParameters;
    SmallVector<nn::GetOp> reads, readsOfEvaluation;
    for (Operation &op : llvm::reverse(block.without_terminator())) {
      if (opForms.lookup(&op) != Form::Open)
        continue;
      auto open = llvm::make_filter_range(op.getResults(), [&](Value result) {
        auto it = forms.find(result);
        return it != forms.end() && it->second == Form::Open;
      });
      bool isNarrow = !open.empty() &&
                      llvm::all_of(open, [&](Value result) { return areReadersNarrow(result); });
      if (auto get = dyn_cast<nn::GetOp>(op)) {
        if (evaluationOnly.contains(get)) {
          readsOfEvaluation.push_back(get);
          continue;
        }
        reads.push_back(get);
        if (!isNarrow)
          wideParameters.insert(get.getParameter());
        continue;
      }
      // A constant is cast, which folds.
      setForm(&op, isNarrow && !isa<nn::ConstantOp>(op) ? Form::Narrow : Form::Wide);
    }
    // A parameter has one type, whoever reads it.
    for (nn::GetOp get : reads) {
      bool isNarrow = !wideParameters.contains(get.getParameter());
      setForm(get, isNarrow ? Form::Narrow : Form::Wide);
      if (isNarrow)
        narrowParameters.insert(get.getParameter());
    }
    for (nn::GetOp get : readsOfEvaluation)
      setForm(get, narrowParameters.contains(get.getParameter()) ? Form::Narrow : Form::Wide);
  }

  void findRounded() {
    llvm::DenseSet<Value> leadsToNarrow, isWeightLike;
    for (Operation &op : block.without_terminator())
      if (llvm::all_of(op.getOperands(), [&](Value v) { return isWeightLike.contains(v); }))
        isWeightLike.insert_range(op.getResults());
    for (Operation &op : llvm::reverse(block.without_terminator()))
      for (Value result : op.getResults()) {
        bool leads = false, isReadNarrow = false;
        llvm::SmallPtrSet<Operation *, 4> readers;
        for (OpOperand &use : getUses(result)) {
          readers.insert(use.getOwner());
          isReadNarrow |= formFor(use) == Form::Narrow;
          leads |= precisionOf(use.getOwner()) == Precision::Narrow ||
                   llvm::any_of(use.getOwner()->getResults(),
                                [&](Value v) { return leadsToNarrow.contains(v); });
        }
        if (leads)
          leadsToNarrow.insert(result);
        auto it = forms.find(result);
        bool isHeld = op.hasTrait<nn::ElementwiseOp>() || op.hasTrait<nn::MovesElementsOp>();
        if (it == forms.end() || it->second != Form::Wide || !isHeld ||
            isWeightLike.contains(result))
          continue;
        if (isReadNarrow || (leads && readers.size() > 1))
          rounded.insert(result);
      }
  }

  // For one operation, whose place in the user's model and asked-for stage it shares:
  // a cut before or behind that must not come between.
  Value createCast(OpBuilder &builder, Value value, Type element, Operation *owner) {
    Location loc = owner ? owner->getLoc() : value.getLoc();
    auto cast = nn::CastOp::create(builder, loc, nn::getTensorType(value).clone(element), value);
    if (Attribute stage = owner ? owner->getAttr(nn::kPipelineStageAttr) : Attribute())
      cast->setAttr(nn::kPipelineStageAttr, stage);
    ++casts;
    return cast;
  }

  void rewrite() {
    SmallVector<Operation *> operations;
    for (Operation &op : block)
      operations.push_back(&op);
    // What stands for a value of f32 once it was rounded.
    llvm::DenseMap<Value, Value> narrowed;
    auto narrowOf = [&](Value value) {
      if (forms.lookup(value) == Form::Narrow)
        return value;
      Value &copy = narrowed[value];
      if (!copy) {
        OpBuilder builder(function.getContext());
        builder.setInsertionPointAfterValue(value);
        copy = createCast(builder, value, narrow, value.getDefiningOp());
      }
      return copy;
    };
    for (Operation *op : operations) {
      for (OpOperand &use : op->getOpOperands()) {
        Value value = use.get();
        auto it = forms.find(value);
        if (it == forms.end())
          continue;
        if (formFor(use) == Form::Narrow) {
          use.set(narrowOf(value));
        } else if (it->second == Form::Narrow || rounded.contains(value)) {
          // Before its reader, so that a cut between them is crossed by 16 bits.
          OpBuilder builder(op);
          use.set(createCast(builder, narrowOf(value), builder.getF32Type(), op));
        }
      }
      bool isNarrow = false;
      for (Value result : op->getResults())
        if (forms.lookup(result) == Form::Narrow && forms.contains(result)) {
          isNarrow = true;
          // Its readers ask for forms, not for types.
          result.setType(nn::getTensorType(result).clone(narrow));
        }
      if (isNarrow) {
        ++this->narrowed;
        nn::convertScalars(op, narrow);
      }
    }
    for (auto parameter : function->getParentOfType<ModuleOp>().getOps<nn::ParameterOp>()) {
      if (!narrowParameters.contains(parameter.getSymName()))
        continue;
      auto type = cast<RankedTensorType>(parameter.getType());
      parameter.setMasterAttr(TypeAttr::get(type.getElementType()));
      parameter.setTypeAttr(TypeAttr::get(type.clone(narrow)));
      ++parameters;
    }
  }
};

class ReducePrecision : public dpc::import::impl::NNReducePrecisionBase<ReducePrecision> {
  using NNReducePrecisionBase::NNReducePrecisionBase;

  void runOnOperation() override {
    if (precision != "bf16") {
      getOperation().emitError() << "cannot be computed in precision '" << precision
                                 << "'; known is bf16";
      return signalPassFailure();
    }
    auto forward = getOperation().lookupSymbol<func::FuncOp>("forward");
    if (!forward || forward.isExternal())
      return;
    MixedPrecision mixed(forward, BFloat16Type::get(&getContext()));
    mixed.run();
    if (!mixed.narrowed)
      emitWarning(forward.getLoc()) << "precision " << precision
                                    << " changes nothing: nothing in f32 is computed in fewer bits";
    numNarrowed += mixed.narrowed;
    numCasts += mixed.casts;
    numParameters += mixed.parameters;
  }
};

} // namespace
