// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A copy of a model's file with other weights. Whatever is no weight is copied byte for
// byte; external data stay external; no file is in memory as a whole.
#ifndef DPC_LIB_EXPORT_MODELCOPY_H
#define DPC_LIB_EXPORT_MODELCOPY_H

#include "ExternalFiles.h"

namespace dpc::exporting {

/// Writes a copy of the artifact's model to `output`; `files` are the paths written.
dpcrt::Status copyModel(const dpcrt::Manifest &manifest, Weights &weights,
                        const std::string &output, bool force, std::vector<std::string> &files);

} // namespace dpc::exporting

#endif // DPC_LIB_EXPORT_MODELCOPY_H
