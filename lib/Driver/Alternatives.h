// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Other schedules for the model that is being compiled or explained.
//
// Each is planned as lowering would plan it: the model is cut into as many stages
// as the schedule has, differentiated, made into kernels, and its tasks are walked
// with their planned durations. The schedule library's simulator would be quicker,
// but it knows one F, I and W for all stages, sends results at the ends of tasks and
// has neither bytes nor an update; what it says could contradict the forecast of
// the very compile that follows the advice.
#ifndef DPC_LIB_DRIVER_ALTERNATIVES_H
#define DPC_LIB_DRIVER_ALTERNATIVES_H

#include "dpc/Driver/Compile.h"
#include "dpc/Lowering/Forecast/Comparison.h"
#include "dpc/Lowering/Forecast/PlannedStep.h"
#include "dpc/Partition/Partition.h"
#include "dpc/Schedule/core/Result.h"
#include "mlir/IR/OwningOpRef.h"

#include <map>

namespace dpc::driver {

struct Candidate : lowering::Alternative {
  std::optional<lowering::PlannedStep> step; ///< if it is legal
  std::string text;                          ///< of a schedule that no name stands for
  int64_t bytesIf[2] = {};                   ///< of a rank, by whether the optimizer is sharded
};

class Alternatives {
public:
  /// `source`: the nn module's bytecode. The options' cuts hold for `cutStages`
  /// stages, other numbers are cut where it is best; 0: they hold for every number.
  Alternatives(std::string source, const CompileOptions &options, unsigned cutStages,
               Machine machine, mlir::MLIRContext *context)
      : source(std::move(source)), options(options), cutStages(cutStages),
        machine(std::move(machine)), context(context) {}

  struct Prepared {
    mlir::OwningOpRef<mlir::ModuleOp> module; ///< after the kernels phase
    std::vector<partition::StageSummary> stages;
    std::string error; ///< why there is none
  };
  /// Takes the model in `cutStages` stages, as it is after the kernels phase, instead
  /// of making it again.
  void adopt(mlir::OwningOpRef<mlir::ModuleOp> module);
  /// The model in so many stages; made once.
  const Prepared &prepare(unsigned stages);

  /// A schedule by its name. Diagnostics become `notLegal`.
  Candidate plan(const std::string &schedule, unsigned ranks, unsigned microBatches,
                 unsigned replicas = 1);
  /// A table, and what it is called.
  Candidate plan(const std::string &name, const schedule::Table &table, unsigned replicas = 1);
  /// The schedule of the options.
  Candidate planChosen(const CompileOptions &chosen);
  /// All schedules there are but the chosen one.
  std::vector<Candidate> planOthers(const CompileOptions &chosen);
  /// Half the ranks, twice, each with half the micro-batches: schedules that hold a
  /// stage once, on as many devices and with as many parameters on each as one that
  /// holds it twice.
  std::vector<Candidate> planHalves(unsigned ranks, unsigned microBatches);

private:
  std::string source;
  CompileOptions options;
  unsigned cutStages;
  Machine machine;
  mlir::MLIRContext *context;
  Candidate plan(Candidate candidate, const schedule::Result<schedule::Table> &table);
  std::map<unsigned, Prepared> prepared;
};

/// The candidates without their plans.
std::vector<lowering::Alternative> withoutPlans(const std::vector<Candidate> &candidates);

} // namespace dpc::driver

#endif // DPC_LIB_DRIVER_ALTERNATIVES_H
