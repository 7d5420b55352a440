// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reverse-mode differentiation of a body. Gradients are built only along active
// paths: through values that depend on something that needs a gradient and that
// reach the loss or an output whose gradient comes. Contributions to one value are
// added from its last reader to its first; what other stages send counts as last.
#include "dpc/Autodiff/Autodiff.h"
#include "dpc/Autodiff/Joint.h"
#include "dpc/Dialect/NN/Builders.h"
#include "dpc/Dialect/NN/Location.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/DenseSet.h"

using namespace mlir;
using namespace dpc;
using namespace dpc::autodiff;
using dualpipe::RoleAttr;
using dualpipe::RoleKind;

namespace {
bool isFloat(Value value) { return isa<FloatType>(getElementTypeOrSelf(value.getType())); }

bool isDifferentiable(Operation *op, unsigned operand) {
  auto derivative = dyn_cast<nn::DifferentiableOpInterface>(op);
  // An operation without a derivative counts as depending on all its operands,
  // so that it is reported and not passed over.
  return derivative ? derivative.isDifferentiableOperand(operand)
                    : isFloat(op->getOperand(operand));
}

class ReverseMode {
public:
  ReverseMode(Joint &joint, dualpipe::BodyOp body, const StageIndex &stages)
      : joint(joint), body(body), forward(body.getForward()), stages(stages) {}

  LogicalResult run() {
    findVaried();
    if (failed(findActive()))
      return failure();
    OpBuilder builder(joint.getBlock().getTerminator());
    seed(builder);
    if (failed(propagate(builder)))
      return failure();
    collect(builder);
    assignParts();
    return success();
  }

private:
  Joint &joint;
  dualpipe::BodyOp body;
  func::FuncOp forward;
  const StageIndex &stages;
  // Only ever looked up in, never iterated over.
  llvm::DenseSet<Value> varied, active, weightLike;
  llvm::DenseMap<Value, Value> gradients;
  SmallVector<Value> activationGradients;

  // Values that depend on a trained parameter or on an input that needs a
  // gradient, and values that depend on parameters and constants only.
  void findVaried() {
    for (auto [i, argument] : llvm::enumerate(joint.getBlock().getArguments())) {
      RoleKind kind = joint.roles[i].getKind();
      if (kind == RoleKind::Param)
        weightLike.insert(argument);
      if ((kind == RoleKind::Param || kind == RoleKind::Input) && isFloat(argument) &&
          !forward.getArgAttr(i, dualpipe::kFrozenAttr))
        varied.insert(argument);
    }
    for (Operation &op : joint.getBlock().without_terminator()) {
      if (llvm::all_of(op.getOperands(),
                       [&](Value operand) { return weightLike.contains(operand); }))
        weightLike.insert_range(op.getResults());
      if (op.hasTrait<nn::InactiveOp>())
        continue;
      bool depends = false;
      for (OpOperand &operand : op.getOpOperands())
        depends |=
            varied.contains(operand.get()) && isDifferentiable(&op, operand.getOperandNumber());
      for (Value result : op.getResults())
        if (depends && isFloat(result))
          varied.insert(result);
    }
  }

  bool needsGradient(unsigned result, const Joint::Result &r) {
    bool source = r.role.getKind() == RoleKind::Loss ||
                  (r.role.getKind() == RoleKind::Output &&
                   !forward.getResultAttr(result, dualpipe::kFrozenAttr));
    return source && varied.contains(r.value);
  }

  LogicalResult findActive() {
    for (auto [i, result] : llvm::enumerate(joint.forwardResults))
      if (needsGradient(i, result))
        active.insert(result.value);
    bool complete = true;
    for (Operation &op : llvm::reverse(joint.getBlock().without_terminator())) {
      if (llvm::none_of(op.getResults(), [&](Value result) { return active.contains(result); }))
        continue;
      if (!isa<nn::DifferentiableOpInterface>(op)) {
        reportMissing(&op);
        complete = false;
      }
      for (OpOperand &operand : op.getOpOperands())
        if (varied.contains(operand.get()) && isDifferentiable(&op, operand.getOperandNumber()))
          active.insert(operand.get());
    }
    return success(complete);
  }

  // Where the need for a gradient comes from: a parameter if there is one.
  BlockArgument findOrigin(Operation *op) {
    SmallVector<Value> worklist(op->getOperands());
    llvm::DenseSet<Value> seen;
    BlockArgument origin;
    while (!worklist.empty()) {
      Value value = worklist.pop_back_val();
      if (!varied.contains(value) || !seen.insert(value).second)
        continue;
      if (Operation *producer = value.getDefiningOp()) {
        llvm::append_range(worklist, producer->getOperands());
        continue;
      }
      auto argument = cast<BlockArgument>(value);
      if (!origin || joint.roles[argument.getArgNumber()].getKind() == RoleKind::Param)
        origin = argument;
    }
    return origin;
  }

