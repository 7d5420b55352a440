// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
/* dpcrt.h - the session interface: everything a host needs to train with a compiled
 * artifact, on one page of C. dpc-run and the Python package use nothing else.
 *
 * A function that can fail returns NULL, or an error that the caller frees. Handles
 * are opaque and not thread-safe; a session keeps what it needs of its artifact.
 * Tensors are row-major, little-endian, in the types of the graph. Strings are
 * UTF-8 and live as long as the handle they come from.
 *
 * Every struct begins with its size, which the caller sets to sizeof: fields that
 * only a newer library or a newer caller knows are left out or have the value 0. */
#ifndef DPCRT_DPCRT_H
#define DPCRT_DPCRT_H
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef struct dpcrt_error dpcrt_error;
typedef struct dpcrt_artifact dpcrt_artifact;
typedef struct dpcrt_session dpcrt_session;
typedef struct dpcrt_world dpcrt_world;

#define DPCRT_VERSION_MAJOR 1
#define DPCRT_VERSION_MINOR 7
uint32_t
dpcrt_version(void); /* of the library: major << 16 | minor; another major is another interface */

int dpcrt_error_code(const dpcrt_error *error); /* the exit status it leads to */
const char *dpcrt_error_message(const dpcrt_error *error);
void dpcrt_error_free(dpcrt_error *error);

/* Opens MODEL.dpc: checks every checksum, the manifest and all programs. */
dpcrt_error *dpcrt_artifact_open(const char *path, dpcrt_artifact **out);
void dpcrt_artifact_close(dpcrt_artifact *artifact);
const char *dpcrt_artifact_manifest(const dpcrt_artifact *artifact); /* its JSON text */
int dpcrt_artifact_has_entry(const dpcrt_artifact *artifact, const char *name);

typedef struct dpcrt_tensor {
  size_t size; /* of this struct */
  const char *name;
  const char *dtype;     /* "f32", "i64", ... */
  const uint64_t *shape; /* inputs: of one micro-batch */
  size_t rank;
  uint64_t bytes;
  uint64_t limit;         /* integer inputs: values are below it; 0: not known */
  int trained;            /* parameters */
  int64_t minimum;        /* integer inputs: values are not below it; INT64_MIN: not known */
  const int64_t *ignored; /* ... but these, outside of minimum and limit, are passed over */
  size_t ignored_count;
  const char *const *framework; /* parameters and states: every name the framework has for it, */
  size_t framework_count;       /* of tied ones several; 0: not known */
  int evaluation_only;          /* inputs: eval_step reads it, train_step does not */
  /* Inputs: a micro-batch is so many of these tensors, one for each expert rank; 1 where all
   * ranks take the same. */
  uint64_t slices;
} dpcrt_tensor;
size_t dpcrt_artifact_inputs(const dpcrt_artifact *artifact);
void dpcrt_artifact_input(const dpcrt_artifact *artifact, size_t index, dpcrt_tensor *out);
size_t dpcrt_artifact_parameters(const dpcrt_artifact *artifact);
void dpcrt_artifact_parameter(const dpcrt_artifact *artifact, size_t index, dpcrt_tensor *out);
/* What eval_step gives besides the loss: further outputs of the graph, of one micro-batch. */
size_t dpcrt_artifact_outputs(const dpcrt_artifact *artifact);
void dpcrt_artifact_output(const dpcrt_artifact *artifact, size_t index, dpcrt_tensor *out);

/* The processes that a launcher (mpirun, mpiexec, srun) has started together, each of which runs
 * its part of the ranks. Joined once per process, before anything else; left after the session is
 * closed. *out is NULL where this process is alone: all functions below take that. Functions that
 * say "together" are called by all processes in the same order, and wait for all. */
