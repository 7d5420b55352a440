// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A step of a trace as a picture, its forecast as another, and that stretched where
// ranks shared cores. Traces come from outside: what is not of the expected type is
// skipped, not trusted.
#include "dpc/Schedule/draw/Picture.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>

namespace dpc::schedule {
namespace {

using json = nlohmann::json;
constexpr uintmax_t kMaxBytes = 1u << 30;
constexpr unsigned kMaxNumber = 1u << 24; // of a rank, a stage, a micro-batch or cores
constexpr double kMaxKept = 1e18;         // bytes
constexpr double kMaxTime = 1e15;         // microseconds: thirty years

// One complete event, in milliseconds.
struct Event {
  unsigned rank = 0;
  int track = 0;
  double start = 0, end = 0;
  std::string name, category, before;
};

// How many ranks a run had, and on how many cores they could compute at one time; 0
// where the trace does not say.
struct Crowd {
  unsigned ranks = 0, cores = 0;
  unsigned pipelineRanks = 0; // fewer than `ranks` where experts have ranks of their own
  bool sharesCores() const { return cores > 0 && ranks > cores; }
};

struct Trace {
  std::set<std::pair<unsigned, int>> computeTracks; // those that are called so
  std::map<uint64_t, std::vector<Event>> steps;
  Crowd crowd;
  std::vector<StageBytes> stages; // none where the trace does not say
};

std::string textOf(const json &object, const char *key) {
  auto it = object.find(key);
  return it != object.end() && it->is_string() ? it->get<std::string>() : "";
}

std::optional<double> numberOf(const json &object, const char *key) {
  auto it = object.find(key);
  if (it == object.end() || !it->is_number())
    return std::nullopt;
  return it->get<double>();
}

// 0: none that can be a number of something.
unsigned countOf(const json &object, const char *key) {
  auto it = object.find(key);
  if (it == object.end() || !it->is_number_unsigned() || it->get<uint64_t>() > kMaxNumber)
    return 0;
  return it->get<uint64_t>();
}

// Threads compute at one time, but no more of them than there are cores.
Crowd readCrowd(const json &facts) {
  return {countOf(facts, "ranks"), std::min(countOf(facts, "threads"), countOf(facts, "cores")),
          countOf(facts, "pipeline_ranks")};
}

// All or nothing: the bytes of some stages are of no use.
std::vector<StageBytes> readStages(const json &facts) {
  std::vector<StageBytes> stages;
  auto list = facts.find("stages");
  if (list == facts.end() || !list->is_array() || list->size() > kMaxNumber)
    return stages;
  auto isSize = [](const std::optional<double> &bytes) {
    return bytes && *bytes >= 0 && *bytes <= kMaxKept;
  };
  for (const json &entry : *list) {
    if (!entry.is_object())
      return {};
    std::optional<double> activations = numberOf(entry, "activation_bytes"),
                          forWeights = numberOf(entry, "weight_bytes");
    if (!isSize(activations) || !isSize(forWeights))
      return {};
    stages.push_back({*activations, *forWeights});
  }
  return stages;
}

// Clocks count nanoseconds: rounded to those, what ends when another begins does so
// exactly, though the one is a sum.
double millisecondsOf(double microseconds) { return std::round(microseconds * 1e3) / 1e6; }

void readEvent(const json &entry, Trace &trace) {
  if (!entry.is_object())
    return;
  auto pid = entry.find("pid"), tid = entry.find("tid"), args = entry.find("args");
  if (pid == entry.end() || !pid->is_number_unsigned() || pid->get<uint64_t>() > kMaxNumber ||
      args == entry.end() || !args->is_object())
    return;
  unsigned rank = pid->get<uint64_t>();
  auto step = args->find("step");
  std::optional<double> start = numberOf(entry, "ts"), duration = numberOf(entry, "dur");
  bool timed =
      start && std::abs(*start) <= kMaxTime && duration && *duration >= 0 && *duration <= kMaxTime;
  bool placed = step != args->end() && step->is_number_unsigned() && tid != entry.end() &&
                tid->is_number_integer();
  if (textOf(entry, "name") == "thread_name" && textOf(*args, "name") == "measured compute" &&
      tid != entry.end() && tid->is_number_integer())
    trace.computeTracks.insert({rank, tid->get<int>()});
  if (textOf(entry, "ph") != "X" || !timed || !placed)
    return;
  Event event;
  event.rank = rank;
  event.track = tid->get<int>();
  event.start = millisecondsOf(*start);
  event.end = millisecondsOf(*start + *duration);
  event.name = textOf(entry, "name");
  event.category = textOf(entry, "cat");
  event.before = textOf(*args, "before");
  trace.steps[step->get<uint64_t>()].push_back(std::move(event));
}

Result<Trace> readTrace(const std::string &path) {
  using R = Result<Trace>;
  std::error_code error;
  if (std::filesystem::is_directory(path, error))
    return R::failure("'" + path + "' is a folder, not a trace");
  uintmax_t size = std::filesystem::file_size(path, error);
  if (!error && size > kMaxBytes)
    return R::failure("'" + path + "' has " + std::to_string(size) +
                      " bytes; a trace to draw may have " + std::to_string(kMaxBytes) +
                      ": trace fewer steps with --trace-steps");
  std::ifstream stream(path, std::ios::binary);
  if (!stream)
    return R::failure("cannot read the trace '" + path + "'");
  json document = json::parse(stream, nullptr, /*allow_exceptions=*/false);
  if (document.is_discarded())
    return R::failure("'" + path + "' is no trace: it is not JSON");
  auto events = document.is_object() ? document.find("traceEvents") : document.end();
  if (!document.is_object() || events == document.end() || !events->is_array())
    return R::failure("'" + path + "' is no trace: it has no list of traceEvents");
  Trace trace;
  for (const json &entry : *events)
    readEvent(entry, trace);
  if (auto facts = document.find("otherData"); facts != document.end() && facts->is_object())
    trace.crowd = readCrowd(*facts), trace.stages = readStages(*facts);
  return trace;
}

// Reads the names that tasks have in a forecast (`F0 m3`, `F0&B3 m3 m5`) and in a
// measured track (`s0.forward m3`, `s0.forward+s3.backward m3 & m5`).
class TaskName {
public:
  explicit TaskName(const std::string &text) : text(text) {}

