// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See Checks.h.
#include "dpc-gpu-check/Checks.h"
#include "data/ParseJson.h"
#include "devices/Wait.h"
#include "dpc-doctor/Doctor.h"
#include "dpc-gpu-check/Child.h"
#include "dpc-gpu-check/Differences.h"
#include "dpc-gpu-check/Rates.h"
#include "session/DeviceKinds.h"
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iomanip>
#include <sstream>

namespace dpcrt::gpucheck {
namespace {
using Json = Report::Json;

// JSON has no infinity.
Json figure(double value) { return std::isfinite(value) ? Json(value) : Json("no number"); }

Json readJsonFile(const std::string &path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return parseJson<Json>(text.str());
}

class Checking {
public:
  Checking(const Plan &plan, const Options &options) : plan(plan), options(options) {}

  // The result in a word, and what else there is to say, in `line`.
  std::string run(const Check &check, Json &line) {
    switch (check.kind) {
    case Check::Kind::Versions:
      return versions(line);
    case Check::Kind::Program:
      return program(check, line);
    case Check::Kind::Run:
      return trained(check, line);
    case Check::Kind::Rates:
      return rates(check, line);
    case Check::Kind::Step:
      return step(check, line);
    }
    return "failed";
  }

private:
  std::string in(const std::string &path) const { return options.folder + "/" + path; }
  double left(const Check &check) const {
    return std::min(check.seconds, double(options.deadline - nowNs()) * 1e-9);
  }
  std::string fail(Json &line, const std::string &why) {
    line["why"] = why;
    return "failed";
  }

  std::string versions(Json &line) {
    std::ostringstream said, error;
    doctorCommand({}, said, error, [](doctor::Findings &) {});
    std::istringstream text(said.str() + error.str());
    Json lines = Json::array();
    for (std::string each; std::getline(text, each);)
      if (!each.empty())
        lines.push_back(each);
    line["says"] = lines;
    return "measured";
  }

  std::string program(const Check &check, Json &line) {
    std::vector<std::string> command = check.command;
    if (command[0].find('/') != std::string::npos)
      command[0] = in(command[0]);
    else
      command[0] = onPath(command[0]);
    if (command[0].empty()) {
      line["why"] = "there is no " + check.command[0] + " here";
      return check.isOptional ? "skipped" : "failed";
    }
    for (std::string &word : command) // "@path" is one of the folder
      if (word[0] == '@')
        word = in(word.substr(1));
    Ended ended = runChild(command, check.environment, left(check));
    line["says"] = lastLines(ended.said);
    if (ended.status == 77) { // by custom: it cannot be done here
      line["why"] = "it cannot be done here";
      return "skipped";
    }
    std::string problem = ended.problem();
    return problem.empty() ? "passed" : fail(line, problem);
  }

  static std::string onPath(const std::string &name) {
    std::istringstream path(std::getenv("PATH") ? std::getenv("PATH") : "");
    for (std::string folder; std::getline(path, folder, ':');) {
      std::error_code failure;
      std::string file = folder + "/" + name;
      if (!folder.empty() && std::filesystem::is_regular_file(file, failure))
        return file;
    }
    return "";
  }

  static Json lastLines(const std::string &said) {
    std::vector<std::string> all;
    std::istringstream text(said);
    for (std::string each; std::getline(text, each);)
      if (!each.empty())
        all.push_back(each);
    constexpr size_t kLines = 12;
    return Json(std::vector<std::string>(all.size() > kLines ? all.end() - kLines : all.begin(),
                                         all.end()));
  }

  Ended train(const Check &check, const std::vector<std::string> &more) {
    std::vector<std::string> command = {in("bin/dpc-run"), in(check.artifact),
                                        "--device",        plan.device,
                                        "--checkpoint",    "none",
                                        "--log-every",     "0"};
    command.insert(command.end(), check.flags.begin(), check.flags.end());
    command.insert(command.end(), more.begin(), more.end());
    return runChild(command, {}, left(check));
  }

  std::string trained(const Check &check, Json &line) {
    std::string dump = options.work + "/" + std::to_string(dumps.size());
    dumps[check.name] = dump;
    if (std::string problem = train(check, {"--dump", dump}).problem(); !problem.empty())
      return fail(line, problem);
    Differences found;
    std::string wanted = check.sameAs.empty() ? in(check.expected) : dumps[check.sameAs];
    if (Status s = compareDumps(dump, wanted, found); !s.ok())
      return fail(line, s.message());
    line["worst"] = {{"loss", figure(found.loss)},
                     {"gradient", figure(found.gradient)},
                     {"weight", figure(found.weight)}};
    if (!check.sameAs.empty()) {
      line["same_as"] = check.sameAs;
      return found.sameBits ? "passed" : fail(line, "other bits than '" + check.sameAs + "'");
    }
    std::string wrong;
    auto hold = [&](const char *what, double is, double may, const std::string &whose) {
      if (!(is <= may)) {
        std::ostringstream text;
        text << (wrong.empty() ? "" : "; ") << what << (whose.empty() ? "" : " of " + whose)
             << " off by " << is << ", where " << may << " is allowed";
        wrong += text.str();
      }
    };
    hold("a loss is", found.loss, check.loss, "");
    hold("the gradient", found.gradient, check.gradient, found.worstGradient);
    hold("the weight", found.weight, check.weight, found.worstWeight);
    return wrong.empty() ? "passed" : fail(line, wrong);
  }

