// Writing. The order of calls is what makes a checkpoint complete or absent:
//   1. step-<n>.partial/state.safetensors, synced
//   2. step-<n>.partial/manifest.json by rename, synced: complete from here on
//   3. step-<n>.partial to step-<n>, the folder synced
//   4. only then what is older goes
// A run that is killed anywhere leaves the complete ones of before, and at most a
// folder without a manifest or a complete one under its partial name.
#include "checkpoint/Checkpoint.h"
#include "data/Files.h"
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <set>
#include <system_error>

namespace dpcrt {
namespace fs = std::filesystem;

namespace {
Status failed(const std::string &what, const std::error_code &why) {
  return error(Code::Io, "cannot write '", what, "': ", why.message());
}

Status removeTree(const std::string &path) {
  std::error_code why;
  // The manifest first: a folder that is half removed is no checkpoint.
  fs::remove(path + "/" + CheckpointManifest::fileName, why);
  fs::remove_all(path, why);
  return why ? error(Code::Io, "cannot remove '", path, "': ", why.message()) : Status();
}

Status rename(const std::string &from, const std::string &to) {
  if (std::rename(from.c_str(), to.c_str()) != 0)
    return failed(to, std::error_code(errno, std::generic_category()));
  return {};
}

Status fill(const std::string &partial, CheckpointManifest &manifest, const std::vector<TensorToWrite> &tensors) {
  WrittenFile state;
  if (Status s = writeSafetensors(partial + "/state.safetensors", tensors,
                                  {{"format_version", "1.0"}, {"layout", "initializer"}}, &state);
      !s.ok())
    return s;
  manifest.files = {{"state.safetensors", state.bytes, state.hash}};
  if (Status s = syncFolder(partial); !s.ok())
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

// Gives a complete partial checkpoint its name; what had it stays complete beside it
// until the name is taken.
Status settle(const std::string &name, const std::string &partial, const std::string &replaced) {
  std::error_code ignored;
  if (fs::exists(name, ignored)) {
    if (Status s = removeTree(replaced); !s.ok())
      return s;
    if (Status s = rename(name, replaced); !s.ok())
      return s;
  }
  return rename(partial, name);
}

// Leaves the newest `keep` checkpoints, `newest` among them, and removes all else
// that writing may have left. What cannot be removed costs space, not the run.
void removeOlder(const std::string &directory, const std::string &newest, uint64_t keep) {
  std::vector<FoundCheckpoint> all;
  if (!listCheckpoints(directory, all).ok())
    return;
  std::set<std::string> kept = {newest};
  for (const FoundCheckpoint &found : all)
    if (found.problem.ok() && kept.size() < keep)
      kept.insert(found.path);
  std::error_code why;
  std::vector<std::string> gone;
  for (fs::directory_iterator it(directory, why), end; !why && it != end; it.increment(why)) {
    std::string name = it->path().filename().string(), path = directory + "/" + name;
    if (name.compare(0, 5, "step-") == 0 && it->is_directory(why) && !kept.count(path))
      gone.push_back(path);
  }
  for (const std::string &path : gone)
    if (!removeTree(path).ok())
      return;
}
} // namespace

Status writeCheckpoint(const std::string &directory, CheckpointManifest &manifest,
                       const std::vector<TensorToWrite> &tensors, uint64_t keep) {
  std::string name = directory + "/step-" + std::to_string(manifest.step);
  std::string partial = name + ".partial", replaced = name + ".replaced";
  // A run that was killed between two renames may have left a complete one there.
  if (isCheckpoint(partial))
    if (Status s = settle(name, partial, replaced); !s.ok())
      return s;
  if (Status s = removeTree(partial); !s.ok())
    return s;
  if (Status s = makeDirectories(partial); !s.ok())
    return s;
  if (Status s = fill(partial, manifest, tensors); !s.ok()) {
    // A full disk gets its space back; if even that fails, the first error is the cause.
    if (Status left = removeTree(partial); !left.ok())
      return s;
    return s;
  }
  if (Status s = settle(name, partial, replaced); !s.ok())
    return s;
  if (Status s = syncFolder(directory); !s.ok())
    return s;
  removeOlder(directory, name, std::max<uint64_t>(keep, 1));
  return {};
}

} // namespace dpcrt
