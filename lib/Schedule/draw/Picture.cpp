// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Pictures of simulated schedules, and what follows from a picture's cells alone:
// shades, what each wait was for, what is kept.
#include "dpc/Schedule/draw/Picture.h"

#include "dpc/Schedule/core/Text.h"
#include "dpc/Schedule/core/Units.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <set>
#include <tuple>
#include <unordered_map>

namespace dpc::schedule {
namespace {

// Calls `visit(task, shade)` for the one or two tasks of a cell.
template <typename Visit> void eachTask(Cell &cell, Visit visit) {
  if (!cell.action)
    return;
  visit(cell.action->first, cell.shade);
  if (cell.action->second)
    visit(*cell.action->second, cell.pairShade);
}

// Copies of the model are told apart by where a micro-batch's first stage is done. A
// rank with one copy has shades for its stages.
void setShades(Picture &picture) {
  std::map<unsigned, Task> first; // of each micro-batch: its lowest stage
  std::map<unsigned, unsigned> home;
  for (Lane &lane : picture.lanes)
    for (Cell &cell : lane.cells)
      eachTask(cell, [&](const Task &task, unsigned &) {
        auto [it, isNew] = first.try_emplace(task.microBatch, task);
        if (isNew || task.stage < it->second.stage ||
            (task.stage == it->second.stage && lane.rank < home[task.microBatch])) {
          it->second = task;
          home[task.microBatch] = lane.rank;
        }
      });
  std::map<unsigned, unsigned> replicaAt; // the rank of the first stage -> replica, by micro-batch
  for (auto &[microBatch, rank] : home)
    replicaAt.try_emplace(rank, replicaAt.size());
  picture.shadesAreReplicas = replicaAt.size() > 1;
  picture.shades = std::max<size_t>(1, replicaAt.size());
  for (Lane &lane : picture.lanes) {
    std::set<unsigned> stages;
    for (Cell &cell : lane.cells)
      eachTask(cell, [&](const Task &task, unsigned &) { stages.insert(task.stage); });
    std::vector<unsigned> ordered(stages.begin(), stages.end());
    if (!picture.shadesAreReplicas)
      picture.shades = std::max<unsigned>(picture.shades, ordered.size());
    for (Cell &cell : lane.cells)
      eachTask(cell, [&](const Task &task, unsigned &shade) {
        shade =
            picture.shadesAreReplicas
                ? replicaAt[home[task.microBatch]]
                : std::lower_bound(ordered.begin(), ordered.end(), task.stage) - ordered.begin();
      });
  }
}

void addGaps(Lane &lane) {
  double clock = 0;
  for (const Cell &cell : lane.cells) {
    if (cell.start > clock) {
      Wait wait;
      wait.start = clock;
      wait.end = cell.start;
      wait.before = cell.action ? "" : cell.name;
      lane.waits.push_back(wait);
    }
    clock = std::max(clock, cell.end);
  }
}

// Where every forward's and every input half's result was made, and when. Several
// ranks do the same task where a stage spans ranks; those with the same place among
// them talk to each other.
class Results {
public:
  explicit Results(Picture &picture) {
    for (Lane &lane : picture.lanes)
      for (Cell &cell : lane.cells)
        eachTask(cell, [&](const Task &task, unsigned &) {
          if (task.kind != Kind::Weight)
            made[key(task.kind != Kind::Forward, task.stage, task.microBatch)].push_back(
                {lane.rank, cell.end, task});
        });
  }

