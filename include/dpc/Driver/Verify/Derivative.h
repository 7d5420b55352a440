// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A gradient against the function it claims to be the gradient of. One directional
// derivative by central differences covers all parameters at once: the direction is
// scaled so that each parameter contributes about 1, whatever the size of its
// gradient; only if it disagrees are halves of the parameters tried, down to one.
#ifndef DPC_DRIVER_VERIFY_DERIVATIVE_H
#define DPC_DRIVER_VERIFY_DERIVATIVE_H

#include "dpc/Driver/Verify/ReferenceModel.h"

#include <functional>
#include <optional>

namespace dpc::verify {

/// A loss in double precision as a function of the parameters.
using Loss = std::function<mlir::FailureOr<double>(const NamedTensors &parameters)>;

struct DerivativeCheck {
  double expected = 0, found = 0; ///< by the gradient; by differences of the loss
  std::string parameter;          ///< where they disagree; empty: nowhere
  double distance() const { return expected > found ? expected - found : found - expected; }
};

/// Parameters contribute about 1 each; more than this apart is a disagreement.
inline constexpr double kDerivativeBound = 1e-4;

/// Elements of `held` parameters do not move: what is said to be their gradient is
/// meant not to be one.
mlir::FailureOr<DerivativeCheck> checkDerivative(const Loss &loss, const NamedTensors &parameters,
                                                 const NamedTensors &gradients,
                                                 const HeldElements &held = {});

} // namespace dpc::verify

#endif // DPC_DRIVER_VERIFY_DERIVATIVE_H
