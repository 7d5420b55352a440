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

// `loss` by the loss's own weighting over all steps; `stop` is asked before each, and
// then there is no figure: of a part of the data it would be another one.
Status evaluateMean(dpcrt_session *session, Batches &batches, const EvaluationPlan &plan,
                    const std::function<bool()> &stop, std::optional<double> &loss);

} // namespace dpcrt
