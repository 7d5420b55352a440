// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The C interface as a cover of Artifact and Session. No exception crosses it.
#include "dpcrt/dpcrt.h"
#include "session/Keeping.h"
#include "session/SharedFolder.h"
#include "world/EngineKinds.h"
#include "world/Launch.h"
#include <algorithm>
#include <cmath>
#include <cstring>
#include <new>

using namespace dpcrt;

struct dpcrt_error {
  Status status;
};
namespace {
// The framework's names of each parameter as C arrays.
class FrameworkNames {
public:
  explicit FrameworkNames(const Manifest &manifest) {
    for (const Manifest::Parameter &p : manifest.parameters)
      for (const std::string &name : p.framework)
        names[p.name].push_back(name.c_str());
  }
  void give(const std::string &parameter, dpcrt_tensor &out) const {
    auto it = names.find(parameter);
    if (it == names.end())
      return;
    out.framework = it->second.data();
    out.framework_count = it->second.size();
  }

private:
  std::map<std::string, std::vector<const char *>> names;
};
} // namespace

struct dpcrt_artifact {
  std::shared_ptr<const Artifact> artifact;
  FrameworkNames names;
};
struct dpcrt_world {
  std::shared_ptr<World> world;
  uint32_t localProcesses = 1;
};
struct dpcrt_session {
  std::unique_ptr<Session> session;
  std::optional<FrameworkNames> names; // of the session's artifact
  std::unique_ptr<Keeping> keeping;    // made with the first checkpoint; ends before the session
  std::vector<float> losses, dens;
  Restored restored;
  std::string notes, order;
};

namespace {
// Made at load: where memory has run out there is none for an error either.
dpcrt_error outOfMemory{Status(Code::OutOfMemory, "out of memory")};

dpcrt_error *wrap(const Status &status) { return status.ok() ? nullptr : new dpcrt_error{status}; }

// Runs `body`; memory that is not there becomes an error like any other, and so does
// what a library throws.
template <typename Body> dpcrt_error *guarded(Body body) noexcept {
  try {
    try {
      return wrap(body());
    } catch (const std::bad_alloc &) {
      return &outOfMemory;
    } catch (const std::exception &e) {
      return wrap(Status(Code::Internal, std::string("internal error: ") + e.what()));
    }
  } catch (...) { // no memory to say more
    return &outOfMemory;
  }
}

// A struct of the caller's as this library knows it: fields that the caller does not
// know are 0, fields that only the caller knows are not read.
template <typename T> T taken(const T *given) {
  T own{};
  std::memcpy(&own, given, std::min(given->size, sizeof(T)));
  return own;
}
template <typename T> void give(T own, T *out) {
  own.size = out->size;
  std::memcpy(out, &own, std::min(out->size, sizeof(T)));
}

dpcrt_tensor describe(const std::string &name, Element type, const std::vector<uint64_t> &shape) {
  dpcrt_tensor t{};
  t.name = name.c_str();
  t.dtype = nameOf(type);
  t.shape = shape.data();
  t.rank = shape.size();
  t.bytes = *byteSize(shape, sizeOf(type));
  return t;
}

// The array's step is the size that its elements say they have.
std::vector<InputData> inputsOf(const dpcrt_input *inputs, size_t count) {
  std::vector<InputData> list;
  auto *at = reinterpret_cast<const char *>(inputs);
  for (size_t i = 0; i < count; ++i, at += inputs->size) {
    dpcrt_input input = taken(reinterpret_cast<const dpcrt_input *>(at));
    list.push_back(
        {input.name, static_cast<const char *>(input.data), input.bytes, input.shared != 0});
  }
  return list;
}
} // namespace

