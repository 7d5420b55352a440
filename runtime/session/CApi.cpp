// The C interface as a cover of Artifact and Session. No exception crosses it.
#include "dpcrt/dpcrt.h"
#include "session/Session.h"
#include <cmath>
#include <new>

using namespace dpcrt;

struct dpcrt_error {
  Status status;
};
struct dpcrt_artifact {
  Artifact artifact;
};
struct dpcrt_session {
  std::unique_ptr<Session> session;
  std::vector<float> losses, dens;
};

namespace {
dpcrt_error *wrap(const Status &status) {
  return status.ok() ? nullptr : new dpcrt_error{status};
}

// Runs `body`; memory that is not there becomes an error like any other.
template <typename Body> dpcrt_error *guarded(Body body) {
  try {
    return wrap(body());
  } catch (const std::bad_alloc &) {
    return wrap(Status(Code::OutOfMemory, "out of memory"));
  } catch (const std::exception &e) {
    return wrap(Status(Code::Internal, std::string("internal error: ") + e.what()));
  }
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

std::vector<InputData> inputsOf(const dpcrt_input *inputs, size_t count) {
  std::vector<InputData> list;
  for (size_t i = 0; i < count; ++i)
    list.push_back({inputs[i].name, static_cast<const char *>(inputs[i].data), inputs[i].bytes,
                    inputs[i].shared != 0});
  return list;
}

void fill(dpcrt_session *s, const StepResult &r, dpcrt_result *out) {
  s->losses = s->session->losses();
  s->dens = s->session->denominators();
  *out = {r.loss,    r.gradNorm, r.sumDen,        r.nonfinite,        r.skipped,
          r.seconds, r.bubble,   s->losses.size(), s->losses.data(), s->dens.data()};
}
} // namespace

extern "C" {

int dpcrt_error_code(const dpcrt_error *e) { return e->status.exitStatus(); }
const char *dpcrt_error_message(const dpcrt_error *e) { return e->status.message().c_str(); }
void dpcrt_error_free(dpcrt_error *e) { delete e; }

dpcrt_error *dpcrt_artifact_open(const char *path, dpcrt_artifact **out) {
  return guarded([&] {
    auto artifact = std::make_unique<dpcrt_artifact>();
    Status s = openArtifact(path, artifact->artifact);
    if (s.ok())
      *out = artifact.release();
    return s;
  });
}
void dpcrt_artifact_close(dpcrt_artifact *a) { delete a; }
const char *dpcrt_artifact_manifest(const dpcrt_artifact *a) {
  return a->artifact.manifestText.c_str();
}
int dpcrt_artifact_has_entry(const dpcrt_artifact *a, const char *name) {
  return a->artifact.entry(name) != nullptr;
}
size_t dpcrt_artifact_inputs(const dpcrt_artifact *a) { return a->artifact.manifest.inputs.size(); }
dpcrt_tensor dpcrt_artifact_input(const dpcrt_artifact *a, size_t i) {
  const auto &input = a->artifact.manifest.inputs[i];
  dpcrt_tensor t = describe(input.name, input.type, input.shape);
  t.limit = input.limit;
  return t;
}
size_t dpcrt_artifact_parameters(const dpcrt_artifact *a) {
  return a->artifact.manifest.parameters.size();
}
dpcrt_tensor dpcrt_artifact_parameter(const dpcrt_artifact *a, size_t i) {
  const auto &p = a->artifact.manifest.parameters[i];
  dpcrt_tensor t = describe(p.name, p.type, p.shape);
  t.trained = p.trained;
  return t;
}

dpcrt_error *dpcrt_session_create(const dpcrt_artifact *a, const dpcrt_session_options *o,
                                  dpcrt_session **out) {
  return guarded([&] {
    SessionOptions options;
    options.device = o->device ? o->device : "cpu";
    options.threads = o->threads;
    options.link.latencyNs = int64_t(std::llround(o->link_latency_s * 1e9));
    options.link.bytesPerSecond = o->link_bandwidth;
    options.timeoutSeconds = o->timeout_s;
    options.seed = o->seed;
    options.sequential = o->sequential != 0;
    auto session = std::make_unique<dpcrt_session>();
    Status s = Session::create(a->artifact, options, session->session);
    if (s.ok())
      *out = session.release();
    return s;
  });
}
void dpcrt_session_close(dpcrt_session *s) { delete s; }
size_t dpcrt_session_ranks(const dpcrt_session *s) { return s->session->ranks(); }
unsigned dpcrt_session_threads(const dpcrt_session *s) { return s->session->threads(); }

dpcrt_update dpcrt_update_defaults(const dpcrt_artifact *a) {
  UpdateOptions u = defaultUpdate(a->artifact.manifest.optimizer);
  return {u.lrScale, u.weightDecay, u.momentum, u.beta1, u.beta2, u.eps};
}
dpcrt_error *dpcrt_session_set_update(dpcrt_session *s, const char *parameter,
                                      const dpcrt_update *u) {
  return guarded([&] {
    return s->session->setUpdate(parameter ? parameter : "",
                                 {u->lr_scale, u->weight_decay, u->momentum, u->beta1, u->beta2, u->eps});
  });
}

dpcrt_error *dpcrt_session_step(dpcrt_session *s, const dpcrt_input *inputs, size_t count,
                                double lr, double clipNorm, int skipUpdate, dpcrt_result *out) {
  return guarded([&] {
    StepResult result;
    Status status = s->session->step(inputsOf(inputs, count), {lr, clipNorm, skipUpdate != 0}, result);
    if (status.ok())
      fill(s, result, out);
    return status;
  });
}
dpcrt_error *dpcrt_session_eval(dpcrt_session *s, const dpcrt_input *inputs, size_t count,
                                dpcrt_result *out) {
  return guarded([&] {
    StepResult result;
    Status status = s->session->eval(inputsOf(inputs, count), result);
    if (status.ok())
      fill(s, result, out);
    return status;
  });
}

size_t dpcrt_session_states(const dpcrt_session *s) { return s->session->states().size(); }
dpcrt_tensor dpcrt_session_state(const dpcrt_session *s, size_t i) {
  const auto &state = s->session->states()[i];
  dpcrt_tensor t = describe(state.name, state.type, state.shape);
  t.trained = state.trained;
  return t;
}
dpcrt_error *dpcrt_session_read(dpcrt_session *s, const char *state, void *data, uint64_t bytes) {
  return guarded([&] { return s->session->readState(state, static_cast<char *>(data), bytes); });
}
dpcrt_error *dpcrt_session_write(dpcrt_session *s, const char *state, const void *data,
                                 uint64_t bytes) {
  return guarded([&] { return s->session->writeState(state, static_cast<const char *>(data), bytes); });
}
dpcrt_error *dpcrt_session_compare_holders(dpcrt_session *s) {
  return guarded([&] { return s->session->compareHolders(); });
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
