// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See ChooseForm.h.
#include "ChooseForm.h"

#include "KernelEmitter.h"
#include "dpc/Codegen/Lowering.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace dpc::codegen {

int64_t Depths::of(Value tensor) {
  Operation *op = tensor.getDefiningOp();
  if (!op)
    return 0;
  if (auto it = known.find(tensor); it != known.end())
    return it->second;
  int64_t depth = 0;
  for (Value source : getSources(op))
    depth = std::max(depth, of(source));
  if (auto generic = dyn_cast<linalg::GenericOp>(op); generic && isReduction(generic))
    ++depth;
  known[tensor] = depth;
  return depth;
}

SmallVector<Operation *> getReached(ValueRange outputs) {
  llvm::SetVector<Operation *> reached;
  // Operations stand in dominance order; marking from the end suffices.
  llvm::SmallPtrSet<Operation *, 32> wanted;
  Block *block = nullptr;
  for (Value v : outputs)
    if (Operation *op = v.getDefiningOp()) {
      wanted.insert(op);
      block = op->getBlock();
    }
  if (!block)
    return {};
  SmallVector<Operation *> result;
  for (Operation &op : llvm::reverse(*block)) {
    if (!wanted.contains(&op))
      continue;
    result.push_back(&op);
    for (Value source : getSources(&op))
      if (Operation *def = source.getDefiningOp())
        wanted.insert(def);
  }
  std::reverse(result.begin(), result.end());
  return result;
}

SmallVector<Value> getOutputs(func::FuncOp lowered) {
  return llvm::to_vector(lowered.getBody().front().getTerminator()->getOperands());
}

static RankedTensorType typeOf(Value v) { return cast<RankedTensorType>(v.getType()); }

bool KernelForm::isFull(Value value) const {
  RankedTensorType type = typeOf(value);
  return type.getRank() > 0 && type.getShape().back() == inner &&
         type.getNumElements() == rows * inner;
}

// Whether the value can be computed from a row-major position alone: all reads are
// at the same position or of a single element.
static bool isFlat(Value tensor, DenseMap<Value, bool> &known) {
  Operation *op = tensor.getDefiningOp();
  if (!op)
    return true;
  if (auto it = known.find(tensor); it != known.end())
    return it->second;
  bool flat = false;
  if (auto reshape = dyn_cast<tensor::ReshapeOp>(op)) {
    flat = isFlat(reshape.getSource(), known);
  } else if (auto generic = dyn_cast<linalg::GenericOp>(op); generic && !isReduction(generic)) {
    flat = true;
    generic.getBody()->walk(
        [&](Operation *inner) { flat &= !isa<linalg::IndexOp, tensor::ExtractOp>(inner); });
    for (OpOperand *operand : generic.getDpsInputOperands()) {
      // A slice from the origin has the identity too, on a larger source.
      if (generic.getMatchingIndexingMap(operand).isIdentity() &&
          typeOf(operand->get()).getShape() == typeOf(tensor).getShape())
        flat &= isFlat(operand->get(), known);
      else
        flat &= typeOf(operand->get()).getNumElements() == 1;
    }
  }
  known[tensor] = flat;
  return flat;
}

// Whether computing an element costs more than writing and reading it.
static bool isExpensive(linalg::GenericOp op) {
  int64_t operations = 0;
  bool function = false;
  for (Operation &inner : op.getBody()->without_terminator()) {
    function |= isa<math::ExpOp, math::LogOp, math::TanhOp, math::ErfOp>(inner);
    operations += !isa<arith::ConstantOp, linalg::IndexOp>(inner);
  }
  return function || operations > 12;
}

