// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dpc/Dialect/NN/Location.h"
#include "mlir/IR/BuiltinAttributes.h"

using namespace mlir;

std::string dpc::nn::getModulePath(Location loc) {
  if (auto named = dyn_cast<NameLoc>(loc))
    return getModulePath(named.getChildLoc());
  auto fused = dyn_cast<FusedLoc>(loc);
  if (!fused)
    return "";
  if (auto path = dyn_cast_or_null<StringAttr>(fused.getMetadata()))
    return path.str();
  for (Location part : fused.getLocations())
    if (std::string path = getModulePath(part); !path.empty())
      return path;
  return "";
}

std::string dpc::nn::getNodeName(Location loc) {
  if (auto named = dyn_cast<NameLoc>(loc)) {
    // A name around another location only says what was made of it.
    if (!isa<UnknownLoc>(named.getChildLoc()))
      return getNodeName(named.getChildLoc());
    return named.getName().str();
  }
  if (auto fused = dyn_cast<FusedLoc>(loc))
    for (Location part : fused.getLocations())
      if (std::string name = getNodeName(part); !name.empty())
        return name;
  return "";
}

std::string dpc::nn::describe(Location loc) {
  if (auto named = dyn_cast<NameLoc>(loc)) {
    std::string inner = describe(named.getChildLoc());
    return named.getName().str() + (inner.empty() ? "" : " " + inner);
  }
  if (auto fused = dyn_cast<FusedLoc>(loc))
    for (Location part : fused.getLocations())
      if (std::string words = describe(part); !words.empty())
        return words;
  if (auto call = dyn_cast<CallSiteLoc>(loc))
    return describe(call.getCallee());
  return "";
}