typedef struct dpcrt_world_options {
  size_t size;
  const char *transport;   /* as --transport of dpc run; NULL: what the launcher serves */
  double timeout_s;        /* without a sign of another process: it is lost; 0: never */
  double launch_timeout_s; /* until all processes have come; 0: for ever */
} dpcrt_world_options;
dpcrt_error *dpcrt_world_join(const dpcrt_world_options *options, dpcrt_world **out);
/* Whether a rank of this process is fed this input by an entry point: others need no data of it.
 * `input` counts as in dpcrt_artifact_input. */
int dpcrt_world_feeds(const dpcrt_world *world, const dpcrt_artifact *artifact, const char *entry,
                      size_t input);
uint32_t dpcrt_world_processes(const dpcrt_world *world);
uint32_t dpcrt_world_process(const dpcrt_world *world);         /* this one's number, from 0 */
uint32_t dpcrt_world_local_processes(const dpcrt_world *world); /* on this machine */
/* Gives everybody the bytes of process 0, at most `bytes` of them; together. *bytes: how many. */
dpcrt_error *dpcrt_world_share(dpcrt_world *world, const char *what, void *data, uint64_t *bytes);
/* Gives everybody the text of the first process whose text is not empty, cut where `room` bytes
 * end, of which the last is 0; together. */
dpcrt_error *dpcrt_world_first(dpcrt_world *world, const char *what, char *text, uint64_t room);
/* An error (7), the same in all, that names the processes that do not see in this folder what
 * process 0 writes there, which is removed again; `folder` is what each calls it. Together. */
dpcrt_error *dpcrt_world_shares_folder(dpcrt_world *world, const char *folder);
/* Tells the others that this process fails, and why (an error's code and message), unless one has
 * failed before. Returns why the
 * world has failed, which is how every process should end; *own: told by this process. */
dpcrt_error *dpcrt_world_fail(dpcrt_world *world, int code, const char *message, int *own);
/* Ends it, together unless it has failed, and frees it. After a failure the process must end
 * without running what an engine has registered to be run at exit (_exit). */
dpcrt_error *dpcrt_world_leave(dpcrt_world *world);

typedef struct dpcrt_session_options {
  size_t size;
  const char *device;     /* "cpu", "virtual" */
  unsigned threads;       /* commands that compute at one time; 0: the cores */
  double link_latency_s;  /* of an emulated link; 0 with bandwidth 0: none */
  double link_bandwidth;  /* bytes per second; 0: without bound */
  double timeout_s;       /* an error after this long without progress; 0: never */
  uint64_t seed;          /* of dropout and the like */
  int sequential;         /* replay in one thread, in an order fixed by the programs */
  const char *seed_order; /* of "virtual", as --seed-order of dpc run: what is drawn; NULL: "0" */
  /* Of "virtual": take times in place of computing, those of this artifact or JSON file of costs
   * (docs/Artifact.md), or of the artifact itself (""); NULL: compute. What is read is then 0. */
  const char *virtual_clock;
  int graphs; /* capture a step at load and launch it as one graph; "virtual", an error of "cpu" */
  dpcrt_world *world; /* NULL: all ranks are in this process; outlives the session */
  /* Each training step compares a hash of the weights of all ranks that hold a parameter; where
   * they differ its result is an error (1) that names parameter and ranks, and nothing is updated
   * any more. An error where no parameter has two holders. */
  int check_mirrors;
} dpcrt_session_options;
/* Allocates all memory there will be, starts all threads, reads the initial weights. */
dpcrt_error *dpcrt_session_create(const dpcrt_artifact *artifact,
                                  const dpcrt_session_options *options, dpcrt_session **out);
void dpcrt_session_close(dpcrt_session *session);
size_t dpcrt_session_ranks(const dpcrt_session *session);
unsigned dpcrt_session_threads(const dpcrt_session *session);
/* Which of the artifact's targets runs here, "cpu:x86-64-v4": sums may differ in their last
 * bits from another's. */
const char *dpcrt_session_target(const dpcrt_session *session);

