// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which stages bind a body, and what its parameters are called.
#include "dpc/Autodiff/Autodiff.h"

using namespace mlir;
using namespace dpc;
using namespace dpc::autodiff;

StageIndex::StageIndex(ModuleOp module) : module(module) {
  SymbolTable symbols(module);
  for (auto stage : module.getOps<dualpipe::StageOp>())
    if (auto body = symbols.lookup<dualpipe::BodyOp>(stage.getBody()))
      stages[body].push_back(stage);
}

ArrayRef<dualpipe::StageOp> StageIndex::getStages(dualpipe::BodyOp body) const {
  auto it = stages.find(body);
  return it == stages.end() ? ArrayRef<dualpipe::StageOp>()
                            : ArrayRef<dualpipe::StageOp>(it->second);
}

nn::ParameterOp StageIndex::getParameter(dualpipe::BodyOp body, unsigned index) const {
  ArrayRef<dualpipe::StageOp> binding = getStages(body);
  if (binding.empty())
    return {};
  dualpipe::StageOp first = binding.front();
  if (index >= first.getParams().size())
    return {};
  auto name = dyn_cast<FlatSymbolRefAttr>(first.getParams()[index]);
  return name ? SymbolTable::lookupNearestSymbolFrom<nn::ParameterOp>(module, name)
              : nn::ParameterOp();
}
