// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dpc-run/Evaluate.h"

namespace dpcrt {

uint64_t evaluationSteps(const EvaluationPlan &plan, uint64_t rows, uint64_t &leftOver) {
  leftOver = 0;
  if (plan.steps || !rows)
    return plan.steps;
  // Fewer than a step takes: the step takes some twice, which is all that can be done.
  if (rows < plan.microBatches)
    return 1;
  leftOver = rows % plan.microBatches;
  return rows / plan.microBatches;
}

Status evaluateMean(dpcrt_session *session, Batches &batches, const EvaluationPlan &plan,
                    const std::function<bool()> &stop, std::optional<double> &loss) {
  uint64_t leftOver = 0, count = evaluationSteps(plan, batches.rows(), leftOver);
  double sum = 0, den = 0;
  bool isSum = plan.weighting == "sum";
  for (uint64_t i = 0; i < count; ++i) {
    if (stop())
      return {};
    std::vector<dpcrt_input> inputs;
    auto request = sized<dpcrt_request>();
    request.kind = DPCRT_EVALUATE;
    request.first_micro_batch = i * plan.microBatches;
    if (Status s = readInputs(batches, request.first_micro_batch, inputs); !s.ok())
      return s;
    dpcrt_result result;
    if (Status s = runStep(session, inputs, request, result); !s.ok())
      return s;
    double weight = isSum ? 1 : result.sum_den;
    sum += weight * result.loss;
    den += weight;
  }
  loss = isSum ? sum : den == 0 ? 0 : sum / den;
  return {};
}

} // namespace dpcrt
