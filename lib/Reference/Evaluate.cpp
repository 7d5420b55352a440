// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The interpreter's loop: operation after operation, all members in lock step,
// each value freed after its last use.
#include "Models.h"
#include "dpc/Dialect/NN/ModelAttrs.h"
#include "dpc/Dialect/NN/Sharding.h"
#include "mlir/Interfaces/CallInterfaces.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/ScopeExit.h"

#include <thread>

using namespace mlir;
using namespace dpc;
using namespace dpc::reference;

#include "dpc/Reference/ReferenceInterface.cpp.inc"

Evaluator::Evaluator(ParameterSource parameters, const Options &options)
    : parameters(std::move(parameters)), options(options) {
  for (const MeshAxis &axis : options.mesh)
    numMembers *= axis.size;
  numThreads =
      options.threads ? options.threads : std::max(1u, std::thread::hardware_concurrency());
}

SmallVector<int64_t> Evaluator::getGroup(StringRef axis, int64_t member) const {
  int64_t stride = numMembers;
  for (const MeshAxis &candidate : options.mesh) {
    stride /= candidate.size;
    if (candidate.name != axis)
      continue;
    int64_t first = member - member / stride % candidate.size * stride;
    SmallVector<int64_t> group;
    for (int64_t i = 0; i < candidate.size; ++i)
      group.push_back(first + i * stride);
    return group;
  }
  return {member};
}

FailureOr<Tensor> Evaluator::getParameter(nn::GetOp op, int64_t member) {
  auto parameter = symbols.lookupNearestSymbolFrom<nn::ParameterOp>(op, op.getParameterAttr());
  if (!parameter || !parameters) {
    op.emitOpError("reads parameter '") << op.getParameter() << "', for which no values are given";
    return failure();
  }
  FailureOr<Tensor> tensor = parameters(parameter, member);
  if (succeeded(tensor) && nn::isSharded(parameter)) {
    auto axis = parameter->getAttrOfType<StringAttr>(nn::kShardedAttr);
    SmallVector<int64_t> group = getGroup(axis.getValue(), member);
    ArrayRef<int64_t> stored = nn::getKeptType(parameter).getShape();
    if (static_cast<int64_t>(group.size()) != stored.front() || ArrayRef(tensor->shape) != stored) {
      op.emitOpError("reads the sharded parameter '")
          << op.getParameter() << "' in a group of " << group.size()
          << " members, but its values are for " << stored.front();
      return failure();
    }
    tensor = tensor->part(llvm::find(group, member) - group.begin());
  }
  if (succeeded(tensor) && (ArrayRef(tensor->shape) != cast<ShapedType>(op.getType()).getShape() ||
                            tensor->kind != Tensor::zeros(op.getType()).kind)) {
    op.emitOpError("reads parameter '") << op.getParameter() << "' as " << op.getType()
                                        << ", but the values given have another shape or kind";
    return failure();
  }
  return tensor;
}

func::FuncOp Evaluator::getCallee(func::CallOp call) {
  auto callee = symbols.lookupNearestSymbolFrom<func::FuncOp>(call, call.getCalleeAttr());
  if (callee && !callee.isExternal() && active.contains(&callee.front())) {
    call.emitOpError("calls '") << call.getCallee() << "', which is running";
    return nullptr;
  }
  if (!callee || callee.isExternal()) {
    call.emitOpError("calls '") << call.getCallee() << "', which has no body";
    return nullptr;
  }
  return callee;
}

// How often the operations of the block read each value, terminator included.
static llvm::DenseMap<Value, unsigned> countUses(Block &block) {
  llvm::DenseMap<Value, unsigned> uses;
  for (Operation &op : block)
    for (Value operand : op.getOperands())
      ++uses[operand];
  return uses;
}

static bool isFloat(Type type) {
  auto shaped = dyn_cast<ShapedType>(type);
  return shaped && isa<FloatType>(shaped.getElementType());
}

// Whether floats decide here: the result is an integer or a truth value, or steps
// from one number to the next.
static bool decides(Operation &op) {
  return llvm::any_of(op.getOperandTypes(), isFloat) &&
         (op.hasTrait<nn::InactiveOp>() || !llvm::all_of(op.getResultTypes(), isFloat));
}

llvm::DenseSet<Value> reference::findDecisive(Block &block, ArrayRef<bool> results) {
  llvm::DenseSet<Value> decisive;
  for (Operation &op : llvm::reverse(block)) {
    bool isTerminator = op.hasTrait<OpTrait::IsTerminator>();
    // What a function decides is not asked here: all that it is given may count.
    bool all = !isTerminator &&
               (decides(op) || isa<func::CallOp>(op) ||
                llvm::any_of(op.getResults(), [&](Value v) { return decisive.contains(v); }));
    for (OpOperand &operand : op.getOpOperands()) {
      unsigned i = operand.getOperandNumber();
      bool wanted = isTerminator ? i < results.size() && results[i] : all;
      if (wanted && isFloat(operand.get().getType()))
        decisive.insert(operand.get());
    }
  }
  return decisive;
}

