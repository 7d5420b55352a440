// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Checkpoints on disk. DIR/step-<n>/ holds safetensors files keyed by parameter name,
// in the initializers' names and layout, and manifest.json, which appears last: a
// checkpoint is complete or it is not there. Nothing here knows of ranks or sessions.
//
// Every function leaves what was complete before as it is until the new one is.
#pragma once
#include "checkpoint/CheckpointManifest.h"
#include "data/Safetensors.h"

namespace dpcrt {

// Writes DIR/step-<manifest.step>; fills in manifest.files. Whatever was under that
// name is replaced once the new one is complete; then the newest `keep` of the
// folder stay and all others go. On an error (Io) nothing of the new one is left.
Status writeCheckpoint(const std::string &directory, CheckpointManifest &manifest,
                       const std::vector<TensorToWrite> &tensors, uint64_t keep);

// Finishes or removes what a run that was killed left half done. The caller holds the
// folder's lock (OutputLock.h); call it before anything is listed or written.
Status tidyCheckpoints(const std::string &directory);

// Whether a file name is step-<n>.
bool isCheckpointName(const std::string &name);

// What of a folder can be resumed from: newest first, by generation and step. Folders
// without a manifest are none. One whose manifest cannot be read is listed with what
// is wrong with it, in the place of the newest: nobody knows what it was. What was
// written by something else than dpc is not listed.
struct FoundCheckpoint {
  std::string path; // DIR/step-<n>
  uint64_t generation = 0, step = 0;
  Status problem;
};
Status listCheckpoints(const std::string &directory, std::vector<FoundCheckpoint> &out);

// Whether `path` is one checkpoint rather than a folder of them.
bool isCheckpoint(const std::string &path);

// One checkpoint open for reading. Its files have been read once, and have the sizes
// and checksums that the manifest records. Errors (Checkpoint) name the file.
class Checkpoint {
public:
  static Status open(const std::string &path, Checkpoint &out);
  CheckpointManifest manifest;
  const std::string &path() const { return name; }
  // Tensor NAME or NAME.MOMENT, `bytes` long; an error if there is none such.
  Status read(const std::string &tensor, Element type, const std::vector<uint64_t> &shape,
              void *data) const;

private:
  std::string name;
  std::vector<SafetensorsReader> files;
};

// The newest complete checkpoint of a folder of them, or `path` itself if it is one.
// Damaged ones are passed over, each with a line in `notes`; if none is left, or
// there is none, an error (Checkpoint).
Status openNewestCheckpoint(const std::string &path, Checkpoint &out,
                            std::vector<std::string> &notes);

} // namespace dpcrt
