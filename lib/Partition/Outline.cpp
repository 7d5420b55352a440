// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Bodies from plans, and when two bodies are the same.
#include "Outline.h"
#include "dpc/Dialect/NN/ModelAttrs.h"

#include "mlir/IR/OperationSupport.h"

using namespace mlir;
using dpc::dualpipe::RoleKind;

namespace dpc::partition {

dualpipe::BodyOp buildBody(OpBuilder &builder, const ModelGraph &model, const StagePlan &plan,
                           StringRef name) {
  MLIRContext *context = builder.getContext();
  Location loc = plan.nodes.front()->getLoc();
  UnitAttr frozen = UnitAttr::get(context);

  // Arguments: inputs, feeds, parameters.
  IRMapping mapping;
  SmallVector<Type> argTypes, resultTypes;
  SmallVector<DictionaryAttr> argAttrs, resultAttrs;
  SmallVector<Location> argLocs;
  auto describe = [&](RoleKind kind, unsigned index, bool hasGradient, Type type) {
    NamedAttrList attrs;
    attrs.set(dualpipe::kRoleAttr, dualpipe::RoleAttr::get(context, kind, index));
    bool isFloat = isa<FloatType>(getElementTypeOrSelf(type));
    if (isFloat && !hasGradient)
      attrs.set(dualpipe::kFrozenAttr, frozen);
    return attrs.getDictionary(context);
  };
  auto addArgument = [&](RoleKind kind, unsigned index, bool hasGradient, Type type,
                         Location argLoc) {
    argTypes.push_back(type);
    argAttrs.push_back(describe(kind, index, hasGradient, type));
    argLocs.push_back(argLoc);
  };
  for (auto [i, value] : llvm::enumerate(plan.inputs))
    addArgument(RoleKind::Input, i, plan.gradients.contains(value), value.getType(),
                value.getLoc());
  // A feed never has a gradient, and needs no mark to say so.
  for (auto [i, value] : llvm::enumerate(plan.feeds))
    addArgument(RoleKind::Feed, i, true, value.getType(), value.getLoc());
  for (auto [i, symbol] : llvm::enumerate(plan.params))
    addArgument(RoleKind::Param, i, plan.paramGradients.contains(symbol),
                plan.paramTypes.lookup(symbol), loc);
  auto addResult = [&](RoleKind kind, unsigned index, bool hasGradient, Value value) {
    resultTypes.push_back(value.getType());
    resultAttrs.push_back(describe(kind, index, hasGradient, value.getType()));
  };
  for (auto [i, value] : llvm::enumerate(plan.outputs))
    addResult(RoleKind::Output, i, plan.gradients.contains(value), value);
  if (plan.hasLoss)
    for (auto [kind, value] : model.getResults())
      addResult(kind, 0, true, value);
  for (auto [i, output] : llvm::enumerate(plan.graphOutputs))
    addResult(RoleKind::GraphOutput, i, true, output.value);

  auto body = dualpipe::BodyOp::create(builder, loc, name);
  OpBuilder::InsertionGuard guard(builder);
  builder.createBlock(&body.getFunctions());
  auto function =
      func::FuncOp::create(builder, loc, dualpipe::kForward,
                           builder.getFunctionType(argTypes, resultTypes), /*attrs=*/{}, argAttrs);
  function.setAllResultAttrs(resultAttrs);
  Block *block = builder.createBlock(&function.getBody(), {}, argTypes, argLocs);

  unsigned next = 0;
  for (Value value : plan.inputs)
    mapping.map(value, block->getArgument(next++));
  for (Value value : plan.feeds)
    mapping.map(value, block->getArgument(next++));
  llvm::DenseMap<Attribute, Value> params;
  for (Attribute symbol : plan.params)
    params[symbol] = block->getArgument(next++);

  for (Operation *op : plan.ops) {
    for (Value operand : op->getOperands())
      if (auto get = operand.getDefiningOp<nn::GetOp>())
        mapping.map(operand, params.lookup(get.getParameterAttr()));
    // A repeated node's results that cross the cut stay the arguments they are.
    SmallVector<std::pair<Value, Value>> arguments;
    for (Value result : op->getResults())
      if (plan.inputs.contains(result))
        arguments.emplace_back(result, mapping.lookup(result));
    Operation *clone = builder.clone(*op, mapping);
    clone->removeAttr(nn::kPipelineStageAttr);
    for (auto [result, argument] : arguments)
      mapping.map(result, argument);
  }

  SmallVector<Value> results;
  for (Value output : plan.outputs)
    results.push_back(mapping.lookup(output));
  auto addResultOf = [&](Value value) {
    if (auto get = value.getDefiningOp<nn::GetOp>())
      mapping.map(value, params.lookup(get.getParameterAttr()));
    results.push_back(mapping.lookup(value));
  };
  if (plan.hasLoss)
    for (auto [kind, value] : model.getResults())
      addResultOf(value);
  for (const GraphOutput &output : plan.graphOutputs)
    addResultOf(output.value);
  func::ReturnOp::create(builder, loc, results);
  return body;
}

bool isSameBody(dualpipe::BodyOp a, dualpipe::BodyOp b, bool activity) {
  func::FuncOp left = a.getForward(), right = b.getForward();
  if (left.getFunctionType() != right.getFunctionType())
    return false;
  if (activity && (left.getArgAttrsAttr() != right.getArgAttrsAttr() ||
                   left.getResAttrsAttr() != right.getResAttrsAttr()))
    return false;
  auto sameRoles = [](unsigned count, auto getRole) {
    return llvm::all_of(llvm::seq(count), getRole);
  };
  if (!sameRoles(left.getNumArguments(), [&](unsigned i) {
        return dualpipe::getArgRole(left, i) == dualpipe::getArgRole(right, i);
      }))
    return false;
  if (!sameRoles(left.getNumResults(), [&](unsigned i) {
        return dualpipe::getResultRole(left, i) == dualpipe::getResultRole(right, i);
      }))
    return false;
  return OperationEquivalence::isRegionEquivalentTo(&left.getBody(), &right.getBody(),
                                                    OperationEquivalence::IgnoreLocations);
}

llvm::hash_code hashBody(dualpipe::BodyOp body) {
  func::FuncOp function = body.getForward();
  llvm::hash_code hash = llvm::hash_combine(function.getFunctionType());
  for (Operation &op : function.front())
    hash = llvm::hash_combine(
        hash, OperationEquivalence::computeHash(&op, OperationEquivalence::ignoreHashValue,
                                                OperationEquivalence::ignoreHashValue,
                                                OperationEquivalence::IgnoreLocations));
  return hash;
}

} // namespace dpc::partition
