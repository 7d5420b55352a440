// What makes a body well formed: its functions' signatures fit together, and
// every kept value is made once and read later.
#include "dpc/Dialect/DualPipe/DualPipe.h"

#include <map>
#include <set>

using namespace mlir;
using namespace dpc::dualpipe;

func::FuncOp BodyOp::getForward() { return lookupSymbol<func::FuncOp>(kForward); }
func::FuncOp BodyOp::getInputHalf() { return lookupSymbol<func::FuncOp>(kInputHalf); }
func::FuncOp BodyOp::getWeightHalf() { return lookupSymbol<func::FuncOp>(kWeightHalf); }

namespace {
using Key = std::pair<RoleKind, unsigned>;

// Types of every role seen so far; the same role has the same type everywhere.
// A gradient has the type of what it is the gradient of.
struct Signature {
  std::map<Key, Type> types;

  static Key canonical(RoleAttr role) {
    switch (role.getKind()) {
    case RoleKind::OutputGrad: return {RoleKind::Output, role.getIndex()};
    case RoleKind::InputGrad: return {RoleKind::Input, role.getIndex()};
    case RoleKind::ParamGrad:
    case RoleKind::Accumulator: return {RoleKind::Param, role.getIndex()};
    default: return {role.getKind(), role.getIndex()};
    }
  }

  LogicalResult add(func::FuncOp function, RoleAttr role, Type type, StringRef what, unsigned index) {
    if (!role)
      return function.emitOpError() << what << " #" << index << " has no `" << kRoleAttr << "`";
    auto [it, isNew] = types.try_emplace(canonical(role), type);
    if (!isNew && it->second != type)
      return function.emitOpError() << what << " #" << index << " is " << role << " of type " << type << ", which is "
                                    << it->second << " elsewhere in the body";
    return success();
  }
};

} // namespace

LogicalResult BodyOp::verifyRegions() {
  for (Operation &op : getFunctions().front()) {
    auto function = dyn_cast<func::FuncOp>(op);
    if (!function)
      return op.emitOpError() << "is in a body, where only functions are allowed";
    if (function.getName() != kForward && function.getName() != kInputHalf && function.getName() != kWeightHalf)
      return function.emitOpError() << "is in a body, whose functions are @forward, @input_half and @weight_half";
  }
  if (!getForward())
    return emitOpError() << "has no @forward";

  Signature signature;
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
      if (role.getKind() == RoleKind::Kept) {
        if (!made.count(key))
          return function.emitOpError() << "reads " << role << ", which no earlier function of the body makes";
        read[key] = function;
      }
    }
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
        legal |= role.getKind() == RoleKind::Output || role.getKind() == RoleKind::Loss || role.getKind() == RoleKind::Den;
      legal |= function == getInputHalf() && role.getKind() == RoleKind::InputGrad;
      legal |= function == getWeightHalf() && role.getKind() == RoleKind::ParamGrad;
      if (!legal)
        return function.emitOpError() << "cannot have a result that is " << role;
      if (role.getKind() == RoleKind::Kept && !made.try_emplace(key, function).second)
        return function.emitOpError() << "makes " << role << " again";
    }
  }
  for (auto &[key, function] : made)
    if (!read.count(key))
      return function.emitOpError() << "makes " << RoleAttr::get(getContext(), key.first, key.second)
                                    << ", which no later function of the body reads";
  return success();
}
