// `simulate`: how long a schedule takes, who waits, what is kept.
#include "Subcommands.h"

#include "dpc/Schedule/Check.h"

#include <iomanip>
#include <nlohmann/json.hpp>
#include <ostream>

namespace dpc::schedule {

int simulateCommand(const Flags &flags, std::ostream &out, std::ostream &err) {
  Result<Costs> costs = parseCosts(flags.costs);
  if (!costs.ok())
    return fail(err, costs.error(), 2);
  Result<Table> table = load(flags.source);
  if (!table.ok())
    return fail(err, table.error(), 3);
  // A file may name a task twice or never; the simulator presumes neither.
  if (std::vector<std::string> errors = check(*table); !errors.empty())
    return fail(err, errors.front(), 3);
  Result<Simulation> result = simulate(*table, *costs);
  if (!result.ok())
    return fail(err, result.error(), 3);
  if (flags.format == "json") {
    nlohmann::ordered_json json = {{"makespan", result->makespan},
                                   {"idle", result->idle},
                                   {"peak_activations", result->peakActivations},
                                   {"lower_bound", result->lowerBound}};
    out << json.dump() << "\n";
    return 0;
  }
  out << table->name << ": makespan " << result->makespan << ", no schedule with this placement is shorter than " << result->lowerBound << "\n"
      << "rank      idle   of makespan   peak activations\n";
  for (unsigned r = 0; r < table->ranks; ++r) {
    double share = result->makespan > 0 ? 100 * result->idle[r] / result->makespan : 0;
    out << std::right << std::setw(4) << r << std::setw(10) << result->idle[r] << std::setw(12) << std::fixed << std::setprecision(1) << share << " %"
        << std::defaultfloat << std::setprecision(6) << std::setw(19) << result->peakActivations[r] << "\n";
  }
  return 0;
}

} // namespace dpc::schedule
