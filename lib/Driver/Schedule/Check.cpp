// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// `check`: can this schedule be carried out?
#include "Subcommands.h"

#include "dpc/Schedule/core/Check.h"

#include <nlohmann/json.hpp>
#include <ostream>

namespace dpc::schedule {

int checkCommand(const Flags &flags, std::ostream &out, std::ostream &err) {
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
    out << table->name << ": " << table->ranks << " ranks, " << table->stages << " stages, "
        << table->microBatches << " micro-batches, " << actions
        << " actions: every task once, every rank can go on\n";
  }
  return 0;
}

} // namespace dpc::schedule
