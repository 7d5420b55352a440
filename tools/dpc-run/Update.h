// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The numbers of the update: learning rate over the steps, optimizer options, and
// groups of parameters with options of their own.
#pragma once
#include "session/Client.h"
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace dpcrt {

// warmup=N: linear from 0 over the first N steps. cosine or linear: from there down
// to min (a part of --lr, 0) at the last step. FILE.csv: lines "step,lr", each rate
// holding until the next line's step; steps count from 1 there too.
class LearningRate {
public:
  static Status make(std::optional<double> base, const std::string &schedule,
                     std::optional<uint64_t> steps, LearningRate &out);
  double at(uint64_t step) const; // steps count from 1

private:
  enum class Decay { None, Cosine, Linear };
  double base = 0, least = 0;
  uint64_t warmup = 0, steps = 0;
  Decay decay = Decay::None;
  std::vector<std::pair<uint64_t, double>> table;
};

// Options by parameter: --optimizer-option for all, then each --param-group that
// matches, in order. `optimizer`: which options there are.
Status applyUpdateOptions(const dpcrt_artifact *artifact, dpcrt_session *session,
                          const std::string &optimizer, std::optional<double> lr,
                          const std::vector<std::string> &options,
                          const std::vector<std::string> &groups);

} // namespace dpcrt
