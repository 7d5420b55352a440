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

namespace {
// An output of one number, and its sum over what was evaluated.
struct Sum {
  std::string name;
  Element type;
  double sum = 0;
  uint64_t count = 0;

  Status add(dpcrt_session *session, size_t microBatches) {
    std::vector<char> bytes(microBatches * sizeOf(type));
    if (Status s = fromC(dpcrt_session_output(session, name.c_str(), bytes.data(), bytes.size()));
        !s.ok())
      return s;
    for (size_t i = 0; i < microBatches; ++i)
      sum += *numberOf(type, bytes.data() + i * sizeOf(type));
    count += microBatches;
    return {};
  }
};

std::vector<Sum> listSums(const dpcrt_artifact *artifact) {
  std::vector<Sum> sums;
  for (size_t i = 0; i < dpcrt_artifact_outputs(artifact); ++i) {
    auto output = sized<dpcrt_tensor>();
    dpcrt_artifact_output(artifact, i, &output);
    Element type = *elementNamed(output.dtype);
    std::vector<char> none(sizeOf(type));
    if (output.bytes == sizeOf(type) && numberOf(type, none.data()))
      sums.push_back({output.name, type});
  }
  return sums;
}
} // namespace

Status evaluateMean(const dpcrt_artifact *artifact, dpcrt_session *session, Batches &batches,
                    const EvaluationPlan &plan, const std::function<bool()> &stop,
                    std::optional<Evaluation> &evaluation) {
  std::vector<Sum> sums = listSums(artifact);
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
    for (Sum &output : sums)
      if (Status s = output.add(session, result.losses); !s.ok())
        return s;
  }
  evaluation = {isSum ? sum : den == 0 ? 0 : sum / den, {}};
  for (const Sum &output : sums)
    evaluation->outputs.emplace_back(output.name, output.sum / double(output.count));
  return {};
}

} // namespace dpcrt
