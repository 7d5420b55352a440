// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The programs of all ranks, executed over terms.
//
// Each rank takes its list from top to bottom, a run's block at the run's place: the
// list is an order of issue, so nothing waits for what comes later in it, and all
// accesses of the same bytes are ordered, so any order that the waits allow leaves the
// same terms behind. Both have been proven before (program/check). A message carries its
// sender's pieces; a rank goes on behind an exchange or a collective when all that it
// needs of others has come.
#ifndef DPC_LIB_PROOF_EXECUTE_H
#define DPC_LIB_PROOF_EXECUTE_H

#include "Sites.h"
#include "program/format/Program.h"
#include "program/format/RankGrid.h"

#include <map>
#include <memory>
#include <optional>
#include <tuple>

namespace dpc::proof {

/// What a parameter's bytes are on one rank when the step has ended.
struct FinalParameter {
  const dpcrt::fb::Parameter *declared = nullptr;
  Term weight = 0;                      ///< what commands compute with
  std::optional<Term> master, gradient; ///< where there are such
  std::vector<Term> moments;
  /// The elements that the rank keeps: of these are master, gradient and moments.
  dpcrt::Extent kept;
};

/// One rank.
struct FinalRank {
  std::map<std::string, FinalParameter> parameters;
  std::optional<Term> header; ///< of the step record
};

struct Outcome {
  /// An output of a micro-batch of the step on an ep coordinate, and every term it was
  /// fetched as.
  std::map<std::tuple<std::string, unsigned, unsigned>, std::vector<Term>> fetched;
  std::vector<FinalRank> ranks; ///< in the order of ranks
  uint64_t commands = 0;        ///< carried out, over all ranks
};

/// What the two sides of the proof must call by one name.
class Vocabulary {
public:
  virtual ~Vocabulary() = default;
  /// The function of a kernel that a program declares; nothing if there is no such kernel
  /// or it takes something else.
  virtual std::optional<Function> kernel(const dpcrt::fb::Kernel &declared) = 0;
  /// A kernel's function where it acts only in runs that compare mirrors: of its arguments and of
  /// what lay where it writes, which else stays.
  virtual Function ifComparing(Function kernel) = 0;
  virtual Function call(const dpcrt::fb::LibraryCall &call) = 0;
  /// Over ranks, in ascending order.
  virtual Function sum(dpcrt::Element element) = 0;
  /// Of `bytes` bytes at `offset` of the constants file.
  virtual Term constant(uint64_t offset, uint64_t bytes) = 0;

  // Leaves. Micro-batches are counted over all replicas.
  virtual Term input(std::string_view name, unsigned microBatch, unsigned ep, uint64_t bytes) = 0;
  /// `what` is "weight", "master" or a moment's name. They are the same in all data-parallel
  /// replicas, and replicated ones on all ep ranks.
  virtual Term parameter(std::string_view name, std::string_view what, unsigned ep,
                         uint64_t bytes) = 0;
  /// The same on all ranks but for the number of the replica's first micro-batch, which
  /// nothing reads.
  virtual Term recordHeader(uint64_t bytes) = 0;
  virtual Term recordEntry(std::string_view parameter, uint64_t bytes) = 0;
};

class Execution : public SiteNames {
public:
  /// `programs`: one per coordinate of pp, checked.
  Execution(const std::vector<const dpcrt::fb::Program *> &programs, Terms &terms, Sites &sites,
            Vocabulary &vocabulary);
  ~Execution() override;

  /// Returns what is wrong if the programs cannot be executed so, else "".
  std::string run(Outcome &outcome);

  std::string describe(uint64_t range, uint32_t index) const override;

private:
  class Implementation;
  std::unique_ptr<Implementation> implementation;
  std::string decodingProblem;
};

} // namespace dpc::proof

#endif // DPC_LIB_PROOF_EXECUTE_H
