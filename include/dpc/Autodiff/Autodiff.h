// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The autodiff phase, function by function: a body's forward becomes forward,
// input half and weight half; what is kept between them is chosen; gradients are
// summed into accumulators; the result is checked. docs/Autodiff.md explains the
// halves and the classes of kept values.
#ifndef DPC_AUTODIFF_AUTODIFF_H
#define DPC_AUTODIFF_AUTODIFF_H

#include "dpc/Dialect/DualPipe/DualPipe.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/SmallVector.h"

#include <string>

namespace dpc::autodiff {

/// The stages of a module by the body they bind, in the stages' order.
class StageIndex {
public:
  explicit StageIndex(mlir::ModuleOp module);
  llvm::ArrayRef<dualpipe::StageOp> getStages(dualpipe::BodyOp body) const;
  /// The parameter that is `param index` of the body's first stage; null if no
  /// stage binds the body.
  nn::ParameterOp getParameter(dualpipe::BodyOp body, unsigned index) const;

private:
  mlir::ModuleOp module;
  llvm::DenseMap<mlir::Operation *, llvm::SmallVector<dualpipe::StageOp>> stages;
};

/// Gives each body its `@evaluation`, a copy of @forward, to which the further outputs
/// of the graph are left, and what stages send for them alone. Returns how many outputs
/// these were. A body that has an evaluation stays as it is.
unsigned addEvaluation(mlir::ModuleOp module);

/// Gives a body that has no halves yet its halves, in which nothing is computed
/// twice: each value that a later half reads is kept. Emits an error for every
/// operation without a derivative that a gradient would have to flow through.
mlir::LogicalResult differentiate(dualpipe::BodyOp body, const StageIndex &stages);

enum class Recompute {
  None,   ///< only what costs nothing: views, constants, data movement, casts,
          ///< values of parameters alone
  Budget, ///< elementwise operations too, within the budget of each half
  Full,   ///< everything but communication; only what crosses stages is kept
};

struct ResidualOptions {
  Recompute recompute = Recompute::Budget;
  /// Flops that one half may compute again, as a fraction of the forward's.
  double budget = 0.1;
};

/// Chooses for each half what it keeps and what it computes again: the least bytes,
/// weighted by how long they are kept (forward to input half 2, input half to
/// weight half 1, forward to weight half 3). A value that the input half holds
/// anyway costs the weight half only the rest of its life.
void chooseResiduals(dualpipe::BodyOp body, const ResidualOptions &options);

/// Gives the weight half an argument `accumulator i` for each gradient, which it
/// returns increased by the gradient. Returns how many it added.
unsigned addAccumulators(dualpipe::BodyOp body);

/// Emits errors where a body is not what the phase promises.
mlir::LogicalResult verifyDifferentiated(dualpipe::BodyOp body, const StageIndex &stages);

/// What one body keeps and computes again, for one micro-batch.
struct BodySummary {
  std::string name;
  int64_t forwardToInput = 0;  ///< kept bytes that only the input half reads
  int64_t forwardToWeight = 0; ///< kept bytes of the forward that the weight half reads
  int64_t inputToWeight = 0;   ///< kept bytes of the input half
  int64_t retained = 0; ///< inputs, feeds, outputs and output gradients that a later function reads
  int64_t forwardFlops = 0;
  int64_t recomputedInInput = 0, recomputedInWeight = 0; ///< flops
};
BodySummary summarize(dualpipe::BodyOp body);

} // namespace dpc::autodiff

#endif // DPC_AUTODIFF_AUTODIFF_H