// Values of a row that several passes need and that are dear to compute.
static void chooseKept(KernelForm &form, ArrayRef<Value> outputs, ArrayRef<Operation *> reached,
                       Depths &depths) {
  std::map<int64_t, SmallVector<Value>> passes;
  for (Value v : outputs)
    if (form.isFull(v))
      passes[depths.of(v)].push_back(v);
  for (Operation *op : reached)
    if (auto generic = dyn_cast<linalg::GenericOp>(op); generic && isReduction(generic))
      passes[depths.of(generic.getInputs()[0])].push_back(generic.getInputs()[0]);
  DenseMap<Value, int64_t> uses;
  for (auto &[depth, roots] : passes) {
    llvm::SetVector<Value> seen(roots.begin(), roots.end());
    for (size_t i = 0; i < seen.size(); ++i) {
      Value v = seen[i];
      ++uses[v];
      Operation *op = v.getDefiningOp();
      auto generic = dyn_cast_or_null<linalg::GenericOp>(op);
      if (!op || (generic && isReduction(generic)))
        continue;
      for (Value source : getSources(op))
        seen.insert(source);
    }
  }
  for (Operation *op : reached) {
    auto generic = dyn_cast<linalg::GenericOp>(op);
    if (!generic || isReduction(generic))
      continue;
    Value v = generic.getResult(0);
    if (uses.lookup(v) > 1 && form.isFull(v) && isExpensive(generic) &&
        typeOf(v).getElementType().isF32() && !llvm::is_contained(outputs, v))
      form.kept.push_back(v);
  }
  form.scratch = form.kept.size() * llvm::alignTo(form.inner, 16);
}

// The reductions of a kernel are of the form that its operations ask for, and run over
// one space. A sum over dimensions of one element is none.
static LogicalResult setReductions(KernelForm &form, nn::KernelForm asked,
                                   ArrayRef<Operation *> reached) {
  auto nameOf = [](bool rows) { return rows ? "rows" : "columns"; };
  for (Operation *op : reached) {
    auto generic = dyn_cast<linalg::GenericOp>(op);
    if (!generic || !isReduction(generic))
      continue;
    bool rows = generic.getIteratorTypesArray().back() == utils::IteratorType::reduction;
    if (asked != (rows ? nn::KernelForm::Rows : nn::KernelForm::Columns))
      return generic.emitOpError() << "reduces " << nameOf(rows) << " in a kernel whose form is "
                                   << stringifyKernelForm(asked);
    RankedTensorType input = typeOf(generic.getInputs()[0]);
    int64_t inner = input.getShape().back(),
            count = input.getNumElements() / std::max<int64_t>(inner, 1);
    if (!form.root) {
      form.root = generic;
      form.inner = inner;
      form.rows = count;
    } else if (form.inner != inner || form.rows != count) {
      return generic.emitOpError()
             << "reduces " << count << " rows of " << inner << " in a kernel that reduces "
             << form.rows << " rows of " << form.inner;
    }
  }
  return success();
}

FailureOr<KernelForm> chooseForm(func::FuncOp lowered, nn::KernelForm asked) {
  KernelForm form;
  SmallVector<Value> outputs = getOutputs(lowered);
  SmallVector<Operation *> reached = getReached(outputs);
  if (asked == nn::KernelForm::Loops) {
    auto own = llvm::find_if(reached, llvm::IsaPred<LoopLoweringOpInterface>);
    if (own == reached.end())
      return lowered.emitOpError() << "has the form loops, but no operation with loops of its own";
    form.kind = KernelForm::Loops;
    form.root = *own;
    return form;
  }
  if (failed(setReductions(form, asked, reached)))
    return failure();
  int64_t largest = 0;
  Value space;
  for (Value v : outputs)
    if (int64_t n = typeOf(v).getNumElements(); n > largest || !space) {
      largest = n;
      space = v;
    }
  if (form.root && asked == nn::KernelForm::Columns) {
    form.kind = KernelForm::Columns;
    return form;
  }
  if (!form.root) {
    DenseMap<Value, bool> known;
    if (llvm::all_of(outputs, [&](Value v) {
          return typeOf(v).getNumElements() == largest && isFlat(v, known);
        })) {
      form.kind = KernelForm::Flat;
      form.inner = largest;
      return form;
    }
    RankedTensorType type = typeOf(space);
    form.inner = type.getRank() ? type.getShape().back() : 1;
    form.rows = form.inner ? type.getNumElements() / form.inner : 0;
  }
  form.kind = KernelForm::Rows;
  for (Value v : outputs) {
    if (!form.isFull(v) && typeOf(v).getNumElements() != form.rows)
      return lowered.emitOpError()
             << "has a result of type " << v.getType() << ", which is neither " << form.rows
             << " rows of " << form.inner << " nor one value per row";
  }
  Depths depths;
  chooseKept(form, outputs, reached, depths);
  return form;
}

} // namespace dpc::codegen
