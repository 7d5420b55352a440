// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A session: an artifact on a device, with memory, threads and the numbers that
// vary by step. The C interface is a thin cover of this class.
#pragma once
#include "devices/DeviceKind.h"
#include "executor/Executor.h"
#include "executor/TaskTimes.h"
#include "program/format/Optimizers.h"
#include "session/Dealing.h"
#include "session/Memory.h"
#include "trace/ChromeTrace.h"
#include "transports/local/LocalTransport.h"
#include "world/World.h"
#include <deque>
#include <functional>

namespace dpcrt {

struct SessionOptions {
  std::string device = "cpu";
  // A kind of device that is not in the table of DeviceKinds.h, for tests and embedders;
  // sessions use it as long as they live. Null: the one that `device` names.
  const DeviceKind *kind = nullptr;
  unsigned threads = 0; // 0: the cores of this process
  Link link;
  double timeoutSeconds = 300;
  uint64_t seed = 0;
  bool sequential = false;
  // Where ranks are in several processes: each creates a session of the same artifact, and
  // calls the functions below that say "together" in the same order. Null: all ranks are here.
  std::shared_ptr<World> world;
  std::string seedOrder;     // of a device that draws an order; empty: its own
  bool checkMirrors = false; // each step compares the weights of all that hold a parameter
  bool graphs = false;       // steps are captured and launched as graphs, on devices that do
  // The virtual device takes times instead of computing: those of this artifact or file
  // (ModelCosts.h), or, empty, the session's artifact's own.
  std::optional<std::string> virtualClock;
};

struct InputData {
  std::string name;
  const char *data;
  uint64_t bytes;
  bool shared;
};

struct StepRequest {
  bool evaluate = false;
  double lr = 0;
  double clipNorm = 0; // 0 or infinity: none
  bool skipUpdate = false;
  bool haltIfNonfinite = false; // steps behind it leave the weights alone, too
  uint64_t firstMicroBatch = 0; // of the data
  bool stopAsked = false;       // this process has been asked to stop
};

struct StepResult {
  double loss = 0, gradNorm = 0, sumDen = 0;
  bool nonfinite = false, skipped = false;
  bool halted = false;    // skipped because a step before was to halt
  bool stopAsked = false; // some process had been when it was submitted
  double seconds = 0, bubble = 0;
};

// One entry point's memory, plans and host side.
class EntryPointRun;

class Session {
public:
  // The session shares the artifact: its programs and its manifest are in use for as
  // long as the session lives.
  static Status create(std::shared_ptr<const Artifact> artifact, const SessionOptions &options,
                       std::unique_ptr<Session> &out);
  ~Session();

  // Begins a step or an evaluation; its inputs must stay until its result is taken. As
  // many as stepsInFlight() may be under way, all of one kind; every other function that
  // touches memory is an error then (Usage).
  Status submit(const std::vector<InputData> &inputs, const StepRequest &request);
  // Of the first of them; together.
  Status result(StepResult &out);
  unsigned stepsInFlight() const;

  // Steps begun that count, and updates made: what a resumed run goes on from. A step that
  // was halted does not count.
  struct Position {
    uint64_t steps = 0, updates = 0;
  };
  Position position() const { return at; }
  uint64_t seed() const { return options.seed; }
  void setSeed(uint64_t seed) { options.seed = seed; }
  Status setPosition(const Position &position);

  // Sets the options of a parameter, or of all ("").
  Status setUpdate(const std::string &parameter, const UpdateNumbers &options);

  struct State {
    std::string name;
    Element type;
    std::vector<uint64_t> shape;
    uint64_t bytes;
    bool trained;
    std::string parameter; // of the manifest
  };
  const std::vector<State> &states() const { return stateList; }
  Status readState(const std::string &name, char *data, uint64_t bytes); // together
  Status writeState(const std::string &name, const char *data, uint64_t bytes);
  // Of a state, what this process has: bytes of the whole state, which may be listed more
  // than once. No other process takes part.
  Status heldOf(const State &state, ByteRanges &out);
  Status readHeld(const State &state, const ByteRange &range, char *data);
  // Sets all of it, a piece at a time: `read` gives bytes [begin, begin + bytes).
  using ReadState = std::function<Status(uint64_t begin, uint64_t bytes, char *data)>;
  Status writeHeld(const State &state, const ReadState &read);
  // An output of the graph in the last evaluation: micro-batches (times expert ranks) one
  // after the other.
  Status readOutput(const std::string &name, char *data, uint64_t bytes) const;
  // Weights of all holders of a parameter, and moments of all that keep the same ones,
  // bit for bit; together.
  Status compareHolders() const;
  // An error (Checkpoint) if it is another text in another process: all go on from one; together.
  Status agreeOn(const std::string &what, const std::string &text) const;
  // Null where all ranks are in this process.
  World *world() const { return options.world.get(); }
  // Whether it is the one process that writes what a run leaves.
  bool writes() const { return !options.world || options.world->self() == 0; }

