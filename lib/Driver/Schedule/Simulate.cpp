// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// `simulate`: how long a schedule takes, who waits, what is kept.
#include "Subcommands.h"

#include "dpc/Schedule/core/Check.h"
#include "dpc/Schedule/core/Text.h"
#include "dpc/Schedule/core/Units.h"

#include <algorithm>
#include <iomanip>
#include <nlohmann/json.hpp>
#include <ostream>
#include <sstream>

namespace dpc::schedule {
namespace {

bool hasPairs(const Table &table) {
  for (const std::vector<Action> &row : table.actions)
    for (const Action &action : row)
      if (action.second)
        return true;
  return false;
}

// No less than nothing; what is left of times that were added in another order is nothing.
double longerBy(const Simulation &result, const Simulation &serialised) {
  double longer = serialised.makespan - result.makespan;
  return longer > 1e-9 * result.makespan ? longer : 0;
}

void printJson(const Simulation &result, const std::vector<double> &floor,
               const std::optional<Simulation> &serialised, std::ostream &out) {
  nlohmann::ordered_json json = {
      {"makespan", result.makespan},      {"idle", result.idle},
      {"span_idle", result.spanIdle},     {"peak_activations", result.peakActivations},
      {"activation_floor", floor},        {"peak_bytes", result.peakBytes},
      {"lower_bound", result.lowerBound}, {"critical_path", result.criticalPath}};
  if (serialised)
    json["serialised"] = {{"makespan", serialised->makespan},
                          {"idle", serialised->idle},
                          {"span_idle", serialised->spanIdle},
                          {"longer", longerBy(result, *serialised)}};
  out << json.dump() << "\n";
}

// The critical path, a stretch of it on each rank: its first and last action.
void printPath(const Table &table, const Simulation &result, std::ostream &out) {
  const auto &path = result.criticalPath;
  if (path.empty())
    return;
  constexpr size_t kMostShown = 24;
  std::vector<std::string> stretches;
  for (size_t begin = 0, end; begin < path.size(); begin = end) {
    unsigned rank = path[begin].first;
    end = begin + 1;
    while (end < path.size() && path[end].first == rank &&
           path[end].second == path[end - 1].second + 1)
      ++end;
    std::string text =
        "rank " + std::to_string(rank) + " " + printAction(table.actions[rank][path[begin].second]);
    if (end - begin > 1)
      text +=
          (end - begin > 2 ? ".." : " ") + printAction(table.actions[rank][path[end - 1].second]);
    stretches.push_back(text);
  }
  out << "critical path, " << path.size() << (path.size() == 1 ? " action:" : " actions:");
  size_t head = stretches.size() > kMostShown ? kMostShown / 2 : stretches.size();
  for (size_t i = 0; i < stretches.size(); ++i) {
    if (i == head) {
      size_t skipped = stretches.size() - kMostShown;
      out << (i % 4 ? ", " : ",\n  ") << "... " << skipped << " more ...";
      i += skipped;
      head = ~size_t(0);
    }
    out << (i == 0 ? "\n  " : i % 4 == 0 ? ",\n  " : ", ") << stretches[i];
  }
  out << "\n";
}

std::string format(double value) {
  std::ostringstream text;
  text << value;
  return text.str();
}

std::string percent(double part, double whole) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(1) << (whole > 0 ? 100 * part / whole : 0) << " %";
  return text.str();
}

void printTable(const Table &table, const Simulation &result, const std::vector<double> &floor,
                double withPairs, std::ostream &out) {
  bool hasBytes = std::any_of(result.peakBytes.begin(), result.peakBytes.end(),
                              [](double bytes) { return bytes > 0; });
  out << table.name << ": makespan " << std::setprecision(10) << result.makespan
      << ", no schedule with this placement is shorter than " << result.lowerBound;
  // The bound is for what the schedule does: one without pairs could gain from them.
  if (withPairs < result.lowerBound)
    out << ", or with overlapped pairs than " << withPairs;
  out << std::setprecision(6) << "\n"
      << "rank      idle   of makespan   idle within its span   peak activations   at least"
      << (hasBytes ? "       peak bytes" : "") << "\n";
  for (unsigned r = 0; r < table.ranks; ++r) {
    std::ostringstream least;
    least << std::fixed << std::setprecision(2) << floor[r];
    out << std::right << std::setw(4) << r << std::setw(10) << format(result.idle[r])
        << std::setw(14) << percent(result.idle[r], result.makespan) << std::setw(23)
        << format(result.spanIdle[r]) << std::setw(19) << format(result.peakActivations[r])
        << std::setw(11) << least.str();
    if (hasBytes)
      out << std::setw(17) << inWords(result.peakBytes[r], "B");
    out << "\n";
  }
  printPath(table, result, out);
}

// What it costs that a rank's communications wait for each other, beside what it is.
void printSerialised(const Simulation &result, const Simulation &serialised, std::ostream &out) {
  double longer = longerBy(result, serialised);
  out << "each rank's communications one after another: makespan " << std::setprecision(10)
      << serialised.makespan << ", longer by " << longer << " (" << percent(longer, result.makespan)
      << ")\n"
      << std::setprecision(6) << "rank      idle   of makespan   otherwise   of makespan\n";
  for (size_t r = 0; r < serialised.idle.size(); ++r)
    out << std::right << std::setw(4) << r << std::setw(10) << format(serialised.idle[r])
        << std::setw(14) << percent(serialised.idle[r], serialised.makespan) << std::setw(12)
        << format(result.idle[r]) << std::setw(14) << percent(result.idle[r], result.makespan)
        << "\n";
}

} // namespace

int simulateCommand(const Flags &flags, std::ostream &out, std::ostream &err) {
  Result<Table> table = load(flags.source);
  if (!table.ok())
    return fail(err, table.error(), 3);
  // A file may name a task twice or never; the simulator presumes neither.
  if (std::vector<std::string> errors = check(*table); !errors.empty())
    return fail(err, errors.front(), 3);
  Result<Costs> costs = costsOf(flags, *table);
  if (!costs.ok())
    return fail(err, costs.error(), costsStatus(flags));
  Result<Simulation> result = simulate(*table, *costs);
  if (!result.ok())
    return fail(err, result.error(), 3);
  std::optional<Simulation> serialised;
  if (flags.serialised) {
    Result<Costs> planned = flags.plannedFrom.empty() ? costs : plannedCosts(flags, *table);
    if (!planned.ok())
      return fail(err, planned.error(), 3);
    serialised = *simulatePlanned(*table, *costs, *planned);
  }
  std::vector<double> floor = activationFloor(*table, *costs, hasPairs(*table), result->makespan);
  if (flags.format == "json")
    printJson(*result, floor, serialised, out);
  else
    printTable(*table, *result, floor, lowerBound(*table, *costs, true), out);
  if (flags.format == "text" && serialised)
    printSerialised(*result, *serialised, out);
  return 0;
}

} // namespace dpc::schedule
