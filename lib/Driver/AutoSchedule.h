// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// `--schedule auto`: the schedule with the shortest forecast step.
//
// Every schedule of the field, with each value of its options that is worth a look,
// is planned on the model as lowering would plan it, and beside them what a search
// makes in their placements with the model's costs. That the plan decides and not
// the schedule library's simulator is what makes the choice hold: the forecast of the
// compile that follows is the one that was compared.
#ifndef DPC_LIB_DRIVER_AUTOSCHEDULE_H
#define DPC_LIB_DRIVER_AUTOSCHEDULE_H

#include "Alternatives.h"

namespace dpc::driver {

struct AutoChoice {
  std::optional<size_t> best; ///< of the candidates; none if no schedule is legal
  std::vector<Candidate> candidates;
  std::string error;              ///< why there is none
  std::vector<std::string> lines; ///< what was chosen and why

  /// The candidates but the best that a user can name and that stay within a limit; 0:
  /// any.
  std::vector<lowering::Alternative> others(uint64_t memoryLimit) const;
};

/// Of those that stay within the options' memory limit the fastest; of equally fast
/// ones the smallest, then the first in the order in which schedules are listed. If
/// none stays within the limit, the smallest. Nothing depends on the clock.
AutoChoice chooseSchedule(Alternatives &alternatives, const CompileOptions &options);

/// Puts the choice into the options.
void adoptChoice(CompileOptions &options, const AutoChoice &choice);

} // namespace dpc::driver

#endif // DPC_LIB_DRIVER_AUTOSCHEDULE_H
