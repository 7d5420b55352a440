// Spans to JSON. Times are microseconds since the first span.
#include "trace/ChromeTrace.h"
#include "data/Files.h"
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

namespace dpcrt {
using json = nlohmann::ordered_json;

namespace {
constexpr int forecastTrack = 0; // streams follow

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

json event(const RankPlan &plan, const Span &span, uint32_t stream, int64_t origin) {
  json e = {{"ph", "X"}, {"pid", plan.rank}, {"tid", int(stream) + 1},
            {"ts", double(span.begin - origin) * 1e-3},
            {"dur", double(span.end - span.begin) * 1e-3}};
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

void addForecast(json &events, const json &forecast) {
  if (!forecast.is_object() || !forecast.contains("timeline") || !forecast["timeline"].is_array())
    return;
  for (const json &task : forecast["timeline"]) {
    if (!task.is_object() || !task.contains("rank") || !task["rank"].is_number_unsigned() ||
        !task.contains("start_s") || !task["start_s"].is_number() || !task.contains("end_s") ||
        !task["end_s"].is_number())
      continue;
    double start = task["start_s"].get<double>(), end = task["end_s"].get<double>();
    std::string name = task.contains("name") && task["name"].is_string()
                           ? task["name"].get<std::string>() : "task";
    events.push_back({{"ph", "X"}, {"pid", task["rank"]}, {"tid", forecastTrack},
                      {"ts", start * 1e6}, {"dur", (end - start) * 1e6}, {"name", name},
                      {"cat", "forecast"}});
  }
}
} // namespace

Status writeChromeTrace(const std::string &path, const std::vector<const RankPlan *> &plans,
                        const std::vector<StreamSpans> &spans, const json &forecast) {
  int64_t origin = INT64_MAX;
  for (const StreamSpans &s : spans)
    for (const Span &span : s.spans)
      origin = std::min(origin, span.begin);
  json events = json::array();
  for (const RankPlan *plan : plans) {
    events.push_back(metadata("process_name", plan->rank, 0, "rank " + std::to_string(plan->rank)));
    events.push_back(metadata("thread_name", plan->rank, forecastTrack, "forecast"));
    for (size_t s = 0; s < plan->streams.size(); ++s)
      events.push_back(metadata("thread_name", plan->rank, int(s) + 1,
                                "measured " + plan->streams[s].name));
  }
  addForecast(events, forecast);
  for (const StreamSpans &s : spans) {
    // Viewers nest by begin and want the outer one first.
    std::vector<Span> sorted = s.spans;
    std::sort(sorted.begin(), sorted.end(), [](const Span &a, const Span &b) {
      return a.begin != b.begin ? a.begin < b.begin : a.end > b.end;
    });
    for (const Span &span : sorted) {
      json e = event(*plans[s.rank], span, s.stream, origin);
      e["args"]["step"] = s.step;
      events.push_back(std::move(e));
    }
  }
  json doc = {{"displayTimeUnit", "ms"}, {"otherData", {{"format_version", "1.0"}}}};
  doc["traceEvents"] = std::move(events);
  return writeFileAtomically(path, doc.dump(-1, ' ', false, json::error_handler_t::replace));
}

} // namespace dpcrt
