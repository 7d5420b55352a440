// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ExternalFiles.h"

#include <algorithm>
#include <filesystem>

using namespace dpcrt;
namespace fs = std::filesystem;

namespace dpc::exporting {
namespace {
constexpr uint64_t chunk = 4 << 20, alignment = 4096;

// Inside the model's folder, by name and by where links lead.
Status resolve(const std::string &location, const fs::path &folder, const std::string &tensor,
               fs::path &relative, fs::path &real) {
  relative = fs::path(location).lexically_normal();
  bool inside = !location.empty() && location.find('\0') == std::string::npos &&
                !relative.is_absolute() && !relative.empty() && *relative.begin() != ".." &&
                relative != "." && !relative.filename().empty();
  std::error_code failed;
  real = fs::weakly_canonical(folder / relative, failed);
  if (inside && !failed)
    inside = !real.lexically_relative(folder).empty() &&
             *real.lexically_relative(folder).begin() != "..";
  if (!inside)
    return error(Code::Artifact, "tensor '", tensor, "': its external location '", location,
                 "' leaves the model's folder");
  return {};
}

// What the artifact knows of a file outside it.
const Manifest::FileSource *recorded(const Manifest &manifest, const std::string &path) {
  for (const Manifest::Parameter &p : manifest.parameters)
    if (auto *source = std::get_if<Manifest::FileSource>(&p.source); source && source->path == path)
      return source;
  for (const Manifest::StateEntry &e : manifest.stateDict)
    if (auto *source = std::get_if<Manifest::FileSource>(&e.source); source && source->path == path)
      return source;
  return nullptr;
}
} // namespace

ExternalFiles::~ExternalFiles() {
  if (committed || ownFolder.empty())
    return;
  std::error_code ignored;
  for (auto &[location, file] : files) {
    file.output.reset();
    // `remove` spares folders that are not empty.
    for (fs::path at = fs::path(file.to).parent_path(); at.string().size() >= ownFolder.size();
         at = at.parent_path())
      fs::remove(at, ignored);
  }
}

Status ExternalFiles::plan(std::vector<ExternalTensor> &tensors, const Manifest &manifest,
                           const std::string &model, const std::string &output, bool force) {
  fs::path folder = fs::path(model).parent_path();
  std::map<std::string, std::vector<ExternalTensor *>> byLocation; // normal form
  for (ExternalTensor &tensor : tensors) {
    fs::path relative, real;
    if (Status s = resolve(tensor.location, folder, tensor.name, relative, real); !s.ok())
      return s;
    byLocation[relative.generic_string()].push_back(&tensor);
  }
  std::string base = fs::path(output).filename().string() + ".data";
  if (byLocation.size() > 1)
    ownFolder = (fs::path(output).parent_path() / base).string();
  for (auto &[location, users] : byLocation) {
    // One file lies beside the copy, several in a folder beside it.
    std::string name = byLocation.size() == 1 ? base : base + "/" + location;
    File &file = files[location];
    file.to = (fs::path(output).parent_path() / name).string();
    if (fs::exists(file.to) && !force)
      return error(Code::Usage, "'", file.to,
                   "', which the weights would go into, exists; --force replaces it");
    for (ExternalTensor *tensor : users)
      tensor->newLocation = name;
    if (Status s = planFile(location, users, manifest, model, file); !s.ok())
      return s;
    std::error_code ignored;
    if (!file.from.empty() && fs::equivalent(file.from, file.to, ignored))
      return error(Code::Usage, "'", file.to, "' is the model's own file; choose another name");
  }
  return {};
}

Status ExternalFiles::planFile(const std::string &location, std::vector<ExternalTensor *> tensors,
                               const Manifest &manifest, const std::string &model, File &file) {
  fs::path real = fs::weakly_canonical(fs::path(model).parent_path() / location);
  InputFile original;
  if (fs::exists(real)) {
    if (Status s = InputFile::open(real.string(), Code::Artifact, original); !s.ok())
      return s;
    if (auto *known = recorded(manifest, real.string());
        known && (known->size != original.size() || known->mtime != original.modificationTime()))
      return error(Code::Artifact, "'", real.string(),
                   "' has changed since the model was compiled: it has ", original.size(),
                   " bytes of time ", original.modificationTime(), " ns, expected ", known->size,
                   " bytes of time ", known->mtime, " ns; compile it again");
    file.from = real.string();
    file.size = file.copied = original.size();
  }
  std::stable_sort(tensors.begin(), tensors.end(),
                   [](auto *a, auto *b) { return a->offset < b->offset; });
  std::string absent;
  uint64_t reached = 0; // the end of what stands before
  for (size_t i = 0; i < tensors.size(); ++i) {
    ExternalTensor &tensor = *tensors[i];
    if (file.from.empty()) {
      if (!tensor.values)
        absent += "\n  '" + tensor.name + "'";
    } else if (tensor.offset > file.copied || tensor.length > file.copied - tensor.offset) {
      return error(Code::Artifact, "tensor '", tensor.name, "' is not inside its external file '",
                   location, "' of ", file.copied, " bytes");
    }
    // What another tensor reads too gets a place of its own.
    bool shared =
        tensor.offset < reached ||
        (i + 1 < tensors.size() && tensors[i + 1]->offset < tensor.offset + tensor.length);
    reached = std::max(reached, tensor.offset + tensor.length);
    tensor.newOffset = tensor.offset;
    if (tensor.values && shared) {
      file.size = (file.size + alignment - 1) / alignment * alignment;
      tensor.newOffset = file.size;
    }
    if (tensor.values) {
      file.size = std::max(file.size, tensor.newOffset + tensor.length);
      file.changes.push_back({tensor.newOffset, tensor.values});
    }
  }
  if (!absent.empty())
    return error(Code::Artifact, "'", real.string(),
                 "', which does not exist, holds tensors that are no trained parameters:", absent);
  std::sort(file.changes.begin(), file.changes.end(),
            [](const Change &a, const Change &b) { return a.offset < b.offset; });
  return {};
}

Status ExternalFiles::write(Weights &weights) {
  for (auto &[location, file] : files) {
    InputFile original;
    if (!file.from.empty())
      if (Status s = InputFile::open(file.from, Code::Artifact, original); !s.ok())
        return s;
    if (Status s = makeDirectories(fs::absolute(file.to).parent_path().string()); !s.ok())
      return s;
    file.output = std::make_unique<OutputFile>();
    if (Status s = file.output->create(file.to); !s.ok())
      return s;
    std::vector<char> buffer;
    uint64_t at = 0;
    auto copyTo = [&](uint64_t end) -> Status {
      while (at < end) {
        uint64_t count = std::min(chunk, end - at);
        buffer.assign(count, 0); // gaps between tensors that were placed at the end
        if (at < file.copied) {
          count = std::min(count, file.copied - at);
          if (Status s = original.read(at, buffer.data(), count); !s.ok())
            return s;
        }
        if (Status s = file.output->write(buffer.data(), count); !s.ok())
          return s;
        at += count;
      }
      return {};
    };
    for (const Change &change : file.changes) {
      if (Status s = copyTo(change.offset); !s.ok())
        return s;
      if (Status s = weights.read(*change.values->parameter, change.values->transposed, buffer);
          !s.ok())
        return s;
      if (Status s = file.output->write(buffer.data(), buffer.size()); !s.ok())
        return s;
      at += buffer.size();
    }
    if (Status s = copyTo(file.size); !s.ok())
      return s;
  }
  return {};
}

Status ExternalFiles::commit() {
  for (auto &[location, file] : files) {
    if (Status s = file.output->commit(); !s.ok())
      return s;
    written.push_back(file.to);
  }
  committed = true;
  return {};
}

} // namespace dpc::exporting
