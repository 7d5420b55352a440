// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dpc-run/StepsUnderWay.h"
#include "devices/Wait.h"
#include <algorithm>

namespace dpcrt {

void StepsUnderWay::open(dpcrt_session *opened, Batches &from, unsigned limit) {
  session = opened;
  batches = &from;
  depth = std::min(limit, dpcrt_session_steps_in_flight(session));
  batches->keepSteps(depth);
}

Status StepsUnderWay::submit(Step step, dpcrt_request request) {
  int64_t begin = nowNs();
  Status s = readInputs(*batches, step.firstMicroBatch, step.inputs);
  step.dataWait = double(nowNs() - begin) * 1e-9;
  request.lr = step.learningRate;
  request.first_micro_batch = step.firstMicroBatch;
  if (s.ok())
    s = fromC(dpcrt_session_submit(session, step.inputs.data(), step.inputs.size(), &request))
            .within("step " + std::to_string(step.number));
  if (s.ok())
    steps.push_back(std::move(step));
  return s;
}

Status StepsUnderWay::take(Step &step, dpcrt_result &result) {
  step = std::move(steps.front());
  steps.pop_front();
  result = sized<dpcrt_result>();
  if (Status s = fromC(dpcrt_session_result(session, &result)); !s.ok())
    return s.within("step " + std::to_string(step.number));
  losses.assign(result.loss_values, result.loss_values + result.losses);
  denominators.assign(result.den_values, result.den_values + result.losses);
  result.loss_values = losses.data();
  result.den_values = denominators.data();
  return {};
}

void StepsUnderWay::drain() {
  for (; !steps.empty(); steps.pop_front()) {
    auto ignored = sized<dpcrt_result>();
    fromC(dpcrt_session_result(session, &ignored));
  }
}

} // namespace dpcrt
