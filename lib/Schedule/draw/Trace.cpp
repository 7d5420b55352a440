// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A step of a trace as a picture, its forecast as another, and that stretched where
// ranks shared cores.
#include "TraceFile.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <tuple>

namespace dpc::schedule {
namespace {

Cell cellOf(const Event &event) {
  Cell cell;
  cell.start = event.start;
  cell.end = event.end;
  cell.action = parseTaskName(event.name);
  cell.name = event.name;
  return cell;
}

// A lane of measured time: tasks, and what ran between them without a wait as one
// cell of other work. `events` are those of the compute track, by start.
void fillMeasured(Lane &lane, const std::vector<const Event *> &events) {
  for (const Event *event : events)
    if (event->category == "task")
      lane.cells.push_back(cellOf(*event));
  std::vector<Cell> others;
  const Event *barrier = nullptr; // the last task or wait
  bool open = false;              // whether the last of `others` can grow
  for (const Event *event : events) {
    if (event->category == "task" || event->category == "waiting") {
      if (!barrier || event->end > barrier->end)
        barrier = event;
      open = false;
    } else if (event->category == "running" &&
               !(barrier && barrier->category == "task" && event->start < barrier->end)) {
      if (!open)
        others.push_back(cellOf(*event));
      others.back().end = std::max(others.back().end, event->end);
      others.back().action.reset();
      open = true;
    }
    if (event->category == "waiting" && event->end > event->start) {
      Wait wait;
      wait.start = event->start;
      wait.end = event->end;
      wait.cause = event->name == "waiting for a core" ? Cause::Core : Cause::Message;
      wait.before = event->before;
      lane.waits.push_back(std::move(wait));
    }
  }
  lane.cells.insert(lane.cells.end(), others.begin(), others.end());
}

struct Builder {
  Picture picture;
  std::map<unsigned, std::vector<const Event *>> events; // of each rank

