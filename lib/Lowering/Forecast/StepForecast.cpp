// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See StepForecast.h and include/dpc/Lowering/PlannedStep.h.
#include "StepForecast.h"

#include "../Plan/RankMemory.h"
#include "StageCosts.h"

#include "dpc/Dialect/NN/Collectives.h"
#include "llvm/Support/JSON.h"

#include <cmath>

using namespace mlir;
using namespace dpc::dualpipe;

namespace dpc::lowering {
namespace {

std::string stageName(const StepModel &model, unsigned stage) {
  return StageOp(model.stages[stage].op).getSymName().str();
}

class OverheadFinder {
public:
  OverheadFinder(const StepModel &model, const StepPlan &plan, const StepKernels &kernels,
                 const Machine &machine)
      : model(model), plan(plan), kernels(kernels), machine(machine) {}

  StepOverheads run() {
    StepOverheads overheads;
    for (const Bucket &bucket : plan.buckets)
      overheads.buckets.push_back(overheadsOf(bucket));
    for (const RankPlan &rank : plan.ranks) {
      overheads.zero.push_back(machine.launchOverhead +
                               machine.getKernelSeconds(0, rank.gradientBytes));
      overheads.losses.push_back(secondsOf(kernels.denSum) + secondsOf(kernels.flag));
      overheads.update.push_back(secondsOf(kernels.finalize) + updateSeconds(rank.rank));
    }
    const unsigned all = model.copiesOver(model.axesOver(/*sharded=*/false));
    overheads.agree = machine.getTrafficSeconds(nn::getAllReduceTraffic(model.ranks * all, 16));
    for (unsigned stage = 0; stage < model.stages.size(); ++stage)
      sums.push_back(sumSeconds(stage));
    overheads.sum = [sums = std::move(sums)](unsigned stage) { return sums[stage]; };
    return overheads;
  }

private:
  double secondsOf(StringRef kernel) {
    auto [it, isNew] = known.try_emplace(kernel);
    if (isNew)
      it->second =
          getKernelSeconds(ModuleOp(model.module).lookupSymbol<func::FuncOp>(kernel), machine);
    return it->second;
  }

  // Of a bucket that is sharded, what the slowest replica updates, and all get.
  double updateSeconds(unsigned rank) {
    double seconds = 0;
    for (const Bucket &bucket : plan.buckets) {
      if (!llvm::is_contained(bucket.holders, rank))
        continue;
      double slowest = 0;
      for (unsigned replica = 0; replica < model.dp * model.ep; ++replica) {
        double own = 0;
        for (auto [p, elements] : piecesOf(bucket, rank, replica))
          own += secondsOf(kernels.update.at({p, elements}));
        slowest = std::max(slowest, own);
      }
      seconds += slowest;
      if (!bucket.isSharded())
        continue;
      int64_t bytes = 0;
      for (unsigned p : bucket.parameters)
        bytes += alignUp(model.parameters[p].bytes());
      seconds += partSeconds(bucket, bytes);
    }
    return seconds;
  }

  // What a rank updates of a bucket: parameters and numbers of elements.
  std::vector<std::pair<unsigned, int64_t>> piecesOf(const Bucket &bucket, unsigned rank,
                                                     unsigned replica) const {
    std::vector<std::pair<unsigned, int64_t>> pieces;
    if (bucket.isSharded())
      for (const Shard &shard : bucket.shards[memberOf(model, bucket, rank, replica)])
        pieces.push_back({bucket.parameters[shard.parameter], shard.elements});
    else
      for (unsigned p : bucket.parameters)
        pieces.push_back({p, model.parameters[p].kept.getCount()});
    return pieces;
  }

  int64_t membersOf(const Bucket &bucket) const {
    return bucket.holders.size() * model.copiesOver(bucket.over);
  }
  // Of a reduce-scatter, or of an all-gather.
  double partSeconds(const Bucket &bucket, int64_t bytes) const {
    const double members = membersOf(bucket);
    return machine.getTrafficSeconds(
        SmallVector<nn::Traffic, 2>{{1, (members - 1) / members * double(bytes)}});
  }

