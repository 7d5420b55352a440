// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The folder of a run's checkpoints.
#include "dpc-run/Checkpoints.h"
#include "checkpoint/DefaultFolder.h"
#include "data/Files.h"
#include <algorithm>
#include <filesystem>

namespace dpcrt {
namespace fs = std::filesystem;

Checkpoints::~Checkpoints() {
  lock = OutputLock(); // its file lies in the folder
  std::error_code ignored;
  if (made) // nothing was saved: leave no empty folder behind
    fs::remove(directory, ignored);
}

Status Checkpoints::open() {
  if (options.checkpoint == "none") {
    if (options.checkpointEvery || options.keep)
      return Status(
          Code::Usage,
          "--checkpoint none keeps nothing, so --checkpoint-every and --keep have no effect");
    if (options.resume == "auto")
      return Status(
          Code::Usage,
          "--resume auto looks in --checkpoint, which is none; --resume PATH names a checkpoint");
    return {};
  }
  isDefault = options.checkpoint.empty();
  directory = isDefault ? defaultCheckpointFolder(options.artifact) : options.checkpoint;
  while (directory.size() > 1 && directory.back() == '/')
    directory.pop_back();
  if (Status s = world.isFirst() ? openFolder() : Status(); !s.ok())
    return s;
  // Each process writes its part there.
  return fromC(dpcrt_world_shares_folder(world.get(), directory.c_str()));
}

Status Checkpoints::openFolder() {
  auto hint = [&](Status s) {
    return s.ok() || !isDefault ? s
                                : error(s.code(), s.message(),
                                        " (checkpoints go beside the artifact unless --checkpoint "
                                        "DIR says where, or none)");
  };
  std::error_code ignored;
  made = !fs::exists(directory, ignored);
  if (Status s = makeDirectories(directory); !s.ok()) {
    made = false;
    return hint(s);
  }
  if (Status s = lock.takeFolder(directory); !s.ok())
    return hint(s);
  if (Status s = tidyCheckpoints(directory); !s.ok())
    return hint(s);
  return listCheckpoints(directory, found);
}

// The order of the samples is the checkpoint's: another would take some twice and
// others never, without a word.
Status Checkpoints::checkSeeds(const CheckpointManifest &m) const {
  auto differs = [&](const char *flag, const std::string &given, const std::string &saved) {
    return error(Code::Checkpoint, flag, " ", given, ": the checkpoint was written ", saved,
                 "; leave the flag out to go on in the same order; --init-weights takes a "
                 "checkpoint's weights alone");
  };
  auto text = [](uint64_t seed) { return std::to_string(seed); };
  if (options.shuffle && options.shuffle != m.shuffle)
    return differs("--shuffle", text(*options.shuffle),
                   m.shuffle ? "with --shuffle " + text(*m.shuffle) : "without it");
  if (options.seed && *options.seed != m.seed)
    return differs("--seed", text(*options.seed), "with --seed " + text(m.seed));
  return {};
}

Status Checkpoints::resume(dpcrt_session *session, const std::string &modelHash, StartPoint &out) {
  out = StartPoint();
  out.shuffle = options.shuffle;
  for (const FoundCheckpoint &f : found)
    if (f.problem.ok()) // one that cannot be read is never resumed from
      generation = std::max(generation, f.generation + 1);
  bool here = options.resume == "auto" || (options.resume.empty() && !isDefault);
  std::string from = here                        ? (found.empty() ? "" : directory)
                     : options.resume == "never" ? ""
                                                 : options.resume;
  if (Status s = world.share("where the run begins", from); !s.ok())
    return s;
  if (from.empty()) {
    if (!found.empty())
      err << "starting anew; what a former run left in " << directory
          << " goes when this run's checkpoints are complete"
          << (isDefault ? " (--resume auto goes on from there)" : "") << "\n";
    else if (options.resume == "auto")
      err << "there is no checkpoint in " << directory << ": starting anew\n";
    return {};
  }
  auto restored = sized<dpcrt_restored>();
  Status status = fromC(dpcrt_session_restore(session, from.c_str(), &restored));
  CheckpointManifest m;
  if (status.ok())
    status = parseCheckpointManifest(restored.manifest, m);
  if (status.ok())
    status = checkSeeds(m);
  std::string anew = here ? "--resume never starts anew" : "without --resume a run starts anew";
  if (!status.ok())
    return error(status.code(), status.message(), " (", anew, ")");
  err << "resuming from " << restored.path << ": step " << m.step << ", micro-batch " << m.cursor;
  if (m.shuffle && !options.shuffle)
    err << ", --shuffle " << *m.shuffle;
  err << "; " << anew << "\n";
  if (*restored.notes)
    err << restored.notes << "so the checkpoint before is taken\n";
  if (m.modelHash != modelHash)
    err << "note: the checkpoint was written with another model file (" << m.modelName
        << "); parameters and optimizer are the same\n";
  if (!options.initWeights.empty())
    err << "note: --init-weights is for a new start; the checkpoint's weights are taken\n";
  // Going on from the newest is the same run; from anywhere else, another.
  if (!found.empty() && found.front().problem.ok() && found.front().path == restored.path)
    generation = m.generation;
  savedStep = m.step;
  out = {m.step, m.cursor, m.rows, m.shuffle, restored.path};
  return {};
}

Status Checkpoints::save(dpcrt_session *session, dpcrt_progress progress) {
  progress.generation = generation;
  // Beside the artifact there is one checkpoint, of the last run; in a folder that was
  // asked for, some to go back to.
  uint64_t keep = options.keep.value_or(isDefault ? 1 : 3);
  return fromC(dpcrt_session_save(session, directory.c_str(), keep, &progress));
}

uint64_t Checkpoints::told(dpcrt_session *session, bool wait, Status &status) {
  uint64_t step = 0;
  status = fromC(dpcrt_session_saved(session, wait, &step));
  if (step && status.ok()) {
    savedStep = step;
    made = false;
  }
  return step;
}

} // namespace dpcrt
