// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The values that a compiled model begins with: kept in the artifact, in files outside
// that must not have changed, or drawn.
#pragma once
#include "data/Safetensors.h"
#include "session/Manifest.h"

namespace dpcrt {

class InitialWeights {
public:
  // Both must outlive this. Errors of reading have code Artifact.
  InitialWeights(const std::string &directory, const Manifest &manifest)
      : directory(directory), manifest(manifest) {}

  // Bytes first .. first+count-1 of a parameter's values in its type: whole elements.
  Status read(const Manifest::Parameter &p, uint64_t first, uint64_t count, char *to);
  // A key of the state dict that is no parameter; its values must be known.
  Status read(const Manifest::StateEntry &entry, std::vector<char> &bytes);

private:
  Status readStored(const Manifest::Parameter &p, uint64_t first, uint64_t count, char *to);
  Status fromTensors(const std::string &file, const std::string &key, Element type,
                     const std::vector<uint64_t> &shape, uint64_t first, uint64_t count, char *to);
  Status fromFile(const std::string &name, const Manifest::FileSource &source, uint64_t first,
                  uint64_t count, char *to);

  const std::string &directory;
  const Manifest &manifest;
  std::map<std::string, SafetensorsReader> tensors; // by file of the artifact
  std::map<std::string, InputFile> files;
};

} // namespace dpcrt
