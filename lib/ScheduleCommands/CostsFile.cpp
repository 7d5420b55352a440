// The costs of a model, out of the manifest of its artifact.
#include "Subcommands.h"

#include "dpc/Schedule/Spread.h"

namespace dpc::schedule {

Result<Costs> modelCosts(const Flags &flags) { return parseCosts(flags.costs); }

Result<Costs> costsOf(const Flags &flags, const Table &table) {
  if (flags.costsFrom.empty())
    return parseCosts(flags.costs, flags.link, table);
  Result<Costs> costs = modelCosts(flags);
  return costs.ok() ? spread(*costs, table.ranks, table.stages) : costs;
}

} // namespace dpc::schedule
