// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "checkpoint/DefaultFolder.h"

namespace dpcrt {

std::string defaultCheckpointFolder(std::string artifact) {
  while (artifact.size() > 1 && artifact.back() == '/')
    artifact.pop_back();
  const std::string ending = ".dpc";
  if (artifact.size() > ending.size() &&
      artifact.compare(artifact.size() - ending.size(), ending.size(), ending) == 0)
    artifact.resize(artifact.size() - ending.size());
  return artifact + ".checkpoints";
}

} // namespace dpcrt
