// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Spans to JSON. Times are microseconds since the first span.
#include "trace/ChromeTrace.h"
#include "data/Files.h"
#include "devices/Wait.h"
#include <algorithm>
#include <ctime>
#include <map>
#include <nlohmann/json.hpp>
#include <tuple>

namespace dpcrt {
using json = nlohmann::ordered_json;

namespace {
// The forecast's tracks, then one per stream of the program. Messages have none:
// several of a rank can be under way at once, which only asynchronous events show.
constexpr int forecastCompute = 0, forecastReduce = 1, firstStream = 2;

json metadata(const char *name, uint32_t pid, int tid, const std::string &value) {
  return {{"ph", "M"}, {"name", name}, {"pid", pid}, {"tid", tid}, {"args", {{"name", value}}}};
}

std::string blockName(const RankPlan &plan, const PlannedRun &run) {
  std::string name = plan.label(run.block->block->name());
  if (run.microBatch >= 0)
    name += " m" + std::to_string(run.microBatch);
  if (run.pairMicroBatch >= 0)
    name += " & m" + std::to_string(run.pairMicroBatch);
  return name;
}

// What a span is called, without its place and times.
json event(const RankPlan &plan, const Span &span) {
  json e = {{"ph", "X"}};
  if (span.kind == SpanKind::Block) {
    e["name"] = blockName(plan, *static_cast<const PlannedRun *>(span.what));
    e["cat"] = "task";
    return e;
  }
  auto &command = *static_cast<const PlannedCommand *>(span.what);
  std::string label = plan.label(command.label);
  switch (span.kind) {
  case SpanKind::WaitMessage:
    e["name"] = "waiting for a message";
    e["cat"] = "waiting";
    e["cname"] = "terrible";
    e["args"] = {{"before", label}};
    break;
  case SpanKind::WaitCore:
    e["name"] = "waiting for a core";
    e["cat"] = "waiting";
    e["cname"] = "bad";
    e["args"] = {{"before", label}};
    break;
  default:
    e["name"] = label.empty() ? fb::EnumNameAction(command.kind) : label;
    e["cat"] = "running";
  }
  return e;
}

// Of the clock that spans are measured with, to the one that hosts share.
int64_t toSharedClock() {
  timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  return int64_t(t.tv_sec) * 1000000000 + t.tv_nsec - nowNs();
}

bool isSpan(const json &entry) {
  auto has = [&](const char *key, bool (json::*is)() const noexcept) {
    return entry.contains(key) && (entry[key].*is)();
  };
  return entry.is_object() && has("rank", &json::is_number_unsigned) &&
         has("start_s", &json::is_number) && has("end_s", &json::is_number);
}

// What every stage keeps of a micro-batch, where the forecast has it: nothing else says
// what a measured rank keeps.
json stageBytes(const json &forecast) {
  json stages = json::array();
  if (!forecast.is_object() || !forecast.contains("costs") || !forecast["costs"].is_object() ||
      !forecast["costs"].contains("stages") || !forecast["costs"]["stages"].is_array())
    return stages;
  for (const json &entry : forecast["costs"]["stages"]) {
    json stage = json::object();
    for (const char *key : {"name", "activation_bytes", "weight_bytes"})
      if (entry.is_object() && entry.contains(key))
        stage[key] = entry[key];
    stages.push_back(std::move(stage));
  }
  return stages;
}

class ForecastWriter {
public:
  // A forecast is of coordinates of pp; ranks that differ in dp or ep do the same.
  ForecastWriter(json &events, const json &forecast, const json &ranks) : events(events) {
    if (!forecast.is_object() || !forecast.contains("timeline") || !forecast["timeline"].is_array())
      return;
    for (const json &entry : forecast["timeline"])
      if (isSpan(entry))
        for (const json &rank : ranks)
          if (entry["rank"] == rank["pp"])
            spans.push_back({rank["rank"], &entry});
  }

  void add(uint64_t step, double begin) {
    begin = std::max(begin, end);
    for (auto [rank, span] : spans)
      add(rank, *span, step, begin);
  }

private:
  static std::string word(const json &span, const char *key, const char *otherwise) {
    return span.contains(key) && span[key].is_string() ? span[key].get<std::string>() : otherwise;
  }

