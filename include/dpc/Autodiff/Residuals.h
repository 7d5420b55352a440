// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a half keeps and what it computes again, as plain data. Values are linked
// by operations into a graph without cycles; some values are needed. Each needed
// value is either kept, which costs memory, or computed again from its operation's
// operands, which are then needed in turn. The cheapest choice is a minimum cut:
//
//   source ──flops──▶ operation ──cost──▶ result ──▶ operations that read it, sink
//   source ──cost──▶ argument ──▶ operations that read it
//
// (an operation on the sink's side is computed again, a result on the sink's side
// whose operation is not is kept). The price of a flop is the smallest one for
// which what is computed again stays within the budget.
#ifndef DPC_AUTODIFF_RESIDUALS_H
#define DPC_AUTODIFF_RESIDUALS_H

#include <cstdint>
#include <vector>

namespace dpc::autodiff {

struct ResidualGraph {
  struct Operation {
    std::vector<unsigned> operands; ///< values
    std::vector<unsigned> results;  ///< values
    /// Work of computing it again; 0 does not count against the budget.
    int64_t flops = 0;
    bool recomputable = false;
  };
  struct Value {
    /// Bytes of keeping it, times how long.
    int64_t cost = 0;
    /// False: it must be computed again. Its operation must be recomputable then,
    /// and of 0 flops where there is a budget.
    bool keepable = true;
    bool needed = false;
  };
  /// In an order in which operands come first.
  std::vector<Operation> operations;
  std::vector<Value> values;
};

struct ResidualChoice {
  std::vector<bool> kept;       ///< per value
  std::vector<bool> recomputed; ///< per operation
  int64_t cost = 0;             ///< of the kept values
  int64_t flops = 0;            ///< of the recomputed operations
};

/// The choice of smallest cost; of several the one that computes least again.
/// With `budget` at least 0, operations of at most that many flops are computed
/// again; the choice is then optimal among those that some price of a flop gives.
ResidualChoice chooseResiduals(const ResidualGraph &graph, int64_t budget);

/// A budget without a limit.
inline constexpr int64_t kNoLimit = -1;

} // namespace dpc::autodiff

#endif // DPC_AUTODIFF_RESIDUALS_H
