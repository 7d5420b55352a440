// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Optimizers in double precision, one element after the other, from their papers:
// what the update kernels are compared with.
#ifndef DPC_DRIVER_VERIFY_UPDATE_H
#define DPC_DRIVER_VERIFY_UPDATE_H

#include "dpcrt/dpcrt.h"

#include <string>
#include <vector>

namespace dpc::verify {

/// Momentum's buffer, or Adam's two moments; empty before the first step.
struct Moments {
  std::vector<double> first, second;
};

/// Applies step `t` (from 1) of an optimizer of the format's table to the
/// weights.
void applyUpdate(const std::string &optimizer, const dpcrt_update &options, double lr, int t,
                 const std::vector<double> &gradient, std::vector<double> &weights,
                 Moments &moments);

} // namespace dpc::verify

#endif // DPC_DRIVER_VERIFY_UPDATE_H
