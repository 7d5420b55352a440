// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tensors by name, from one safetensors file or from the several that an index lists
// (`model.safetensors.index.json`). Whatever an index says, only files below its own
// folder are opened.
#pragma once
#include "weights/Layout.h"

namespace dpcrt {

class WeightFiles {
public:
  struct Place {
    const SafetensorsReader *file;
    const StoredTensor *tensor;
  };

  // Failures have code Data. All missing shards are named at once.
  static Status open(const std::string &path, WeightFiles &out);

  const std::map<std::string, Place> &tensors() const { return places; }
  const Place *find(const std::string &name) const;
  Layout layout() const { return recorded; }
  // The tensor's bytes as they are stored.
  static Status read(const Place &place, std::vector<char> &bytes);

private:
  Status openIndex(const std::string &path);
  Status add(const std::string &path);

  std::vector<std::unique_ptr<SafetensorsReader>> files;
  std::map<std::string, Place> places;
  Layout recorded = Layout::Framework;
};

} // namespace dpcrt
