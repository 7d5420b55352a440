// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See Mesh.h.
#include "Mesh.h"

#include "dpc/Dialect/NN/Collectives.h"
#include "session/Manifest.h"

using namespace mlir;

namespace dpc::driver {
namespace {

constexpr llvm::StringLiteral kMeshAttr = "nn.mesh";

/// The size that the module says of an axis; none if it says nothing of the axis.
std::optional<unsigned> sizeIn(ModuleOp module, StringRef axis) {
  auto mesh = module->getAttrOfType<DictionaryAttr>(kMeshAttr);
  auto size = mesh ? mesh.getAs<IntegerAttr>(axis) : IntegerAttr();
  return size ? std::optional<unsigned>(size.getInt()) : std::nullopt;
}

void setSize(ModuleOp module, StringRef axis, unsigned size) {
  NamedAttrList mesh(module->getAttrOfType<DictionaryAttr>(kMeshAttr));
  mesh.set(axis, Builder(module.getContext()).getI64IntegerAttr(size));
  module->setAttr(kMeshAttr, mesh.getDictionary(module.getContext()));
}

bool communicatesOverExperts(ModuleOp module) {
  return module
      ->walk([](Operation *op) {
        return nn::isCollective(op) && nn::getGroup(op) == "ep" ? WalkResult::interrupt()
                                                                : WalkResult::advance();
      })
      .wasInterrupted();
}

std::string flag(StringRef axis, unsigned size) {
  return "--" + axis.str() + " " + std::to_string(size);
}

} // namespace

std::string settleMesh(ModuleOp module, CompileOptions &options, bool hasPrograms) {
  for (auto [axis, asked] : {std::pair("dp", &options.dp), std::pair("ep", &options.ep)}) {
    std::optional<unsigned> said = sizeIn(module, axis);
    if (!said && hasPrograms)
      said = 1;
    if (asked->has_value() && said && **asked != *said)
      return flag(axis, **asked) + ": '" + options.input + "' is for a mesh with " + axis + " = " +
             std::to_string(*said);
    *asked = said ? said : *asked;
  }
  if (options.ep && !sizeIn(module, "ep")) {
    if (communicatesOverExperts(module))
      setSize(module, "ep", *options.ep);
    else if (*options.ep > 1)
      return flag("ep", *options.ep) + ": '" + options.input +
             "' has no collectives over ep, and layers of experts are not recognised in a graph; "
             "they are written as IR";
  }
  if (options.dp.value_or(1) > 1 && !sizeIn(module, "dp")) {
    // A mesh that says nothing of an axis gives it one rank.
    if (!module->hasAttr(kMeshAttr) && communicatesOverExperts(module))
      return flag("dp", *options.dp) + ": '" + options.input +
             "' communicates over ep, whose size neither it nor --ep says";
    setSize(module, "dp", *options.dp);
  }
  constexpr uint64_t maxRanks = dpcrt::Manifest::maxRanks,
                     maxMicroBatches = dpcrt::Manifest::maxMicroBatches;
  const uint64_t dp = options.dp.value_or(1), ep = options.ep.value_or(1);
  if (dp * ep > 1 && dp * ep * options.ranks > maxRanks)
    return "--pp " + std::to_string(options.ranks) + ", dp " + std::to_string(dp) + " and ep " +
           std::to_string(ep) + " make " + std::to_string(dp * ep * options.ranks) +
           " ranks; a run has at most " + std::to_string(maxRanks);
  if (dp * options.microBatches > maxMicroBatches)
    return "--micro-batches " + std::to_string(options.microBatches) + " in each of " +
           std::to_string(dp) + " replicas are more than the " + std::to_string(maxMicroBatches) +
           " that a step may have";
  return "";
}

unsigned replicasOf(const CompileOptions &options) {
  return options.dp.value_or(1) * options.ep.value_or(1);
}

} // namespace dpc::driver
