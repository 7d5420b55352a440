// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The mean loss over data, without training.
#pragma once
#include "session/Client.h"
#include <functional>

namespace dpcrt {

struct EvaluationPlan {
  uint64_t steps = 0;        // 0: all of the data
  uint64_t microBatches = 1; // of a step
  std::string weighting;     // the manifest's loss.weighting
};

// Steps that the data makes, and micro-batches at its end that make none.
uint64_t evaluationSteps(const EvaluationPlan &plan, uint64_t rows, uint64_t &leftOver);

struct Evaluation {
  double loss = 0; // by the loss's own weighting
  // Further outputs of the graph that are one number: their means over micro-batches.
  std::vector<std::pair<std::string, double>> outputs;

  // A graph may have an output that is called "loss" and is not what is trained.
  static std::string shown(const std::string &output) {
    return output == "loss" ? "output 'loss'" : output;
  }
};

// Over all steps; `stop` is asked before each, and then there are no figures: of a part of
// the data they would be others.
Status evaluateMean(const dpcrt_artifact *artifact, dpcrt_session *session, Batches &batches,
                    const EvaluationPlan &plan, const std::function<bool()> &stop,
                    std::optional<Evaluation> &evaluation);

} // namespace dpcrt