  // Of what a cell needs from other ranks, what came last.
  void findAwaited(const Cell &cell, unsigned rank, Wait &wait) const {
    double latest = -1;
    auto consider = [&](const Task &task) {
      if (task.kind == Kind::Weight || (task.kind == Kind::Forward && task.stage == 0))
        return;
      bool isForward = task.kind == Kind::Forward;
      auto from =
          made.find(key(!isForward, isForward ? task.stage - 1 : task.stage + 1, task.microBatch));
      auto own = made.find(key(!isForward, task.stage, task.microBatch));
      if (from == made.end() || own == made.end())
        return;
      size_t place = 0;
      while (place < own->second.size() && own->second[place].rank != rank)
        ++place;
      const Made &result = from->second[std::min(place, from->second.size() - 1)];
      if (result.rank != rank && result.end > latest) {
        latest = result.end;
        wait.awaited = result.task;
        wait.awaitedRank = result.rank;
      }
    };
    if (!cell.action)
      return;
    consider(cell.action->first);
    if (cell.action->second)
      consider(*cell.action->second);
  }

private:
  struct Made {
    unsigned rank;
    double end;
    Task task;
  };
  static uint64_t key(bool isInput, unsigned stage, unsigned microBatch) {
    return (uint64_t)stage << 33 | (uint64_t)microBatch << 1 | isInput;
  }
  std::unordered_map<uint64_t, std::vector<Made>> made;
};

// What a rank keeps. A forward's activation counts until its weight half, or its full
// backward, ends; its bytes become those for the weight half when the input half ends.
class Keeper {
public:
  Keeper(Lane &lane, double share, const std::vector<StageBytes> &stages)
      : lane(lane), share(share), stages(stages) {}

  void run() {
    for (Cell &cell : lane.cells)
      eachTask(cell, [&](const Task &task, unsigned &) {
        if (task.kind == Kind::Forward || task.kind == Kind::Weight)
          changes.push_back({cell.start, changes.size(), task, false});
        if (task.kind != Kind::Forward)
          changes.push_back({cell.end, changes.size(), task, true});
      });
    // In the order of the cells at one time, so that what ends there goes first.
    std::sort(changes.begin(), changes.end(), [](const Change &a, const Change &b) {
      return std::tie(a.time, a.order) < std::tie(b.time, b.order);
    });
    lane.kept = {Kept{}};
    for (const Change &change : changes) {
      count += change.task.kind == Kind::Forward                 ? 1
               : change.isEnd && change.task.kind != Kind::Input ? -1
                                                                 : 0;
      if (!stages.empty())
        changeBytes(change);
      add({change.time, count * share, bytes});
    }
  }

private:
  struct Change {
    double time;
    size_t order;
    Task task;
    bool isEnd;
  };

  void changeBytes(const Change &change) {
    const Task &task = change.task;
    const StageBytes &stage = stages[task.stage];
    uint64_t key = (uint64_t)task.stage << 32 | task.microBatch;
    auto it = held.find(key);
    if (it == held.end()) {
      if (task.kind == Kind::Forward)
        bytes += held[key] = stage.activations;
      return;
    }
    bytes -= it->second;
    // An input half that has nothing to do is in no trace; it is over when W begins.
    bool isKept = task.kind == Kind::Input || !change.isEnd;
    if (isKept)
      bytes += it->second = task.kind == Kind::Forward ? stage.activations : stage.forWeights;
    else
      held.erase(it);
    if (held.empty())
      bytes = 0; // no rounding errors of sums that are over
  }

  void add(const Kept &kept) {
    lane.peak = std::max(lane.peak, kept.value);
    lane.peakBytes = std::max(lane.peakBytes, kept.bytes);
    Kept &last = lane.kept.back();
    if (last.time == kept.time)
      last = kept;
    else if (last.value != kept.value || last.bytes != kept.bytes)
      lane.kept.push_back(kept);
  }

