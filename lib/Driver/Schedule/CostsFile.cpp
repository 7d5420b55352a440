// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The costs of a model, as the schedule library knows costs.
#include "dpc/Driver/Schedule/CostsFile.h"

#include "Subcommands.h"
#include "session/ModelCosts.h"

#include "dpc/Schedule/core/CostText.h"
#include "dpc/Schedule/core/Spread.h"

namespace dpc::schedule {

Result<Costs> readModelCosts(const std::string &path, const std::string &flag) {
  dpcrt::ModelCosts model;
  if (dpcrt::Status s = dpcrt::loadModelCosts(path, model); !s.ok())
    return Result<Costs>::failure(flag + ": " + s.message());
  Costs costs;
  for (const dpcrt::ModelCosts::Stage &stage : model.stages)
    costs.stages.push_back({stage.forward, stage.input, stage.weight, stage.outputBytes,
                            stage.gradientBytes, stage.activationBytes, stage.weightBytes});
  costs.pairs = model.pairs;
  if (model.link) {
    costs.links = {{model.link->latency, model.link->bandwidth}};
    costs.comm = model.link->latency;
  }
  // Without times of pairs a pair gains nothing.
  costs.pair = costs.forward + costs.input + costs.weight;
  return costs;
}

Result<Costs> modelCosts(const Flags &flags) {
  return flags.costsFrom.empty() ? parseCosts(flags.costs) : readModelCosts(flags.costsFrom);
}

Result<Costs> costsOf(const Flags &flags, const Table &table) {
  if (flags.costsFrom.empty())
    return parseCosts(flags.costs, flags.link, table);
  Result<Costs> costs = readModelCosts(flags.costsFrom);
  if (!costs.ok())
    return costs;
  if (!flags.link.empty()) {
    Result<Costs> link = parseCosts("", flags.link, table);
    if (!link.ok())
      return link;
    costs->links = link->links;
  }
  return spread(*costs, table.ranks, table.stages);
}

Result<Costs> plannedCosts(const Flags &flags, const Table &table) {
  Result<Costs> costs = readModelCosts(flags.plannedFrom, "--planned-from");
  return costs.ok() ? Result<Costs>(spread(*costs, table.ranks, table.stages)) : costs;
}

} // namespace dpc::schedule
