// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Joining a body's functions into one block and splitting them again.
#include "dpc/Autodiff/Joint.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace dpc;
using namespace dpc::autodiff;
using dualpipe::RoleAttr;
using dualpipe::RoleKind;

BlockArgument Joint::addArgument(RoleAttr role, Type type) {
  roles.push_back(role);
  return getBlock().addArgument(type, function->getLoc());
}

Value Joint::findArgument(RoleAttr role) {
  for (auto [argument, own] : llvm::zip_equal(getBlock().getArguments(), roles))
    if (own == role)
      return argument;
  return {};
}

std::optional<Part> Joint::getPart(Value value) {
  if (Operation *op = value.getDefiningOp())
    return parts.lookup(op);
  switch (roles[cast<BlockArgument>(value).getArgNumber()].getKind()) {
  case RoleKind::OutputGrad:
  case RoleKind::LossScale:
  case RoleKind::Accumulator:
    return std::nullopt;
  default:
    return Part::Forward;
  }
}

SmallVector<Operation *> Joint::getOperations(Part part) {
  SmallVector<Operation *> operations;
  for (Operation &op : getBlock().without_terminator())
    if (parts.lookup(&op) == part)
      operations.push_back(&op);
  return operations;
}

// Arguments by number, then results in order of their operations.
static void sortByDefinition(SmallVectorImpl<Value> &values) {
  llvm::sort(values, [](Value a, Value b) {
    auto argA = dyn_cast<BlockArgument>(a), argB = dyn_cast<BlockArgument>(b);
    if (argA || argB)
      return argA && argB ? argA.getArgNumber() < argB.getArgNumber() : !!argA;
    auto resultA = cast<OpResult>(a), resultB = cast<OpResult>(b);
    if (resultA.getOwner() == resultB.getOwner())
      return resultA.getResultNumber() < resultB.getResultNumber();
    return resultA.getOwner()->isBeforeInBlock(resultB.getOwner());
  });
}

SmallVector<Value> Joint::getReads(Part part, ArrayRef<Operation *> own) {
  llvm::DenseSet<Operation *> inside(own.begin(), own.end());
  SmallVector<Operation *> operations = getOperations(part);
  inside.insert(operations.begin(), operations.end());
  operations.append(own.begin(), own.end());
  llvm::SetVector<Value> reads;
  auto read = [&](Value value) {
    Operation *op = value.getDefiningOp();
    if (!op || !inside.contains(op))
      reads.insert(value);
  };
  for (Operation *op : operations)
    for (Value operand : op->getOperands())
      read(operand);
  if (part != Part::Forward)
    for (Result &result : part == Part::Input ? inputResults : weightResults)
      read(result.value);
  SmallVector<Value> sorted = reads.takeVector();
  sortByDefinition(sorted);
  return sorted;
}

Joint dpc::autodiff::join(dualpipe::BodyOp body) {
  Joint joint;
  func::FuncOp forward = body.getForward();
  MLIRContext *context = body.getContext();
  OpBuilder builder(context);
  joint.function = func::FuncOp::create(forward.getLoc(), "joint", builder.getFunctionType({}, {}));
  builder.setInsertionPointToEnd(joint.function->addEntryBlock());

  // By role: what a later function's argument stands for.
  llvm::DenseMap<Attribute, Value> byRole;
  auto append = [&](func::FuncOp part, Part which, IRMapping &mapping,
                    SmallVectorImpl<Joint::Result> &results) {
    Block &block = part.getBody().front();
    for (Operation &op : block.without_terminator())
      joint.parts[builder.clone(op, mapping)] = which;
    for (auto [i, operand] : llvm::enumerate(block.getTerminator()->getOperands())) {
      RoleAttr role = dualpipe::getResultRole(part, i);
      Value value = mapping.lookup(operand);
      byRole.try_emplace(role, value);
      if (role.getKind() != RoleKind::Kept)
        results.push_back({value, role});
    }
  };

  IRMapping mapping;
  for (auto [i, argument] : llvm::enumerate(forward.getArguments())) {
    RoleAttr role = dualpipe::getArgRole(forward, i);
    Value own = joint.addArgument(role, argument.getType());
    mapping.map(argument, own);
    byRole[role] = own;
  }
  append(forward, Part::Forward, mapping, joint.forwardResults);
  for (auto [from, to] : mapping.getValueMap())
    joint.originals[to] = from;

  for (Part which : {Part::Input, Part::Weight}) {
    func::FuncOp half = which == Part::Input ? body.getInputHalf() : body.getWeightHalf();
    if (!half)
      continue;
    IRMapping halfMapping;
    for (auto [i, argument] : llvm::enumerate(half.getArguments())) {
      RoleAttr role = dualpipe::getArgRole(half, i);
      Value &value = byRole[role];
      if (!value)
        value = joint.addArgument(role, argument.getType());
      halfMapping.map(argument, value);
    }
    append(half, which, halfMapping,
           which == Part::Input ? joint.inputResults : joint.weightResults);
  }
  func::ReturnOp::create(builder, forward.getLoc());
  return joint;
}

