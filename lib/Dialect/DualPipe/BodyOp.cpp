// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What makes a body well formed: its functions' signatures fit together, and
// every kept value is made once and read later.
#include "dpc/Dialect/DualPipe/DualPipe.h"
#include "dpc/Dialect/NN/Builders.h"

#include <map>
#include <set>

using namespace mlir;
using namespace dpc::dualpipe;

func::FuncOp BodyOp::getForward() { return lookupSymbol<func::FuncOp>(kForward); }
func::FuncOp BodyOp::getInputHalf() { return lookupSymbol<func::FuncOp>(kInputHalf); }
func::FuncOp BodyOp::getWeightHalf() { return lookupSymbol<func::FuncOp>(kWeightHalf); }
func::FuncOp BodyOp::getEvaluation() { return lookupSymbol<func::FuncOp>(kEvaluation); }

namespace {
using Key = std::pair<RoleKind, unsigned>;

// Types of every role seen so far; the same role has the same type everywhere.
// A gradient has the type of what it is the gradient of, or, of a parameter of 16-bit
// floats, f32: that of its master.
struct Signature {
  std::map<Key, Type> types;

  static Key canonical(RoleAttr role) {
    switch (role.getKind()) {
    case RoleKind::OutputGrad:
      return {RoleKind::Output, role.getIndex()};
    case RoleKind::InputGrad:
      return {RoleKind::Input, role.getIndex()};
    case RoleKind::ParamGrad:
    case RoleKind::Accumulator:
      return {RoleKind::Param, role.getIndex()};
    default:
      return {role.getKind(), role.getIndex()};
    }
  }

  static bool isMaster(Type sum, Type parameter) {
    auto wide = dyn_cast<RankedTensorType>(sum), computed = dyn_cast<RankedTensorType>(parameter);
    return wide && computed && dpc::nn::isUnrounded(wide, computed);
  }

  // There is one of it in a body.
  static bool isSingle(RoleKind kind) {
    return kind == RoleKind::Loss || kind == RoleKind::Den || kind == RoleKind::Fault ||
           kind == RoleKind::LossScale || kind == RoleKind::Key;
  }

  LogicalResult add(func::FuncOp function, RoleAttr role, Type type, StringRef what,
                    unsigned index) {
    if (!role)
      return function.emitOpError() << what << " #" << index << " has no `" << kRoleAttr << "`";
    if (isSingle(role.getKind()) && role.getIndex() != 0)
      return function.emitOpError()
             << what << " #" << index << " is " << role << ", but a body has one "
             << stringifyRoleKind(role.getKind()) << ", whose number is 0";
    auto [it, isNew] = types.try_emplace(canonical(role), type);
    bool isSum = role.getKind() == RoleKind::ParamGrad || role.getKind() == RoleKind::Accumulator;
    if (!isNew && it->second != type && !(isSum && isMaster(type, it->second)))
      return function.emitOpError()
             << what << " #" << index << " is " << role << " of type " << type << ", which is "
             << it->second << " elsewhere in the body";
    return success();
  }
};

// Inputs, feeds, parameters and outputs are numbered without gaps, since a stage binds
// them by position; `roles` are those of @forward and @evaluation together.
LogicalResult verifyNumbers(BodyOp body, const std::set<Key> &roles) {
  for (auto [kind, index] : roles) {
    bool isBound = kind == RoleKind::Input || kind == RoleKind::Feed || kind == RoleKind::Param ||
                   kind == RoleKind::Output || kind == RoleKind::GraphOutput;
    if (isBound && index > 0 && !roles.count({kind, index - 1}))
      return body.getForward().emitOpError()
             << "has " << stringifyRoleKind(kind) << " " << index << ", but no "
             << stringifyRoleKind(kind) << " " << index - 1;
  }
  return success();
}

// What a half reads or makes besides kept values belongs to something of @forward.
LogicalResult verifyBelongs(func::FuncOp half, RoleAttr role, const std::set<Key> &forward) {
  RoleKind kind = role.getKind();
  if (kind == RoleKind::Kept || kind == RoleKind::Key)
    return success();
  Key owner = kind == RoleKind::LossScale ? Key{RoleKind::Loss, 0} : Signature::canonical(role);
  if (!forward.count(owner))
    return half.emitOpError() << "has " << role << ", but @" << kForward << " has no "
                              << stringifyRoleKind(owner.first) << " " << owner.second;
  return success();
}

// A result of a forward that later stages and the host want, in training or without.
bool isForAll(RoleKind kind) {
  return kind == RoleKind::Output || kind == RoleKind::Loss || kind == RoleKind::Den ||
         kind == RoleKind::Fault;
}

// It reads what a forward may read, and makes all that later stages and the host
// want of one. A value that only evaluation sends on is none of @forward's.
LogicalResult verifyEvaluation(func::FuncOp evaluation, Signature &signature,
                               const std::set<Key> &forward, std::set<Key> &roles) {
  std::set<Key> results;
  for (unsigned i = 0; i < evaluation.getNumArguments(); ++i) {
    RoleAttr role = getArgRole(evaluation, i);
    if (failed(signature.add(evaluation, role, evaluation.getArgument(i).getType(), "argument", i)))
      return failure();
    RoleKind kind = role.getKind();
    if (kind != RoleKind::Input && kind != RoleKind::Feed && kind != RoleKind::Param &&
        kind != RoleKind::Key)
      return evaluation.emitOpError() << "cannot have an argument that is " << role;
    if (!roles.insert({kind, role.getIndex()}).second)
      return evaluation.emitOpError() << "has two arguments that are " << role;
  }
  for (unsigned i = 0; i < evaluation.getNumResults(); ++i) {
    RoleAttr role = getResultRole(evaluation, i);
    if (failed(signature.add(evaluation, role, evaluation.getResultTypes()[i], "result", i)))
      return failure();
    RoleKind kind = role.getKind();
    if (!isForAll(kind) && kind != RoleKind::GraphOutput)
      return evaluation.emitOpError() << "cannot have a result that is " << role;
    if (!results.insert({kind, role.getIndex()}).second)
      return evaluation.emitOpError() << "has two results that are " << role;
  }
  for (auto [kind, index] : forward)
    if (isForAll(kind) && !results.count({kind, index}))
      return evaluation.emitOpError() << "does not make " << stringifyRoleKind(kind) << " " << index
                                      << ", which @" << kForward << " makes";
  roles.merge(results);
  return success();
}

} // namespace

