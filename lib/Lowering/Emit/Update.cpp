// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The end of a training step: the factor of the gradients into the step record, and
// every parameter updated with it.
#include "StepPart.h"

#include "program/format/StepRecord.h"

using namespace mlir;

namespace dpc::lowering {
namespace {

class Update : public StepPart {
public:
  using StepPart::StepPart;

  void end() override {
    const StepKernels &kernels = program.kernels;
    Range header = program.recordHeader();
    // What the step before was is read by this one's kernels, which write what this one is.
    program.copy(program.recordWords(dpcrt::kOutcome, dpcrt::kOutcomeBytes),
                 program.recordWords(dpcrt::kOutcomeBefore, dpcrt::kOutcomeBytes));
    program.launch(kernels.finalize, {{program.statistics(), false}, {header, true}});
    for (unsigned p : program.mine.parameters) {
      if (!program.model.parameters[p].trained)
        continue;
      bool hasMaster = program.model.parameters[p].hasMaster();
      SmallVector<std::pair<Range, bool>> uses = {
          {hasMaster ? program.master(p) : program.weight(p), true}, {program.gradient(p), false}};
      for (size_t k = 0; k < kernels.momentNames.size(); ++k)
        uses.push_back({program.moment(p, k), true});
      uses.push_back({header, false});
      uses.push_back({program.recordEntry(p), false});
      if (hasMaster) // and the copy of it that is computed with
        uses.push_back({program.weight(p), true});
      program.launch(kernels.update.at(p), uses);
    }
  }
};

} // namespace

std::unique_ptr<StepPart> makeUpdate(RankProgram &program) {
  return std::make_unique<Update>(program);
}

} // namespace dpc::lowering
