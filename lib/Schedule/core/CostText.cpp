// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Costs as they are typed: --cost and --link.
#include "dpc/Schedule/core/CostText.h"

#include "Split.h"

#include <cmath>
#include <cstdlib>
#include <functional>
#include <sstream>

namespace dpc::schedule {
namespace {

bool parseNumber(const std::string &text, double &value) {
  char *end = nullptr;
  value = std::strtod(text.c_str(), &end);
  return !text.empty() && !*end && std::isfinite(value) && value >= 0;
}

// What --cost says beyond equal costs.
struct StageText {
  double message = 0, keep = 0, keepWeight = -1; // bytes; below 0: as much as keep
  std::vector<double> factors;
  bool isGiven() const { return message > 0 || keep > 0 || keepWeight > 0 || !factors.empty(); }
};

// Reads `name=number` parts; an error or the empty text.
std::string readParts(const std::string &flag, const std::string &text, const std::string &known,
                      const std::function<double *(const std::string &)> &find,
                      const std::function<std::string(const std::string &)> &findOther) {
  for (const std::string &part : split(text, ',')) {
    size_t equals = part.find('=');
    std::string name = part.substr(0, equals),
                number = equals == std::string::npos ? "" : part.substr(equals + 1);
    if (name == "stages" && findOther) {
      if (std::string error = findOther(number); !error.empty())
        return error;
      continue;
    }
    double *target = find(name);
    if (!target)
      return flag + ": there is no '" + name + "'; " + known;
    if (!parseNumber(number, *target))
      return flag + ": " + name + "=" + number + " is no " +
             (flag == "--cost" ? "time or size" : "number") + "; expected a number of at least 0";
  }
  return "";
}

std::string parse(const std::string &text, Costs &costs, StageText &stages) {
  bool hasPair = false;
  auto find = [&](const std::string &name) -> double * {
    hasPair |= name == "FB";
    return name == "F"             ? &costs.forward
           : name == "I"           ? &costs.input
           : name == "W"           ? &costs.weight
           : name == "FB"          ? &costs.pair
           : name == "comm"        ? &costs.comm
           : name == "message"     ? &stages.message
           : name == "keep"        ? &stages.keep
           : name == "keep-weight" ? &stages.keepWeight
                                   : nullptr;
  };
  auto readFactors = [&](const std::string &list) -> std::string {
    for (const std::string &word : split(list, ':')) {
      double factor;
      if (!parseNumber(word, factor))
        return "--cost: stages=" + list + ": '" + word +
               "' is no factor; expected a number of at least 0 for each stage, as in "
               "stages=1:0.8:1.2:1";
      stages.factors.push_back(factor);
    }
    return stages.factors.empty() ? "--cost: stages= names no factor; expected one for each stage, "
                                    "as in stages=1:0.8:1.2:1"
                                  : "";
  };
  std::string known = "the costs are F, I, W, FB and comm, as in F=1,I=1,W=1,FB=3,comm=0, and "
                      "message, keep, keep-weight and stages";
  std::string error = readParts("--cost", text, known, find, readFactors);
  if (error.empty() && !hasPair)
    costs.pair = costs.forward + costs.input + costs.weight;
  return error;
}

} // namespace

Result<Costs> parseCosts(const std::string &text) {
  using R = Result<Costs>;
  Costs costs;
  StageText stages;
  if (std::string error = parse(text, costs, stages); !error.empty())
    return R::failure(error);
  if (stages.isGiven())
    return R::failure("--cost: message, keep, keep-weight and stages are of one schedule's stages "
                      "and mean nothing here");
  return costs;
}

Result<Costs> parseCosts(const std::string &text, const std::string &link, const Table &table) {
  using R = Result<Costs>;
  Costs costs;
  StageText stages;
  if (std::string error = parse(text, costs, stages); !error.empty())
    return R::failure(error);
  if (!stages.factors.empty() && stages.factors.size() != table.stages)
    return R::failure("--cost: stages= names " + std::to_string(stages.factors.size()) +
                      " factors; the schedule has " + std::to_string(table.stages) + " stages");
  if (stages.keepWeight > stages.keep)
    return R::failure("--cost: keep-weight is the part of keep that stays until the weight half, "
                      "and no more than that");
  if (stages.isGiven()) {
    StageCosts equal = costs.of(0, table.ranks, table.stages);
    double share = (double)table.ranks / table.stages;
    equal.outputBytes = equal.gradientBytes = stages.message;
    equal.activationBytes = stages.keep * share;
    equal.weightBytes = (stages.keepWeight < 0 ? stages.keep : stages.keepWeight) * share;
    costs.stages.assign(table.stages, equal);
    for (size_t s = 0; s < stages.factors.size(); ++s) {
      costs.stages[s].forward *= stages.factors[s];
      costs.stages[s].input *= stages.factors[s];
      costs.stages[s].weight *= stages.factors[s];
    }
  }
  if (!link.empty()) {
    Link all{costs.comm, Link().bandwidth};
    auto find = [&](const std::string &name) {
      return name == "latency" ? &all.latency : name == "bandwidth" ? &all.bandwidth : nullptr;
    };
    if (std::string error = readParts(
            "--link", link, "a link has latency and bandwidth, as in latency=0.1,bandwidth=50",
            find, nullptr);
        !error.empty())
      return R::failure(error);
    if (all.bandwidth == 0)
      return R::failure("--link: bandwidth=0 sends nothing; expected bytes in a unit of time");
    costs.links = {all};
  }
  return costs;
}

} // namespace dpc::schedule
