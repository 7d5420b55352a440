// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From a checkpoint into a session: each process opens it, verifies its share of the files
// and reads the ranges that its ranks hold.
#include "session/Keeping.h"
#include <nlohmann/json.hpp>

namespace dpcrt {
namespace {
std::string described(const CheckpointManifest::Parameter &p) {
  return nameOf(p.type) + shapeText(p.shape);
}

// Every way in which the checkpoint is not of this model.
Status compare(const Session &session, const Checkpoint &checkpoint) {
  const Manifest &model = session.model().manifest;
  const CheckpointManifest &saved = checkpoint.manifest;
  if (saved.optimizer != model.optimizer)
    return error(Code::Checkpoint, "'", checkpoint.path(), "' was written with the optimizer ",
                 saved.optimizer, ", the model was compiled with ", model.optimizer,
                 "; compile it with --optimizer ", saved.optimizer,
                 ", or begin with --init-weights, which takes the weights alone");
  std::map<std::string, const CheckpointManifest::Parameter *> there;
  for (const auto &p : saved.parameters)
    there[p.name] = &p;
  std::vector<std::string> wrong;
  for (const auto &p : parametersOf(session)) {
    auto it = there.find(p.name);
    const Manifest::Parameter *known = model.parameter(p.name);
    std::string shown =
        "'" + p.name + "'" +
        (known && known->shownName() != p.name ? " (" + known->shownName() + ")" : "");
    if (it == there.end()) {
      wrong.push_back(shown + " " + described(p) + " is missing in the checkpoint");
      continue;
    }
    const CheckpointManifest::Parameter &other = *it->second;
    if (other.shape != p.shape || other.type != p.type)
      wrong.push_back(shown + " is " + described(other) + " in the checkpoint, " + described(p) +
                      " in the model");
    else if (other.moments != p.moments)
      wrong.push_back(shown + " is " + (other.trained ? "" : "not ") +
                      "trained in the checkpoint, " + (p.trained ? "" : "not ") + "in the model");
    there.erase(it);
  }
  for (auto &[name, p] : there)
    wrong.push_back("'" + name + "' " + described(*p) + " of the checkpoint is not in the model");
  if (wrong.empty())
    return {};
  constexpr size_t shown = 20;
  std::string list;
  for (size_t i = 0; i < std::min(wrong.size(), shown); ++i)
    list += "\n  " + wrong[i];
  if (wrong.size() > shown)
    list += "\n  and " + std::to_string(wrong.size() - shown) + " more";
  return error(Code::Checkpoint, "'", checkpoint.path(), "' is of another model:", list);
}

// What one process finds damaged, none goes on from.
Opening openingOf(const Session &session) {
  Opening opening;
  World *world = session.world();
  if (!world)
    return opening;
  opening.self = world->self();
  opening.processes = world->processes();
  opening.agree = [world](const Status &own) {
    Status found;
    Status s = world->agree("whether a checkpoint is whole", own, found);
    return s.ok() ? found : s;
  };
  opening.same = [&session](const std::string &what, const std::string &text) {
    return session.agreeOn(what, text);
  };
  return opening;
}
} // namespace

Status restore(Session &session, const std::string &path, Restored &out) {
  out = Restored();
  Checkpoint checkpoint;
  if (Status s = openNewestCheckpoint(path, checkpoint, out.notes, openingOf(session)); !s.ok())
    return s;
  out.path = checkpoint.path();
  out.manifest = writeCheckpointManifest(checkpoint.manifest);
  if (Status s = compare(session, checkpoint); !s.ok())
    return s;
  if (Status s = session.agreeOn("the checkpoint '" + checkpoint.path() + "'", out.manifest);
      !s.ok())
    return s;
  for (const Session::State &state : session.states()) {
    if (!isKept(state))
      continue;
    auto read = [&](uint64_t begin, uint64_t bytes, char *data) {
      return checkpoint.read(tensorOf(state), state.type, state.shape, begin, bytes, data);
    };
    if (Status s = session.writeHeld(state, read); !s.ok())
      return s;
  }
  session.setSeed(checkpoint.manifest.seed);
  return session.setPosition({checkpoint.manifest.step, checkpoint.manifest.updates});
}

} // namespace dpcrt
