// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Saving.
#include "session/Keeping.h"
#include "data/ParseJson.h"
#include "devices/Threads.h"
#include <cstring>
#include <new>

namespace dpcrt {
namespace {
using json = nlohmann::ordered_json;
constexpr const char *kParam = "param/", *kMoment = "moment/";

bool startsWith(const std::string &text, const char *prefix) {
  return text.compare(0, std::strlen(prefix), prefix) == 0;
}

std::string fileOf(uint32_t process) { return "state-" + std::to_string(process) + ".safetensors"; }
} // namespace

bool isKept(const Session::State &state) {
  return startsWith(state.name, kParam) || startsWith(state.name, kMoment);
}

std::string tensorOf(const Session::State &state) {
  return state.name.substr(state.name.find('/') + 1);
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

Keeping::~Keeping() { join(); }

void Keeping::join() {
  if (writer.empty())
    return;
  writer[0].join();
  writer.clear();
}

// `wait`: a while; in a world the others must not wait for this process longer than that
// without hearing of it.
bool Keeping::hasEnded(bool wait) {
  constexpr auto kWhile = std::chrono::milliseconds(100);
  std::unique_lock<std::mutex> lock(mutex);
  return changed.wait_for(lock, wait ? kWhile : kWhile * 0, [this] { return ended; });
}

// Does it in a thread, or here and now where there is none.
void Keeping::start(const std::function<Status()> &work) {
  ended = false;
  auto run = [this, work] {
    try {
      written = work();
    } catch (const std::bad_alloc &) {
      written = Status(Code::OutOfMemory, "out of memory");
    } catch (const std::exception &e) {
      written = Status(Code::Internal, e.what());
    }
    std::lock_guard<std::mutex> lock(mutex);
    ended = true;
    changed.notify_all();
  };
  if (!startThread(writer, 1, "checkpoints", run).ok())
    run();
}

void Keeping::end(const Status &status) {
  phase = Phase::None;
  outcomes.push_back({manifest.step, status});
}

Status Keeping::outcome(bool wait, std::optional<Outcome> &out) {
  out.reset();
  if (Status s = advance(wait); !s.ok())
    return s;
  if (outcomes.empty())
    return {};
  out = std::move(outcomes.front());
  outcomes.pop_front();
  return {};
}

// `wait`: until nothing is under way.
Status Keeping::advance(bool wait) {
  while (phase != Phase::None) {
    if (hasEnded(wait))
      join();
    if (world) {
      if (Status s = advanceTogether(); !s.ok())
        return s;
    } else if (writer.empty()) {
      end(written);
    }
    if (!wait)
      break;
  }
  return {};
}

// What each tells: whether its thread is done, how that ended, and what its file came to.
Status Keeping::advanceTogether() {
  const bool isDone = writer.empty();
  json own = {{"done", isDone}};
  if (isDone) {
    own["code"] = int(written.code());
    own["error"] = written.message();
    own["bytes"] = file.bytes;
    own["hash"] = file.hash;
  }
  const std::string what = "the checkpoint of step " + std::to_string(manifest.step);
  std::vector<std::string> all;
  if (Status s =
          world->exchange(what, own.dump(-1, ' ', false, json::error_handler_t::replace), all);
      !s.ok())
    return s;
  Status failed;
  bool allDone = true;
  for (uint32_t process = 0; process < all.size(); ++process) {
    json told = parseJson<json>(all[process]);
    if (!told.is_object())
      return error(Code::Internal, "process ", process, " does not say what became of ", what);
    allDone &= told["done"].get<bool>();
    if (!told["done"].get<bool>())
      continue;
    if (Code code = Code(told["code"].get<int>()); code != Code::Ok && failed.ok())
      failed = Status(code, told["error"].get<std::string>())
                   .within("process " + std::to_string(process));
    for (CheckpointManifest::File &other : manifest.files)
      if (phase == Phase::Writing && other.name == fileOf(process)) {
        other.bytes = told["bytes"];
        other.hash = told["hash"];
      }
  }
  if (!allDone) // also where one has failed: nobody may still be writing what is removed
    return {};
  const bool completes = world->self() == 0;
  if (!failed.ok() || phase == Phase::Completing) {
    if (!failed.ok() && phase == Phase::Writing && completes)
      abandonCheckpoint(directory, manifest.step);
    end(failed);
    return {};
  }
  phase = Phase::Completing;
  written = Status();
  ended = true;
  if (completes)
    start([this] { return completeCheckpoint(directory, manifest, keep); });
  return {};
}

// Whole tensors, of one process.
Status Keeping::copyWhole(Session &session) {
  size_t next = 0;
  for (const Session::State &state : session.states()) {
    if (!isKept(state))
      continue;
    if (next == copies.size())
      copies.emplace_back();
    std::vector<char> &to = copies[next++];
    to.resize(state.bytes);
    if (Status s = session.readState(state.name, to.data(), to.size()); !s.ok())
      return s;
    tensors.push_back({tensorOf(state), state.type, state.shape, to.data()});
  }
  return {};
}

// Who writes what, once for all: what processes have does not change.
Status Keeping::dealStates(Session &session) {
  const auto &states = session.states();
  std::vector<ByteRanges> own(states.size());
  for (size_t i = 0; i < states.size(); ++i)
    if (isKept(states[i]))
      if (Status s = session.heldOf(states[i], own[i]); !s.ok())
        return s;
  std::vector<std::string> all;
  if (Status s = world->exchange("the parts of their weights", packRanges(own), all); !s.ok())
    return s;
  std::vector<std::vector<ByteRanges>> has(all.size()); // per process, per state
  for (uint32_t process = 0; process < all.size(); ++process)
    if (!unpackRanges(all[process], states.size(), has[process]))
      return error(Code::Internal, "process ", process, " does not say what it has");
  std::vector<uint64_t> load(all.size(), 0);
  parts.assign(all.size(), {});
  shares.clear();
  for (size_t i = 0; i < states.size(); ++i) {
    if (!isKept(states[i]))
      continue;
    std::vector<ByteRanges> held;
    for (auto &lists : has)
      held.push_back(std::move(lists[i]));
    const std::vector<ByteRanges> given = deal(held, &load);
    const uint64_t unit = sizeOf(states[i].type);
    uint64_t bytes = 0;
    for (uint32_t process = 0; process < given.size(); ++process)
      for (const ByteRange &range : given[process]) {
        bytes += range.bytes();
        parts[process].push_back({tensorOf(states[i]), range.begin / unit, range.bytes() / unit});
        if (process == world->self())
          shares.push_back({i, range});
      }
    if (bytes != states[i].bytes)
      return error(Code::Internal, "all processes together have ", bytes, " of the ",
                   states[i].bytes, " bytes of '", states[i].name, "'");
  }
  dealt = true;
  return {};
}

// What is to be written, in memory of its own.
Status Keeping::copy(Session &session) {
  tensors.clear();
  if (!world)
    return copyWhole(session);
  if (!dealt)
    if (Status s = dealStates(session); !s.ok())
      return s;
  copies.resize(shares.size());
  for (size_t i = 0; i < shares.size(); ++i) {
    const Session::State &state = session.states()[shares[i].state];
    const CheckpointManifest::Part &part = parts[world->self()][i];
    const TensorShape tensor{state.type, state.shape};
    copies[i].resize(shares[i].range.bytes());
    if (Status s = session.readHeld(state, shares[i].range, copies[i].data()); !s.ok())
      return s;
    tensors.push_back(
        {storedName(part, tensor), state.type, storedShape(part, tensor), copies[i].data()});
  }
  return {};
}

Status Keeping::describe(const Session &session, const Progress &progress) {
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
  m.config = json::parse(progress.config, nullptr, false);
  if (m.config.is_discarded())
    return Status(Code::Usage, "the configuration to save is not valid JSON");
  m.inParts = world != nullptr;
  for (uint32_t process = 0; process < parts.size(); ++process)
    if (!parts[process].empty())
      m.files.push_back({fileOf(process), 0, "", parts[process]});
  manifest = std::move(m);
  return {};
}

Status Keeping::save(Session &session, const std::string &to, uint64_t count,
                     const Progress &progress) {
  if (Status s = advance(/*wait=*/true); !s.ok())
    return s;
  world = session.world();
  directory = to;
  keep = count;
  if (Status s = session.compareHolders(); !s.ok())
    return s;
  if (Status s = copy(session); !s.ok())
    return s;
  if (Status s = describe(session, progress); !s.ok())
    return s;
  if (!world) {
    phase = Phase::Writing;
    start([this] { return writeCheckpoint(directory, manifest, tensors, keep); });
    return {};
  }
  // Nobody writes before the folder is there.
  Status begun, failed;
  if (world->self() == 0)
    begun = beginCheckpoint(directory, manifest.step);
  if (Status s = world->agree("the folder of a checkpoint", begun, failed); !s.ok())
    return s;
  if (!failed.ok()) {
    end(failed);
    return {};
  }
  phase = Phase::Writing;
  file = {};
  file.name = fileOf(world->self());
  start([this] {
    return tensors.empty() ? Status()
                           : writeCheckpointFile(directory, manifest.step, tensors, file);
  });
  return {};
}

} // namespace dpcrt
