// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The handler sets flags and restores defaults, nothing else.
#include "dpc-run/StopSignals.h"

namespace dpcrt {
namespace {
volatile std::sig_atomic_t stopAsked = 0;

void askToStop(int number) {
  // The default action of SIGINT is back in place, so the next one ends the process.
  if (number == SIGINT)
    std::signal(SIGINT, SIG_DFL);
  stopAsked = 1;
}
} // namespace

StopSignals::StopSignals() {
  stopAsked = 0;
  struct sigaction action = {};
  action.sa_handler = askToStop;
  action.sa_flags = SA_RESTART;
  for (int i = 0; i < 3; ++i)
    sigaction(signals[i], &action, &before[i]);
}

StopSignals::~StopSignals() {
  for (int i = 0; i < 3; ++i)
    sigaction(signals[i], &before[i], nullptr);
}

bool StopSignals::asked() { return stopAsked != 0; }

} // namespace dpcrt
