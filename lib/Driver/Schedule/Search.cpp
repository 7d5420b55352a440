// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// `search`: the shortest schedule that can be found for given costs, sizes and memory.
#include "Subcommands.h"

#include "dpc/Schedule/core/Csv.h"
#include "dpc/Schedule/core/Text.h"
#include "dpc/Schedule/search/Search.h"

#include <algorithm>
#include <iomanip>
#include <nlohmann/json.hpp>
#include <ostream>
#include <sstream>

namespace dpc::schedule {
namespace {

// The stages that `--cost stages=1:0.8:...` is of, or 0.
unsigned countStageFactors(const std::string &costs) {
  size_t at = costs.rfind("stages=", 0) == 0 ? 0 : costs.find(",stages=");
  if (at == std::string::npos)
    return 0;
  size_t end = costs.find(',', at + 1);
  return 1 + std::count(costs.begin() + at,
                        end == std::string::npos ? costs.end() : costs.begin() + end, ':');
}

// The costs are of one placement's stages if its factors are given, else of any.
Result<Costs> readCosts(const Flags &flags, SearchOptions &options) {
  unsigned factors = countStageFactors(flags.costs), chunks = options.chunks;
  bool isSingle =
      options.placement == Placement::Linear || options.placement == Placement::Mirrored;
  if (!chunks)
    chunks = isSingle || !factors || factors % options.ranks ? 1 : factors / options.ranks;
  options.spreads = !factors;
  if (!flags.costsFrom.empty())
    return modelCosts(flags);
  return costsOf(
      flags, startTable("search", Placement::Loop, options.ranks, chunks, options.microBatches));
}

std::string number(double value) {
  std::ostringstream text;
  text << std::setprecision(10) << value;
  return text.str();
}

// What was reached, for people; a comment in a schedule file.
std::string comment(const SearchResult &result, const SearchOptions &options) {
  const Simulation &simulation = result.simulation;
  std::ostringstream text;
  text << "# makespan " << number(simulation.makespan) << ", " << std::fixed << std::setprecision(2)
       << 100 * result.gap() << " % above the bound of " << number(result.lowerBound) << "\n"
       << "# peak activations "
       << number(*std::max_element(simulation.peakActivations.begin(),
                                   simulation.peakActivations.end()))
       << "; from " << result.origin << "; " << result.iterations << " iterations"
       << (result.stoppedByTime ? " when the time was up" : "") << ", seed " << options.seed
       << "\n";
  return text.str();
}

void printJson(const SearchResult &result, const SearchOptions &options, std::ostream &out) {
  const Simulation &simulation = result.simulation;
  nlohmann::ordered_json json = {{"makespan", simulation.makespan},
                                 {"idle", simulation.idle},
                                 {"span_idle", simulation.spanIdle},
                                 {"peak_activations", simulation.peakActivations},
                                 {"peak_bytes", simulation.peakBytes},
                                 {"lower_bound", result.lowerBound},
                                 {"gap", result.gap()},
                                 {"origin", result.origin},
                                 {"iterations", result.iterations},
                                 {"stopped_by_time", result.stoppedByTime},
                                 {"seed", options.seed},
                                 {"schedule", printText(result.table)}};
  out << json.dump() << "\n";
}

} // namespace

int searchCommand(const Flags &flags, std::ostream &out, std::ostream &err) {
  SearchOptions options;
  options.placement = findPlacement(flags.placement);
  options.ranks = flags.source.ranks ? flags.source.ranks : 1;
  options.microBatches = flags.source.microBatches ? flags.source.microBatches : 4 * options.ranks;
  options.chunks = flags.source.chunks;
  options.activationCap = flags.cap;
  options.seed = flags.seed;
  options.iterations = flags.iterations;
  options.timeLimit = flags.timeLimit;
  Result<Costs> costs = readCosts(flags, options);
  if (!costs.ok())
    return fail(err, costs.error(), costsStatus(flags));
  options.costs = *costs;
  Result<SearchResult> result = search(options);
  if (!result.ok())
    return fail(err, result.error(), 3);
  if (flags.format == "json")
    printJson(*result, options, out);
  else if (flags.format == "csv")
    out << printCsv(result->table);
  else
    out << comment(*result, options) << printText(result->table);
  return 0;
}

} // namespace dpc::schedule