LogicalResult BodyOp::verifyRegions() {
  for (Operation &op : getFunctions().front()) {
    auto function = dyn_cast<func::FuncOp>(op);
    if (!function)
      return op.emitOpError() << "is in a body, where only functions are allowed";
    if (function.getName() != kForward && function.getName() != kInputHalf &&
        function.getName() != kWeightHalf && function.getName() != kEvaluation)
      return function.emitOpError() << "is in a body, whose functions are @forward, @input_half, "
                                       "@weight_half and @evaluation";
    if (!function.getBody().hasOneBlock())
      return function.emitOpError()
             << "must be one block of operations, has " << function.getBody().getBlocks().size();
  }
  if (!getForward())
    return emitOpError() << "has no @forward";

  Signature signature;
  std::set<Key> ofForward; // roles of its arguments and results
  std::map<Key, func::FuncOp> made, read;
  for (func::FuncOp function : {getForward(), getInputHalf(), getWeightHalf()}) {
    if (!function)
      continue;
    bool forward = function == getForward();
    std::set<Key> here;
    for (unsigned i = 0; i < function.getNumArguments(); ++i) {
      RoleAttr role = getArgRole(function, i);
      if (failed(signature.add(function, role, function.getArgument(i).getType(), "argument", i)))
        return failure();
      Key key{role.getKind(), role.getIndex()};
      if (!here.insert(key).second)
        return function.emitOpError() << "has two arguments that are " << role;
      bool legal = role.getKind() == RoleKind::Input || role.getKind() == RoleKind::Feed ||
                   role.getKind() == RoleKind::Param || role.getKind() == RoleKind::Key;
      if (!forward)
        legal |= role.getKind() == RoleKind::OutputGrad || role.getKind() == RoleKind::Den ||
                 role.getKind() == RoleKind::LossScale || role.getKind() == RoleKind::Kept ||
                 role.getKind() == RoleKind::Output;
      if (function == getWeightHalf())
        legal |= role.getKind() == RoleKind::Accumulator;
      if (!legal)
        return function.emitOpError() << "cannot have an argument that is " << role;
      if (!forward && failed(verifyBelongs(function, role, ofForward)))
        return failure();
      if (role.getKind() == RoleKind::Kept) {
        if (!made.count(key))
          return function.emitOpError()
                 << "reads " << role << ", which no earlier function of the body makes";
        read[key] = function;
      }
    }
    std::set<Key> arguments = std::move(here);
    here.clear();
    for (unsigned i = 0; i < function.getNumResults(); ++i) {
      RoleAttr role = getResultRole(function, i);
      if (failed(signature.add(function, role, function.getResultTypes()[i], "result", i)))
        return failure();
      Key key{role.getKind(), role.getIndex()};
      if (!here.insert(key).second)
        return function.emitOpError() << "has two results that are " << role;
      bool legal = role.getKind() == RoleKind::Kept && function != getWeightHalf();
      if (forward)
        legal |= isForAll(role.getKind()) ||
                 (role.getKind() == RoleKind::GraphOutput && !getEvaluation());
      legal |= function == getInputHalf() && role.getKind() == RoleKind::InputGrad;
      legal |= function == getWeightHalf() && role.getKind() == RoleKind::ParamGrad;
      if (!legal)
        return function.emitOpError() << "cannot have a result that is " << role;
      if (!forward && failed(verifyBelongs(function, role, ofForward)))
        return failure();
      if (role.getKind() == RoleKind::Kept && !made.try_emplace(key, function).second)
        return function.emitOpError() << "makes " << role << " again";
    }
    for (auto [kind, index] : arguments)
      if (kind == RoleKind::Accumulator && !here.count({RoleKind::ParamGrad, index}))
        return function.emitOpError()
               << "takes accumulator " << index << ", but makes no param_grad " << index;
    if (forward) {
      ofForward.insert(arguments.begin(), arguments.end());
      ofForward.insert(here.begin(), here.end());
    }
  }
  std::set<Key> bound;
  if (func::FuncOp evaluation = getEvaluation())
    if (failed(verifyEvaluation(evaluation, signature, ofForward, bound)))
      return failure();
  bound.insert(ofForward.begin(), ofForward.end());
  if (failed(verifyNumbers(*this, bound)))
    return failure();
  for (auto &[key, function] : made)
    if (!read.count(key))
      return function.emitOpError()
             << "makes " << RoleAttr::get(getContext(), key.first, key.second)
             << ", which no later function of the body reads";
  return success();
}