/* The order that the commands of all steps so far have taken, of a device that has a choice
 * ("virtual"), as a digest: equal for equal orders. "" of others. Valid until the next call. */
const char *dpcrt_session_order(dpcrt_session *session);
/* After the last step: an error if seed_order delays a command that never came. */
dpcrt_error *dpcrt_session_check_order(const dpcrt_session *session);

/* By how much the times of `virtual_clock` are multiplied so that the host keeps up; 0: nothing
 * is. */
double dpcrt_session_clock_factor(const dpcrt_session *session);

/* How one parameter (NULL: every one) is updated; every field must be set. The
 * defaults of the artifact's optimizer are PyTorch's. */
typedef struct dpcrt_update {
  size_t size;
  double lr_scale, weight_decay, momentum, beta1, beta2, eps;
} dpcrt_update;
void dpcrt_update_defaults(const dpcrt_artifact *artifact, dpcrt_update *out);
dpcrt_error *dpcrt_session_set_update(dpcrt_session *session, const char *parameter,
                                      const dpcrt_update *update);

/* `data`: the input's micro-batches of one step one after the other, those of all
 * data-parallel replicas, each [slices, ...] where it has several; or one for all of them
 * (`shared`). */
typedef struct dpcrt_input {
  size_t size;
  const char *name;
  const void *data;
  uint64_t bytes;
  int shared;
} dpcrt_input;
/* Evaluation runs eval_step, or train_step without its update where the artifact has
 * no eval_step. */
enum { DPCRT_TRAIN = 0, DPCRT_EVALUATE = 1 };
typedef struct dpcrt_request {
  size_t size;
  int kind;
  double lr;
  double clip_norm; /* INFINITY or 0: none */
  int skip_update;  /* compute, but leave the weights alone */
  /* The number among all of the data of the first micro-batch that is handed in; what
   * is random depends on it, so that a resumed run goes on as the whole one would. */
  uint64_t first_micro_batch;
  /* If this step is not finite, steps submitted before its result was taken, and asking
   * for the same, leave the weights alone too. */
  int halt_if_nonfinite;
  int stop_asked; /* this process has been asked to stop: its result tells all processes */
} dpcrt_request;
typedef struct dpcrt_result {
  size_t size;
  double loss;            /* total, by the loss's own weighting */
  double grad_norm;       /* before clipping; 0 for eval */
  double sum_den;         /* of all micro-batches; what the loss is divided by */
  int nonfinite, skipped; /* skipped: the weights were left alone */
  /* bubble: mean over ranks of idle time on compute streams; NAN where it is not known,
   * on devices that take orders of steps that are not traced */
  double seconds, bubble;
  size_t losses;                         /* micro-batches (times expert ranks), in global order */
  const float *loss_values, *den_values; /* valid until the next call */
  int halted;     /* skipped because a step before was not finite; counts as not submitted */
  int stop_asked; /* some process had been asked to stop when it submitted the step */
} dpcrt_result;
/* A step is submitted, and its result taken when it is there: submit returns as soon
 * as the step has begun, result waits for the end of the first one under way. The data of the
 * inputs must stay until then. As many steps of one kind as dpcrt_session_steps_in_flight says
 * may be under way, so that a device that takes orders has the next ones before it is done;
 * nothing else of the session may be asked meanwhile. After a step that fails, only closing is
 * left. In a world all processes submit the same steps; results are taken together, and have
 * everybody's. */
unsigned dpcrt_session_steps_in_flight(const dpcrt_session *session); /* at least 1 */
dpcrt_error *dpcrt_session_submit(dpcrt_session *session, const dpcrt_input *inputs, size_t count,
                                  const dpcrt_request *request);
dpcrt_error *dpcrt_session_result(dpcrt_session *session, dpcrt_result *out);

/* An output of the last evaluation by eval_step, its micro-batches (times expert ranks) one
 * after the other: so many times the bytes that dpcrt_artifact_output says. */
