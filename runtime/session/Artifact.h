// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// An artifact opened: checked against its checksums, its manifest against its
// programs, its programs against each other. Nothing of it is executed yet.
#pragma once
#include "program/check/Check.h"
#include "program/format/Reader.h"
#include "session/Manifest.h"

namespace dpcrt {

struct Artifact {
  std::string directory;
  Manifest manifest;
  std::string manifestText;
  std::string identity; // a hash over all of its files: equal for equal artifacts
  // Programs of an entry point, per coordinate of pp.
  std::map<std::string, std::vector<ProgramFile>> programs;
  // What eval_step gives besides the loss, by the graph's names.
  struct Output {
    std::string name;
    Element type;
    std::vector<uint64_t> shape; // of one micro-batch on one rank
  };
  std::vector<Output> outputs;
  // What the check of each entry point covered.
  std::map<std::string, CheckReport> checks;

  std::string path(const std::string &file) const { return directory + "/" + file; }
  // Whether an input is read by eval_step alone.
  bool isOfEvaluation(const std::string &input) const;
  const std::vector<ProgramFile> *entry(const std::string &name) const {
    auto it = programs.find(name);
    return it == programs.end() ? nullptr : &it->second;
  }
};

inline std::vector<uint64_t> shapeOf(const fb::Tensor &tensor) {
  return {items(tensor.shape()).begin(), items(tensor.shape()).end()};
}

// Errors have code Artifact.
Status openArtifact(const std::string &directory, Artifact &out);

} // namespace dpcrt
