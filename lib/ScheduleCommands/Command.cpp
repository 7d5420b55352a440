// The subcommands, each a function from parsed flags to text.
#include "dpc/ScheduleCommands/Command.h"

#include "dpc/Schedule/Check.h"
#include "dpc/Schedule/Source.h"
#include "dpc/Schedule/Text.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iomanip>
#include <nlohmann/json.hpp>
#include <ostream>

namespace dpc::schedule {
namespace {

struct Flags {
  Source source;
  std::string costs, format = "text";
  double cap = 0;
};

int fail(std::ostream &err, const std::string &message, int status) {
  err << "error: " << message << "\n";
  return status;
}

int list(const Flags &flags, std::ostream &out, std::ostream &) {
  if (flags.format == "json") {
    auto rows = nlohmann::ordered_json::array();
    for (const Generator &g : generators()) {
      nlohmann::ordered_json row = {{"name", g.name},           {"summary", g.summary},         {"source", g.source},
                                    {"precondition", g.precondition}, {"chunks", g.chunks}, {"replicas", g.replicas}};
      if (g.alias)
        row["alias"] = g.alias;
      rows.push_back(row);
    }
    out << rows.dump(2) << "\n";
    return 0;
  }
  size_t width = 0;
  auto title = [](const Generator &g) { return std::string(g.name) + (g.alias ? std::string(" (") + g.alias + ")" : ""); };
  for (const Generator &g : generators())
    width = std::max(width, title(g).size());
  for (const Generator &g : generators()) {
    out << std::left << std::setw(width + 2) << title(g) << g.summary;
    if (*g.precondition)
      out << "; needs " << g.precondition;
    out << "\n" << std::string(width + 2, ' ') << g.source << "\n";
  }
  return 0;
}

int show(const Flags &flags, std::ostream &out, std::ostream &err) {
  Result<Table> table = load(flags.source);
  if (!table.ok())
    return fail(err, table.error(), 3);
  if (flags.format == "text") {
    out << printText(*table);
    return 0;
  }
  nlohmann::ordered_json json = {{"name", table->name}, {"ranks", table->ranks}, {"stages", table->stages}, {"micro_batches", table->microBatches}};
  json["replicas"] = nlohmann::ordered_json::array();
  for (const Replica &replica : table->replicas)
    json["replicas"].push_back(
        {{"first_micro_batch", replica.firstMicroBatch}, {"end_micro_batch", replica.endMicroBatch}, {"rank_of_stage", replica.rankOfStage}});
  json["actions"] = nlohmann::ordered_json::array();
  for (const std::vector<Action> &row : table->actions) {
    auto words = nlohmann::ordered_json::array();
    for (const Action &action : row)
      words.push_back(printAction(action));
    json["actions"].push_back(words);
  }
  out << json.dump() << "\n";
  return 0;
}

int checkTable(const Flags &flags, std::ostream &out, std::ostream &err) {
  Result<Table> table = load(flags.source);
  if (!table.ok())
    return fail(err, table.error(), 3);
  CheckOptions options;
  options.activationCap = flags.cap;
  std::vector<std::string> errors = check(*table, options);
  if (flags.format == "json")
    out << nlohmann::ordered_json{{"ok", errors.empty()}, {"errors", errors}}.dump() << "\n";
  for (const std::string &error : errors)
    err << "error: " << error << "\n";
  if (!errors.empty())
    return 1;
  if (flags.format == "text") {
    size_t actions = 0;
    for (const std::vector<Action> &row : table->actions)
      actions += row.size();
    out << table->name << ": " << table->ranks << " ranks, " << table->stages << " stages, " << table->microBatches << " micro-batches, " << actions
        << " actions: every task once, every rank can go on\n";
  }
  return 0;
}

int simulateTable(const Flags &flags, std::ostream &out, std::ostream &err) {
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

struct Subcommand {
  const char *name, *summary;
  bool takesSchedule, takesCosts, takesCap;
  int (*run)(const Flags &, std::ostream &, std::ostream &);
};

constexpr Subcommand subcommands[] = {
    {"list", "the schedules there are", false, false, false, list},
    {"show", "every rank's actions, in order", true, false, false, show},
    {"check", "can this schedule be carried out?", true, false, true, checkTable},
    {"simulate", "how long it takes, who waits, what is kept", true, true, false, simulateTable},
};

} // namespace

int scheduleCommand(const std::vector<std::string> &args, std::ostream &out, std::ostream &err) {
  Flags flags;
  CLI::App app("Schedules: which rank does which task of which micro-batch, in which order", "dpc schedule");
  app.require_subcommand(1);
  for (const Subcommand &sub : subcommands) {
    CLI::App *command = app.add_subcommand(sub.name, sub.summary);
    command->add_option("--format", flags.format, "text or json")->check(CLI::IsMember({"text", "json"}));
    if (!sub.takesSchedule)
      continue;
    command->add_option("SCHEDULE", flags.source.name, "a name as `list` prints it, or a file (a name with . or / in it)")->required();
    command->add_option("--pp", flags.source.ranks, "ranks of the pipeline (1, or the file's)")->check(CLI::Range(1u, kMaxRanks));
    command->add_option("--micro-batches", flags.source.microBatches, "micro-batches of a step (4 per rank, or the file's)")
        ->check(CLI::Range(1u, kMaxMicroBatches));
    command->add_option("--chunks", flags.source.chunks, "stages per rank, for schedules that let it be chosen")->check(CLI::Range(1u, 1024u));
    if (sub.takesCosts)
      command->add_option("--cost", flags.costs, "times of one micro-batch: F=1,I=1,W=1,FB=3,comm=0 (FB: F + I + W)");
    if (sub.takesCap)
      command->add_option("--activation-cap", flags.cap, "most activations a rank may hold, in shares of a micro-batch")
          ->check(CLI::PositiveNumber);
  }
  std::vector<std::string> reversed(args.rbegin(), args.rend()); // as CLI11 takes a vector
  try {
    app.parse(reversed);
  } catch (const CLI::CallForHelp &) {
    auto chosen = app.get_subcommands();
    out << (chosen.empty() ? app.help() : chosen.front()->help());
    return 0;
  } catch (const CLI::ParseError &error) {
    err << "error: " << error.what() << "; `dpc schedule --help` lists commands and flags\n";
    return 2;
  }
  for (const Subcommand &sub : subcommands)
    if (app.got_subcommand(sub.name))
      return sub.run(flags, out, err);
  return 2;
}

} // namespace dpc::schedule
