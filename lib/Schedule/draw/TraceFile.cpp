// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "TraceFile.h"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

namespace dpc::schedule {
namespace {

using json = nlohmann::json;
constexpr uintmax_t kMaxBytes = 1u << 30;
constexpr unsigned kMaxNumber = 1u << 24; // of a rank, a stage, a micro-batch or cores
constexpr double kMaxKept = 1e18;         // bytes
constexpr double kMaxTime = 1e15;         // microseconds: thirty years

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

} // namespace

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

namespace {
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
} // namespace

std::optional<Action> parseTaskName(const std::string &name) { return TaskName(name).parse(); }

} // namespace dpc::schedule
