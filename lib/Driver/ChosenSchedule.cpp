// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See ChosenSchedule.h.
#include "ChosenSchedule.h"

#include "dpc/Schedule/core/Check.h"
#include "dpc/Schedule/core/Text.h"
#include "dpc/Schedule/generators/Source.h"

namespace dpc::driver {
namespace {

schedule::Source sourceOf(const CompileOptions &options) {
  return {options.schedule, options.ranks, options.microBatches, 0};
}

} // namespace

void resolveShape(CompileOptions &options) {
  if (!options.microBatches)
    options.microBatches = 4 * options.ranks;
  if (options.schedule.empty())
    options.schedule = schedule::defaultSchedule({options.ranks, options.microBatches, {}});
}

std::string readSchedule(CompileOptions &options) {
  if (options.scheduleText.empty() && !schedule::isFile(options.schedule)) {
    auto stages = schedule::stagesOf(sourceOf(options));
    return stages.error();
  }
  auto table = loadTable(options);
  if (!table.ok())
    return table.error();
  // A file may say anything.
  if (std::vector<std::string> errors = schedule::check(*table); !errors.empty())
    return "'" + options.schedule + "' cannot be executed: " + errors.front();
  options.scheduleText = schedule::printText(*table);
  return "";
}

schedule::Result<schedule::Table> loadTable(const CompileOptions &options) {
  using R = schedule::Result<schedule::Table>;
  if (options.scheduleText.empty())
    return schedule::load(sourceOf(options));
  auto table = schedule::parseText(options.scheduleText);
  if (!table.ok())
    return R::failure("the schedule '" + options.schedule + "': " + table.error());
  auto mismatch = [&](const char *what, const char *flag, unsigned scheduled, unsigned asked) {
    return R::failure("the schedule '" + options.schedule + "' is for " +
                      std::to_string(scheduled) + " " + what + ", not the " +
                      std::to_string(asked) + " of " + flag);
  };
  if (table->ranks != options.ranks)
    return mismatch("ranks", "--pp", table->ranks, options.ranks);
  if (table->microBatches != options.microBatches)
    return mismatch("micro-batches", "--micro-batches", table->microBatches, options.microBatches);
  return table;
}

unsigned countStages(const CompileOptions &options) {
  if (options.scheduleText.empty()) {
    auto stages = schedule::stagesOf(sourceOf(options));
    return stages.ok() ? *stages : options.ranks;
  }
  auto table = loadTable(options);
  return table.ok() ? table->stages : options.ranks;
}

} // namespace dpc::driver
