// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The optimizers there are: what each keeps beside a parameter, and which numbers it
// takes. The only list; formulas are the update kernels' (lib/Optimizer) and, written
// once more from the papers, those of the reference that they are compared with.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace dpcrt {

enum class OptimizerKind { Sgd, Momentum, Adam, AdamW };

// The numbers of an update, for one parameter; an optimizer reads some of them.
struct UpdateNumbers {
  double lrScale = 1, weightDecay = 0, momentum = 0, beta1 = 0.9, beta2 = 0.999, eps = 1e-8;
};

struct OptimizerOption {
  std::string_view name; // as users write it
  double UpdateNumbers::*number;
  bool isPart; // from 0 to below 1; otherwise not negative
};

struct Optimizer {
  OptimizerKind kind;
  std::string_view name;
  std::vector<std::string_view> moments; // as PyTorch's state dictionary calls them
  std::vector<OptimizerOption> options;
  UpdateNumbers defaults; // PyTorch's
  // Whether an update is of a whole parameter, as the matrix it is, and not element by
  // element.
  bool needsMatrices = false;

  const OptimizerOption *findOption(std::string_view option) const;
};

// A norm's sum of squares goes over blocks of this many consecutive elements of a
// gradient, the last block of what is left. Who updates a part of a parameter sums the
// squares of that part alone, so that parts begin and end where blocks do: the norm
// would otherwise depend on how a parameter was cut.
inline constexpr uint64_t kSquareBlock = 4096;

const std::vector<Optimizer> &optimizers();

// Null if there is none of that name.
const Optimizer *findOptimizer(std::string_view name);

// "sgd, momentum, adam or adamw".
std::string optimizerNames();

} // namespace dpcrt