dpcrt_error *dpcrt_session_output(dpcrt_session *session, const char *output, void *data,
                                  uint64_t bytes);

/* Where training stands: steps begun, and updates made, which Adam's bias correction
 * counts (steps that were skipped make none). A resumed session is told both. */
typedef struct dpcrt_position {
  size_t size;
  uint64_t steps, updates;
} dpcrt_position;
void dpcrt_session_position(const dpcrt_session *session, dpcrt_position *out);
dpcrt_error *dpcrt_session_set_position(dpcrt_session *session, const dpcrt_position *position);

/* State by name: "param/NAME", "grad/NAME" (of the last training step, also after an
 * evaluation: reduced, weighted, before clipping) and "moment/NAME.exp_avg" and so on.
 * Sizes must agree, and are those of the whole parameter also where its holders keep a
 * part of a moment each. Writing a parameter or moment writes every holder's. In a world both are
 * called together, and write the same. */
size_t dpcrt_session_states(const dpcrt_session *session);
void dpcrt_session_state(const dpcrt_session *session, size_t index, dpcrt_tensor *out);
dpcrt_error *dpcrt_session_read(dpcrt_session *session, const char *state, void *data,
                                uint64_t bytes);
dpcrt_error *dpcrt_session_write(dpcrt_session *session, const char *state, const void *data,
                                 uint64_t bytes);
/* Together. An error that names the ranks if holders of one parameter differ in a bit, of its
 * values or of moments that both keep. */
dpcrt_error *dpcrt_session_compare_holders(dpcrt_session *session);

/* Checkpoints (docs/Checkpoints.md), complete or absent, keyed by parameter name. A save
 * waits for the one before it, copies the state and returns; DIRECTORY/step-<n> is
 * written while further steps run, after which the newest `keep` of the folder stay.
 * Saving compares holders first. Together: each process writes its part into the folder, which
 * all must see. */
typedef struct dpcrt_progress {
  size_t size;
  uint64_t generation;   /* of the run: see the page */
  uint64_t cursor, rows; /* micro-batches taken; how many there are, 0: no end */
  int shuffled;          /* whether `shuffle` is set */
  uint64_t shuffle;      /* the seed of their order */
  double lr;             /* of the last step */
  const char *config;    /* the resolved configuration, JSON */
} dpcrt_progress;
dpcrt_error *dpcrt_session_save(dpcrt_session *session, const char *directory, uint64_t keep,
                                const dpcrt_progress *progress);
/* What became of a save that has ended, each told once: its step, and its error if it
 * failed. `wait`: until there is none under way. *step is 0 if there is nothing to tell, or if
 * the world has failed, with its error. In a world a checkpoint is completed in these calls:
 * together, so best after every step. */
dpcrt_error *dpcrt_session_saved(dpcrt_session *session, int wait, uint64_t *step);
/* Goes on from a checkpoint, or from the newest whole one of a folder of them. The
 * strings are set after an error too and live until the next call. Together. */
typedef struct dpcrt_restored {
  size_t size;
  const char *path;     /* of the checkpoint */
  const char *manifest; /* its manifest, JSON */
  const char *notes;    /* lines about damaged ones that were passed over */
} dpcrt_restored;
dpcrt_error *dpcrt_session_restore(dpcrt_session *session, const char *path, dpcrt_restored *out);

/* Bytes of a rank's arenas, by plan; scratch of the process. */
uint64_t dpcrt_session_arena_bytes(const dpcrt_session *session, size_t rank);
uint64_t dpcrt_session_scratch_bytes(const dpcrt_session *session);

/* While on, every command's times are kept, of train_step's steps; written as Chrome
 * trace events, together by process 0. */
void dpcrt_session_trace(dpcrt_session *session, int on);
dpcrt_error *dpcrt_session_write_trace(dpcrt_session *session, const char *path);

#ifdef __cplusplus
}
#endif
#endif
