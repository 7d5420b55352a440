// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// manifest.json as data (docs/Artifact.md): written by the compiler, read by the
// runtime, through these two functions only.
#pragma once
#include "data/Element.h"
#include "data/Init.h"
#include "program/format/Axes.h"
#include "program/format/Status.h"
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace dpcrt {

struct Manifest {
  static constexpr unsigned formatMajor = 4, formatMinor = 0;
  // The most ranks of a run, and micro-batches of a step of all its replicas.
  static constexpr uint32_t maxRanks = 4096, maxMicroBatches = 1 << 20;
  // File names of the artifact that are fixed.
  static constexpr const char *fileName = "manifest.json";
  static constexpr const char *checksumsName = "XXH128SUMS";

  struct EntryPoint {
    std::string name;
    uint32_t microBatches = 1;         // of a data-parallel replica
    std::vector<std::string> programs; // per pp coordinate
  };
  struct Target {
    std::string name, device;
    std::string file, table; // code and kernel table; both "" if no program has a kernel
    std::vector<std::string> features;
  };
  struct Input {
    std::string name;
    Element type = Element::F32;
    std::vector<uint64_t> shape; // of what one rank is fed
    // Integers are from `minimum` (not known: the least there is) to below `limit`
    // (0: not known), or one of `ignored`.
    uint64_t limit = 0;
    int64_t minimum = std::numeric_limits<int64_t>::min();
    std::vector<int64_t> ignored;
    // The axes over which a micro-batch of it is split: what data brings has one leading
    // dimension more, of which each rank is fed its slice. Along others all are fed the same.
    fb::Axes split = fb::Axes::NONE;
  };
  struct Mesh {
    uint32_t pp = 1, mirror = 1, dp = 1, ep = 1, tp = 1;

    RankGrid grid() const { return {pp, dp, ep}; }
    // Slices of an input of a micro-batch: as many as the axes that split it have ranks.
    uint32_t slicesOf(const Input &input) const {
      return contains(input.split, fb::Axes::Ep) ? ep : 1;
    }
  };
  struct WeightsSource {
    std::string key;
  };
  struct FileSource {
    std::string path;
    uint64_t offset = 0, length = 0, size = 0;
    int64_t mtime = 0; // nanoseconds
  };
  struct InitSource {
    uint64_t seed = 0;
    InitKind kind = InitKind::Zeros;
    double stddev = 0;
  };
  // A further initializer of the model's file with the values of a parameter.
  struct Copy {
    std::string initializer;
    bool transposed = false;
  };
  struct Parameter {
    std::string name;
    std::vector<uint64_t> shape;
    Element type = Element::F32; // of the values that are trained, kept and saved
    // Of the values in the source, and in the model's file, if it is another one: bf16
    // or f16, of which f32 holds every value.
    std::optional<Element> storage;
    bool trained = true;
    std::vector<uint32_t> holders;
    std::variant<WeightsSource, FileSource, InitSource> source;

    Element storageType() const { return storage.value_or(type); }

    std::string initializer;            // in the model's file; "": `name`
    std::vector<std::string> framework; // every name the framework has for it
    bool transposed = false;            // the framework's layout is the initializer's transpose
    bool partial = false;               // only what was folded from the framework's tensor
    std::string folding;                // how: "lookup", "slice", "rearrangement"; "": not recorded
    std::vector<Copy> copies;

    // For messages: the framework's name where it is known.
    const std::string &shownName() const { return framework.empty() ? name : framework.front(); }
    const std::string &initializerName() const { return initializer.empty() ? name : initializer; }
  };

  // One key of the framework's state dict.
  struct StateEntry {
    std::string key;
    bool buffer = false;   // a buffer, not a parameter of the framework
    std::string parameter; // of `parameters`; "": not one of them
    // Else its values, where they are known: of this type and shape, a tensor of
    // `stateFile` or a part of a file outside.
    bool used = false;       // the graph computes with them
    bool transposed = false; // the framework's layout is their transpose
    Element type = Element::F32;
    std::vector<uint64_t> shape;
    std::variant<std::monostate, WeightsSource, FileSource> source;

    Element storageType() const { return type; }
  };
  // A division of integers by what data brings, in the order of the graph.
  struct Division {
    std::string node;
    std::vector<uint64_t> shape;
  };
  // The model's file when it was compiled.
  struct ModelFile {
    std::string path; // absolute; "": not recorded
    uint64_t size = 0;
    int64_t mtime = 0; // nanoseconds
  };

  std::string producer;
  std::string modelName, modelHash;
  ModelFile modelFile;
  Mesh mesh;
  std::vector<EntryPoint> entryPoints;
  std::vector<Target> targets;
  std::vector<Input> inputs;
  std::vector<Parameter> parameters;
  std::vector<StateEntry> stateDict; // in the framework's order; empty: not recorded
  std::string stateFile;             // values of the state dict that are no parameters; "": none
  std::string constants;             // "": none
  std::string weights;               // "": none
  std::vector<Division> divisions;
  std::string optimizer;
  std::string lossName, lossWeighting;
  uint64_t samplesPerMicroBatch = 1, tokensPerMicroBatch = 0;
  nlohmann::ordered_json config = nlohmann::ordered_json::object();
  std::string schedule;            // its text; "": not said
  nlohmann::ordered_json forecast; // null: none

  const EntryPoint *entryPoint(const std::string &name) const;
  const Parameter *parameter(const std::string &name) const;
};

// The text of manifest.json; the same manifest gives the same text.
std::string writeManifest(const Manifest &manifest);

// Reads and checks everything that can be checked without another file. Errors
// (code Artifact) name the key.
Status parseManifest(const std::string &text, Manifest &out);

// The content of XXH128SUMS.
std::string writeChecksums(const std::map<std::string, std::string> &hexByPath);
Status parseChecksums(const std::string &text, std::map<std::string, std::string> &hexByPath);

} // namespace dpcrt
