// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// manifest.json of a checkpoint as data (docs/Checkpoints.md). Where it lies, the
// checkpoint is complete: it is the last file to appear.
#pragma once
#include "data/Element.h"
#include "program/format/Status.h"
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace dpcrt {

struct CheckpointManifest {
  // 1: every tensor is whole in one file; 2: files hold parts of tensors, and say of which.
  static constexpr unsigned formatWhole = 1, formatInParts = 2, formatMinor = 0;
  static constexpr const char *fileName = "manifest.json";

  // A parameter and what is kept of it: NAME, and NAME.MOMENT for each moment.
  struct Parameter {
    std::string name;
    std::vector<uint64_t> shape;
    Element type = Element::F32;
    bool trained = true;
    std::vector<std::string> moments;
  };
  // Elements [begin, begin + count) of a tensor, row-major.
  struct Part {
    std::string tensor;
    uint64_t begin = 0, count = 0;
  };
  struct File {
    std::string name;
    uint64_t bytes = 0;
    std::string hash;
    std::vector<Part> parts; // of a checkpoint in parts
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
  bool inParts = false;
  std::vector<File> files;
  nlohmann::ordered_json config = nlohmann::ordered_json::object();
};

// The shapes and types of all tensors, by name: NAME and NAME.MOMENT.
struct TensorShape {
  Element type;
  std::vector<uint64_t> shape;
  uint64_t elements() const { return byteSize(shape, 1).value_or(0); }
};
std::map<std::string, TensorShape> tensorsOf(const CheckpointManifest &manifest);

// What a part is called in its file: NAME where it is the whole tensor, else
// NAME[BEGIN..END]; of a tensor whose own name ends so, always the latter. No two parts of
// a file have one name.
std::string storedName(const CheckpointManifest::Part &part, const TensorShape &tensor);
// The tensor's shape where it is whole, else [count].
std::vector<uint64_t> storedShape(const CheckpointManifest::Part &part, const TensorShape &tensor);

// The text of manifest.json. Its last line is the checksum of all before it.
std::string writeCheckpointManifest(const CheckpointManifest &manifest);

// Reads and checks everything that can be checked without another file. Errors have
// code Checkpoint.
Status parseCheckpointManifest(const std::string &text, CheckpointManifest &out);

} // namespace dpcrt
