// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The weights that are exported: a checkpoint's, or those the model begins with.
#ifndef DPC_LIB_EXPORT_WEIGHTS_H
#define DPC_LIB_EXPORT_WEIGHTS_H

#include "checkpoint/Checkpoint.h"
#include "session/Artifact.h"
#include "weights/InitialWeights.h"

#include <iosfwd>
#include <optional>

namespace dpc::exporting {

class Weights {
public:
  explicit Weights(const dpcrt::Artifact &artifact)
      : artifact(artifact), initial(artifact.directory, artifact.manifest) {}

  /// The newest complete checkpoint at `path`. Refuses, by name, one whose parameters
  /// are not the artifact's; what was passed over is said in `err`.
  dpcrt::Status openCheckpoint(const std::string &path, std::ostream &err);

  /// In the initializer's type (rounded to it, if the values that are trained have more
  /// bits) and layout, or as its transpose.
  dpcrt::Status read(const dpcrt::Manifest::Parameter &parameter, bool transposed,
                     std::vector<char> &bytes);
  /// A key of the state dict that is no parameter, in the framework's layout.
  dpcrt::Status read(const dpcrt::Manifest::StateEntry &entry, std::vector<char> &bytes);

  /// "the checkpoint of step 7, DIR/step-7", or "the initial weights".
  std::string describe() const;

private:
  const dpcrt::Artifact &artifact;
  dpcrt::InitialWeights initial;
  std::optional<dpcrt::Checkpoint> checkpoint;
};

} // namespace dpc::exporting

#endif // DPC_LIB_EXPORT_WEIGHTS_H