extern "C" {

uint32_t dpcrt_version(void) { return DPCRT_VERSION_MAJOR << 16 | DPCRT_VERSION_MINOR; }

int dpcrt_error_code(const dpcrt_error *e) { return e->status.exitStatus(); }
const char *dpcrt_error_message(const dpcrt_error *e) { return e->status.message().c_str(); }
void dpcrt_error_free(dpcrt_error *e) {
  if (e != &outOfMemory)
    delete e;
}

dpcrt_error *dpcrt_artifact_open(const char *path, dpcrt_artifact **out) {
  return guarded([&] {
    auto artifact = std::make_shared<Artifact>();
    Status s = openArtifact(path, *artifact);
    if (s.ok())
      *out = new dpcrt_artifact{artifact, FrameworkNames(artifact->manifest)};
    return s;
  });
}
void dpcrt_artifact_close(dpcrt_artifact *a) { delete a; }
const char *dpcrt_artifact_manifest(const dpcrt_artifact *a) {
  return a->artifact->manifestText.c_str();
}
int dpcrt_artifact_has_entry(const dpcrt_artifact *a, const char *name) {
  return a->artifact->entry(name) != nullptr;
}
size_t dpcrt_artifact_inputs(const dpcrt_artifact *a) {
  return a->artifact->manifest.inputs.size();
}
void dpcrt_artifact_input(const dpcrt_artifact *a, size_t i, dpcrt_tensor *out) {
  const auto &input = a->artifact->manifest.inputs[i];
  dpcrt_tensor t = describe(input.name, input.type, input.shape);
  t.limit = input.limit;
  t.minimum = input.minimum;
  t.ignored = input.ignored.data();
  t.ignored_count = input.ignored.size();
  t.slices = a->artifact->manifest.mesh.slicesOf(input);
  t.evaluation_only = a->artifact->isOfEvaluation(input.name);
  give(t, out);
}
size_t dpcrt_artifact_outputs(const dpcrt_artifact *a) { return a->artifact->outputs.size(); }
void dpcrt_artifact_output(const dpcrt_artifact *a, size_t i, dpcrt_tensor *out) {
  const Artifact::Output &output = a->artifact->outputs[i];
  give(describe(output.name, output.type, output.shape), out);
}
size_t dpcrt_artifact_parameters(const dpcrt_artifact *a) {
  return a->artifact->manifest.parameters.size();
}
void dpcrt_artifact_parameter(const dpcrt_artifact *a, size_t i, dpcrt_tensor *out) {
  const auto &p = a->artifact->manifest.parameters[i];
  dpcrt_tensor t = describe(p.name, p.type, p.shape);
  t.trained = p.trained;
  a->names.give(p.name, t);
  give(t, out);
}

dpcrt_error *dpcrt_world_join(const dpcrt_world_options *given, dpcrt_world **out) {
  return guarded([&] {
    dpcrt_world_options o = taken(given);
    *out = nullptr;
    Launch launch;
    if (Status s = findLaunch(readEnvironment(), o.transport ? o.transport : "", launch); !s.ok())
      return s;
    if (launch.transport == "local")
      return Status();
    const EngineKind *kind = nullptr;
    if (Status s = findEngineKind(launch.transport, kind); !s.ok())
      return s;
    auto joined = std::make_unique<dpcrt_world>();
    if (Status s = World::join(*kind, {o.timeout_s, o.launch_timeout_s}, joined->world); !s.ok())
      return s;
    joined->localProcesses = launch.localSize;
    // An engine of another kind than the launcher's finds itself alone, and each process
    // would train the whole model.
    if (joined->world->processes() != launch.size)
      return error(Code::Usage, joined->world->engine(), " finds ", joined->world->processes(),
                   joined->world->processes() == 1 ? " process" : " processes", ", where ",
                   launch.launcher, " has started ", launch.size,
                   "; --transport must be that of the launcher");
    *out = joined.release();
    return Status();
  });
}
uint32_t dpcrt_world_processes(const dpcrt_world *w) { return w ? w->world->processes() : 1; }
uint32_t dpcrt_world_process(const dpcrt_world *w) { return w ? w->world->self() : 0; }
uint32_t dpcrt_world_local_processes(const dpcrt_world *w) { return w ? w->localProcesses : 1; }
dpcrt_error *dpcrt_world_share(dpcrt_world *w, const char *what, void *data, uint64_t *bytes) {
  return guarded([&] {
    if (!w)
      return Status();
    const bool gives = w->world->self() == 0;
    std::vector<std::string> all;
    Status s = w->world->exchange(
        what, gives ? std::string(static_cast<const char *>(data), *bytes) : "", all);
    if (!s.ok() || gives)
      return s;
    if (all[0].size() > *bytes)
      return error(Code::Usage, what, ": ", all[0].size(), " bytes, where there is room for ",
                   *bytes);
    std::memcpy(data, all[0].data(), all[0].size());
    *bytes = all[0].size();
    return s;
  });
}
dpcrt_error *dpcrt_world_first(dpcrt_world *w, const char *what, char *text, uint64_t room) {
  return guarded([&] {
    if (!w)
      return Status();
    std::vector<std::string> all;
    if (Status s = w->world->exchange(what, text, all); !s.ok())
      return s;
    for (const std::string &other : all) {
      if (other.empty())
        continue;
      const size_t bytes = std::min<uint64_t>(other.size(), room - 1);
      std::memcpy(text, other.data(), bytes);
      text[bytes] = 0;
      break;
    }
    return Status();
  });
}
int dpcrt_world_feeds(const dpcrt_world *w, const dpcrt_artifact *a, const char *entry,
                      size_t input) {
  const Artifact &artifact = *a->artifact;
  const std::vector<ProgramFile> *files = artifact.entry(entry);
  if (!w || !files)
    return files != nullptr;
  const RankGrid grid = artifact.manifest.mesh.grid();
  const RankRange own = ranksOf(*w->world, grid.ranks());
  for (uint32_t rank = own.first; rank < own.end; ++rank)
    for (auto *fed : items((*files)[grid.placeOf(rank).pp].program().inputs()))
      if (text(fed->name()) == artifact.manifest.inputs[input].name)
        return true;
  return false;
}
dpcrt_error *dpcrt_world_shares_folder(dpcrt_world *w, const char *folder) {
  return guarded([&] { return w ? checkShared(*w->world, folder) : Status(); });
}
dpcrt_error *dpcrt_world_fail(dpcrt_world *w, int code, const char *message, int *own) {
  return guarded([&] {
    *own = 1;
    Status cause(Code(code), message);
    if (!w)
      return cause;
    w->world->fail(cause);
    bool isOwn = true;
    Status s = w->world->failure(&isOwn);
    *own = isOwn;
    return s;
  });
}
dpcrt_error *dpcrt_world_leave(dpcrt_world *w) {
  return guarded([&] {
    if (!w)
      return Status();
    Status s = w->world->leave();
    delete w;
    return s;
  });
}

dpcrt_error *dpcrt_session_create(const dpcrt_artifact *a, const dpcrt_session_options *given,
                                  dpcrt_session **out) {
  return guarded([&] {
    dpcrt_session_options o = taken(given);
    SessionOptions options;
    options.device = o.device ? o.device : "cpu";
    options.threads = o.threads;
    options.link.latencyNs = int64_t(std::llround(o.link_latency_s * 1e9));
    options.link.bytesPerSecond = o.link_bandwidth;
    options.timeoutSeconds = o.timeout_s;
    options.seed = o.seed;
    options.sequential = o.sequential != 0;
    options.seedOrder = o.seed_order ? o.seed_order : "";
    if (o.virtual_clock)
      options.virtualClock = o.virtual_clock;
    options.graphs = o.graphs != 0;
    options.checkMirrors = o.check_mirrors != 0;
    if (o.world)
      options.world = o.world->world;
    auto session = std::make_unique<dpcrt_session>();
    Status s = Session::create(a->artifact, options, session->session);
    if (!s.ok())
      return s;
    session->names.emplace(session->session->model().manifest);
    *out = session.release();
    return s;
  });
}
void dpcrt_session_close(dpcrt_session *s) { delete s; }
size_t dpcrt_session_ranks(const dpcrt_session *s) { return s->session->ranks(); }
const char *dpcrt_session_target(const dpcrt_session *s) { return s->session->target().c_str(); }
const char *dpcrt_session_order(dpcrt_session *s) {
  s->order = s->session->orderTaken();
  return s->order.c_str();
}
dpcrt_error *dpcrt_session_check_order(const dpcrt_session *s) {
  return guarded([&] { return s->session->checkOrder(); });
}
double dpcrt_session_clock_factor(const dpcrt_session *s) { return s->session->clockFactor(); }
unsigned dpcrt_session_threads(const dpcrt_session *s) { return s->session->threads(); }

void dpcrt_update_defaults(const dpcrt_artifact *a, dpcrt_update *out) {
  UpdateNumbers u = findOptimizer(a->artifact->manifest.optimizer)->defaults;
  give<dpcrt_update>({0, u.lrScale, u.weightDecay, u.momentum, u.beta1, u.beta2, u.eps}, out);
}
dpcrt_error *dpcrt_session_set_update(dpcrt_session *s, const char *parameter,
                                      const dpcrt_update *given) {
  return guarded([&] {
    dpcrt_update u = taken(given);
    return s->session->setUpdate(parameter ? parameter : "",
                                 {u.lr_scale, u.weight_decay, u.momentum, u.beta1, u.beta2, u.eps});
  });
}

unsigned dpcrt_session_steps_in_flight(const dpcrt_session *s) {
  return s->session->stepsInFlight();
}
dpcrt_error *dpcrt_session_submit(dpcrt_session *s, const dpcrt_input *inputs, size_t count,
                                  const dpcrt_request *given) {
  return guarded([&] {
    dpcrt_request r = taken(given);
    return s->session->submit(inputsOf(inputs, count),
                              {r.kind == DPCRT_EVALUATE, r.lr, r.clip_norm, r.skip_update != 0,
                               r.halt_if_nonfinite != 0, r.first_micro_batch, r.stop_asked != 0});
  });
}
dpcrt_error *dpcrt_session_result(dpcrt_session *s, dpcrt_result *out) {
  return guarded([&] {
    StepResult r;
    Status status = s->session->result(r);
    if (!status.ok())
      return status;
    s->losses = s->session->losses();
    s->dens = s->session->denominators();
    give<dpcrt_result>({0, r.loss, r.gradNorm, r.sumDen, r.nonfinite, r.skipped, r.seconds,
                        r.bubble, s->losses.size(), s->losses.data(), s->dens.data(), r.halted,
                        r.stopAsked},
                       out);
    return status;
  });
}

void dpcrt_session_position(const dpcrt_session *s, dpcrt_position *out) {
  Session::Position at = s->session->position();
  give<dpcrt_position>({0, at.steps, at.updates}, out);
}
dpcrt_error *dpcrt_session_set_position(dpcrt_session *s, const dpcrt_position *given) {
  return guarded([&] {
    dpcrt_position at = taken(given);
    return s->session->setPosition({at.steps, at.updates});
  });
}

size_t dpcrt_session_states(const dpcrt_session *s) { return s->session->states().size(); }
void dpcrt_session_state(const dpcrt_session *s, size_t i, dpcrt_tensor *out) {
  const auto &state = s->session->states()[i];
  dpcrt_tensor t = describe(state.name, state.type, state.shape);
  t.trained = state.trained;
  s->names->give(state.parameter, t);
  give(t, out);
}
dpcrt_error *dpcrt_session_read(dpcrt_session *s, const char *state, void *data, uint64_t bytes) {
  return guarded([&] { return s->session->readState(state, static_cast<char *>(data), bytes); });
}
dpcrt_error *dpcrt_session_output(dpcrt_session *s, const char *output, void *data,
                                  uint64_t bytes) {
  return guarded([&] { return s->session->readOutput(output, static_cast<char *>(data), bytes); });
}
dpcrt_error *dpcrt_session_write(dpcrt_session *s, const char *state, const void *data,
                                 uint64_t bytes) {
  return guarded(
      [&] { return s->session->writeState(state, static_cast<const char *>(data), bytes); });
}
dpcrt_error *dpcrt_session_compare_holders(dpcrt_session *s) {
  return guarded([&] { return s->session->compareHolders(); });
}

dpcrt_error *dpcrt_session_save(dpcrt_session *s, const char *directory, uint64_t keep,
                                const dpcrt_progress *given) {
  return guarded([&] {
    dpcrt_progress p = taken(given);
    if (!s->keeping)
      s->keeping = std::make_unique<Keeping>();
    Progress progress;
    progress.generation = p.generation;
    progress.cursor = p.cursor;
    progress.rows = p.rows;
    if (p.shuffled)
      progress.shuffle = p.shuffle;
    progress.learningRate = p.lr;
    progress.config = p.config ? p.config : "{}";
    return s->keeping->save(*s->session, directory, keep, progress);
  });
}
dpcrt_error *dpcrt_session_saved(dpcrt_session *s, int wait, uint64_t *step) {
  *step = 0;
  return guarded([&] {
    std::optional<Keeping::Outcome> outcome;
    if (s->keeping)
      if (Status status = s->keeping->outcome(wait != 0, outcome); !status.ok())
        return status;
    if (!outcome)
      return Status();
    *step = outcome->step;
    return outcome->status;
  });
}
dpcrt_error *dpcrt_session_restore(dpcrt_session *s, const char *path, dpcrt_restored *out) {
  return guarded([&] {
    Status status = restore(*s->session, path, s->restored);
    s->notes.clear();
    for (const std::string &note : s->restored.notes)
      s->notes += note + "\n";
    give<dpcrt_restored>(
        {0, s->restored.path.c_str(), s->restored.manifest.c_str(), s->notes.c_str()}, out);
    return status;
  });
}

uint64_t dpcrt_session_arena_bytes(const dpcrt_session *s, size_t rank) {
  return s->session->arenaBytes(rank);
}
uint64_t dpcrt_session_scratch_bytes(const dpcrt_session *s) { return s->session->scratchBytes(); }
void dpcrt_session_trace(dpcrt_session *s, int on) { s->session->trace(on != 0); }
dpcrt_error *dpcrt_session_write_trace(dpcrt_session *s, const char *path) {
  return guarded([&] { return s->session->writeTrace(path); });
}

} // extern "C"