  const Artifact &model() const { return *artifact; }
  size_t ranks() const; // of all processes
  unsigned threads() const { return threadCount; }
  // Which of the artifact's targets runs: "cpu:x86-64-v3".
  const std::string &target() const { return targetName; }
  // Which order its commands have taken, where the device has a choice (Device.h).
  std::string orderTaken() const { return device->orderTaken(); }
  // After the last step: an error if the chosen order named what never came.
  Status checkOrder() const { return device->checkOrder(); }
  // What given times are multiplied with; 0 where they are none.
  double clockFactor() const;
  uint64_t arenaBytes(size_t rank) const { return rankBytes[rank]; }
  uint64_t scratchBytes() const { return device->scratchBytes(); }
  const std::vector<float> &losses() const { return lossValues; }
  const std::vector<float> &denominators() const { return denValues; }

  void trace(bool on) { tracing = on; }
  Status writeTrace(const std::string &path) const; // together

private:
  Session() = default;
  // A step whose result has not been taken.
  struct Pending {
    EntryPointRun *entry;
    bool evaluates;
    uint64_t step, firstMicroBatch;
    bool stopAsked;
  };
  // Splits "kind/NAME[.moment]"; what each holder has of it, all of it between them.
  struct Part {
    const Holding *holding;
    DeviceAddress data;
    uint64_t begin, bytes; // of the whole state
  };
  struct Place {
    std::vector<Part> parts;
    Element type = Element::F32;
    bool gradient = false, weight = false;
  };
  Status prepare(const SessionOptions &options);
  Status prepareHere(const DeviceKind &kind);
  Status chooseTarget(const DeviceKind &kind, const Manifest::Target *&target);
  // Where there are other processes (SessionWorld.cpp).
  Status agreeOnTargets(std::vector<std::string> &runHere) const;
  Status shareRankBytes();
  void listenToWorld();
  Status shareResult(const Pending &step, StepResult &out);
  Status gatherParts(const std::string &name, const Place &place, char *data) const;
  Status gatherTrace(std::vector<nlohmann::ordered_json> &measured) const;
  Status mayBeSpread() const;
  std::string describe() const;
  std::string describeOthers() const;
  bool isTimed() const; // whether the device takes given times
  Status betweenSteps() const;
  Status keepGradients();
  Status copyWeightsToEvaluation();
  Status maySubmit(const EntryPointRun &entry, bool evaluates) const;
  StepHeader headerOf(const StepRequest &request) const;
  StepEntry entryOf(const UpdateNumbers &numbers, const StepRequest &request) const;
  void fillRecords(EntryPointRun &entry, const StepRequest &request) const;
  Status endHalt();
  Status findFault(const Pending &step) const;
  Status mayCheckMirrors() const;
  Status tellMirrors(const Pending &step);
  void collectLosses(EntryPointRun &entry, StepResult &result);
  void listStates();
  double gradientFactor() const;
  // What divides a gradient in memory, applied to a copy of it.
  Status scaleGradient(Element type, char *data, uint64_t bytes) const;
  Status findState(const std::string &name, uint64_t bytes, Place &out);
  // Of what is in this process.
  Status readHere(const Place &place, const ByteRange &range, char *data) const;
  Status writeHere(Place &place, const ReadState &read);

  std::shared_ptr<const Artifact> artifact;
  SessionOptions options;
  unsigned threadCount = 1, coreCount = 1;
  std::string targetName;
  std::unique_ptr<Device> device;
  TaskTimes times; // of a device of given times
  std::unique_ptr<EntryPointRun> train, evaluation;
  std::vector<UpdateNumbers> updates; // per parameter of the manifest
  std::vector<State> stateList;
  std::vector<uint64_t> rankBytes; // of arenas, of all ranks
  Position at;
  std::deque<Pending> underWay;
  bool halted = false;    // the last training step was, or halted
  bool evaluated = false; // eval_step was run
  double lastSumDen = 0;  // of the last training step
  // Its gradients, by state, once an evaluation by train_step has overwritten them.
  std::map<std::string, std::vector<char>> keptGradients;
  std::vector<float> lossValues, denValues;
  bool tracing = false;
  std::vector<StreamSpans> spans;
};

} // namespace dpcrt