  std::optional<Action> parse() {
    Action action;
    Task second;
    if (!task(action.first))
      return std::nullopt;
    bool pair = take("&") || take("+");
    if (pair && !task(second))
      return std::nullopt;
    if (!take(" m") || !number(action.first.microBatch))
      return std::nullopt;
    if (pair) {
      if (!(take(" & m") || take(" m")) || !number(second.microBatch))
        return std::nullopt;
      action.second = second;
    }
    if (at != text.size())
      return std::nullopt;
    return action;
  }

private:
  bool take(const std::string &word) {
    if (text.compare(at, word.size(), word) != 0)
      return false;
    at += word.size();
    return true;
  }
  bool number(unsigned &value) {
    size_t start = at;
    value = 0;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at)
      if ((value = value * 10 + (text[at] - '0')) > kMaxNumber)
        return false;
    return at > start;
  }
  bool task(Task &task) {
    static const std::pair<const char *, Kind> letters[] = {
        {"F", Kind::Forward}, {"B", Kind::Backward}, {"I", Kind::Input}, {"W", Kind::Weight}};
    static const std::pair<const char *, Kind> words[] = {{".forward", Kind::Forward},
                                                          {".backward", Kind::Backward},
                                                          {".input_half", Kind::Input},
                                                          {".weight_half", Kind::Weight}};
    if (take("s")) {
      if (!number(task.stage))
        return false;
      for (auto [word, kind] : words)
        if (take(word)) {
          task.kind = kind;
          return true;
        }
      return false;
    }
    for (auto [letter, kind] : letters)
      if (take(letter)) {
        task.kind = kind;
        return number(task.stage);
      }
    return false;
  }

  const std::string &text;
  size_t at = 0;
};

Cell cellOf(const Event &event) {
  Cell cell;
  cell.start = event.start;
  cell.end = event.end;
  cell.action = TaskName(event.name).parse();
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
