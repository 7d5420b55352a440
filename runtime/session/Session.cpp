// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Steps: the step record in, losses and flags out.
#include "session/Session.h"
#include "devices/Threads.h"
#include "program/format/Outputs.h"
#include "program/format/StepRecord.h"
#include "session/DeviceKinds.h"
#include "session/EntryPointRun.h"
#include "session/GivenTimes.h"
#include "session/Holders.h"
#include "session/Pieces.h"
#include <algorithm>
#include <cmath>
#include <cstring>

namespace dpcrt {

Status Session::create(std::shared_ptr<const Artifact> artifact, const SessionOptions &options,
                       std::unique_ptr<Session> &out) {
  std::unique_ptr<Session> session(new Session);
  session->artifact = std::move(artifact);
  if (Status s = session->prepare(options); !s.ok())
    return s;
  out = std::move(session);
  return {};
}

Session::~Session() {
  if (options.world) {
    options.world->onFailure(nullptr);
    options.world->onAsked(nullptr);
  }
  if (train)
    train->executor.reset();
  if (evaluation)
    evaluation->executor.reset();
}

// What an entry point without weights of its own computes with is copied from training's.
static Status checkSameValues(const RankMemory &training, const RankMemory &other) {
  if (other.sharesWeights)
    return {};
  for (const HeldParameter &p : other.parameters)
    for (const Holding &h : p.holdings)
      for (const Holding &from : training.find(p.manifest->name)->holdings)
        if (h.parameter->weight()->dtype() != from.parameter->weight()->dtype() ||
            h.computedBytes != from.computedBytes)
          return error(Code::Artifact, "parameter '", p.manifest->name, "' is ", h.computedBytes,
                       " bytes of ", nameOf(elementOf(*h.parameter->weight())),
                       " in evaluation and ", from.computedBytes, " of ",
                       nameOf(elementOf(*from.parameter->weight())), " in training");
  return {};
}

Status Session::prepare(const SessionOptions &chosen) {
  options = chosen;
  coreCount = coresOfThisProcess();
  threadCount = options.sequential ? 1 : options.threads ? options.threads : coreCount;
  const DeviceKind *kind = options.kind;
  if (options.virtualClock) {
    kind = &virtualClockKind();
    if (Status s = findGivenTimes(artifact->manifest, *options.virtualClock, times, options.link);
        !s.ok())
      return s.within(options.virtualClock->empty() ? "--virtual-clock" : "--clock-times");
  }
  if (!kind)
    if (Status s = findDeviceKind(options.device, kind); !s.ok())
      return s;
  Status prepared = prepareHere(*kind);
  if (!prepared.ok() && options.world)
    options.world->fail(prepared); // the others wait for this one
  return prepared;
}

// Of several targets that the machine runs, all machines of a world, the one that needs most
// of it.
Status Session::chooseTarget(const DeviceKind &kind, const Manifest::Target *&target) {
  const std::vector<Manifest::Target> &targets = artifact->manifest.targets;
  std::string compiled;
  std::vector<std::string> runHere;
  Status lacking;
  for (const auto &t : targets) {
    compiled += (compiled.empty() ? "" : ", ") + t.name;
    if (t.device != kind.target)
      continue;
    if (Status s = kind.check(t.features); s.ok())
      runHere.push_back(t.name);
    else
      lacking = lacking.ok() ? s : lacking;
  }
  if (runHere.empty())
    return !lacking.ok() ? lacking
                         : error(Code::Device, "the artifact was not compiled for device '",
                                 kind.target, "' but for ", compiled.empty() ? "none" : compiled);
  if (options.world)
    if (Status s = agreeOnTargets(runHere); !s.ok())
      return s;
  target = nullptr;
  for (const auto &t : targets)
    if (std::find(runHere.begin(), runHere.end(), t.name) != runHere.end() &&
        (!target || t.features.size() > target->features.size()))
      target = &t;
  targetName = target->name;
  return {};
}

Status Session::prepareHere(const DeviceKind &kind) {
  const Artifact &given = *artifact;
  const Manifest &m = given.manifest;
  const Manifest::Target *target = nullptr;
  if (Status s = chooseTarget(kind, target); !s.ok())
    return s;
  if (Status s = kind.make(threadCount, device); !s.ok())
    return s;
  if (!device->host() && !device->queue())
    return error(Code::Device, "device '", kind.name,
                 "' is driven neither by threads of the host nor by queues, as this build drives "
                 "devices");
  if (!options.seedOrder.empty())
    if (Status s = device->chooseOrder(options.seedOrder); !s.ok())
      return s;
  if (options.graphs && device->host())
    return error(
        Code::Usage, "--cuda-graphs: device '", device->name(),
        "' runs each command when it is called and launches no graphs; a device that takes "
        "orders would be right, as --device virtual is");
  if (options.world)
    if (Status s = mayBeSpread(); !s.ok())
      return s;
  if (!target->file.empty()) {
    Result<KernelTable> table = KernelTable::readFile(given.path(target->table));
    if (!table.ok())
      return table.status();
    if (Status s =
            device->openKernels(given.path(target->file), std::move(*table), target->features);
        !s.ok())
      return s;
  }
  train = std::make_unique<EntryPointRun>();
  if (options.checkMirrors)
    if (Status s = mayCheckMirrors(); !s.ok())
      return s;
  if (Status s = train->prepare(given, "train_step", *device, options, nullptr); !s.ok())
    return s;
  if (given.entry("eval_step")) {
    evaluation = std::make_unique<EntryPointRun>();
    if (Status s = evaluation->prepare(given, "eval_step", *device, options, &train->memory);
        !s.ok())
      return s;
    if (Status s = checkSameValues(train->memory, evaluation->memory); !s.ok())
      return s;
  }
  if (!isTimed())
    if (Status s = train->memory.loadWeights(given, *device); !s.ok())
      return s;
  if (Status s = device->finishPreparation(); !s.ok())
    return s;
  updates.assign(m.parameters.size(), findOptimizer(m.optimizer)->defaults);
  listStates();
  if (Status s = shareRankBytes(); !s.ok())
    return s;
  ExecutorOptions executor;
  executor.timeoutNs = int64_t(options.timeoutSeconds * 1e9);
  executor.sequential = options.sequential;
  executor.times = isTimed() ? &times : nullptr;
  executor.graphs = options.graphs;
  if (options.world)
    executor.describeOthers = [this] { return describeOthers(); };
  if (Status s = train->startExecutor(*device, executor); !s.ok())
    return s;
  if (evaluation)
    if (Status s = evaluation->startExecutor(*device, executor); !s.ok())
      return s;
  if (options.world)
    listenToWorld();
  return {};
}

bool Session::isTimed() const { return device->queue() && device->queue()->givenTimes(); }

double Session::clockFactor() const {
  return isTimed() ? device->queue()->givenTimes()->factor() : 0;
}

size_t Session::ranks() const { return train->grid.ranks(); }

Status Session::setUpdate(const std::string &parameter, const UpdateNumbers &u) {
  if (Status s = betweenSteps(); !s.ok())
    return s;
  for (size_t i = 0; i < updates.size(); ++i)
    if (parameter.empty() || artifact->manifest.parameters[i].name == parameter) {
      updates[i] = u;
      if (!parameter.empty())
        return {};
    }
  if (parameter.empty())
    return {};
  return error(Code::Usage, "the model has no parameter '", parameter, "'");
}

StepHeader Session::headerOf(const StepRequest &request) const {
  StepHeader header = {};
  header.seed = options.seed;
  header.lossScale = 1;
  header.clipNorm = float(request.clipNorm);
  header.skipAsked = request.skipUpdate ? 1 : 0;
  header.haltAsked = request.haltIfNonfinite ? 1 : 0;
  return header;
}

// Everything is computed in double and rounded once, so that all holders of a
// parameter are given the same bits.
StepEntry Session::entryOf(const UpdateNumbers &u, const StepRequest &request) const {
  StepEntry entry = {};
  entry.lr = float(request.lr * u.lrScale);
  entry.weightDecay = float(u.weightDecay);
  entry.momentum = float(u.momentum);
  entry.beta1 = float(u.beta1);
  entry.beta2 = float(u.beta2);
  entry.eps = float(u.eps);
  entry.rest1 = float(1 - u.beta1);
  entry.rest2 = float(1 - u.beta2);
  auto correct = [&](uint64_t updates, float &first, float &second) {
    first = float(1 / (1 - std::pow(u.beta1, double(updates))));
    second = float(1 / std::sqrt(1 - std::pow(u.beta2, double(updates))));
  };
  // Of the step under way it is not known yet whether it makes an update.
  correct(at.updates + underWay.size() + 1, entry.correction1, entry.correction2);
  correct(at.updates + 1, entry.correction1Skipped, entry.correction2Skipped);
  return entry;
}

// An evaluation of its own shares the record with training; what it writes there is
// written anew before the next training step.
void Session::fillRecords(EntryPointRun &entry, const StepRequest &request) const {
  StepHeader header = headerOf(request);
  for (uint32_t rank = entry.memory.ranks.first; rank < entry.memory.ranks.end; ++rank) {
    // What is random depends on the micro-batch among all of the data, and a program
    // counts those of its replica.
    header.firstMicroBatch = int64_t(request.firstMicroBatch) +
                             int64_t(entry.grid.placeOf(rank).dp) * entry.microBatches;
    const RecordPlan &plan = entry.planOf(rank).record;
    if (plan.header())
      std::memcpy(entry.recordOf(rank).data() + plan.headerInImage(),
                  reinterpret_cast<const char *>(&header) + kHostHeader,
                  sizeof(header) - kHostHeader);
  }
  for (size_t i = 0; i < entry.memory.parameters.size(); ++i) {
    const StepEntry numbers = entryOf(updates[i], request);
    for (const Holding &h : entry.memory.parameters[i].holdings)
      if (const fb::Ref *record = h.parameter->record())
        std::memcpy(entry.recordOf(h.rank).data() + entry.planOf(h.rank).record.inImage(*record),
                    &numbers, sizeof(numbers));
  }
}

// Once nobody is under way that was submitted before the caller could know.
Status Session::endHalt() {
  if (!halted || !underWay.empty())
    return {};
  const float no = 0;
  for (uint32_t rank = train->memory.ranks.first; rank < train->memory.ranks.end; ++rank)
    if (DeviceAddress header = train->planOf(rank).record.header())
      if (Status s = device->upload(header + offsetof(StepHeader, halted), &no, sizeof(no));
          !s.ok())
        return s;
  halted = false;
  return {};
}

void Session::collectLosses(EntryPointRun &entry, StepResult &result) {
  const Manifest &m = artifact->manifest;
  lossValues.clear();
  denValues.clear();
  double weighted = 0, sum = 0, den = 0;
  for (uint32_t b = 0; b < entry.microBatchesOfStep(); ++b)
    for (uint32_t e = 0; e < entry.grid.ep; ++e) {
      float loss = entry.scalar<float>(kLossOutput, b, e, NAN);
      float d = entry.scalar<float>(kDenOutput, b, e, 1);
      lossValues.push_back(loss);
      denValues.push_back(d);
      sum += double(loss);
      den += double(d);
      weighted += d == 0 ? 0 : double(d) * double(loss);
    }
  double count = double(lossValues.size());
  result.sumDen = m.lossWeighting == "denominator" ? den : m.lossWeighting == "mean" ? count : 1;
  result.loss = m.lossWeighting == "denominator" ? (den == 0 ? 0 : weighted / den)
                : m.lossWeighting == "mean"      ? sum / count
                                                 : sum;
  result.nonfinite |= !std::isfinite(result.loss);
}

Status Session::betweenSteps() const {
  return underWay.empty()
             ? Status()
             : Status(Code::Usage, "a step is under way; its result must be taken first");
}

Status Session::setPosition(const Position &position) {
  if (Status s = betweenSteps(); !s.ok())
    return s;
  at = position;
  return {};
}

// An evaluation by train_step adds up gradients of its own, where those of the last
// training step lie.
Status Session::keepGradients() {
  if (!keptGradients.empty() || at.steps == 0)
    return {};
  std::map<std::string, std::vector<char>> kept;
  for (const State &state : stateList) {
    if (state.name.compare(0, 5, "grad/") != 0)
      continue;
    std::vector<char> &values = kept[state.name];
    values.resize(state.bytes);
    if (Status s = readState(state.name, values.data(), values.size()); !s.ok())
      return s;
  }
  keptGradients = std::move(kept);
  return {};
}

// Into an evaluation that has weights of its own: what training computes with.
Status Session::copyWeightsToEvaluation() {
  for (const HeldParameter &to : evaluation->memory.parameters)
    for (const Holding &h : to.holdings)
      for (const Holding &from : train->memory.find(to.manifest->name)->holdings)
        if (from.slice == h.slice) {
          if (Status s = copyThroughHost(*device, h.computed, from.computed, h.computedBytes);
              !s.ok())
            return s;
          break;
        }
  return {};
}

unsigned Session::stepsInFlight() const { return train->executor->stepsInFlight(); }

Status Session::maySubmit(const EntryPointRun &entry, bool evaluates) const {
  if (underWay.empty())
    return {};
  if (underWay.size() >= stepsInFlight())
    return error(Code::Usage, underWay.size(), underWay.size() == 1 ? " step is" : " steps are",
                 " under way, as many as device '", device->name(), "' takes; take a result first");
  if (underWay.back().entry != &entry || underWay.back().evaluates != evaluates)
    return Status(Code::Usage, "a step of another kind is under way; take its result first");
  return {};
}

Status Session::submit(const std::vector<InputData> &inputs, const StepRequest &asked) {
  bool separate = asked.evaluate && evaluation;
  EntryPointRun &entry = separate ? *evaluation : *train;
  if (Status s = maySubmit(entry, asked.evaluate); !s.ok())
    return s;
  if (Status s = entry.bindInputs(*artifact, inputs); !s.ok())
    return s;
  StepRequest request = asked;
  if (request.clipNorm == 0)
    request.clipNorm = INFINITY;
  if (asked.evaluate && !separate) {
    // A training step that leaves the weights alone gives the same loss.
    request = {true, 0, INFINITY, true, false, asked.firstMicroBatch};
    if (underWay.empty())
      if (Status s = keepGradients(); !s.ok())
        return s;
  }
  if (!separate)
    if (Status s = endHalt(); !s.ok())
      return s;
  if (!asked.evaluate) {
    keptGradients.clear();
    ++at.steps;
  }
  if (separate && !evaluation->memory.sharesWeights && underWay.empty())
    if (Status s = copyWeightsToEvaluation(); !s.ok())
      return s;
  fillRecords(entry, request);
  // The trace shows the forecast beside it, which is the training step's.
  if (Status s = entry.executor->submit(tracing && !separate); !s.ok())
    return s;
  underWay.push_back({&entry, asked.evaluate, at.steps, asked.firstMicroBatch, asked.stopAsked});
  return {};
}

Status Session::result(StepResult &out) {
  if (underWay.empty())
    return Status(Code::Usage, "no step is under way; submit one first");
  const Pending step = underWay.front();
  EntryPointRun &entry = *step.entry;
  out = StepResult();
  StepTimes times;
  std::vector<StreamSpans> now;
  Status status = entry.executor->finish(times, now);
  underWay.pop_front();
  if (!status.ok() && options.world)
    options.world->fail(status);
  if (!status.ok())
    return status;
  for (StreamSpans &s : now) {
    s.step = step.step;
    spans.push_back(std::move(s));
  }
  out.seconds = double(times.end - times.begin) * 1e-9;
  out.bubble = times.bubble.empty() ? NAN : 0;
  for (double b : times.bubble)
    out.bubble += b / double(times.bubble.size());
  out.stopAsked = step.stopAsked;
  if (options.world)
    if (Status s = shareResult(step, out); !s.ok())
      return s;
  collectLosses(entry, out);
  Status fault = findFault(step);
  evaluated |= &entry == evaluation.get();
  if (step.evaluates)
    return fault;
  const StepHeader &header = entry.header;
  if (header.halted == kHaltedMirrors)
    return tellMirrors(step);
  out.gradNorm = header.norm;
  out.skipped = header.skip != 0;
  out.nonfinite = header.nonfinite != 0 || !std::isfinite(out.loss);
  out.halted = halted && header.halted != 0;
  halted = header.halted != 0;
  lastSumDen = out.sumDen;
  if (!out.skipped)
    ++at.updates;
  // It is as if it had not been submitted.
  if (out.halted)
    --at.steps;
  return fault;
}

// Where an integer was divided by 0, of all micro-batches the first; the program skips
// the update then.
Status Session::findFault(const Pending &step) const {
  const EntryPointRun &entry = *step.entry;
  const auto &divisions = artifact->manifest.divisions;
  if (!entry.output(kFaultOutput))
    return {};
  for (uint32_t b = 0; b < entry.microBatchesOfStep(); ++b)
    for (uint32_t e = 0; e < entry.grid.ep; ++e) {
      int64_t fault = entry.scalar<int64_t>(kFaultOutput, b, e, 0);
      if (fault == 0)
        continue;
      int64_t number = fault / kDivisionUnit, element = kDivisionUnit - 1 - fault % kDivisionUnit;
      if (fault < 0 || number < 1 || uint64_t(number) > divisions.size())
        return error(Code::Artifact, "micro-batch ", step.firstMicroBatch + b,
                     ": an integer is divided by 0, by none of the divisions that the artifact "
                     "lists");
      const Manifest::Division &division = divisions[divisions.size() - size_t(number)];
      return error(Code::Data, "micro-batch ", step.firstMicroBatch + b, ": node '", division.node,
                   "' divides by 0 at ", placeText(division.shape, uint64_t(element)), " of ",
                   shapeText(division.shape), "; the weights were left alone");
    }
  return {};
}

Status Session::readOutput(const std::string &name, char *data, uint64_t bytes) const {
  if (Status s = betweenSteps(); !s.ok())
    return s;
  const EntryPointRun::Output *found =
      evaluation ? evaluation->output(std::string(kGraphOutputPrefix) + name) : nullptr;
  if (!found)
    return error(Code::Usage, "there is no output '", name, "'");
  if (bytes != found->values.size())
    return error(Code::Usage, "output '", name, "' has ", found->values.size(), " bytes, not ",
                 bytes);
  if (!evaluated)
    return error(Code::Usage, "output '", name, "' has no value before the first evaluation");
  std::memcpy(data, found->values.data(), bytes);
  return {};
}

// Of all ranks, also those of other processes: the programs of all are here.
void Session::listStates() {
  for (const Manifest::Parameter &m : artifact->manifest.parameters) {
    const fb::Parameter *holder = nullptr, *keeper = nullptr;
    for (const ProgramFile &file : *artifact->entry("train_step"))
      for (auto *p : items(file.program().parameters())) {
        if (text(p->tensor()->name()) != m.name)
          continue;
        holder = holder ? holder : p;
        // Who keeps moments keeps all of them, by the same names; the first may keep none.
        if (!keeper && count(p->moment_names()) > 0)
          keeper = p;
      }
    if (!holder)
      continue;
    uint64_t bytes = *byteSize(m.shape, sizeOf(m.type));
    stateList.push_back({"param/" + m.name, m.type, m.shape, bytes, m.trained, m.name});
    if (holder->trained() && holder->gradient())
      stateList.push_back({"grad/" + m.name, m.type, m.shape, bytes, m.trained, m.name});
    if (keeper)
      for (auto *moment : items(keeper->moment_names()))
        stateList.push_back({"moment/" + m.name + "." + std::string(text(moment)), m.type, m.shape,
                             bytes, m.trained, m.name});
  }
}

// The parts of it that are in this process.
Status Session::findState(const std::string &name, uint64_t bytes, Place &out) {
  if (Status s = betweenSteps(); !s.ok())
    return s;
  auto known = std::find_if(stateList.begin(), stateList.end(),
                            [&](const State &state) { return state.name == name; });
  if (known == stateList.end())
    return error(Code::Usage, "there is no state '", name, "'");
  if (bytes != known->bytes)
    return error(Code::Usage, "state '", name, "' has ", known->bytes, " bytes, not ", bytes);
  out.type = known->type;
  out.gradient = name.compare(0, 5, "grad/") == 0;
  out.weight = name.compare(0, 6, "param/") == 0;
  for (const Holding &h : train->memory.find(known->parameter)->holdings) {
    const uint64_t begin = h.slice * h.bytes;
    if (out.weight)
      out.parts.push_back({&h, h.weight, begin + h.weights.begin, h.weights.bytes});
    if (out.gradient && h.gradient)
      out.parts.push_back(
          {&h, h.gradient + h.reduced.begin, begin + h.reduced.begin, h.reduced.bytes});
    for (size_t i = 0; i < h.moments.size(); ++i)
      if (name == "moment/" + known->parameter + "." +
                      std::string(text(h.parameter->moment_names()->Get(uint32_t(i)))))
        out.parts.push_back({&h, h.moments[i], begin + h.moment.begin, h.moment.bytes});
  }
  return {};
}

// Gradients lie in memory as sums of den times gradient; what divides them is
// applied in the update.
double Session::gradientFactor() const { return lastSumDen == 0 ? 1 : 1 / lastSumDen; }

Status Session::scaleGradient(Element type, char *data, uint64_t bytes) const {
  auto scale = [&](auto factor) {
    auto *values = reinterpret_cast<decltype(factor) *>(data);
    for (uint64_t i = 0; i < bytes / sizeof factor; ++i)
      values[i] *= factor;
  };
  if (type == Element::F32)
    scale(float(gradientFactor()));
  else if (type == Element::F64)
    scale(gradientFactor());
  else
    return error(Code::Usage, "gradients of type ", nameOf(type), " cannot be read");
  return {};
}

Status Session::readState(const std::string &name, char *data, uint64_t bytes) {
  Place place;
  if (Status s = findState(name, bytes, place); !s.ok())
    return s;
  if (auto kept = keptGradients.find(name); kept != keptGradients.end()) {
    std::memcpy(data, kept->second.data(), bytes);
    return {};
  }
  if (Status s = readHere(place, {0, bytes}, data); !s.ok())
    return s;
  if (options.world)
    if (Status s = gatherParts(name, place, data); !s.ok())
      return s;
  return place.gradient ? scaleGradient(place.type, data, bytes) : Status();
}

Status Session::writeState(const std::string &name, const char *data, uint64_t bytes) {
  Place place;
  if (Status s = findState(name, bytes, place); !s.ok())
    return s;
  return writeHere(place, [&](uint64_t begin, uint64_t count, char *to) {
    std::memcpy(to, data + begin, count);
    return Status();
  });
}

// Whose programs have commands for it is who was compiled with several holders of something.
Status Session::mayCheckMirrors() const {
  if (isTimed())
    return Status(Code::Usage, "--check-mirrors: with --virtual-clock nothing is computed, so that "
                               "there are no weights to compare");
  for (const ProgramFile &file : *artifact->entry("train_step"))
    if (file.program().features() & kFeatureMirrors)
      return {};
  return Status(Code::Usage,
                "--check-mirrors: the artifact has nothing to compare: no parameter is "
                "held by two ranks (a mirrored schedule, as dualpipe, or --dp 2 would "
                "hold each twice), or an older dpc compiled it");
}

// The step has found that holders differ, and nobody has updated anything since, nor will the
// steps behind it: in memory is what it computed with.
Status Session::tellMirrors(const Pending &step) {
  while (!underWay.empty()) {
    StepTimes times;
    std::vector<StreamSpans> now;
    Status ended = underWay.front().entry->executor->finish(times, now);
    underWay.pop_front();
    if (!ended.ok())
      return ended;
  }
  const std::string where = "step " + std::to_string(step.step) + ": ";
  Status found = compareHolders();
  if (found.code() == Code::Difference)
    return Status(Code::Difference, where + found.message() +
                                        "; ranks that hold a parameter must have the same bits of "
                                        "it, so one of them has computed or stored it wrong");
  return found.ok()
             ? Status(Code::Difference,
                      where + "ranks that hold the same parameters had different weights "
                              "when they were hashed, and have the same now: one of them has "
                              "read its memory wrong")
             : found;
}

Status Session::compareHolders() const {
  if (Status s = betweenSteps(); !s.ok())
    return s;
  if (Status s = dpcrt::compareHolders(*device, train->memory); !s.ok() || !options.world)
    return s;
  return compareWithOthers(*device, train->memory, *options.world);
}

Status Session::writeTrace(const std::string &path) const {
  if (Status s = betweenSteps(); !s.ok())
    return s;
  std::vector<const RankPlan *> plans;
  for (uint32_t rank = train->memory.ranks.first; rank < train->memory.ranks.end; ++rank)
    plans.push_back(&train->planOf(rank));
  std::vector<nlohmann::ordered_json> measured = {measuredSpans(plans, spans)};
  if (options.world)
    if (Status s = gatherTrace(measured); !s.ok())
      return s;
  if (!writes())
    return {};
  // Ranks of given times share no cores.
  unsigned each = unsigned(ranks());
  TraceMachine machine =
      isTimed() ? TraceMachine{each, each} : TraceMachine{threadCount, coreCount};
  return writeChromeTrace(path, measured, artifact->manifest.forecast, machine);
}

} // namespace dpcrt
