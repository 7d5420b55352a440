// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What started this process, and what could join it with others.
#include "dpc-doctor/Findings.h"
#include "world/EngineKinds.h"
#include "world/Launch.h"

namespace dpcrt::doctor {
namespace {
std::string launchText(const Launch &launch) {
  if (launch.launcher.empty())
    return "no launcher: all ranks are threads of one process";
  std::ostringstream out;
  out << launch.launcher << ": process " << launch.rank << " of " << launch.size
      << ", joined by --transport " << launch.transport;
  return out.str();
}
} // namespace

void examineProcesses(Findings &out) {
  for (const std::string &name : engineKindNames()) {
    const EngineKind *kind = nullptr;
    Status s = findEngineKind(name, kind);
    out.add(name, s.ok() ? kind->version() : "not ready");
    out.stop("--transport " + name, s);
  }
  Launch launch;
  Status s = findLaunch(readEnvironment(), "", launch);
  out.add("started by", s.ok() ? launchText(launch) : "a launcher that is not understood");
  out.stop("", s);
}

} // namespace dpcrt::doctor
