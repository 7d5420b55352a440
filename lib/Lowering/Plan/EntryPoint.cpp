// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See EntryPoint.h.
#include "EntryPoint.h"

namespace dpc::lowering {

static constexpr Part kTrainStep[] = {Part::Tasks, Part::Reduction, Part::Statistics, Part::Update};

static constexpr Part kEvalStep[] = {Part::Forwards};

static constexpr EntryPoint kEntryPoints[] = {{"train_step", kTrainStep}, {"eval_step", kEvalStep}};

llvm::ArrayRef<EntryPoint> entryPoints() { return kEntryPoints; }

} // namespace dpc::lowering