  StepOverheads::Bucket overheadsOf(const Bucket &bucket) {
    StepOverheads::Bucket result;
    for (unsigned stage : bucket.stages)
      result.name += (result.name.empty() ? "" : "+") + stageName(model, stage);
    result.holders = bucket.holders;
    result.stages = bucket.stages;
    result.reduce =
        bucket.isSharded()
            ? partSeconds(bucket, bucket.bytes)
            : machine.getTrafficSeconds(nn::getAllReduceTraffic(membersOf(bucket), bucket.bytes));
    // Every parameter counts once, at its first holder, every part at the one that has it.
    result.norm.assign(model.ranks, 0);
    for (unsigned rank : bucket.holders)
      if (bucket.isSharded() || rank == bucket.holders.front())
        for (auto piece : piecesOf(bucket, rank, /*replica=*/0)) {
          const BlockKernels &squares = kernels.squares.at(piece);
          for (const std::string &kernel : {squares.blocks, squares.rest})
            if (!kernel.empty())
              result.norm[rank] += secondsOf(kernel);
        }
    return result;
  }

  double sumSeconds(unsigned stage) {
    double seconds = 0;
    for (unsigned output = 0; output < model.edgesOfOutput[stage].size(); ++output)
      if (std::vector<unsigned> edges = gradientEdges(model, stage, output); edges.size() > 1)
        seconds += secondsOf(
            kernels.gradientSum.at({(unsigned)edges.size(), model.edgeTypes[edges.front()]}));
    return seconds;
  }

  const StepModel &model;
  const StepPlan &plan;
  const StepKernels &kernels;
  const Machine &machine;
  llvm::StringMap<double> known;
  std::vector<double> sums;
};

class Forecaster {
public:
  Forecaster(const StepModel &model, const StepPlan &plan, const std::vector<Activity> &activities)
      : model(model), plan(plan), activities(activities) {}

  StepForecast run() {
    result.schedule = model.table.name;
    result.ranks = model.ranks;
    result.microBatches = model.table.microBatches;
    readStages();
    readRanks();
    readTimes();
    for (const PathPart &part : findCriticalPath(activities))
      addToPath(part);
    return std::move(result);
  }

private:
  void readStages() {
    for (unsigned s = 0; s < model.stages.size(); ++s) {
      StageOp op = model.stages[s].op;
      StageForecast stage;
      stage.name = op.getSymName().str();
      stage.body = op.getBody().str();
      // A schedule may do a task only inside pairs; alone it is planned here.
      double *seconds[] = {&stage.forward, &stage.input, &stage.weight};
      for (Task::Kind kind : {Task::Forward, Task::Input, Task::Weight})
        if (const TaskCommands *half = model.half(s, Half(kind)))
          *seconds[kind] = planBlock(kind, s, 0, {half}).duration.total;
      result.stages.push_back(stage);
    }
    for (auto &[key, block] : plan.blocks)
      if (block.kind == Task::Pair)
        result.pairs.push_back({block.stage, block.pairStage, block.duration.total,
                                block.concatenated, block.lowerBound});
  }

  void readRanks() {
    std::vector<Bucket> whole = plan.buckets, sharded = plan.buckets;
    shardBuckets(model, whole, false);
    shardBuckets(model, sharded, true);
    for (unsigned rank = 0; rank < model.ranks; ++rank) {
      RankForecast forecast;
      forecast.stages = model.table.stagesOf(rank);
      RankMemory memory = planMemory(model, plan, rank);
      for (unsigned arena = 0; arena < ArenaCount; ++arena)
        if (memory.bytes[arena] > 0)
          forecast.arenas.push_back({kArenaNames[arena].str(), memory.bytes[arena]});
      forecast.bytes = memory.total();
      forecast.wholeBytes = planMemory(model, plan, rank, nullptr, &whole).total();
      forecast.shardedBytes = planMemory(model, plan, rank, nullptr, &sharded).total();
      forecast.peakStashes = plan.ranks[rank].peakStashes;
      result.perRank.push_back(forecast);
    }
  }

