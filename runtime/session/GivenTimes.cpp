// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Seconds to nanoseconds.
#include "session/GivenTimes.h"
#include "session/ModelCosts.h"
#include <cmath>

namespace dpcrt {
namespace {
// The largest time of a task or message: a step of many, multiplied, still is a time.
constexpr double mostSeconds = 1000;

// The first time that is too long makes `fault` say so.
int64_t nanoseconds(double seconds, const std::string &what, Status &fault) {
  if (fault.ok() && !(seconds <= mostSeconds))
    fault = error(Code::Usage, what, " takes ", seconds, " s; at most ", mostSeconds,
                  " s would be right");
  return fault.ok() ? std::llround(seconds * 1e9) : 0;
}
} // namespace

Status findGivenTimes(const Manifest &manifest, const std::string &path, TaskTimes &times,
                      Link &link) {
  ModelCosts costs;
  if (!path.empty()) {
    if (Status s = loadModelCosts(path, costs); !s.ok())
      return s;
  } else {
    const auto &forecast = manifest.forecast;
    if (!forecast.is_object() || !forecast.contains("costs"))
      return error(Code::Artifact,
                   "the artifact says nothing of costs, as one compiled by an older "
                   "dpc; --clock-times FILE.json says what its stages cost");
    if (std::string fault = readModelCosts(forecast["costs"], "forecast.costs.", costs);
        !fault.empty())
      return error(Code::Artifact, "the artifact's manifest is damaged: ", fault);
  }
  times = TaskTimes();
  Status fault;
  for (const ModelCosts::Stage &stage : costs.stages) {
    std::string of = " of stage " + std::to_string(times.stages.size());
    times.stages.push_back({nanoseconds(stage.forward, "the forward" + of, fault),
                            nanoseconds(stage.input, "the input half" + of, fault),
                            nanoseconds(stage.weight, "the weight half" + of, fault)});
  }
  for (double pair : costs.pairs)
    times.pairs.push_back(nanoseconds(pair, "a pair", fault));
  if (!link.emulated() && costs.link) {
    link.latencyNs = nanoseconds(costs.link->latency, "a message", fault);
    link.bytesPerSecond = std::isinf(costs.link->bandwidth) ? 0 : costs.link->bandwidth;
  }
  return fault;
}

} // namespace dpcrt
