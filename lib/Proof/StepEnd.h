// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a training step does with its gradients: the sum of the losses' weights, the
// norm, what mirrors find of each other, the factor, and the update of every parameter, as terms.
#ifndef DPC_LIB_PROOF_STEPEND_H
#define DPC_LIB_PROOF_STEPEND_H

#include "Definition.h"
#include "Execute.h"
#include "dpc/Optimizer/MirrorHash.h"

#include <set>

namespace dpc::proof {

class StepEnd {
public:
  StepEnd(const Definition &definition, Words &words, StepFunctions &functions)
      : definition(definition), words(words), functions(functions), terms(words.terms) {}

  /// Finds which elements of each parameter are updated together: every element once, by all
  /// holders or by one each. The update is defined element by element, so any cut of it is
  /// the same update. Returns what is wrong with it, else "".
  std::string readParts(const Outcome &outcome);

  /// Finds each rank's sum of squared gradients in what the programs have computed. Only
  /// the order in which it was added is taken from them: it must be over every trained
  /// parameter's gradient once, block by block. Returns what is wrong with it, else "".
  std::string readNorm(const Outcome &outcome);

  /// The header of the step record at the step's end, the same on all ranks.
  Term header();

  struct Updated {
    Term kept;                    ///< the master, or the weight where there is none
    std::optional<Term> computed; ///< the master's rounded copy
    std::vector<Term> moments;
  };
  Updated update(const std::string &parameter, unsigned ep);

private:
  std::string readNorm(const Outcome &outcome, unsigned replica, unsigned ep);
  const std::vector<dpcrt::Extent> &partsOf(const std::string &parameter, unsigned ep) const {
    return parts.at({parameter, ep});
  }
  Term zeros(uint64_t bytes) { return terms.join({{terms.fill(0), 0, bytes}}); }
  void findMirrors();
  void appendMirrors(const dpcrt::RankPlace &place, Pieces &to);
  void appendRows(Term value, mlir::RankedTensorType type, Pieces &to);
  Term mirrorHash(const std::vector<std::string> &set, unsigned ep);
  Pieces statisticsOf(const dpcrt::RankPlace &place);
  Term statistics();
  const Definition &definition;
  Words &words;
  StepFunctions &functions;
  Terms &terms;
  std::map<std::pair<std::string, unsigned>, std::vector<dpcrt::Extent>> parts; // ascending
  std::vector<Pieces> squares; // by rank: four bytes
  // Parameters that the same ranks hold, by these and whether they are sharded over ep; and of
  // how many bits a digit of their hashes is.
  std::map<std::pair<std::vector<unsigned>, bool>, std::vector<std::string>> mirrors;
  unsigned digitBits = 16;
  std::set<std::string> inParts; // of whose masters some rank keeps but a part
  int64_t mirrorWords() const {
    return int64_t(mirrors.size()) * optimizer::mirrorDigits(digitBits);
  }
  std::optional<Term> madeHeader;
};

} // namespace dpc::proof

#endif // DPC_LIB_PROOF_STEPEND_H
