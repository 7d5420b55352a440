// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// `dpc export`: weights out of a compiled model, into a copy of the model's own file
// or as a state dict under the framework's names.
#ifndef DPC_EXPORT_EXPORT_H
#define DPC_EXPORT_EXPORT_H

#include <iosfwd>
#include <string>

namespace dpc::exporting {

struct ExportOptions {
  std::string artifact;
  std::string checkpoint; ///< a folder of checkpoints, or one; "": the initial weights
  std::string output;     ///< .onnx or .safetensors
  bool force = false;     ///< existing files are replaced
};

/// Returns the exit status; an error is printed to `err`, what was written to `out`.
int exportWeights(const ExportOptions &options, std::ostream &out, std::ostream &err);

} // namespace dpc::exporting

#endif // DPC_EXPORT_EXPORT_H
