// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A line for each thing that was found, then what would stop a run.
#include "dpc-doctor/Doctor.h"
#include "cli/CommandLine.h"
#include "cli/Version.h"
#include "dpc-run/Command.h"
#include "session/DeviceKinds.h"
#include <algorithm>

namespace dpcrt {
namespace {
using doctor::Findings;

// Opens each device, as a run would. All runs are on the CPU but those that say otherwise.
void examineDevices(Findings &out) {
  for (const std::string &name : deviceKindNames()) {
    const DeviceKind *kind = nullptr;
    Status s = findDeviceKind(name, kind);
    if (s.ok())
      s = kind->check({}); // what any target needs
    out.add("device " + name, s.ok() ? "ready" : "not ready");
    out.stop(name == "cpu" ? "" : "--device " + name, s);
  }
}

void writeLine(std::ostream &out, const char *before, const std::string &name, size_t width,
               const std::string &text) {
  out << before << name << std::string(width - name.size() + 2, ' ') << text << "\n";
}

void write(const Findings &findings, std::ostream &out) {
  size_t width = 0;
  for (const doctor::Fact &fact : findings.facts)
    width = std::max(width, fact.name.size());
  for (const doctor::Fact &fact : findings.facts)
    writeLine(out, "", fact.name, width, fact.text);
  out << "\n";
  if (findings.stops.empty()) {
    out << "nothing would stop a run\n";
    return;
  }
  out << "what would stop a run:\n";
  auto shown = [](const doctor::Stop &stop) { return stop.run.empty() ? "any" : stop.run; };
  width = 0;
  for (const doctor::Stop &stop : findings.stops)
    width = std::max(width, shown(stop).size());
  for (const doctor::Stop &stop : findings.stops)
    writeLine(out, "  ", shown(stop), width, stop.why.message());
}
} // namespace

int doctorCommand(const std::vector<std::string> &args, std::ostream &out, std::ostream &err,
                  void (*examineCompiler)(doctor::Findings &)) {
  CLI::App app("What this machine has for dpc run, and what would stop a run.", "dpc doctor");
  if (auto ended = parseCommandLine(app, args, out, err))
    return *ended;
  Findings findings;
  int status = runToStatus("dpc doctor", out, err, [&]() -> Status {
    findings.add("dpc", versionText());
    doctor::examineMachine(findings);
    examineDevices(findings);
    doctor::examineNvidia(findings);
    examineCompiler(findings);
    doctor::examineProcesses(findings);
    write(findings, out);
    return {};
  });
  for (const doctor::Stop &stop : findings.stops)
    if (status == 0 && stop.run.empty())
      status = stop.why.exitStatus();
  return status;
}

} // namespace dpcrt