  Lane &lane;
  double share, bytes = 0;
  const std::vector<StageBytes> &stages;
  long count = 0;
  std::vector<Change> changes;
  std::unordered_map<uint64_t, double> held; // by stage and micro-batch
};

// The length of time that cells and waits for a core cover; both may overlap.
double covered(const Lane &lane) {
  std::vector<std::pair<double, double>> spans;
  for (const Cell &cell : lane.cells)
    spans.push_back({cell.start, cell.end});
  for (const Wait &wait : lane.waits)
    if (wait.cause == Cause::Core)
      spans.push_back({wait.start, wait.end});
  std::sort(spans.begin(), spans.end());
  double total = 0, clock = 0;
  for (auto [start, end] : spans) {
    total += std::max(0.0, end - std::max(start, clock));
    clock = std::max(clock, end);
  }
  return total;
}

} // namespace

double Picture::bubble() const {
  double idle = 0;
  for (const Lane &lane : lanes)
    idle += lane.idle;
  return makespan > 0 && !lanes.empty() ? idle / (makespan * lanes.size()) : 0;
}

void completePicture(Picture &picture, bool gaps) {
  setShades(picture);
  Results results(picture);
  double devices = picture.pipelineRanks ? picture.pipelineRanks : picture.ranks,
         share = picture.stages ? devices / picture.stages : 1;
  for (Lane &lane : picture.lanes) {
    if (gaps)
      addGaps(lane);
    for (Wait &wait : lane.waits) {
      if (wait.cause != Cause::Message)
        continue;
      // The cell that the wait holds up: the one it lies in, or the next.
      auto cell = std::partition_point(lane.cells.begin(), lane.cells.end(),
                                       [&](const Cell &cell) { return cell.end <= wait.start; });
      if (cell != lane.cells.end())
        results.findAwaited(*cell, lane.rank, wait);
    }
    Keeper(lane, share, picture.stageBytes).run();
    for (const Cell &cell : lane.cells)
      picture.makespan = std::max(picture.makespan, cell.end);
  }
  for (Lane &lane : picture.lanes)
    lane.idle = std::max(0.0, picture.makespan - covered(lane));
}

Picture makePicture(const Table &table, const Costs &costs, const Simulation &simulation) {
  Picture picture;
  picture.title = table.name;
  picture.ranks = table.ranks;
  picture.stages = table.stages;
  picture.microBatches = table.microBatches;
  picture.lowerBound = simulation.lowerBound;
  bool hasBytes = false;
  for (unsigned stage = 0; stage < table.stages; ++stage) {
    StageCosts of = costs.of(stage, table.ranks, table.stages);
    picture.stageBytes.push_back({of.activationBytes, of.weightBytes});
    hasBytes |= of.activationBytes > 0;
  }
  if (!hasBytes)
    picture.stageBytes.clear();
  picture.lanes.resize(table.ranks);
  for (unsigned rank = 0; rank < table.ranks; ++rank) {
    Lane &lane = picture.lanes[rank];
    lane.rank = rank;
    for (size_t i = 0; i < table.actions[rank].size(); ++i) {
      Cell cell;
      cell.action = table.actions[rank][i];
      cell.start = simulation.start[rank][i];
      cell.end = simulation.end[rank][i];
      lane.cells.push_back(std::move(cell));
    }
  }
  for (auto [rank, position] : simulation.criticalPath)
    picture.lanes[rank].cells[position].critical = true;
  completePicture(picture, true);
  return picture;
}

Drawing stack(std::vector<Picture> pictures) {
  Drawing drawing;
  for (const Picture &picture : pictures)
    drawing.to = std::max(drawing.to, picture.makespan);
  drawing.pictures = std::move(pictures);
  return drawing;
}

std::string printCell(const Cell &cell) {
  return cell.action ? printAction(*cell.action) : cell.name;
}

std::string printAwaited(const Wait &wait) {
  if (wait.awaited)
    return printTask(*wait.awaited) + " of rank " + std::to_string(wait.awaitedRank);
  return wait.before.empty() ? "" : "before " + wait.before;
}

Kept keptAt(const Lane &lane, double time) {
  auto after = std::partition_point(lane.kept.begin(), lane.kept.end(),
                                    [&](const Kept &kept) { return kept.time <= time; });
  return after == lane.kept.begin() ? Kept{} : *std::prev(after);
}

std::string printKept(const Picture &picture, double shares, double bytes) {
  return printTime(shares) + (picture.stageBytes.empty() ? "" : " (" + inWords(bytes, "B") + ")");
}

std::string printTime(double time, const std::string &unit) {
  char text[40];
  // A measured time has no more than microseconds to say.
  if (unit.empty())
    std::snprintf(text, sizeof text, "%.6g", time);
  else
    std::snprintf(text, sizeof text, "%.*f %s", std::fabs(time) < 100 ? 2 : 1, time, unit.c_str());
  return text;
}

} // namespace dpc::schedule
