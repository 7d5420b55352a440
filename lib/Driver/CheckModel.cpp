// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See CheckModel.h.
#include "CheckModel.h"

#include "ChosenSchedule.h"
#include "dpc/Codegen/CPU/CompileKernels.h"
#include "dpc/Partition/Partition.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Verifier.h"

using namespace mlir;

namespace dpc::driver {
namespace {

constexpr size_t kMostOperations = 20000;
constexpr unsigned kMostStages = 256;

LogicalResult runPhases(ModuleOp module, ArrayRef<const char *> phases,
                        const CompileOptions &options) {
  for (const char *phase : phases) {
    PassManager pm(module.getContext());
    pm.enableVerifier(false);
    buildPhase(phase, pm, options);
    if (failed(pm.run(module)) || failed(verify(module)))
      return failure();
  }
  return success();
}

} // namespace

FailureOr<unsigned> checkPhases(ModuleOp module, CompileOptions options) {
  // Before stages are counted: what import still rewrites moves where cuts can be.
  if (failed(runPhases(module, {"import"}, options)))
    return failure();
  FailureOr<unsigned> most = partition::getMaxStages(module);
  if (failed(most))
    return failure();

  // A graph of that many operations takes minutes to group; what compile refuses of
  // it is seen before.
  size_t operations = 0;
  for (func::FuncOp function : module.getOps<func::FuncOp>())
    operations += function.front().getOperations().size();
  if (operations > kMostOperations)
    return most;

  options.ranks = 1;
  resolveShape(options);
  OwningOpRef<ModuleOp> alone = module.clone();
  codegen::TargetOptions target;
  // What a processor computes is more than what other devices do, which say it when they compile.
  if (llvm::StringRef(options.targets.front()).starts_with("cpu"))
    target.target = options.targets.front();
  if (failed(
          runPhases(*alone, {"partition", "autodiff", "kernels", "schedule", "lower"}, options)) ||
      failed(codegen::checkKernels(*alone, target)))
    return failure();

  // The largest number that is promised is tried; where a phase behind the search for
  // cuts denies it, the next ones are. Hundreds of stages are not: the search itself
  // knows how many there can be.
  if (*most > kMostStages)
    return most;
  for (unsigned stages = *most; stages > 1; --stages) {
    ScopedDiagnosticHandler quiet(module.getContext(), [](Diagnostic &) { return success(); });
    CompileOptions many = options;
    many.ranks = many.microBatches = stages;
    many.schedule = "1f1b";
    OwningOpRef<ModuleOp> cut = module.clone();
    if (succeeded(runPhases(*cut, {"partition", "autodiff", "kernels"}, many)))
      return stages;
  }
  return 1u;
}

} // namespace dpc::driver