  Picture finish(bool gaps, const std::string &title, const Trace &trace, const Picture *like) {
    picture.title = title;
    picture.unit = "ms";
    double begin = std::numeric_limits<double>::infinity();
    for (auto &[rank, list] : events)
      for (const Event *event : list)
        begin = std::min(begin, event->start);
    for (auto &[rank, list] : events) {
      // The outer of two that begin together goes first; then the trace's order.
      std::sort(list.begin(), list.end(), [](const Event *a, const Event *b) {
        return a->start != b->start ? a->start < b->start
               : a->end != b->end   ? a->end > b->end
                                    : a < b;
      });
      Lane lane;
      lane.rank = rank;
      if (gaps)
        for (const Event *event : list)
          lane.cells.push_back(cellOf(*event));
      else
        fillMeasured(lane, list);
      std::sort(lane.cells.begin(), lane.cells.end(), [](const Cell &a, const Cell &b) {
        return std::make_tuple(a.start, a.end, printCell(a)) <
               std::make_tuple(b.start, b.end, printCell(b));
      });
      for (Cell &cell : lane.cells)
        shift(cell, begin);
      for (Wait &wait : lane.waits)
        shift(wait, begin);
      picture.lanes.push_back(std::move(lane));
    }
    setSizes(like);
    if (trace.crowd.pipelineRanks < picture.ranks)
      picture.pipelineRanks = trace.crowd.pipelineRanks;
    if (picture.stages <= trace.stages.size())
      picture.stageBytes = trace.stages;
    completePicture(picture, gaps);
    return std::move(picture);
  }

private:
  template <typename T> static void shift(T &span, double begin) {
    span.start -= begin;
    span.end -= begin;
  }
  void setSizes(const Picture *like) {
    for (const Lane &lane : picture.lanes)
      for (const Cell &cell : lane.cells)
        if (cell.action)
          for (const Task *task :
               {&cell.action->first,
                cell.action->second ? &*cell.action->second : &cell.action->first}) {
            picture.stages = std::max(picture.stages, task->stage + 1);
            picture.microBatches = std::max(picture.microBatches, task->microBatch + 1);
          }
    picture.ranks = picture.lanes.size();
    if (like && picture.stages == 0)
      picture.stages = like->stages;
  }
};

// Sets what the cells of `measured` were expected to be.
void matchCells(Picture &measured, const Picture &forecast) {
  std::map<std::pair<unsigned, std::string>, const Cell *> expected;
  for (const Lane &lane : forecast.lanes)
    for (const Cell &cell : lane.cells)
      if (cell.action)
        expected.try_emplace({lane.rank, printCell(cell)}, &cell);
  for (Lane &lane : measured.lanes)
    for (Cell &cell : lane.cells)
      if (auto it = cell.action ? expected.find({lane.rank, printCell(cell)}) : expected.end();
          it != expected.end())
        cell.expected = Expected{it->second->start, it->second->end};
}

// The errors of each lane of `measured`, of which every cell knows what was expected.
std::vector<LaneErrors> sumErrors(const Picture &measured, double factor) {
  std::vector<LaneErrors> errors;
  for (const Lane &lane : measured.lanes) {
    LaneErrors sum;
    for (const Cell &cell : lane.cells) {
      if (!cell.action)
        continue;
      if (!cell.expected) {
        ++sum.unmatched;
        continue;
      }
      double is = cell.end - cell.start, was = factor * (cell.expected->end - cell.expected->start);
      ++sum.cells;
      sum.measured += is;
      sum.forecast += was;
      sum.durationError += std::abs(is - was);
      sum.startError += std::abs(cell.start - factor * cell.expected->start);
    }
    if (sum.cells) {
      sum.durationError /= sum.cells;
      sum.startError /= sum.cells;
    }
    errors.push_back(sum);
  }
  return errors;
}

// The forecast with every time multiplied.
Picture stretch(Picture picture, double factor) {
  picture.factor = factor;
  picture.makespan *= factor;
  auto both = [&](auto &span) { span.start *= factor, span.end *= factor; };
  for (Lane &lane : picture.lanes) {
    std::for_each(lane.cells.begin(), lane.cells.end(), both);
    std::for_each(lane.waits.begin(), lane.waits.end(), both);
    for (Kept &kept : lane.kept)
      kept.time *= factor;
    lane.idle *= factor;
  }
  return picture;
}

std::string printCrowd(const Crowd &crowd) {
  return std::to_string(crowd.ranks) + " ranks on " + std::to_string(crowd.cores) +
         (crowd.cores == 1 ? " core" : " cores");
}

// The forecast of a step, and where its ranks shared cores also one as long as the step.
std::vector<Picture> forecastsFor(Picture &measured, Picture forecast, const std::string &step,
                                  const Crowd &crowd) {
  matchCells(measured, forecast);
  std::vector<Picture> forecasts;
  forecast.laneName = "forecast";
  forecasts.push_back(std::move(forecast));
  double factor = measured.makespan / forecasts.front().makespan;
  if (crowd.sharesCores() && std::isfinite(factor) && factor > 0) {
    Picture scaled = stretch(forecasts.front(), factor);
    char text[40];
    std::snprintf(text, sizeof text, "%.3g", factor);
    scaled.title = step + ", forecast x " + text + " (" + printCrowd(crowd) + ")";
    scaled.laneName = "scaled";
    forecasts.push_back(std::move(scaled));
  }
  for (Picture &picture : forecasts)
    picture.errors = sumErrors(measured, picture.factor);
  return forecasts;
}

// The track of each rank whose tasks are drawn. A task that also communicates is on the
// tracks of all its streams: the one that computes has them all.
std::map<unsigned, int> computeTracks(const std::vector<Event> &events,
                                      const std::set<std::pair<unsigned, int>> &named) {
  std::map<unsigned, int> tracks;
  for (const Event &event : events) {
    if (event.category != "task")
      continue;
    auto [it, isNew] = tracks.try_emplace(event.rank, event.track);
    auto order = [&](int track) {
      return std::make_pair(!named.count({event.rank, track}), track);
    };
    if (!isNew && order(event.track) < order(it->second))
      it->second = event.track;
  }
  return tracks;
}

std::string listOf(const std::map<uint64_t, std::vector<Event>> &steps) {
  if (steps.empty())
    return "no step";
  if (steps.size() == 1)
    return "step " + std::to_string(steps.begin()->first);
  return "steps " + std::to_string(steps.begin()->first) + " to " +
         std::to_string(steps.rbegin()->first);
}

} // namespace

Result<Drawing> loadTrace(const std::string &path, std::optional<uint64_t> step) {
  using R = Result<Drawing>;
  Result<Trace> trace = readTrace(path);
  if (!trace.ok())
    return R::failure(trace.error());
  for (auto it = trace->steps.begin(); it != trace->steps.end();)
    if (std::none_of(it->second.begin(), it->second.end(),
                     [](const Event &event) { return event.category == "task"; }))
      it = trace->steps.erase(it);
    else
      ++it;
  if (trace->steps.empty())
    return R::failure("'" + path +
                      "' has no tasks of any step: is it a trace of `dpc run --trace`?");
  auto chosen = step ? trace->steps.find(*step) : std::prev(trace->steps.end());
  if (chosen == trace->steps.end())
    return R::failure("'" + path + "' has no tasks of step " + std::to_string(*step) + "; it has " +
                      listOf(trace->steps));

  std::map<unsigned, int> compute = computeTracks(chosen->second, trace->computeTracks);
  Builder measured, forecast;
  for (const Event &event : chosen->second)
    if (event.category == "forecast") {
      if (event.track == 0)
        forecast.events[event.rank].push_back(&event);
    } else if (auto track = compute.find(event.rank);
               track != compute.end() && track->second == event.track) {
      measured.events[event.rank].push_back(&event);
    }
  std::string title = "step " + std::to_string(chosen->first);
  std::vector<Picture> pictures = {measured.finish(false, title + ", measured", *trace, nullptr)};
  bool hasForecast = !forecast.events.empty();
  if (hasForecast)
    for (Picture &picture :
         forecastsFor(pictures.front(),
                      forecast.finish(true, title + ", forecast", *trace, &pictures.front()), title,
                      trace->crowd))
      pictures.push_back(std::move(picture));
  Drawing drawing = stack(std::move(pictures));
  drawing.interleaved = hasForecast;
  return drawing;
}

} // namespace dpc::schedule
