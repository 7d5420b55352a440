// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the stages of a model cost: `forecast.costs` of a manifest (docs/Artifact.md), or a
// JSON file of the same. Simulations of a schedule (`dpc schedule --cost-from`) and the
// virtual device's clock are given it.
#pragma once
#include "program/format/Status.h"
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace dpcrt {

struct ModelCosts {
  // Of one micro-batch: seconds of its tasks, bytes of what they send on and keep.
  struct Stage {
    double forward = 0, input = 0, weight = 0;
    double outputBytes = 0, gradientBytes = 0, activationBytes = 0, weightBytes = 0;
  };
  // Between any two ranks: seconds, and bytes in a second.
  struct Link {
    double latency = 0, bandwidth = std::numeric_limits<double>::infinity();
  };
  std::vector<Stage> stages; // at least one
  // Seconds of a pair of stage a's forward and stage b's backward, at a * stages + b;
  // empty: not said.
  std::vector<double> pairs;
  std::optional<Link> link;
};

// `section`: that object. Returns what is wrong with it, or nothing; `where` stands before the
// names of its keys.
std::string readModelCosts(const nlohmann::ordered_json &section, const std::string &where,
                           ModelCosts &out);

// Of the artifact or file at `path`. Errors have code Artifact, and say whether it is neither,
// an artifact of another version, or one without costs.
Status loadModelCosts(const std::string &path, ModelCosts &out);

} // namespace dpcrt
