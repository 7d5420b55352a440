// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a launcher's variables say, of commands that run in one process.
#include "dpc-run/Launcher.h"
#include "world/Launch.h"

namespace dpcrt {

Status checkLauncher() {
  Launch launch;
  if (Status s = findLaunch(readEnvironment(), "", launch); !s.ok() || launch.size == 1)
    return s;
  return error(Code::Usage, launch.launcher, " started this as process ", launch.rank, " of ",
               launch.size,
               ", but this command runs all ranks in one process, so each would compute with the "
               "whole model by itself; start it once, without the launcher");
}

} // namespace dpcrt
