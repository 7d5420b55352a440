// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Where a step that is not finite went wrong first.
#pragma once
#include "dpc-run/RunWorld.h"
#include <string>

namespace dpcrt {

// "; first not finite: …", in the order in which a step computes: its inputs, the
// weights it began with, the losses of micro-batches, the gradients of parameters.
// "" if all of these are finite (the gradient's norm overflowed). Together: inputs are looked
// at where they are read.
std::string firstNonFinite(const RunWorld &world, const dpcrt_artifact *artifact,
                           dpcrt_session *session, const std::vector<dpcrt_input> &inputs,
                           const dpcrt_result &result);
// The same of what the host has while the session is at another step: inputs and losses.
std::string firstNonFiniteOfHost(const RunWorld &world, const dpcrt_artifact *artifact,
                                 const std::vector<dpcrt_input> &inputs,
                                 const dpcrt_result &result);

} // namespace dpcrt
