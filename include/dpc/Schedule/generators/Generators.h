// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The schedules of the field, by name.
//
// Adding one is one function and one row of the table in Generators.cpp, which
// feeds the parser, the help, the documentation and the tests.
#ifndef DPC_SCHEDULE_GENERATORS_GENERATORS_H
#define DPC_SCHEDULE_GENERATORS_GENERATORS_H

#include "dpc/Schedule/core/Placement.h"
#include "dpc/Schedule/core/Result.h"
#include "dpc/Schedule/core/Simulate.h"
#include "dpc/Schedule/core/Table.h"

#include <map>
#include <vector>

namespace dpc::schedule {

/// What a schedule is asked for.
struct Request {
  unsigned ranks = 1;
  unsigned microBatches = 1;
  std::map<std::string, unsigned> options; // such as v = 2; what is absent has its default
};

/// A number that a schedule lets be chosen.
struct Option {
  const char *name;
  unsigned fallback, least, most;
  const char *summary;
};
/// The stages of a rank and copy, as an option.
inline constexpr const char *kChunks = "v";

/// A published closed form. Not every one is exact for every cost; the source says.
struct Formula {
  const char *text; // null if none is known
  double (*value)(const Request &, const Costs &);
};

struct Generator {
  const char *name;
  const char *alias; // or null
  const char *summary;
  const char *source;       // where it was published
  const char *precondition; // in words; empty if any ranks and micro-batches do
  Placement placement;
  unsigned fixedChunks; // stages of a rank and copy, where there is no option for it
  std::vector<Option> options;
  Formula bubble;      // idle time of a rank within the makespan, in costs of a device's share
  Formula activations; // the largest peak of any rank, in device shares of a micro-batch
  /// Empty if the request is legal, else what is wrong and what would be right.
  std::string (*check)(const Request &);
  Table (*generate)(const Request &);

  unsigned replicas() const { return replicasOf(placement); }
  /// The value of an option, its default where the request does not name it.
  unsigned option(const Request &request, const char *name) const;
  unsigned chunks(const Request &request) const;
  unsigned stages(const Request &request) const { return request.ranks * chunks(request); }
};

/// All of them, in the order in which they are listed.
const std::vector<Generator> &generators();
/// By name or alias; null if there is none.
const Generator *findGenerator(const std::string &name);

/// Empty if `generate` succeeds, else its error: unknown or illegal options
/// included.
std::string findFault(const Generator &generator, const Request &request);

/// The least legal number of micro-batches above the request's, if there is one
/// within a few times the ranks.
std::optional<unsigned> findLegalMicroBatches(const Generator &generator, const Request &request);

/// The error for a name that is not known; it lists those that are.
std::string noSuchSchedule(const std::string &name);

/// The error names the nearest legal numbers, or the schedules there are.
Result<Table> generate(const std::string &name, const Request &request);

/// What is used where nobody asks for a schedule: 1f1b for one rank, else
/// dualpipe where it is legal, else dualpipev where it is legal, else 1f1b.
std::string defaultSchedule(const Request &request);

} // namespace dpc::schedule

#endif // DPC_SCHEDULE_GENERATORS_GENERATORS_H