  std::string rates(const Check &check, Json &line) {
    const DeviceKind *kind = nullptr;
    Artifact artifact;
    Rates found;
    Status s = findDeviceKind(plan.device, kind);
    if (s.ok())
      s = openArtifact(in(check.artifact), artifact);
    if (s.ok())
      s = measureRates(*kind, artifact, nowNs() + int64_t(left(check) * 1e9), found);
    if (!s.ok())
      return fail(line, s.message());
    double copy = 2 * double(found.copyBytes) / found.copySeconds; // read and written
    line["copy_GB_per_s"] = copy * 1e-9;
    line["host_us_per_launch"] = found.launchSeconds * 1e6;
    for (const Rate &rate : found.kernels) {
      double speed = double(rate.bytes) / rate.seconds;
      line["kernels"].push_back({{"symbol", rate.symbol},
                                 {"of", rate.label},
                                 {"bytes", rate.bytes},
                                 {"us", rate.seconds * 1e6},
                                 {"GB_per_s", speed * 1e-9},
                                 {"of_copy", speed / copy}});
    }
    for (const Rate &rate : found.products)
      line["products"].push_back({{"symbol", rate.symbol},
                                  {"of", rate.label},
                                  {"us", rate.seconds * 1e6},
                                  {"TFLOP_per_s", double(rate.flops) / rate.seconds * 1e-12}});
    return "measured";
  }

  std::string step(const Check &check, Json &line) {
    std::string report = options.work + "/report.json", metrics = options.work + "/metrics.jsonl";
    std::filesystem::remove(metrics);
    Ended ended = train(check, {"--report", report, "--metrics", metrics});
    if (std::string problem = ended.problem(); !problem.empty())
      return fail(line, problem);
    Json read = readJsonFile(report);
    if (!read.is_object() || !read["step_s"].is_array() || read["step_s"].size() < 3)
      return fail(line, "fewer than three steps were run");
    // The first ones begin what is there from then on.
    std::vector<double> seconds;
    for (size_t i = 2; i < read["step_s"].size(); ++i)
      seconds.push_back(read["step_s"][i].get<double>());
    std::sort(seconds.begin(), seconds.end());
    line["step_ms"] = {{"least", seconds.front() * 1e3},
                       {"median", seconds[seconds.size() / 2] * 1e3},
                       {"most", seconds.back() * 1e3}};
    line["steps"] = seconds.size();
    std::ifstream lines(metrics);
    for (std::string each; std::getline(lines, each);)
      if (Json said = parseJson<Json>(each);
          said.is_object() && said.contains("bubble") && !said["bubble"].is_null())
        line["idle"] = said["bubble"]; // of each rank, of the last step that was traced
    return "measured";
  }

  const Plan &plan;
  const Options &options;
  std::map<std::string, std::string> dumps; // by the name of the run
};
} // namespace

Status doChecks(const Plan &plan, const Options &options, Report &report, std::ostream &log,
                Counts &out) {
  Checking checking(plan, options);
  for (const Check &check : plan.checks) {
    if (!options.parts.empty() && !options.parts.count(check.part))
      continue;
    Json line = {{"part", check.part}, {"check", check.name}};
    int64_t begin = nowNs();
    std::string result = "not reached";
    if (double(options.deadline - begin) * 1e-9 >= check.needs) {
      Json said = Json::object();
      result = checking.run(check, said);
      line["result"] = result;
      line["seconds"] = std::round(double(nowNs() - begin) * 1e-6) * 1e-3;
      line.update(said);
    } else {
      line["result"] = result;
    }
    size_t &count = result == "passed"     ? out.passed
                    : result == "measured" ? out.measured
                    : result == "failed"   ? out.failed
                    : result == "skipped"  ? out.skipped
                                           : out.notReached;
    ++count;
    log << std::left << std::setw(12) << result << check.part << ": " << check.name;
    if (line.contains("why"))
      log << ": " << line["why"].get<std::string>();
    log << std::endl;
    if (Status s = report.add(line); !s.ok())
      return s;
  }
  return {};
}

} // namespace dpcrt::gpucheck