  void reportMissing(Operation *op) {
    InFlightDiagnostic diagnostic = emitError(op->getLoc());
    if (std::string node = nn::getNodeName(op->getLoc()); !node.empty())
      diagnostic << "node '" << node << "': ";
    diagnostic << "'" << op->getName()
               << "' has no derivative, and a gradient has to flow through it";
    BlockArgument origin = findOrigin(op);
    RoleAttr role = joint.roles[origin.getArgNumber()];
    if (role.getKind() != RoleKind::Param) {
      diagnostic.attachNote(forward.getLoc()) << "the gradient of input " << role.getIndex()
                                              << " of body '" << body.getSymName() << "' needs it";
      return;
    }
    if (nn::ParameterOp parameter = stages.getParameter(body, role.getIndex()))
      diagnostic.attachNote(parameter.getLoc())
          << "the gradient of the trained parameter '" << parameter.getSymName() << "' needs it";
    else
      diagnostic.attachNote(forward.getLoc()) << "the gradient of parameter " << role.getIndex()
                                              << " of body '" << body.getSymName() << "' needs it";
  }

  // Contributions to a value of 16 bits are summed in f32 and rounded once, where the
  // sum is read.
  void accumulate(OpBuilder &builder, Value value, Value contribution) {
    assert(contribution.getType() == value.getType() && "a gradient has its value's type");
    Value &sum = gradients[value];
    if (!sum) {
      sum = contribution;
      return;
    }
    Location loc = nn::getGradLoc(value.getLoc());
    if (nn::isHalf(value)) {
      sum = isParameter(value) ? unround(builder, sum) : asF32(builder, sum);
      contribution =
          isParameter(value) ? unround(builder, contribution) : asF32(builder, contribution);
    }
    sum = nn::AddOp::create(builder, loc, sum, contribution);
  }

  bool isParameter(Value value) {
    auto argument = dyn_cast<BlockArgument>(value);
    return argument && joint.roles[argument.getArgNumber()].getKind() == RoleKind::Param;
  }

  // The value in f32; what it was before it was rounded, if a cast did that.
  Value asF32(OpBuilder &builder, Value value) {
    if (!nn::isHalf(value))
      return value;
    if (auto cast = value.getDefiningOp<nn::CastOp>();
        cast && nn::getTensorType(cast.getOperand()).getElementType().isF32())
      return cast.getOperand();
    return nn::createCast(builder, value.getLoc(), value, builder.getF32Type());
  }

  // The sum for a value, in the value's type; null if nothing contributes.
  Value readGradient(OpBuilder &builder, Value value) {
    auto it = gradients.find(value);
    if (it == gradients.end())
      return {};
    it->second = nn::createCast(builder, it->second.getLoc(), it->second,
                                nn::getTensorType(value).getElementType());
    return it->second;
  }

  // Of a parameter of 16 bits, the gradient of its master: in f32, and no sum in it
  // was rounded.
  Value readParameterGradient(OpBuilder &builder, Value parameter) {
    Value gradient = gradients.lookup(parameter);
    return gradient ? unround(builder, gradient) : gradient;
  }
  Value unround(OpBuilder &builder, Value value) {
    if (!nn::isHalf(value))
      return value;
    Operation *op = value.getDefiningOp();
    if (!op || isa<nn::CastOp>(op))
      return asF32(builder, value);
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPoint(op);
    auto precise = dyn_cast<nn::PrecisionOpInterface>(op);
    if (Value wide = precise ? precise.buildUnrounded(builder) : Value())
      return wide;
    if (op->hasTrait<nn::MovesElementsOp>() && op->getNumOperands() == 1) {
      Value operand = unround(builder, op->getOperand(0));
      builder.setInsertionPoint(op);
      Operation *wide = builder.clone(*op);
      wide->setOperand(0, operand);
      wide->getResult(0).setType(nn::getTensorType(value).clone(builder.getF32Type()));
      nn::convertScalars(wide, builder.getF32Type());
      return wide->getResult(0);
    }
    builder.setInsertionPointAfter(op);
    return asF32(builder, value);
  }

  // Output gradients come from other stages; the loss's own is den * loss scale.
  void seed(OpBuilder &builder) {
    MLIRContext *context = body.getContext();
    for (auto [i, result] : llvm::enumerate(joint.forwardResults)) {
      if (!needsGradient(i, result) || result.role.getKind() != RoleKind::Output)
        continue;
      auto role = RoleAttr::get(context, RoleKind::OutputGrad, result.role.getIndex());
      accumulate(builder, result.value, joint.addArgument(role, result.value.getType()));
    }
    for (auto [i, result] : llvm::enumerate(joint.forwardResults)) {
      if (!needsGradient(i, result) || result.role.getKind() != RoleKind::Loss)
        continue;
      auto scalar = RankedTensorType::get({}, builder.getF32Type());
      Value scale = joint.addArgument(RoleAttr::get(context, RoleKind::LossScale, 0), scalar);
      RankedTensorType type = nn::getTensorType(result.value);
      Location loc = nn::getGradLoc(result.value.getLoc());
      Value gradient = nn::createCast(builder, loc, scale, type.getElementType());
      gradient = nn::createReshape(builder, loc, gradient, type.getShape());
      if (Value den = getVaryingDen()) {
        den = nn::createCast(builder, loc, den, type.getElementType());
        den = nn::createReshape(builder, loc, den, type.getShape());
        gradient = nn::MulOp::create(builder, loc, den, gradient);
      }
      accumulate(builder, result.value, gradient);
    }
  }

