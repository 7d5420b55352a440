// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a real GPU makes of dpc, in a report to send: the program `run` of a folder that
// `scripts/gpu-check pack` has made. It needs the driver and cuBLASLt and nothing else.
#include "cli/CommandLine.h"
#include "cli/Version.h"
#include "data/Files.h"
#include "devices/Wait.h"
#include "devices/cuda/api/Gpus.h"
#include "dpc-gpu-check/Checks.h"
#include "dpc-run/Command.h"
#include <filesystem>
#include <iostream>
#include <unistd.h>

using namespace dpcrt;
using namespace dpcrt::gpucheck;

namespace {
// That of this program, which is the packed one's `bin`.
std::filesystem::path ownFolder() {
  std::error_code failure;
  std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", failure);
  return failure ? "." : self.parent_path();
}

// Whether what serves as the GPU is the emulator of dpc's tests, which says so in its name.
bool isEmulated() {
  cuda::Driver driver;
  std::vector<cuda::Gpu> gpus;
  if (!cuda::openDriver(cuda::findLibraryPlaces(), driver).ok() ||
      !cuda::findGpus(driver, gpus).ok() || gpus.empty())
    return false;
  return gpus[0].name.find("emulator") != std::string::npos;
}

struct Arguments {
  std::string report, parts, plan;
  double seconds = 0;
};

Status readParts(const Plan &plan, const std::string &given, std::set<std::string> &out) {
  std::set<std::string> all;
  for (const Check &check : plan.checks)
    all.insert(check.part);
  std::string known;
  for (const std::string &part : all)
    known += (known.empty() ? "" : ", ") + part;
  std::istringstream list(given);
  for (std::string part; std::getline(list, part, ',');) {
    if (!all.count(part))
      return error(Code::Usage, "--parts: there is no part '", part, "'; there are ", known);
    out.insert(part);
  }
  return {};
}

Status check(const Arguments &arguments, bool &hasFailed) {
  Plan plan;
  Options options;
  std::string path =
      arguments.plan.empty() ? (ownFolder().parent_path() / "plan.json").string() : arguments.plan;
  if (Status s = readPlan(path, plan); !s.ok())
    return s;
  options.folder = std::filesystem::path(path).parent_path().string();
  if (options.folder.empty())
    options.folder = ".";
  if (Status s = readParts(plan, arguments.parts, options.parts); !s.ok())
    return s;
  options.deadline =
      nowNs() + int64_t((arguments.seconds > 0 ? arguments.seconds : plan.seconds) * 1e9);
  std::string work = (std::filesystem::temp_directory_path() / "dpc-gpu-check-XXXXXX").string();
  if (!mkdtemp(work.data()))
    return error(Code::Io, "cannot make a folder in ",
                 std::filesystem::temp_directory_path().string(),
                 "; TMPDIR may name another place");
  options.work = work;
  Report report(arguments.report, isEmulated());
  report.say("dpc", versionText());
  report.say("device", plan.device);
  Counts counts;
  Status s = doChecks(plan, options, report, std::cout, counts);
  std::error_code ignored;
  std::filesystem::remove_all(work, ignored);
  if (!s.ok())
    return s;
  std::cout << counts.passed << " passed, " << counts.failed << " failed, " << counts.measured
            << " measured, " << counts.skipped << " skipped, " << counts.notReached
            << " not reached; " << arguments.report << "\n";
  hasFailed = counts.failed > 0;
  return {};
}
} // namespace

int main(int argc, char **argv) {
  reportFileSizeLimitAsError();
  Arguments arguments;
  CLI::App app("Checks and measures what a GPU makes of dpc, and writes a report to send.", "run");
  app.add_option("report", arguments.report, "The JSON file to write")->required();
  app.add_option("--parts", arguments.parts, "Only these parts of the plan, as in models,rates");
  app.add_option("--seconds", arguments.seconds, "Time for all of it (as the plan says)")
      ->check(CLI::PositiveNumber);
  app.add_option("--plan", arguments.plan, "Another plan than plan.json of the folder");
  if (auto ended = parseCommandLine(app, {argv + 1, argv + argc}, std::cout, std::cerr))
    return *ended;
  bool hasFailed = false;
  int status =
      runToStatus("run", std::cout, std::cerr, [&] { return check(arguments, hasFailed); });
  return status ? status : hasFailed ? int(Code::Difference) : 0;
}