namespace {
// The order of a half's arguments.
unsigned getArgumentRank(RoleKind kind) {
  switch (kind) {
  case RoleKind::OutputGrad:
    return 0;
  case RoleKind::Den:
    return 1;
  case RoleKind::LossScale:
    return 2;
  case RoleKind::Kept:
    return 3;
  case RoleKind::Input:
    return 4;
  case RoleKind::Feed:
    return 5;
  case RoleKind::Param:
    return 6;
  case RoleKind::Output:
    return 7;
  case RoleKind::Key:
    return 8;
  case RoleKind::Accumulator:
    return 9;
  default:
    llvm_unreachable("not an argument of a half");
  }
}

struct Splitter {
  Joint &joint;
  dualpipe::BodyOp body;
  // Role by which a later half reads a value.
  llvm::DenseMap<Value, RoleAttr> readAs;
  unsigned keptCount = 0;
  SmallVector<Joint::Result> keptByForward, keptByInput;

  Splitter(Joint &joint, dualpipe::BodyOp body) : joint(joint), body(body) {
    for (Joint::Result &result : joint.forwardResults)
      if (result.role.getKind() == RoleKind::Output || result.role.getKind() == RoleKind::Den)
        readAs.try_emplace(result.value, result.role);
    // An input that is passed through is an input.
    for (auto [argument, role] : llvm::zip_equal(joint.getBlock().getArguments(), joint.roles))
      readAs[argument] = role;
  }

  void keep(Value value, SmallVectorImpl<Joint::Result> &keptBy) {
    auto role = RoleAttr::get(body.getContext(), RoleKind::Kept, keptCount++);
    readAs[value] = role;
    keptBy.push_back({value, role});
  }

  void write(StringRef name, ArrayRef<Operation *> operations, ArrayRef<Value> reads,
             ArrayRef<Joint::Result> results) {
    SmallVector<Value> arguments(reads);
    llvm::sort(arguments, [&](Value a, Value b) {
      RoleAttr roleA = readAs.lookup(a), roleB = readAs.lookup(b);
      return std::pair(getArgumentRank(roleA.getKind()), roleA.getIndex()) <
             std::pair(getArgumentRank(roleB.getKind()), roleB.getIndex());
    });
    SmallVector<Type> resultTypes;
    for (const Joint::Result &result : results)
      resultTypes.push_back(result.value.getType());

    OpBuilder builder = OpBuilder::atBlockEnd(&body.getFunctions().front());
    if (func::FuncOp evaluation = body.getEvaluation())
      builder.setInsertionPoint(evaluation);
    Location loc = body.getForward().getLoc();
    auto type = builder.getFunctionType(TypeRange(ValueRange(arguments)), resultTypes);
    auto function = func::FuncOp::create(builder, loc, name, type);
    function.setVisibility(body.getForward().getVisibility());
    builder.setInsertionPointToEnd(function.addEntryBlock());
    IRMapping mapping;
    for (auto [i, value] : llvm::enumerate(arguments)) {
      mapping.map(value, function.getArgument(i));
      function.setArgAttr(i, dualpipe::kRoleAttr, readAs.lookup(value));
    }
    for (Operation *op : operations)
      builder.clone(*op, mapping);
    SmallVector<Value> operands;
    for (auto [i, result] : llvm::enumerate(results)) {
      operands.push_back(mapping.lookup(result.value));
      function.setResultAttr(i, dualpipe::kRoleAttr, result.role);
    }
    func::ReturnOp::create(builder, loc, operands);
  }

