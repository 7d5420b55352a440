// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Checkpoints on disk. DIR/step-<n>/ holds safetensors files keyed by parameter name,
// in the initializers' names and layout, and manifest.json, which appears last: a
// checkpoint is complete or it is not there. Nothing here knows of ranks or sessions.
//
// Every function leaves what was complete before as it is until the new one is.
#pragma once
#include "checkpoint/CheckpointManifest.h"
#include "data/Safetensors.h"
#include <functional>

namespace dpcrt {

// Writes DIR/step-<manifest.step>; fills in manifest.files. Whatever was under that
// name is replaced once the new one is complete; then the newest `keep` of the
// folder stay and all others go. On an error (Io) nothing of the new one is left.
Status writeCheckpoint(const std::string &directory, CheckpointManifest &manifest,
                       const std::vector<TensorToWrite> &tensors, uint64_t keep);

// The same by several processes that see one folder: one begins, then each writes its file
// of parts, then one completes, once all files are there.
//
// An empty folder for the files of DIR/step-<step>.
Status beginCheckpoint(const std::string &directory, uint64_t step);
// A file of that folder, synced; out.parts says which parts of which tensors its tensors
// are, and the rest of `out` is filled in.
Status writeCheckpointFile(const std::string &directory, uint64_t step,
                           const std::vector<TensorToWrite> &tensors,
                           CheckpointManifest::File &out);
// Of the files that the manifest lists; as writeCheckpoint from there on.
Status completeCheckpoint(const std::string &directory, const CheckpointManifest &manifest,
                          uint64_t keep);
// Nothing of it is left, if that can be.
void abandonCheckpoint(const std::string &directory, uint64_t step);

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

// The processes that open one checkpoint together: each verifies the checksums of its share
// of the files, and what one finds is found by all. By itself, one process alone.
struct Opening {
  uint32_t self = 0, processes = 1;
  // Gives the first error that any of them has.
  std::function<Status(const Status &own)> agree = [](const Status &own) { return own; };
  // An error if `text` is not the same in all of them.
  std::function<Status(const std::string &what, const std::string &text)> same =
      [](const std::string &, const std::string &) { return Status(); };
};

// One checkpoint open for reading. Its files have the sizes that the manifest records, and
// each has been read once, by one of the processes, and has its checksum. Errors
// (Checkpoint) name the file.
class Checkpoint {
public:
  // Together.
  static Status open(const std::string &path, Checkpoint &out, const Opening &opening = {});
  CheckpointManifest manifest;
  const std::string &path() const { return name; }
  // Tensor NAME or NAME.MOMENT, whole; an error if there is none such.
  Status read(const std::string &tensor, Element type, const std::vector<uint64_t> &shape,
              void *data) const;
  // Bytes [begin, begin + bytes) of it, whole elements.
  Status read(const std::string &tensor, Element type, const std::vector<uint64_t> &shape,
              uint64_t begin, uint64_t bytes, void *data) const;

private:
  // Where bytes [begin, begin + bytes) of a tensor lie.
  struct Piece {
    uint64_t begin, bytes;
    size_t file;
    uint64_t offset; // in the file
  };
  struct Tensor {
    TensorShape is;
    std::vector<Piece> pieces; // in order, one behind the other
  };
  Status openHere(const std::string &path, const Opening &opening);
  void findWhole();
  Status findParts();

  std::string name;
  std::vector<SafetensorsReader> files;
  std::map<std::string, Tensor> tensors;
};

// The newest complete checkpoint of a folder of them, or `path` itself if it is one.
// Damaged ones are passed over, each with a line in `notes`; if none is left, or
// there is none, an error (Checkpoint). Together.
Status openNewestCheckpoint(const std::string &path, Checkpoint &out,
                            std::vector<std::string> &notes, const Opening &opening = {});

} // namespace dpcrt
