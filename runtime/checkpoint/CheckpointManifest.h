// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// manifest.json of a checkpoint as data (docs/Checkpoints.md). Where it lies, the
// checkpoint is complete: it is the last file to appear.
#pragma once
#include "data/Element.h"
#include "program/format/Status.h"
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace dpcrt {

struct CheckpointManifest {
  static constexpr unsigned formatMajor = 1, formatMinor = 0;
  static constexpr const char *fileName = "manifest.json";

  // A parameter and what is kept of it: NAME, and NAME.MOMENT for each moment.
  struct Parameter {
    std::string name;
    std::vector<uint64_t> shape;
    Element type = Element::F32;
    bool trained = true;
    std::vector<std::string> moments;
  };
  struct File {
    std::string name;
    uint64_t bytes = 0;
    std::string hash;
  };

  // Checkpoints of one run, and of those that went on from its newest, are of one
  // generation; a run that starts anew, or from an earlier one, begins the next.
  uint64_t generation = 1;
  uint64_t step = 0;    // steps done
  uint64_t updates = 0; // of these, steps that changed the weights
  uint64_t cursor = 0;  // micro-batches taken, the global index of the next one
  uint64_t rows = 0;    // micro-batches there were in the data; 0: without end
  uint64_t seed = 0;
  std::optional<uint64_t> shuffle;
  double lossScale = 1;
  double learningRate = 0; // of the last step
  std::string producer, modelName, modelHash, optimizer;
  uint32_t ranks = 1, microBatches = 1; // of a step, of the run that wrote it; no condition
  std::vector<Parameter> parameters;
  std::vector<File> files;
  nlohmann::ordered_json config = nlohmann::ordered_json::object();
};

// The text of manifest.json. Its last line is the checksum of all before it.
std::string writeCheckpointManifest(const CheckpointManifest &manifest);

// Reads and checks everything that can be checked without another file. Errors have
// code Checkpoint.
Status parseCheckpointManifest(const std::string &text, CheckpointManifest &out);

} // namespace dpcrt
