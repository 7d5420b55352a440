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

Status Checkpoint::open(const std::string &path, Checkpoint &out, const Opening &opening) {
  Checkpoint c;
  Status opened = opening.agree(c.openHere(path, opening));
  if (opened.ok())
    out = std::move(c);
  return opened;
}

Status Checkpoint::openHere(const std::string &path, const Opening &opening) {
  name = path;
  if (Status s = readManifest(path, manifest); !s.ok())
    return s;
  for (const CheckpointManifest::File &file : manifest.files) {
    std::string full = path + "/" + file.name;
    InputFile input;
    if (Status s = InputFile::open(full, Code::Checkpoint, input); !s.ok())
      return s.within("the checkpoint is damaged");
    if (input.size() != file.bytes)
      return error(Code::Checkpoint, "'", full, "' is damaged: it has ", input.size(),
                   " bytes, not ", file.bytes);
    if (files.size() % opening.processes == opening.self) {
      std::string hash;
      if (Status s = hashFile(full, Code::Checkpoint, hash); !s.ok())
        return s;
      if (hash != file.hash)
        return error(Code::Checkpoint, "'", full,
                     "' is damaged: it does not have the checksum that it was written with");
    }
    files.emplace_back();
    if (Status s = SafetensorsReader::open(full, Code::Checkpoint, files.back()); !s.ok())
      return s;
  }
  if (manifest.inParts)
    return findParts();
  findWhole();
  return {};
}

// Every tensor that the files have.
void Checkpoint::findWhole() {
  for (size_t file = 0; file < files.size(); ++file)
    for (auto &[tensor, stored] : files[file].tensors())
      tensors.try_emplace(
          tensor, Tensor{{stored.type, stored.shape}, {{0, stored.bytes, file, stored.offset}}});
}

// The parts that the manifest lists, which together are every tensor.
Status Checkpoint::findParts() {
  for (auto &[tensor, is] : tensorsOf(manifest))
    tensors[tensor] = {is, {}};
  for (size_t file = 0; file < files.size(); ++file)
    for (const CheckpointManifest::Part &part : manifest.files[file].parts) {
      Tensor &tensor = tensors.at(part.tensor);
      const std::string stored = storedName(part, tensor.is);
      const StoredTensor *found = files[file].find(stored);
      const std::string &path = files[file].file().path();
      if (!found)
        return error(Code::Checkpoint, "'", path, "' has no tensor '", stored,
                     "', which the checkpoint's manifest lists");
      const std::vector<uint64_t> shape = storedShape(part, tensor.is);
      if (found->type != tensor.is.type || found->shape != shape)
        return error(Code::Checkpoint, "'", path, "': tensor '", stored, "' is ",
                     nameOf(found->type), shapeText(found->shape),
                     ", the checkpoint's manifest says ", nameOf(tensor.is.type), shapeText(shape));
      const uint64_t unit = sizeOf(tensor.is.type);
      tensor.pieces.push_back({part.begin * unit, part.count * unit, file, found->offset});
    }
  for (auto &entry : tensors)
    std::sort(entry.second.pieces.begin(), entry.second.pieces.end(),
              [](const Piece &a, const Piece &b) { return a.begin < b.begin; });
  return {};
}

Status Checkpoint::read(const std::string &tensor, Element type, const std::vector<uint64_t> &shape,
                        void *data) const {
  return read(tensor, type, shape, 0, byteSize(shape, sizeOf(type)).value_or(0), data);
}

Status Checkpoint::read(const std::string &tensor, Element type, const std::vector<uint64_t> &shape,
                        uint64_t begin, uint64_t bytes, void *data) const {
  auto found = tensors.find(tensor);
  if (found == tensors.end())
    return error(Code::Checkpoint, "'", name, "' has no tensor '", tensor,
                 "', which its manifest lists");
  const auto &[is, pieces] = found->second;
  if (is.type != type || is.shape != shape)
    return error(Code::Checkpoint, "'",
                 pieces.empty() ? name : files[pieces.front().file].file().path(), "': tensor '",
                 tensor, "' is ", nameOf(is.type), shapeText(is.shape), ", its manifest says ",
                 nameOf(type), shapeText(shape));
  const uint64_t end = begin + bytes;
  auto piece = std::upper_bound(pieces.begin(), pieces.end(), begin,
                                [](uint64_t at, const Piece &p) { return at < p.begin; });
  for (piece -= piece != pieces.begin(); piece != pieces.end() && piece->begin < end; ++piece) {
    const uint64_t first = std::max(begin, piece->begin),
                   last = std::min(end, piece->begin + piece->bytes);
    if (first < last)
      if (Status s = files[piece->file].file().read(piece->offset + (first - piece->begin),
                                                    static_cast<char *>(data) + (first - begin),
                                                    last - first);
          !s.ok())
        return s;
  }
  return {};
}

Status openNewestCheckpoint(const std::string &path, Checkpoint &out,
                            std::vector<std::string> &notes, const Opening &opening) {
  std::vector<FoundCheckpoint> all;
  const bool isOne = isCheckpoint(path);
  Status listed = isOne ? Status() : listCheckpoints(path, all);
  // All try the same ones, one after the other.
  std::string seen = isOne ? "one" : listed.message();
  for (const FoundCheckpoint &found : all)
    seen += "\n" + found.path + "\n" + found.problem.message();
  if (Status s = opening.same("what is in '" + path + "'", seen); !s.ok() || !listed.ok())
    return s.ok() ? listed : s;
  if (isOne)
    return Checkpoint::open(path, out, opening);
  for (const FoundCheckpoint &found : all) {
    Status s = found.problem.ok() ? Checkpoint::open(found.path, out, opening) : found.problem;
    if (s.code() != Code::Checkpoint)
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