  void add(uint32_t rank, const json &span, uint64_t step, double begin) {
    double from = span["start_s"].get<double>() * 1e6, to = span["end_s"].get<double>() * 1e6;
    std::string stream = word(span, "stream", "compute");
    json e = {{"ph", "X"},
              {"pid", rank},
              {"tid", stream == "reduce" ? forecastReduce : forecastCompute},
              {"ts", begin + from},
              {"dur", to - from},
              {"name", word(span, "name", "task")},
              {"cat", "forecast"},
              {"args", {{"step", step}}}};
    end = std::max(end, begin + to);
    if (stream != "comm") {
      events.push_back(std::move(e));
      return;
    }
    e["ph"] = "b";
    e["cat"] = "forecast message";
    e["id"] = ++messages;
    e.erase("dur");
    events.push_back(e);
    e["ph"] = "e";
    e["ts"] = begin + to;
    events.push_back(std::move(e));
  }

  json &events;
  std::vector<std::pair<uint32_t, const json *>> spans;
  double end = 0;
  uint64_t messages = 0;
};
} // namespace

json measuredSpans(const std::vector<const RankPlan *> &plans,
                   const std::vector<StreamSpans> &spans) {
  json ranks = json::array(), list = json::array();
  std::map<uint32_t, const RankPlan *> planOf;
  for (const RankPlan *plan : plans) {
    planOf[plan->rank] = plan;
    json streams = json::array();
    for (const PlannedStream &stream : plan->streams)
      streams.push_back(stream.name);
    ranks.push_back({{"rank", plan->rank}, {"pp", plan->place.pp}, {"streams", streams}});
  }
  const int64_t shift = toSharedClock();
  for (const StreamSpans &s : spans)
    for (const Span &span : s.spans)
      list.push_back({s.step, s.rank, s.stream, span.begin + shift, span.end + shift,
                      event(*planOf.at(s.rank), span)});
  return {{"ranks", ranks}, {"spans", list}};
}

Status writeChromeTrace(const std::string &path, const std::vector<json> &measured,
                        const json &forecast, const TraceMachine &machine) {
  struct Timed {
    uint64_t step;
    uint32_t rank, stream;
    int64_t begin, end;
    const json *event;
  };
  json ranks = json::array();
  std::vector<Timed> spans;
  int64_t origin = INT64_MAX;
  std::map<uint64_t, int64_t> begins; // of steps
  for (const json &part : measured) {
    ranks.insert(ranks.end(), part["ranks"].begin(), part["ranks"].end());
    for (const json &span : part["spans"]) {
      spans.push_back({span[0], span[1], span[2], span[3], span[4], &span[5]});
      origin = std::min(origin, spans.back().begin);
      auto [it, isNew] = begins.try_emplace(spans.back().step, spans.back().begin);
      it->second = std::min(it->second, spans.back().begin);
    }
  }
  json events = json::array();
  uint32_t pipelineRanks = 0;
  for (const json &each : ranks) {
    const uint32_t rank = each["rank"];
    events.push_back(metadata("process_name", rank, 0, "rank " + std::to_string(rank)));
    events.push_back(metadata("thread_name", rank, forecastCompute, "forecast compute"));
    events.push_back(metadata("thread_name", rank, forecastReduce, "forecast reduce"));
    int stream = firstStream;
    for (const std::string name : each["streams"])
      events.push_back(metadata("thread_name", rank, stream++, "measured " + name));
    pipelineRanks = std::max(pipelineRanks, each["pp"].get<uint32_t>() + 1);
  }
  ForecastWriter forecastWriter(events, forecast, ranks);
  for (auto [step, begin] : begins)
    forecastWriter.add(step, double(begin - origin) * 1e-3);
  // By track; viewers nest by begin and want the outer one first.
  std::stable_sort(spans.begin(), spans.end(), [](const Timed &a, const Timed &b) {
    return std::tuple(a.step, a.rank, a.stream, a.begin, -a.end) <
           std::tuple(b.step, b.rank, b.stream, b.begin, -b.end);
  });
  for (const Timed &span : spans) {
    json e = {{"ph", "X"},
              {"pid", span.rank},
              {"tid", int(span.stream) + firstStream},
              {"ts", double(span.begin - origin) * 1e-3},
              {"dur", double(span.end - span.begin) * 1e-3}};
    e.update(*span.event);
    e["args"]["step"] = span.step;
    events.push_back(std::move(e));
  }
  json facts = {{"format_version", "1.1"},
                {"ranks", ranks.size()},
                {"pipeline_ranks", pipelineRanks},
                {"threads", machine.threads},
                {"cores", machine.cores}};
  if (json stages = stageBytes(forecast); !stages.empty())
    facts["stages"] = std::move(stages);
  json doc = {{"displayTimeUnit", "ms"}, {"otherData", std::move(facts)}};
  doc["traceEvents"] = std::move(events);
  return writeFileAtomically(path, doc.dump(-1, ' ', false, json::error_handler_t::replace));
}

} // namespace dpcrt
