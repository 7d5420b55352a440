// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Flags that want values.
#include "dpc-run/VirtualClock.h"
#include "dpc-run/ProgressLog.h"

namespace dpcrt {

Status settleVirtualClock(RunOptions &options) {
  if (!options.virtualClock)
    return options.clockTimes.empty() ? Status()
                                      : Status(Code::Usage, "--clock-times needs --virtual-clock");
  if (options.device != "virtual")
    return error(Code::Usage, "--virtual-clock: device '", options.device,
                 "' takes the times that it needs; --device virtual would be right");
  bool keeps = !options.checkpoint.empty() && options.checkpoint != "none";
  bool resumes = !options.resume.empty() && options.resume != "never";
  const std::pair<const char *, bool> refused[] = {
      {"--checkpoint", keeps},
      {"--checkpoint-every", options.checkpointEvery != 0},
      {"--keep", options.keep.has_value()},
      {"--resume", resumes},
      {"--init-weights", !options.initWeights.empty()},
      {"--dump", !options.dump.empty()},
      {"--eval-data", !options.evalData.empty()},
      {"--seed-order", !options.seedOrder.empty()},
  };
  for (auto &[flag, isGiven] : refused)
    if (isGiven)
      return error(Code::Usage, flag,
                   ": with --virtual-clock nothing is computed and only "
                   "times are known; without ",
                   flag, " it runs");
  options.checkpoint = "none";
  return {};
}

std::string describeVirtualClock(double factor) {
  return "note: --virtual-clock computes nothing: there is no loss, and no checkpoint is kept; all "
         "times are " +
         (factor == 1 ? "as given"
                      : print("%.0f", factor) + " times as long as given, for the host") +
         "\n";
}

} // namespace dpcrt
