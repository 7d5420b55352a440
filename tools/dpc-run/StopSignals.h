// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Ending a run on request. SIGINT, SIGTERM and SIGUSR1 ask for the end after the step
// under way; a second SIGINT ends the process at once, as it would without us.
#pragma once
#include <csignal>

namespace dpcrt {

class StopSignals {
public:
  StopSignals(); // from here on, until this object goes
  ~StopSignals();
  StopSignals(const StopSignals &) = delete;
  StopSignals &operator=(const StopSignals &) = delete;
  static bool asked();

private:
  static constexpr int signals[] = {SIGINT, SIGTERM, SIGUSR1};
  struct sigaction before[3];
};

} // namespace dpcrt
