// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Doing what a plan says, one check after another, within its time.
#pragma once
#include "dpc-gpu-check/Plan.h"
#include "dpc-gpu-check/Report.h"
#include <ostream>
#include <set>

namespace dpcrt::gpucheck {

struct Options {
  std::string folder;          // of the plan, and of all that it names
  std::string work;            // for what runs write; made and removed by the caller
  std::set<std::string> parts; // to be done; empty: all
  int64_t deadline = 0;        // of the monotonic clock
};

struct Counts {
  size_t passed = 0, measured = 0, failed = 0, skipped = 0, notReached = 0;
};

// Every check becomes a line of the report and one of `log`. An error is one of the report; what
// a check finds wrong is counted.
Status doChecks(const Plan &plan, const Options &options, Report &report, std::ostream &log,
                Counts &out);

} // namespace dpcrt::gpucheck
