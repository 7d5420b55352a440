// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reading.
#include "checkpoint/Checkpoint.h"
#include "data/Files.h"
#include "data/Hash.h"
#include <algorithm>
#include <filesystem>

namespace dpcrt {
namespace fs = std::filesystem;

namespace {
std::string manifestOf(const std::string &path) {
  return path + "/" + CheckpointManifest::fileName;
}

Status readManifest(const std::string &path, CheckpointManifest &out) {
  std::string text;
  if (Status s = readWholeFile(manifestOf(path), Code::Checkpoint, text); !s.ok())
    return s;
  Status s = parseCheckpointManifest(text, out);
  return s.ok() ? s : s.within("'" + manifestOf(path) + "' is damaged");
}
} // namespace

bool isCheckpointName(const std::string &name) {
  return name.compare(0, 5, "step-") == 0 && name.size() > 5 &&
         name.find_first_not_of("0123456789", 5) == std::string::npos;
}

// By what its manifest begins with, which damage elsewhere does not change: a damaged
// checkpoint is still one, and another program's folder never is.
bool isCheckpoint(const std::string &path) {
  const std::string mark = "{\n \"format\": \"dpc-checkpoint\"";
  InputFile file;
  std::string begin(mark.size(), '\0');
  return InputFile::open(manifestOf(path), Code::Checkpoint, file).ok() &&
         file.size() >= mark.size() && file.read(0, begin.data(), begin.size()).ok() &&
         begin == mark;
}

Status listCheckpoints(const std::string &directory, std::vector<FoundCheckpoint> &out) {
  std::error_code failed;
  fs::directory_iterator it(directory, failed), end;
  if (failed == std::errc::no_such_file_or_directory)
    return {};
  for (; !failed && it != end; it.increment(failed)) {
    std::string name = it->path().filename().string(), path = directory + "/" + name;
    std::error_code ignored;
    if (!isCheckpointName(name) || !fs::exists(manifestOf(path), ignored))
      continue;
    FoundCheckpoint found;
    found.path = path;
    CheckpointManifest m;
    found.problem = readManifest(path, m);
    found.generation = found.problem.ok() ? m.generation : UINT64_MAX;
    found.step = m.step;
    out.push_back(std::move(found));
  }
  if (failed)
    return error(Code::Io, "cannot read '", directory, "': ", failed.message());
  std::sort(out.begin(), out.end(), [](const FoundCheckpoint &a, const FoundCheckpoint &b) {
    return std::tie(b.generation, b.step, b.path) < std::tie(a.generation, a.step, a.path);
  });
  return {};
}

Status Checkpoint::open(const std::string &path, Checkpoint &out) {
  Checkpoint c;
  c.name = path;
  if (Status s = readManifest(path, c.manifest); !s.ok())
    return s;
  for (const CheckpointManifest::File &file : c.manifest.files) {
    std::string full = path + "/" + file.name;
    InputFile input;
    if (Status s = InputFile::open(full, Code::Checkpoint, input); !s.ok())
      return s.within("the checkpoint is damaged");
    if (input.size() != file.bytes)
      return error(Code::Checkpoint, "'", full, "' is damaged: it has ", input.size(),
                   " bytes, not ", file.bytes);
    std::string hash;
    if (Status s = hashFile(full, Code::Checkpoint, hash); !s.ok())
      return s;
    if (hash != file.hash)
      return error(Code::Checkpoint, "'", full,
                   "' is damaged: it does not have the checksum that it was written with");
    c.files.emplace_back();
    if (Status s = SafetensorsReader::open(full, Code::Checkpoint, c.files.back()); !s.ok())
      return s;
  }
  out = std::move(c);
  return {};
}

Status Checkpoint::read(const std::string &tensor, Element type, const std::vector<uint64_t> &shape,
                        void *data) const {
  for (const SafetensorsReader &file : files) {
    const StoredTensor *stored = file.find(tensor);
    if (!stored)
      continue;
    if (stored->type != type || stored->shape != shape)
      return error(Code::Checkpoint, "'", file.file().path(), "': tensor '", tensor, "' is ",
                   nameOf(stored->type), shapeText(stored->shape), ", its manifest says ",
                   nameOf(type), shapeText(shape));
    return file.file().read(stored->offset, data, stored->bytes);
  }
  return error(Code::Checkpoint, "'", name, "' has no tensor '", tensor,
               "', which its manifest lists");
}

Status openNewestCheckpoint(const std::string &path, Checkpoint &out,
                            std::vector<std::string> &notes) {
  if (isCheckpoint(path))
    return Checkpoint::open(path, out);
  std::vector<FoundCheckpoint> all;
  if (Status s = listCheckpoints(path, all); !s.ok())
    return s;
  for (const FoundCheckpoint &found : all) {
    Status s = found.problem.ok() ? Checkpoint::open(found.path, out) : found.problem;
    if (s.ok())
      return s;
    notes.push_back(s.message());
  }
  if (notes.empty())
    return error(Code::Checkpoint, "there is no checkpoint in '", path, "'");
  std::string list;
  for (const std::string &note : notes)
    list += "\n  " + note;
  notes.clear();
  return error(Code::Checkpoint, "no checkpoint in '", path, "' is whole:", list);
}

} // namespace dpcrt