  // The forward's operations stay as they are; only what it keeps changes.
  void writeForward() {
    func::FuncOp forward = body.getForward();
    Operation *terminator = forward.getBody().front().getTerminator();
    SmallVector<Value> operands;
    llvm::BitVector erased(forward.getNumResults());
    for (unsigned i = 0, e = forward.getNumResults(); i != e; ++i) {
      if (dualpipe::getResultRole(forward, i).getKind() == RoleKind::Kept)
        erased.set(i);
      else
        operands.push_back(terminator->getOperand(i));
    }
    [[maybe_unused]] LogicalResult changed = forward.eraseResults(erased);
    assert(succeeded(changed));
    Builder builder(body.getContext());
    for (Joint::Result &result : keptByForward) {
      operands.push_back(joint.originals.lookup(result.value));
      changed = forward.insertResult(
          forward.getNumResults(), result.value.getType(),
          builder.getDictionaryAttr(builder.getNamedAttr(dualpipe::kRoleAttr, result.role)));
      assert(succeeded(changed));
    }
    terminator->setOperands(operands);
  }
};
} // namespace

// Operations of the input half that the weight half computes again and that the
// input half itself has no use for: they are the weight half's alone.
static void moveToWeightHalf(Joint &joint, SplitPlan &plan) {
  llvm::DenseSet<Operation *> inWeight(plan.recomputedInWeight.begin(),
                                       plan.recomputedInWeight.end());
  for (Operation *op : joint.getOperations(Part::Weight))
    inWeight.insert(op);
  llvm::DenseSet<Operation *> needed;
  auto need = [&](Value value) {
    if (Operation *op = value.getDefiningOp())
      needed.insert(op);
  };
  for (const Joint::Result &result : joint.inputResults)
    need(result.value);
  for (Operation *op : inWeight)
    for (Value operand : op->getOperands())
      if (!inWeight.contains(operand.getDefiningOp()))
        need(operand);
  SmallVector<Operation *> inInput = joint.getOperations(Part::Input);
  for (Operation *op : llvm::reverse(inInput)) {
    if (needed.contains(op)) {
      llvm::for_each(op->getOperands(), need);
    } else if (inWeight.contains(op)) {
      joint.parts[op] = Part::Weight;
      llvm::erase(plan.recomputedInWeight, op);
    }
  }
  // What was computed again for these only goes with them.
  SmallVector<Operation *> recomputed;
  for (Operation *op : llvm::reverse(plan.recomputedInInput))
    if (needed.contains(op)) {
      llvm::for_each(op->getOperands(), need);
      recomputed.push_back(op);
    }
  plan.recomputedInInput.assign(recomputed.rbegin(), recomputed.rend());
}

void dpc::autodiff::split(Joint &joint, const SplitPlan &chosen, dualpipe::BodyOp body) {
  SplitPlan plan = chosen;
  moveToWeightHalf(joint, plan);
  Splitter splitter(joint, body);
  SmallVector<Value> inputReads = joint.getReads(Part::Input, plan.recomputedInInput);
  SmallVector<Value> weightReads = joint.getReads(Part::Weight, plan.recomputedInWeight);

  llvm::DenseSet<Operation *> inInput(plan.recomputedInInput.begin(), plan.recomputedInInput.end());
  for (Value value : inputReads)
    if (!splitter.readAs.contains(value))
      splitter.keep(value, splitter.keptByForward);
  for (Value value : weightReads) {
    if (splitter.readAs.contains(value))
      continue;
    Operation *op = value.getDefiningOp();
    bool madeByInput = joint.parts.lookup(op) == Part::Input || inInput.contains(op);
    splitter.keep(value, madeByInput ? splitter.keptByInput : splitter.keptByForward);
  }

  if (func::FuncOp half = body.getInputHalf())
    half.erase();
  if (func::FuncOp half = body.getWeightHalf())
    half.erase();
  splitter.writeForward();

  auto operationsOf = [&](Part part, ArrayRef<Operation *> recomputed) {
    SmallVector<Operation *> operations(recomputed);
    llvm::append_range(operations, joint.getOperations(part));
    llvm::sort(operations, [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
    return operations;
  };
  SmallVector<Joint::Result> inputResults(joint.inputResults);
  llvm::append_range(inputResults, splitter.keptByInput);
  if (!inputResults.empty())
    splitter.write(dualpipe::kInputHalf, operationsOf(Part::Input, plan.recomputedInInput),
                   inputReads, inputResults);
  if (!joint.weightResults.empty())
    splitter.write(dualpipe::kWeightHalf, operationsOf(Part::Weight, plan.recomputedInWeight),
                   weightReads, joint.weightResults);
}
