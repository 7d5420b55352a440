// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See Update.h. Momentum is PyTorch's (no dampening); Adam is algorithm 1 of Kingma
// and Ba; AdamW is Loshchilov and Hutter's.
#include "dpc/Driver/Verify/Update.h"

#include "program/format/Optimizers.h"

#include <cmath>

namespace dpc::verify {

void applyUpdate(const std::string &optimizer, const dpcrt_update &options, double lr, int t,
                 const std::vector<double> &gradient, std::vector<double> &weights,
                 Moments &moments) {
  using Kind = dpcrt::OptimizerKind;
  Kind kind = dpcrt::findOptimizer(optimizer)->kind; // the manifest was checked
  bool adam = kind == Kind::Adam || kind == Kind::AdamW, decoupled = kind == Kind::AdamW;
  moments.first.resize(weights.size());
  if (adam)
    moments.second.resize(weights.size());
  lr *= options.lr_scale;
  double correction1 = 1 - std::pow(options.beta1, t), correction2 = 1 - std::pow(options.beta2, t);
  for (size_t i = 0; i < weights.size(); ++i) {
    double g = gradient[i];
    if (decoupled)
      weights[i] *= 1 - lr * options.weight_decay;
    else
      g += options.weight_decay * weights[i];
    if (adam) {
      double &m = moments.first[i], &v = moments.second[i];
      m = options.beta1 * m + (1 - options.beta1) * g;
      v = options.beta2 * v + (1 - options.beta2) * g * g;
      weights[i] -= lr * (m / correction1) / (std::sqrt(v / correction2) + options.eps);
    } else if (kind == Kind::Momentum) {
      double &buffer = moments.first[i];
      buffer = options.momentum * buffer + g;
      weights[i] -= lr * buffer;
    } else {
      weights[i] -= lr * g;
    }
  }
}

} // namespace dpc::verify
