// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a step is to compute, from its bodies and stages.
//
// Every micro-batch goes forward through all stages and its gradients back through them;
// a rank adds up the gradients of its parameters in the order in which its row of the
// schedule has their weight halves; the holders of a parameter add theirs up in ascending
// order of ranks. There are no messages here, no slots, no streams and no order but that.
// Nothing of the lowering phase is used: it is what this is held against.
#ifndef DPC_LIB_PROOF_DEFINITION_H
#define DPC_LIB_PROOF_DEFINITION_H

#include "BodyCode.h"
#include "StepFunctions.h"

#include "dpc/Schedule/core/Table.h"

#include <memory>

namespace dpc::proof {

class Definition : public SiteNames {
public:
  Definition(mlir::ModuleOp module, Words &words, StepFunctions &functions, Sites &sites)
      : words(words), functions(functions), terms(words.terms), module(module), sites(sites) {}

  struct Parameter {
    nn::ParameterOp op;
    bool isTrained = false, isSharded = false;
    std::vector<unsigned> holders; ///< coordinates of pp, ascending
    uint64_t keptBytes = 0;        ///< of its gradient, on one rank
  };

  /// Reads the entry point of this name. Fails with a diagnostic where the module does
  /// not say what a step is.
  mlir::LogicalResult read(llvm::StringRef entry);
  /// Computes all micro-batches, and the sums of their gradients on every rank.
  mlir::LogicalResult compute();

  bool isEvaluation() const { return evaluation; }
  unsigned ranks() const { return table.ranks; }
  const schedule::Table &schedule() const { return table; }
  dualpipe::TrainingOp training;
  /// In the order of their names.
  std::map<std::string, Parameter> parameters;
  /// Micro-batches of a step, over all data-parallel replicas. Replica d has those from
  /// d times its own number of them on.
  unsigned microBatches() const { return words.grid.dp * table.microBatches; }
  /// By the program's name of an output, micro-batch of the step and coordinate of ep.
  std::map<std::tuple<std::string, unsigned, unsigned>, Term> fetched;
  /// A scalar of the loss's stage that a rank has of a micro-batch of its replica ("den",
  /// "fault"); none where the micro-batch's loss is another rank's, or there is no such scalar.
  std::optional<Term> lossScalar(const std::string &name, const dpcrt::RankPlace &place,
                                 unsigned microBatch) const;
  bool hasFault = false;

  /// A parameter's gradient on one of its holders, over all micro-batches and holders.
  Term gradient(const std::string &parameter, unsigned ep) const;

  std::string describe(uint64_t range, uint32_t index) const override;

private:
  enum Half { Forward, Input, Weight };
  struct Body {
    std::optional<BodyCode> halves[3];
  };
  struct Stage {
    dualpipe::StageOp op;
    Body *body;
    std::vector<std::pair<unsigned, unsigned>> inputs; // stage, output
    std::vector<std::string> feeds, parameters, graphOutputs;
    // By output: the inputs of stages that send a gradient back, as they are added.
    std::vector<std::vector<std::pair<unsigned, unsigned>>> readers;
  };
  // Of one micro-batch in one stage, on one coordinate of ep: by role and number.
  using Values = std::map<std::pair<dualpipe::RoleKind, unsigned>, Term>;

  mlir::LogicalResult readSchedule(llvm::StringRef entry);
  mlir::LogicalResult readStages(mlir::ArrayAttr symbols);
  mlir::FailureOr<Body *> readHalves(dualpipe::BodyOp op);
  void readParameters();
  void findReaders();

  /// Micro-batches are the step's. `rank`: the coordinate of pp whose sums a weight half
  /// adds to.
  mlir::LogicalResult computeHalf(Half half, unsigned stage, unsigned microBatch,
                                  unsigned rank = 0);
  /// Of a data-parallel replica, in the order of a rank's row.
  mlir::LogicalResult computeWeightHalves(unsigned replica, unsigned rank);
  mlir::LogicalResult gatherOutputGrads(unsigned stage, unsigned microBatch);
  void noteOutputs(unsigned stage, unsigned microBatch);
  Term &sumOf(const dpcrt::RankPlace &place, const std::string &parameter);
  void sumOverHolders();
  mlir::FailureOr<Term> argument(const BodyCode::Role &role, unsigned stage, unsigned microBatch,
                                 unsigned e, unsigned rank);
  Values &valuesOf(unsigned stage, unsigned microBatch, unsigned e) {
    return values[(uint64_t(stage) * microBatches() + microBatch) * words.grid.ep + e];
  }
  const Values &valuesOf(unsigned stage, unsigned microBatch, unsigned e) const {
    return values[(uint64_t(stage) * microBatches() + microBatch) * words.grid.ep + e];
  }

  Words &words;
  StepFunctions &functions;
  Terms &terms;
  mlir::ModuleOp module;
  Sites &sites;
  bool evaluation = false;
  schedule::Table table;
  std::map<std::string, Body> bodies;
  std::vector<Stage> stages;
  int lossStage = -1;
  std::vector<Values> values;
  // Sums so far, by rank and parameter.
  std::vector<std::map<std::string, Term>> sums;
  std::map<std::pair<std::string, unsigned>, Term> gradients; // by parameter and ep
};

} // namespace dpc::proof

#endif // DPC_LIB_PROOF_DEFINITION_H
