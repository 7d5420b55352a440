// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// torchrun, Open MPI, MPICH and Slurm, by the variables that they set for each process.
#include "dpc-run/Launcher.h"
#include <cstdlib>
#include <string>

namespace dpcrt {

Status checkLauncher() {
  struct Variable {
    const char *size, *besides, *launcher;
  };
  // Slurm sets the step's size also where a script runs outside a step of srun; the
  // process's own number comes with it only inside one.
  constexpr Variable variables[] = {{"WORLD_SIZE", nullptr, "torchrun"},
                                    {"OMPI_COMM_WORLD_SIZE", nullptr, "Open MPI's mpirun"},
                                    {"PMI_SIZE", nullptr, "mpiexec"},
                                    {"SLURM_STEP_NUM_TASKS", "SLURM_PROCID", "srun"}};
  for (const Variable &v : variables) {
    const char *size = std::getenv(v.size);
    if (!size || (v.besides && !std::getenv(v.besides)))
      continue;
    char *end = nullptr;
    long processes = std::strtol(size, &end, 10);
    if (end == size || *end || processes <= 1)
      continue;
    return error(Code::Usage, v.size, "=", size, ": ", v.launcher, " started this as one of ",
                 processes,
                 " processes, but all ranks of a program are threads of one process here, so each "
                 "would train the whole "
                 "model by itself; start it once, without the launcher (env -u ",
                 v.size, " if the variable is stale)");
  }
  return {};
}

} // namespace dpcrt
