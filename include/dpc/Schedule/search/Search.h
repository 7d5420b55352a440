// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A schedule made for given costs, sizes and memory, where no known one fits best.
//
// The search starts from every known schedule that is legal, and from list
// scheduling, and changes what it finds: the order of a rank's actions, which
// forward and backward form a pair, where weight halves lie. Its result is a table
// like any other. docs/Search.md says how it works and what it reaches.
#ifndef DPC_SCHEDULE_SEARCH_SEARCH_H
#define DPC_SCHEDULE_SEARCH_SEARCH_H

#include "dpc/Schedule/core/Placement.h"
#include "dpc/Schedule/core/Result.h"
#include "dpc/Schedule/core/Simulate.h"

#include <algorithm>
#include <optional>

namespace dpc::schedule {

struct SearchOptions {
  /// None: any of them, whatever its number of copies of the parameters.
  std::optional<Placement> placement;
  unsigned ranks = 1, microBatches = 1;
  /// Stages of a rank and copy; 0: those that the costs or known schedules have.
  unsigned chunks = 0;
  /// If they are those of stages, then only placements with that many stages are
  /// searched; or all of them, the costs being spread over their stages (Spread.h).
  Costs costs;
  bool spreads = false;
  /// Most activations a rank may hold, in device shares of a micro-batch; 0: any.
  double activationCap = 0;
  /// If not empty: of each rank, in place of the above.
  std::vector<double> activationCaps;

  uint64_t seed = 0;
  /// How many schedules are tried; 0: what takes some seconds at this size.
  uint64_t iterations = 0;
  /// Seconds after which the search stops with what it has; 0: never. Without it
  /// the result depends on nothing but the options.
  double timeLimit = 0;
};

struct SearchResult {
  Table table;
  Simulation simulation;
  /// Where the table came from: the name of a known schedule if that is the best,
  /// else what the search improved: a known schedule, or list scheduling.
  std::string origin;
  /// No schedule of the placements searched is shorter, with or without pairs.
  double lowerBound = 0;
  uint64_t iterations = 0; ///< schedules tried
  bool stoppedByTime = false;

  /// How much longer than the bound, as a part of the bound. Sums that are equal but
  /// for the order of their parts differ by roundings: never less than 0.
  double gap() const {
    return lowerBound > 0 ? std::max(0.0, simulation.makespan / lowerBound - 1) : 0;
  }
};

/// The error says what cannot be had, and what could.
Result<SearchResult> search(const SearchOptions &options);

/// The iterations that `iterations = 0` stands for.
uint64_t defaultIterations(unsigned ranks, unsigned stages, unsigned microBatches);

} // namespace dpc::schedule

#endif // DPC_SCHEDULE_SEARCH_SEARCH_H
