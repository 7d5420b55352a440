// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Writing. The order of calls is what makes a checkpoint complete or absent:
//   1. the files of step-<n>.partial, synced: state.safetensors, or one of each process
//   2. step-<n>.partial/manifest.json by rename, synced: complete from here on
//   3. step-<n>.partial to step-<n>, the folder synced
//   4. only then what is older goes: to step-<n>.removed first, so that nothing that
//      is half gone has a checkpoint's name
// A run that is killed anywhere leaves the complete ones of before, and folders whose
// endings say what they are. Nothing else in the folder is ever touched: step-<n> is a
// name that other programs use too.
#include "checkpoint/Checkpoint.h"
#include "data/Files.h"
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <set>
#include <system_error>

namespace dpcrt {
namespace fs = std::filesystem;

namespace {
constexpr const char *kPartial = ".partial", *kReplaced = ".replaced", *kRemoved = ".removed";

Status failed(const std::string &what, const std::error_code &why) {
  return error(Code::Io, "cannot write '", what, "': ", why.message());
}

Status removeTree(const std::string &path) {
  std::error_code why;
  fs::remove_all(path, why);
  return why ? error(Code::Io, "cannot remove '", path, "': ", why.message()) : Status();
}

Status rename(const std::string &from, const std::string &to) {
  if (std::rename(from.c_str(), to.c_str()) != 0)
    return failed(to, std::error_code(errno, std::generic_category()));
  return {};
}

std::string nameOfStep(const std::string &directory, uint64_t step) {
  return directory + "/step-" + std::to_string(step);
}
std::string partialOf(const std::string &directory, uint64_t step) {
  return nameOfStep(directory, step) + kPartial;
}

// Whether what the processes have written is here, where the manifest will say it is.
Status findFiles(const std::string &partial, const CheckpointManifest &manifest) {
  for (const CheckpointManifest::File &file : manifest.files) {
    const std::string path = partial + "/" + file.name;
    std::error_code why;
    const uint64_t bytes = fs::file_size(path, why);
    if (why)
      return error(Code::Io, "cannot find '", path, "' once it is written: ", why.message());
    if (bytes != file.bytes)
      return error(Code::Io, "'", path, "' has ", bytes, " bytes once it is written, not ",
                   file.bytes);
  }
  return {};
}

Status writeManifest(const std::string &partial, const CheckpointManifest &manifest) {
  if (Status s = findFiles(partial, manifest); !s.ok())
    return s;
  std::string text = writeCheckpointManifest(manifest);
  OutputFile file;
  if (Status s = file.create(partial + "/" + CheckpointManifest::fileName); !s.ok())
    return s;
  if (Status s = file.write(text.data(), text.size()); !s.ok())
    return s;
  if (Status s = file.commit(/*durable=*/true); !s.ok())
    return s;
  return syncFolder(partial);
}

Status removeCheckpoint(const std::string &path) {
  std::string removed = path + kRemoved;
  if (Status s = removeTree(removed); !s.ok())
    return s;
  if (Status s = rename(path, removed); !s.ok())
    return s;
  return removeTree(removed);
}

// Whether the name is held by what is not ours to replace.
Status checkName(const std::string &name) {
  std::error_code ignored;
  if (!fs::exists(name, ignored) || fs::is_empty(name, ignored) || isCheckpoint(name))
    return {};
  return error(Code::Io, "cannot write '", name, "': something else than a checkpoint is there");
}

// Gives a complete partial checkpoint its name; what had it stays complete beside it
// until the name is taken.
Status settle(const std::string &name) {
  std::string replaced = name + kReplaced;
  if (Status s = checkName(name); !s.ok())
    return s;
  if (isCheckpoint(name)) {
    if (Status s = removeTree(replaced); !s.ok())
      return s;
    if (Status s = rename(name, replaced); !s.ok())
      return s;
  }
  if (Status s = rename(name + kPartial, name); !s.ok())
    return s;
  return removeTree(replaced);
}

// Leaves the newest `keep` checkpoints, `newest` among them. What cannot be removed
// costs space, not the run.
void removeOlder(const std::string &directory, const std::string &newest, uint64_t keep) {
  std::vector<FoundCheckpoint> all;
  if (!listCheckpoints(directory, all).ok())
    return;
  std::set<std::string> kept = {newest};
  for (const FoundCheckpoint &found : all)
    if (found.problem.ok() && kept.size() < keep)
      kept.insert(found.path);
  for (const FoundCheckpoint &found : all)
    if (!kept.count(found.path) && !removeCheckpoint(found.path).ok())
      return;
}
} // namespace

Status tidyCheckpoints(const std::string &directory) {
  std::error_code why;
  std::vector<std::string> names;
  for (fs::directory_iterator it(directory, why), end; !why && it != end; it.increment(why))
    names.push_back(it->path().filename().string());
  std::sort(names.begin(), names.end()); // .partial comes before .replaced
  for (const std::string &name : names) {
    size_t dot = name.rfind('.');
    std::string ending = dot == std::string::npos ? "" : name.substr(dot),
                path = directory + "/" + name;
    if (!isCheckpointName(name.substr(0, dot)) ||
        (ending != kPartial && ending != kReplaced && ending != kRemoved))
      continue;
    std::string plain = directory + "/" + name.substr(0, dot);
    bool use = ending == kPartial
                   ? isCheckpoint(path)
                   : ending == kReplaced && !isCheckpoint(plain) && isCheckpoint(path);
    Status s = !use ? removeTree(path) : ending == kPartial ? settle(plain) : rename(path, plain);
    if (!s.ok())
      return s;
  }
  return {};
}

Status beginCheckpoint(const std::string &directory, uint64_t step) {
  if (Status s = checkName(nameOfStep(directory, step)); !s.ok())
    return s;
  if (Status s = removeTree(partialOf(directory, step)); !s.ok())
    return s;
  return makeDirectories(partialOf(directory, step));
}

Status writeCheckpointFile(const std::string &directory, uint64_t step,
                           const std::vector<TensorToWrite> &tensors,
                           CheckpointManifest::File &out) {
  const std::string partial = partialOf(directory, step);
  WrittenFile written;
  if (Status s = writeSafetensors(partial + "/" + out.name, tensors,
                                  {{"format_version", "1.0"}, {"layout", "initializer"}}, &written);
      !s.ok())
    return s;
  out.bytes = written.bytes;
  out.hash = written.hash;
  return syncFolder(partial);
}

Status completeCheckpoint(const std::string &directory, const CheckpointManifest &manifest,
                          uint64_t keep) {
  const std::string name = nameOfStep(directory, manifest.step);
  if (Status s = writeManifest(name + kPartial, manifest); !s.ok()) {
    abandonCheckpoint(directory, manifest.step);
    return s;
  }
  if (Status s = settle(name); !s.ok())
    return s;
  if (Status s = syncFolder(directory); !s.ok())
    return s;
  removeOlder(directory, name, std::max<uint64_t>(keep, 1));
  return {};
}

// A full disk gets its space back; where even that fails, the first error is the cause.
void abandonCheckpoint(const std::string &directory, uint64_t step) {
  std::error_code ignored;
  fs::remove_all(partialOf(directory, step), ignored);
}

Status writeCheckpoint(const std::string &directory, CheckpointManifest &manifest,
                       const std::vector<TensorToWrite> &tensors, uint64_t keep) {
  if (Status s = beginCheckpoint(directory, manifest.step); !s.ok())
    return s;
  manifest.files = {{"state.safetensors", 0, "", {}}};
  if (Status s = writeCheckpointFile(directory, manifest.step, tensors, manifest.files[0]);
      !s.ok()) {
    abandonCheckpoint(directory, manifest.step);
    return s;
  }
  return completeCheckpoint(directory, manifest, keep);
}

} // namespace dpcrt