// The value in the graph's own type.
static TensorPtr getTyped(const TensorPtr &tensor, Type type) {
  if (tensor->typed)
    return tensor->typed;
  if (!isFloat(type))
    return tensor;
  Tensor rounded = *tensor;
  conform(rounded, type, /*roundFloats=*/true);
  return std::make_shared<const Tensor>(std::move(rounded));
}

// Computes an operation twice if something is decided by it or in it: the results
// are doubles that go where the typed values decide.
LogicalResult Evaluator::evaluateOp(Operation &op, bool isDecisive,
                                    MutableArrayRef<MemberValues> members) {
  auto semantics = dyn_cast<ReferenceOpInterface>(op);
  if (!semantics)
    return op.emitOpError("has no reference semantics");
  for (MemberValues &member : members)
    for (Type type : op.getResultTypes())
      member.results.push_back(Tensor::zeros(type));
  if (failed(semantics.evaluate(*this, members)))
    return failure();
  bool isTyped = options.precision == Precision::Typed;
  for (MemberValues &member : members)
    for (auto [tensor, type] : llvm::zip_equal(member.results, op.getResultTypes()))
      conform(tensor, type, isTyped);
  if (isTyped || isa<func::CallOp>(op) || !(isDecisive || decides(op)))
    return success();
  Decisions *decisions = options.decisions.get();
  std::vector<MemberValues> typed(members.size());
  if (decisions && decisions->isComplete && decides(op)) {
    const auto &made = decisions->made[numDecided++];
    for (auto [to, from] : llvm::zip_equal(typed, made))
      to.results = from;
    semantics.follow(members, typed);
    for (auto [to, from] : llvm::zip_equal(members, typed))
      for (auto [result, own, type] :
           llvm::zip_equal(to.results, from.results, op.getResultTypes()))
        if (!isFloat(type) || op.hasTrait<nn::InactiveOp>())
          result = std::move(own);
    return success();
  }
  if (!options.decidesByTypes) {
    if (decisions && decides(op)) {
      auto &made = decisions->made.emplace_back();
      for (const MemberValues &member : members)
        made.push_back(member.results);
    }
    return success();
  }
  for (auto [to, from] : llvm::zip_equal(typed, members)) {
    for (auto [tensor, type] : llvm::zip_equal(from.operands, op.getOperandTypes()))
      to.operands.push_back(getTyped(tensor, type));
    for (Type type : op.getResultTypes())
      to.results.push_back(Tensor::zeros(type));
  }
  if (failed(semantics.evaluate(*this, typed)))
    return failure();
  for (MemberValues &member : typed)
    for (auto [tensor, type] : llvm::zip_equal(member.results, op.getResultTypes()))
      conform(tensor, type, /*roundFloats=*/true);
  if (decides(op)) {
    semantics.follow(members, typed);
    if (decisions) {
      auto &made = decisions->made.emplace_back();
      for (const MemberValues &member : typed)
        made.push_back(member.results);
    }
  }
  for (auto [to, from] : llvm::zip_equal(members, typed))
    for (auto [result, own, type] :
         llvm::zip_equal(to.results, from.results, op.getResultTypes())) {
      if (!isFloat(type) || op.hasTrait<nn::InactiveOp>())
        result = std::move(own);
      else if (isDecisive)
        result.typed = std::make_shared<const Tensor>(std::move(own));
    }
  return success();
}

LogicalResult Evaluator::evaluateBlock(Block &block, ArrayRef<SmallVector<TensorPtr>> arguments,
                                       MutableArrayRef<SmallVector<TensorPtr>> results,
                                       ArrayRef<bool> decisiveResults) {
  llvm::DenseSet<Value> decisive;
  // What is decided already needs no second value.
  bool isDecided = options.decisions && options.decisions->isComplete;
  if (options.precision == Precision::Double && options.decidesByTypes && !isDecided)
    decisive = findDecisive(block, decisiveResults);
  active.insert(&block);
  auto leave = llvm::make_scope_exit([&] { active.erase(&block); });
  llvm::DenseMap<Value, unsigned> uses = countUses(block);
  std::vector<llvm::DenseMap<Value, TensorPtr>> values(numMembers);
  for (int64_t m = 0; m < numMembers; ++m)
    for (auto [argument, tensor] : llvm::zip_equal(block.getArguments(), arguments[m]))
      if (uses.count(argument))
        values[m][argument] = tensor;

  for (Operation &op : block) {
    if (op.hasTrait<OpTrait::IsTerminator>()) {
      for (int64_t m = 0; m < numMembers; ++m)
        for (Value operand : op.getOperands())
          results[m].push_back(values[m].lookup(operand));
      return success();
    }
    std::vector<MemberValues> members(numMembers);
    for (int64_t m = 0; m < numMembers; ++m)
      for (Value operand : op.getOperands())
        members[m].operands.push_back(values[m].lookup(operand));
    bool isDecisive = llvm::any_of(op.getResults(), [&](Value v) { return decisive.contains(v); });
    if (failed(evaluateOp(op, isDecisive, members)))
      return failure();
    for (int64_t m = 0; m < numMembers; ++m)
      for (auto [value, tensor] : llvm::zip_equal(op.getResults(), members[m].results))
        if (uses.count(value))
          values[m][value] = std::make_shared<const Tensor>(std::move(tensor));
    for (Value operand : op.getOperands())
      if (--uses[operand] == 0)
        for (auto &of : values)
          of.erase(operand);
  }
  return block.getParentOp()->emitOpError("has a block without a terminator");
}

