// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Passes on programs.
#ifndef DPC_ARTIFACT_PASSES_H
#define DPC_ARTIFACT_PASSES_H

#include "dpc/Dialect/Prog/Prog.h"
#include "mlir/Pass/Pass.h"

namespace dpc::artifact {

#define GEN_PASS_DECL
#include "dpc/Artifact/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "dpc/Artifact/Passes.h.inc"

} // namespace dpc::artifact

#endif // DPC_ARTIFACT_PASSES_H
