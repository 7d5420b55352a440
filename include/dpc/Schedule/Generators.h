// The schedules of the field, by name.
//
// Adding one is one function and one row of the table in Generators.cpp, which
// feeds the parser, the help, the documentation and the tests.
#ifndef DPC_SCHEDULE_GENERATORS_H
#define DPC_SCHEDULE_GENERATORS_H

#include "dpc/Schedule/Result.h"
#include "dpc/Schedule/Table.h"

#include <map>
#include <vector>

namespace dpc::schedule {

/// What a schedule is asked for.
struct Request {
  unsigned ranks = 1;
  unsigned microBatches = 1;
  std::map<std::string, std::string> options; // such as v=2
};

/// How stages lie on ranks.
enum class Placement { Linear, V, Mirrored };

struct Generator {
  const char *name;
  const char *alias;        // or null
  const char *summary;
  const char *source;       // where it was published
  const char *precondition; // in words; empty if any ranks and micro-batches do
  Placement placement;
  unsigned chunks;          // stages per rank and replica
  unsigned replicas;
  /// Empty if the request is legal, else what is wrong and what would be right.
  std::string (*check)(const Request &);
  Table (*generate)(const Request &);

  unsigned stages(unsigned ranks) const { return ranks * chunks; }
};

/// All of them, in the order in which they are listed.
const std::vector<Generator> &generators();
/// By name or alias; null if there is none.
const Generator *findGenerator(const std::string &name);

/// The error names the nearest legal numbers, or the schedules there are.
Result<Table> generate(const std::string &name, const Request &request);

/// What is used where nobody asks for a schedule: 1f1b for one rank, else
/// dualpipe where it is legal, else dualpipev where it is legal, else 1f1b.
std::string defaultSchedule(const Request &request);

/// The limit on ranks and micro-batches of any schedule.
inline constexpr unsigned kMaxRanks = 1u << 16;
inline constexpr unsigned kMaxMicroBatches = 1u << 20;

} // namespace dpc::schedule

#endif // DPC_SCHEDULE_GENERATORS_H
