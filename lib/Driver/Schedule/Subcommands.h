// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The subcommands of `dpc schedule`, each a function from flags to text.
#ifndef DPC_LIB_DRIVER_SCHEDULE_SUBCOMMANDS_H
#define DPC_LIB_DRIVER_SCHEDULE_SUBCOMMANDS_H

#include "dpc/Schedule/generators/Source.h"

#include <iosfwd>

namespace dpc::schedule {

/// What `draw` takes beside schedules' sizes and costs.
struct DrawFlags {
  std::vector<std::string> schedules;
  std::string trace, output, colour = "auto";
  std::optional<uint64_t> step;
  std::optional<double> from, to;
  unsigned width = 0;
  bool force = false;
};

/// The flags of all of them; each is offered only those that it reads.
struct Flags {
  Source source;
  std::string costs, costsFrom, plannedFrom, link, format = "text";
  double cap = 0;
  bool serialised = false;
  DrawFlags draw;
  std::string placement = "any";
  uint64_t seed = 0, iterations = 0;
  double timeLimit = 0;
};

/// Each returns the exit status.
int listCommand(const Flags &flags, std::ostream &out, std::ostream &err);
int showCommand(const Flags &flags, std::ostream &out, std::ostream &err);
int checkCommand(const Flags &flags, std::ostream &out, std::ostream &err);
int simulateCommand(const Flags &flags, std::ostream &out, std::ostream &err);
int compareCommand(const Flags &flags, std::ostream &out, std::ostream &err);
int drawCommand(const Flags &flags, std::ostream &out, std::ostream &err);
int searchCommand(const Flags &flags, std::ostream &out, std::ostream &err);

/// The costs of --cost, or of the model of --cost-from with the stages it was cut
/// into.
Result<Costs> modelCosts(const Flags &flags);
/// The same for a table, whose stages a model's costs are spread over.
Result<Costs> costsOf(const Flags &flags, const Table &table);
/// Those of --planned-from, which is given.
Result<Costs> plannedCosts(const Flags &flags, const Table &table);
/// The status of their failure.
inline int costsStatus(const Flags &flags) { return flags.costsFrom.empty() ? 2 : 3; }

/// Prints the error; returns the status.
int fail(std::ostream &err, const std::string &message, int status);

} // namespace dpc::schedule

#endif // DPC_LIB_DRIVER_SCHEDULE_SUBCOMMANDS_H