//===----------------------------------------------------------------------===//
// Calls
//===----------------------------------------------------------------------===//

namespace {
struct CallModel : ReferenceOpInterface::ExternalModel<CallModel, func::CallOp> {
  LogicalResult evaluate(Operation *op, Evaluator &evaluator,
                         MutableArrayRef<MemberValues> members) const {
    func::FuncOp callee = evaluator.getCallee(cast<func::CallOp>(op));
    if (!callee)
      return failure();
    std::vector<SmallVector<TensorPtr>> arguments, results(members.size());
    for (MemberValues &member : members)
      arguments.push_back(member.operands);
    // Whether something is decided by a result is not asked: it may be.
    SmallVector<bool> all(op->getNumResults(), true);
    if (failed(evaluator.evaluateBlock(callee.front(), arguments, results, all)))
      return failure();
    for (auto [member, values] : llvm::zip_equal(members, results))
      for (auto [to, from] : llvm::zip_equal(member.results, values))
        to = *from;
    return success();
  }
};
} // namespace

void reference::attachCalls(MLIRContext *context) {
  func::CallOp::attachInterface<CallModel>(*context);
}

//===----------------------------------------------------------------------===//
// Entry points
//===----------------------------------------------------------------------===//

static LogicalResult checkInputs(func::FuncOp function, ArrayRef<Tensor> inputs) {
  if (inputs.size() != function.getNumArguments())
    return function.emitError("takes ")
           << function.getNumArguments() << " inputs, but " << inputs.size() << " are given";
  for (auto [i, type] : llvm::enumerate(function.getArgumentTypes())) {
    auto tensorType = dyn_cast<RankedTensorType>(type);
    if (!tensorType || !tensorType.hasStaticShape())
      return function.emitError("has input ")
             << i << " of type " << type << ", expected a static tensor";
    if (tensorType.getShape() != ArrayRef(inputs[i].shape) ||
        inputs[i].kind != Tensor::zeros(type).kind)
      return function.emitError("takes ")
             << type << " as input " << i << ", but a tensor of another shape or kind is given";
  }
  return success();
}

FailureOr<SmallVector<SmallVector<Tensor>>>
reference::evaluateMembers(func::FuncOp function, ArrayRef<SmallVector<Tensor>> inputs,
                           ParameterSource parameters, const Options &options) {
  Evaluator evaluator(std::move(parameters), options);
  if (static_cast<int64_t>(inputs.size()) != evaluator.getNumMembers()) {
    function.emitError("is evaluated by ")
        << evaluator.getNumMembers() << " members, but inputs for " << inputs.size()
        << " are given";
    return failure();
  }
  if (function.isExternal() || !llvm::hasSingleElement(function.getBody())) {
    function.emitError("cannot be evaluated: it needs a body of one block");
    return failure();
  }
  std::vector<SmallVector<TensorPtr>> arguments(inputs.size()), values(inputs.size());
  for (auto [m, list] : llvm::enumerate(inputs)) {
    if (failed(checkInputs(function, list)))
      return failure();
    for (auto [tensor, type] : llvm::zip_equal(list, function.getArgumentTypes())) {
      Tensor copy = tensor;
      conform(copy, type, options.precision == Precision::Typed);
      arguments[m].push_back(std::make_shared<const Tensor>(std::move(copy)));
    }
  }
  if (failed(evaluator.evaluateBlock(function.front(), arguments, values, options.decisiveResults)))
    return failure();
  if (options.decisions)
    options.decisions->isComplete = true;
  SmallVector<SmallVector<Tensor>> results(inputs.size());
  for (auto [to, from] : llvm::zip_equal(results, values))
    for (const TensorPtr &tensor : from)
      to.push_back(*tensor);
  return results;
}

FailureOr<SmallVector<Tensor>> reference::evaluate(func::FuncOp function, ArrayRef<Tensor> inputs,
                                                   ParameterSource parameters,
                                                   const Options &options) {
  Options alone = options;
  alone.mesh.clear();
  SmallVector<SmallVector<Tensor>> members(1);
  members[0].assign(inputs.begin(), inputs.end());
  auto results = evaluateMembers(function, members, std::move(parameters), alone);
  if (failed(results))
    return failure();
  return std::move(results->front());
}

void reference::registerReferenceModels(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, nn::NNDialect *) {
    attachCollective(context);
    attachConvolution(context);
    attachElementwise(context);
    attachIndexing(context);
    attachLoss(context);
    attachMatmul(context);
    attachModel(context);
    attachNormalization(context);
    attachReduction(context);
    attachShape(context);
  });
  registry.addExtension(+[](MLIRContext *context, func::FuncDialect *) { attachCalls(context); });
}
