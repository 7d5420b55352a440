// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See Ptxas.h. Runs need none, and without one artifacts are complete, too.
#include "Ptxas.h"

#include "dpc/Codegen/CUDA/CompileCudaKernels.h"

#include "llvm/Support/Error.h"

namespace dpc {

static std::string describe() {
  llvm::Expected<std::string> found = codegen::findPtxas();
  if (!found)
    return "none that serves: " + llvm::toString(found.takeError()) +
           "; dpc compile --target cuda would end with that";
  if (found->empty())
    return "none: dpc compile --target cuda writes PTX alone, which the GPU's driver compiles at "
           "load";
  const std::string version = codegen::readPtxasVersion(*found);
  if (version.empty())
    return "none that serves: " + *found + " does not say its version";
  return version + "; " + *found;
}

void examinePtxas(dpcrt::doctor::Findings &out) { out.add("ptxas", describe()); }

} // namespace dpc
