// The subcommands of `dpc schedule`, each a function from flags to text.
#ifndef DPC_LIB_SCHEDULECOMMANDS_SUBCOMMANDS_H
#define DPC_LIB_SCHEDULECOMMANDS_SUBCOMMANDS_H

#include "dpc/Schedule/Source.h"

#include <iosfwd>

namespace dpc::schedule {

/// The flags of all of them; each is offered only those that it reads.
struct Flags {
  Source source;
  std::string costs, link, format = "text";
  double cap = 0;
};

/// Each returns the exit status.
int listCommand(const Flags &flags, std::ostream &out, std::ostream &err);
int showCommand(const Flags &flags, std::ostream &out, std::ostream &err);
int checkCommand(const Flags &flags, std::ostream &out, std::ostream &err);
int simulateCommand(const Flags &flags, std::ostream &out, std::ostream &err);

/// Prints the error; returns the status.
int fail(std::ostream &err, const std::string &message, int status);

} // namespace dpc::schedule

#endif // DPC_LIB_SCHEDULECOMMANDS_SUBCOMMANDS_H