  // The denominator; null where it is the constant 1 (mean and sum weighting).
  Value getVaryingDen() {
    for (Joint::Result &result : joint.forwardResults) {
      if (result.role.getKind() != RoleKind::Den)
        continue;
      DenseElementsAttr constant;
      if (matchPattern(result.value, m_Constant(&constant)) && constant.isSplat() &&
          isa<FloatType>(constant.getElementType()) &&
          constant.getSplatValue<APFloat>().isExactlyValue(1.0))
        return {};
      return result.value;
    }
    return {};
  }

  LogicalResult propagate(OpBuilder &builder) {
    SmallVector<Operation *> operations = joint.getOperations(Part::Forward);
    for (Operation *op : llvm::reverse(operations)) {
      SmallVector<Value> resultGradients;
      for (Value result : op->getResults()) {
        Value gradient = active.contains(result) ? readGradient(builder, result) : Value();
        resultGradients.push_back(gradient);
        if (gradient && !weightLike.contains(result))
          activationGradients.push_back(gradient);
      }
      if (llvm::none_of(resultGradients, [](Value gradient) { return !!gradient; }))
        continue;
      SmallVector<bool> needed;
      for (OpOperand &operand : op->getOpOperands())
        needed.push_back(active.contains(operand.get()) &&
                         isDifferentiable(op, operand.getOperandNumber()));
      SmallVector<Value> operandGradients(op->getNumOperands());
      if (failed(cast<nn::DifferentiableOpInterface>(op).buildBackward(builder, resultGradients,
                                                                       needed, operandGradients)))
        return failure();
      for (unsigned i = op->getNumOperands(); i-- > 0;)
        if (needed[i] && operandGradients[i])
          accumulate(builder, op->getOperand(i), operandGradients[i]);
    }
    return success();
  }

  void collect(OpBuilder &builder) {
    unsigned count = forward.getNumArguments();
    for (unsigned i = 0; i < count; ++i) {
      Value argument = joint.getBlock().getArgument(i);
      if (!varied.contains(argument))
        continue;
      unsigned index = joint.roles[i].getIndex();
      bool isParameter = joint.roles[i].getKind() == RoleKind::Param;
      Value gradient =
          isParameter ? readParameterGradient(builder, argument) : readGradient(builder, argument);
      if (isParameter) {
        if (gradient)
          joint.weightResults.push_back(
              {gradient, RoleAttr::get(body.getContext(), RoleKind::ParamGrad, index)});
        continue;
      }
      // The producing stage waits for a gradient, even if it is zero here.
      if (!gradient)
        gradient =
            nn::createSplat(builder, nn::getGradLoc(argument.getLoc()), argument.getType(), 0);
      activationGradients.push_back(gradient);
      joint.inputResults.push_back(
          {gradient, RoleAttr::get(body.getContext(), RoleKind::InputGrad, index)});
    }
  }

  // The input half is what gradients of activations are computed from, the weight
  // half all the rest. What neither result needs is erased.
  void assignParts() {
    llvm::DenseSet<Operation *> live, input;
    auto mark = [&](llvm::DenseSet<Operation *> &set, ArrayRef<Value> roots) {
      SmallVector<Value> worklist(roots);
      while (!worklist.empty()) {
        Operation *op = worklist.pop_back_val().getDefiningOp();
        if (op && !joint.parts.contains(op) && set.insert(op).second)
          llvm::append_range(worklist, op->getOperands());
      }
    };
    SmallVector<Value> results;
    for (Joint::Result &result :
         llvm::concat<Joint::Result>(joint.inputResults, joint.weightResults))
      results.push_back(result.value);
    mark(live, results);
    mark(input, activationGradients);
    SmallVector<Operation *> dead;
    for (Operation &op : joint.getBlock().without_terminator()) {
      if (joint.parts.contains(&op))
        continue;
      if (live.contains(&op))
        joint.parts[&op] = input.contains(&op) ? Part::Input : Part::Weight;
      else
        dead.push_back(&op);
    }
    for (Operation *op : llvm::reverse(dead))
      op->erase();
    moveInputFirst();
  }

  // Forward, input half, weight half: in this order within the block.
  void moveInputFirst() {
    Operation *terminator = joint.getBlock().getTerminator();
    for (Operation *op : joint.getOperations(Part::Weight))
      op->moveBefore(terminator);
  }
};
} // namespace

LogicalResult dpc::autodiff::differentiate(dualpipe::BodyOp body, const StageIndex &stages) {
  if (body.getInputHalf() || body.getWeightHalf())
    return body.emitOpError() << "has halves already";
  Joint joint = join(body);
  // Derivatives of collectives ask the module for the mesh.
  body.getFunctions().front().push_back(joint.function.get());
  LogicalResult result = ReverseMode(joint, body, stages).run();
  joint.function.get()->remove();
  if (failed(result))
    return failure();
  split(joint, SplitPlan(), body);
  return success();
}
