// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// `dpc explain`, its flags being read.
#ifndef DPC_LIB_DRIVER_EXPLAIN_H
#define DPC_LIB_DRIVER_EXPLAIN_H

#include "dpc/Driver/Compile.h"

#include <set>

namespace dpc::driver {

/// Explains a model's file as if it were compiled with these options.
int explainModel(CompileOptions options, std::ostream &out, std::ostream &err);

/// Explains an artifact as it was compiled, but for the flags that were `given`.
int explainArtifact(CompileOptions options, const std::set<std::string> &given, std::ostream &out,
                    std::ostream &err);

} // namespace dpc::driver

#endif // DPC_LIB_DRIVER_EXPLAIN_H
