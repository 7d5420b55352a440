// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Each engine adds one row here.
#include "world/EngineKinds.h"
#include "world/EnginePlugin.h"

namespace dpcrt {
namespace {
struct Row {
  const char *name, *file, *needs;
};

// A build has the plug-ins of those MPIs that were installed where it was made.
const Row rows[] = {
    {"mpi:openmpi", "libdpcrt-mpi-openmpi.so",
     "Open MPI (on Debian and Ubuntu: apt install openmpi-bin)"},
    {"mpi:mpich", "libdpcrt-mpi-mpich.so", "MPICH (on Debian and Ubuntu: apt install mpich)"},
};
} // namespace

std::vector<std::string> engineKindNames() {
  std::vector<std::string> names;
  for (const Row &row : rows)
    names.push_back(row.name);
  return names;
}

Status findEngineKind(const std::string &name, const EngineKind *&out) {
  std::string known;
  for (const Row &row : rows) {
    if (name == row.name)
      return openEnginePlugin(row.file, row.needs, out).within("transport '" + name + "'");
    known += (known.empty() ? "" : ", ") + std::string(row.name);
  }
  return error(Code::Usage, "no transport between processes is called '", name, "'; there are ",
               known);
}

} // namespace dpcrt