  static std::string nameOf(const Activity &activity) {
    return activity.kind == Activity::Run ? taskName(activity.task) : activity.name;
  }

  void readTimes() {
    std::vector<double> first(model.ranks, -1), last(model.ranks, 0);
    for (const Activity &activity : activities) {
      result.seconds = std::max(result.seconds, activity.end);
      if (activity.seconds <= 0)
        continue;
      bool isCompute = activity.kind == Activity::Run || activity.kind == Activity::Other;
      const char *stream = isCompute                            ? "compute"
                           : activity.kind == Activity::Message ? "comm"
                                                                : "reduce";
      result.spans.push_back(
          {activity.rank, stream, nameOf(activity), activity.start, activity.end});
      for (unsigned other : activity.others)
        result.spans.push_back({other, stream, nameOf(activity), activity.start, activity.end});
      if (isCompute)
        result.perRank[activity.rank].busy += activity.seconds;
      if (activity.kind != Activity::Run)
        continue;
      if (first[activity.rank] < 0)
        first[activity.rank] = activity.start;
      last[activity.rank] = activity.end;
      result.tasks = std::max(result.tasks, activity.end);
    }
    double busy = 0;
    for (unsigned rank = 0; rank < model.ranks; ++rank) {
      RankForecast &forecast = result.perRank[rank];
      busy += forecast.busy;
      if (first[rank] < 0)
        continue;
      for (const Activity &activity : activities) // idle, so less what fills the gradients
        if (activity.rank == rank && activity.kind == Activity::Other) {
          forecast.fill = std::max(0.0, first[rank] - activity.end);
          break;
        }
      forecast.drain = result.tasks - last[rank];
    }
    double total = result.seconds * model.ranks;
    result.bubble = total > 0 ? 1 - busy / total : 0;
    std::stable_sort(result.spans.begin(), result.spans.end(),
                     [](const ForecastSpan &a, const ForecastSpan &b) {
                       return std::tie(a.rank, a.start) < std::tie(b.rank, b.start);
                     });
  }

  void addToPath(const PathPart &part) {
    if (part.end <= part.start)
      return;
    static constexpr ForecastPart::Kind kinds[] = {ForecastPart::Task, ForecastPart::Message,
                                                   ForecastPart::Reduction, ForecastPart::Other};
    const Activity &activity = activities[part.activity];
    result.path.push_back({kinds[activity.kind], activity.rank, activity.destination,
                           nameOf(activity), part.start, part.end});
  }

