// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// States by name to tensors by name: "param/NAME" is NAME, "moment/NAME.m" NAME.m.
#include "session/Keeping.h"
#include "data/Files.h"
#include "devices/Threads.h"
#include <cstring>
#include <new>

namespace dpcrt {
namespace {
constexpr const char *kParam = "param/", *kMoment = "moment/";

bool startsWith(const std::string &text, const char *prefix) {
  return text.compare(0, std::strlen(prefix), prefix) == 0;
}

// The parameters that the session holds, with their moments, in its own order.
std::vector<CheckpointManifest::Parameter> parametersOf(const Session &session) {
  std::vector<CheckpointManifest::Parameter> list;
  for (const Session::State &s : session.states()) {
    if (startsWith(s.name, kParam))
      list.push_back({s.name.substr(std::strlen(kParam)), s.shape, s.type, s.trained, {}});
    // The moments of a parameter follow it.
    if (startsWith(s.name, kMoment))
      list.back().moments.push_back(
          s.name.substr(std::strlen(kMoment) + list.back().name.size() + 1));
  }
  return list;
}

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
} // namespace

Keeping::~Keeping() { join(); }

void Keeping::join() {
  if (writer.empty())
    return;
  writer[0].join();
  writer.clear();
  outcomes.push_back({manifest.step, written});
}

std::optional<Keeping::Outcome> Keeping::outcome(bool wait) {
  if (wait || ended)
    join();
  if (outcomes.empty())
    return std::nullopt;
  Outcome first = std::move(outcomes.front());
  outcomes.pop_front();
  return first;
}

Status Keeping::copy(Session &session) {
  size_t next = 0;
  tensors.clear();
  for (const Session::State &s : session.states()) {
    bool weight = startsWith(s.name, kParam);
    if (!weight && !startsWith(s.name, kMoment))
      continue;
    // A process that does not write takes part in reading, one state after the other.
    if (!session.writes())
      next = 0;
    if (next == copies.size())
      copies.emplace_back();
    std::vector<char> &to = copies[next++];
    to.resize(s.bytes);
    if (Status status = session.readState(s.name, to.data(), to.size()); !status.ok())
      return status;
    if (session.writes())
      tensors.push_back(
          {s.name.substr(std::strlen(weight ? kParam : kMoment)), s.type, s.shape, to.data()});
  }
  return {};
}

Status Keeping::save(Session &session, const std::string &directory, uint64_t keep,
                     const Progress &progress) {
  join();
  if (Status s = session.compareHolders(); !s.ok())
    return s;
  if (Status s = copy(session); !s.ok())
    return s;
  if (!session.writes())
    return {};
  const Manifest &model = session.model().manifest;
  Session::Position at = session.position();
  CheckpointManifest m;
  m.generation = progress.generation;
  m.step = at.steps;
  m.updates = at.updates;
  m.cursor = progress.cursor;
  m.rows = progress.rows;
  m.seed = session.seed();
  m.shuffle = progress.shuffle;
  m.learningRate = progress.learningRate;
  m.producer = model.producer;
  m.modelName = model.modelName;
  m.modelHash = model.modelHash;
  m.optimizer = model.optimizer;
  m.ranks = uint32_t(session.ranks());
  m.microBatches = model.mesh.dp * model.entryPoint("train_step")->microBatches;
  m.parameters = parametersOf(session);
  m.config = nlohmann::ordered_json::parse(progress.config, nullptr, false);
  if (m.config.is_discarded())
    return Status(Code::Usage, "the configuration to save is not valid JSON");
  manifest = std::move(m);
  ended = false;
  auto write = [this, directory, keep] {
    try {
      written = writeCheckpoint(directory, manifest, tensors, keep);
    } catch (const std::bad_alloc &) {
      written = Status(Code::OutOfMemory, "out of memory");
    } catch (const std::exception &e) {
      written = Status(Code::Internal, e.what());
    }
    ended = true;
  };
  if (startThread(writer, 1, "checkpoints", write).ok())
    return {};
  write(); // without a thread the next step waits
  outcomes.push_back({manifest.step, written});
  return {};
}

Status restore(Session &session, const std::string &path, Restored &out) {
  out = Restored();
  Checkpoint checkpoint;
  if (Status s = openNewestCheckpoint(path, checkpoint, out.notes); !s.ok())
    return s;
  out.path = checkpoint.path();
  out.manifest = writeCheckpointManifest(checkpoint.manifest);
  if (Status s = compare(session, checkpoint); !s.ok())
    return s;
  if (Status s = session.agreeOn("the checkpoint '" + checkpoint.path() + "'", out.manifest);
      !s.ok())
    return s;
  std::vector<char> values;
  for (const Session::State &state : session.states()) {
    bool weight = startsWith(state.name, kParam);
    if (!weight && !startsWith(state.name, kMoment))
      continue;
    values.resize(state.bytes);
    if (Status s = checkpoint.read(state.name.substr(std::strlen(weight ? kParam : kMoment)),
                                   state.type, state.shape, values.data());
        !s.ok())
      return s;
    if (Status s = session.writeState(state.name, values.data(), values.size()); !s.ok())
      return s;
  }
  session.setSeed(checkpoint.manifest.seed);
  return session.setPosition({checkpoint.manifest.step, checkpoint.manifest.updates});
}

} // namespace dpcrt
