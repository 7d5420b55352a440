// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a compile tells its user, in words and as a report.
#ifndef DPC_LIB_DRIVER_SUMMARY_H
#define DPC_LIB_DRIVER_SUMMARY_H

#include "dpc/Artifact/Artifact.h"
#include "dpc/Driver/Compile.h"
#include "dpc/Machine/Machine.h"
#include "dpc/Partition/Partition.h"

namespace dpc::driver {

/// The machine of --machine, which the phases have read before; the default one if
/// it has gone since.
Machine machineOf(const CompileOptions &options);

/// The resolved configuration, flags as keys.
std::string configJson(const CompileOptions &options);

/// One line each about what the model's tensors are, the same in every command.
std::string describeParameter(const import::ParameterInfo &parameter);
/// What is trained by, how the losses of micro-batches join, and what evaluation reports
/// beside it.
void printLoss(const import::ImportSummary &model, std::ostream &out);
/// Tensors that are stored more than once and are one parameter.
void printTies(const import::ImportSummary &model, std::ostream &out);
/// Constants that could be parameters, with the flag that trains each.
void printCandidates(const import::ImportSummary &model, std::ostream &out);
/// What a model must have beyond being read: something to train and, under --strict,
/// no such constants. Says what is missing; the exit status, or 0.
int checkImported(const import::ImportSummary &model, const import::ImportOptions &options,
                  std::ostream &err);

/// `advice`: about another schedule; empty if there is none to give.
void printSummary(std::ostream &out, mlir::ModuleOp module, const CompileOptions &options,
                  const import::ImportSummary &model,
                  const std::vector<partition::StageSummary> &stages,
                  const artifact::ArtifactSummary &written, const std::vector<std::string> &notes,
                  const std::string &advice, const std::map<std::string, double> &seconds);

/// Writes the JSON report; returns the error, or nothing.
std::string writeReport(const std::string &path, mlir::ModuleOp module,
                        const CompileOptions &options,
                        const std::vector<partition::StageSummary> &stages,
                        const artifact::ArtifactSummary &written,
                        const std::map<std::string, double> &seconds);

} // namespace dpc::driver

#endif // DPC_LIB_DRIVER_SUMMARY_H