  const StepModel &model;
  const StepPlan &plan;
  const std::vector<Activity> &activities;
  StepForecast result;
};

} // namespace

StepOverheads findOverheads(const StepModel &model, const StepPlan &plan,
                            const StepKernels &kernels, const Machine &machine) {
  return OverheadFinder(model, plan, kernels, machine).run();
}

StepForecast forecastStep(const StepModel &model, const StepPlan &plan, const StepKernels &kernels,
                          const Machine &machine) {
  TimelineProblem problem = timelineProblem(model, plan.blocks, machine);
  std::vector<Activity> activities =
      replayStep(problem, plan.timeline, findOverheads(model, plan, kernels, machine));
  return Forecaster(model, plan, activities).run();
}

std::string printTimeline(const std::vector<ForecastSpan> &spans) {
  // Nanoseconds are enough, and keep the text short.
  auto rounded = [](double seconds) { return std::round(seconds * 1e9) / 1e9; };
  std::string text;
  llvm::raw_string_ostream stream(text);
  llvm::json::OStream json(stream);
  json.array([&] {
    for (const ForecastSpan &span : spans)
      json.object([&] {
        json.attribute("rank", span.rank);
        json.attribute("stream", span.stream);
        json.attribute("name", span.name);
        json.attribute("start_s", rounded(span.start));
        json.attribute("end_s", rounded(span.end));
      });
  });
  return text;
}

//===----------------------------------------------------------------------===//
// Any table on a module's stages
//===----------------------------------------------------------------------===//

struct PlannedStep::Impl {
  StepModel model;
  StepPlan plan;
  StepKernels kernels;
  Machine machine;
};

PlannedStep::PlannedStep(std::unique_ptr<Impl> impl) : impl(std::move(impl)) {}
PlannedStep::PlannedStep(PlannedStep &&) = default;
PlannedStep &PlannedStep::operator=(PlannedStep &&) = default;
PlannedStep::~PlannedStep() = default;

FailureOr<PlannedStep> PlannedStep::make(ModuleOp module, const schedule::Table &table,
                                         const Machine &machine, unsigned replicas) {
  // A plan says what lies where in the types of the program it would become.
  ModuleOp(module).getContext()->getOrLoadDialect<prog::ProgDialect>();
  FailureOr<StepModel> model = readStep(module, table, machine);
  if (failed(model))
    return failure();
  auto impl = std::make_unique<Impl>();
  impl->model = std::move(*model);
  impl->model.dp *= replicas;
  impl->machine = machine;
  FailureOr<StepPlan> plan = planStep(impl->model, machine);
  if (failed(plan))
    return failure();
  impl->plan = std::move(*plan);
  FailureOr<StepKernels> kernels = createStepKernels(impl->model, impl->plan);
  if (failed(kernels))
    return failure();
  impl->kernels = std::move(*kernels);
  return PlannedStep(std::move(impl));
}

StepForecast PlannedStep::forecast() const {
  return forecastStep(impl->model, impl->plan, impl->kernels, impl->machine);
}

std::vector<EntryForecast> PlannedStep::forecastOthers() const {
  std::vector<EntryForecast> forecasts;
  for (const EntryPoint &entry : entryPoints().drop_front()) {
    if (!hasEntryPoint(impl->model.module, entry))
      continue;
    FailureOr<StepModel> model =
        readStep(impl->model.module, impl->model.table, impl->machine, entry);
    FailureOr<StepPlan> plan = failure();
    if (succeeded(model))
      plan = planStep(*model, impl->machine, &impl->plan);
    if (failed(plan))
      llvm::report_fatal_error("a step that was planned has no " + Twine(entry.name));
    EntryForecast forecast;
    forecast.name = entry.name;
    forecast.seconds = plan->timeline.makespan;
    forecast.messages = llvm::count_if(plan->timeline.items,
                                       [](const TimelineItem &item) { return item.isMessage; });
    for (unsigned rank = 0; rank < model->ranks; ++rank) {
      RankMemory training = planMemory(impl->model, impl->plan, rank),
                 memory = planMemory(*model, *plan, rank, &training);
      forecast.bytes.push_back(memory.total() - memory.bytes[Weights]);
    }
    forecasts.push_back(std::move(forecast));
  }
  return forecasts;
}

schedule::Costs PlannedStep::getCosts() const { return stageCosts(impl->model, impl->machine); }

bool PlannedStep::hasPairs() const {
  for (auto &[key, block] : impl->plan.blocks)
    if (block.kind == Task::Pair)
      return true;
  return false;
}

double PlannedStep::getSecondsWithPairs(double pairShare) const {
  TimelineProblem problem = timelineProblem(impl->model, impl->plan.blocks, impl->machine);
  problem.duration = [&](const Task &task) {
    const BlockPlan &block = impl->plan.blocks.at(blockKey(task));
    TimelineProblem::Duration duration = block.duration;
    if (block.kind != Task::Pair || duration.total <= 0)
      return duration;
    double factor = pairShare * block.concatenated / duration.total;
    return TimelineProblem::Duration{duration.total * factor, duration.outputs * factor,
                                     duration.inputGrads * factor};
  };
  std::string error;
  // The order of messages follows the durations, as it would in a compile.
  std::optional<Timeline> timeline = buildTimeline(problem, error);
  if (!timeline)
    llvm::report_fatal_error("a step that was planned cannot be walked: " + Twine(error));
  StepOverheads overheads = findOverheads(impl->model, impl->plan, impl->kernels, impl->machine);
  double end = 0;
  for (const Activity &activity : replayStep(problem, *timeline, overheads))
    end = std::max(end, activity.end);
  return end;
}

} // namespace dpc::lowering
