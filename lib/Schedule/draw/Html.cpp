// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One page that needs nothing else: the data of the drawing as JSON, in columns, and
// the scripts of page/, which draw it. Colours come from here, as for all renderings.
#include "dpc/Schedule/draw/Render.h"

#include "Labels.h"
#include "Palette.h"
#include "Rows.h"

#include "dpc/Schedule/core/Text.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace dpc::schedule {
namespace {

using json = nlohmann::ordered_json;

const char *const kStyle =
#include "page.css.inc"
    ;
const char *const kBody =
#include "page.html.inc"
    ;
const char *const kModel =
#include "model.js.inc"
    ;
const char *const kView =
#include "view.js.inc"
    ;
const char *const kControl =
#include "control.js.inc"
    ;

json paletteOf(const Picture &picture) {
  json palette;
  auto add = [&](const char *name, std::optional<Kind> kind) {
    for (unsigned shade = 0; shade < picture.shades; ++shade) {
      Colour colour = colourOf(kind, shade, picture.shades);
      palette[name].push_back({hex(colour), wantsWhiteText(colour) ? "#fff" : "#000"});
    }
  };
  add("F", Kind::Forward);
  add("B", Kind::Backward);
  add("I", Kind::Input);
  add("W", Kind::Weight);
  add("#", std::nullopt);
  return palette;
}

json laneOf(const Lane &lane, bool hasBytes) {
  json object = {{"rank", lane.rank}, {"idle", lane.idle}, {"peak", lane.peak}};
  for (const char *name : {"start", "end", "stage", "micro", "shade", "pairStage", "pairMicro",
                           "pairShade", "names", "critical", "wait", "before", "kept"})
    object[name] = json::array();
  std::string kinds;
  bool expected = false;
  for (size_t i = 0; i < lane.cells.size(); ++i) {
    const Cell &cell = lane.cells[i];
    object["start"].push_back(cell.start);
    object["end"].push_back(cell.end);
    object["stage"].push_back(cell.action ? cell.action->first.stage : 0);
    object["micro"].push_back(cell.action ? cell.action->first.microBatch : 0);
    object["shade"].push_back(cell.shade);
    if (!cell.action) {
      kinds += '#';
      object["names"].push_back(printable(cell.name));
    } else if (const std::optional<Task> &second = cell.action->second) {
      kinds += '&';
      object["pairStage"].push_back(second->stage);
      object["pairMicro"].push_back(second->microBatch);
      object["pairShade"].push_back(cell.pairShade);
    } else {
      kinds += letterOf(cell.action->first.kind);
    }
    if (cell.critical)
      object["critical"].push_back(i);
    expected |= cell.expected.has_value();
  }
  object["kinds"] = kinds;
  if (expected)
    for (const Cell &cell : lane.cells)
      object["expected"].push_back(cell.expected ? json{cell.expected->start, cell.expected->end}
                                                 : json(nullptr));
  bool before = false;
  for (const Wait &wait : lane.waits) {
    Task task = wait.awaited.value_or(Task{});
    json &list = object["wait"];
    list.push_back(wait.start);
    list.push_back(wait.end);
    list.push_back(wait.cause == Cause::Core ? 1 : 0);
    list.push_back(wait.awaited ? (int)task.kind : -1);
    list.push_back(task.stage);
    list.push_back(task.microBatch);
    list.push_back(wait.awaitedRank);
    before |= !wait.before.empty();
  }
  if (before)
    for (const Wait &wait : lane.waits)
      object["before"].push_back(printable(wait.before));
  for (const Kept &kept : lane.kept) {
    object["kept"].push_back(kept.time);
    object["kept"].push_back(kept.value);
  }
  if (hasBytes) {
    object["peakBytes"] = lane.peakBytes;
    for (const Kept &kept : lane.kept)
      object["keptBytes"].push_back(kept.bytes);
  }
  return object;
}

json dataOf(const Drawing &drawing) {
  json data;
  std::string title;
  double peak = 0;
  data["pictures"] = json::array();
  for (const Picture &picture : drawing.pictures) {
    title += (title.empty() ? "" : ", ") + printable(picture.title);
    json object = {{"title", printable(picture.title)},
                   {"heading", printable(headingOf(picture))},
                   {"unit", picture.unit},
                   {"makespan", picture.makespan},
                   {"bubble", picture.bubble()},
                   {"bound", picture.lowerBound},
                   {"replicas", picture.shadesAreReplicas},
                   {"palette", paletteOf(picture)},
                   {"lane", picture.laneName},
                   {"factor", picture.factor},
                   {"errors", json::array()}};
    for (size_t i = 0; i < picture.errors.size(); ++i) {
      const LaneErrors &e = picture.errors[i];
      object["errors"].push_back({{"rank", drawing.pictures.front().lanes[i].rank},
                                  {"cells", e.cells},
                                  {"unmatched", e.unmatched},
                                  {"measured", e.measured},
                                  {"forecast", e.forecast},
                                  {"durationError", e.durationError},
                                  {"startError", e.startError}});
    }
    object["lanes"] = json::array();
    for (const Lane &lane : picture.lanes) {
      object["lanes"].push_back(laneOf(lane, !picture.stageBytes.empty()));
      peak = std::max(peak, lane.peak);
    }
    data["pictures"].push_back(std::move(object));
  }
  data["title"] =
      drawing.interleaved ? printable(drawing.pictures.front().title) + " and forecast" : title;
  data["interleaved"] = drawing.interleaved;
  data["from"] = drawing.from;
  data["to"] = drawing.to > drawing.from ? drawing.to : drawing.from + 1;
  data["peak"] = peak;
  data["laneKey"] = laneKey(drawing);
  data["errors"] = errorLines(drawing);
  return data;
}

} // namespace

std::string renderHtml(const Drawing &drawing) {
  json data = dataOf(drawing);
  std::string text = data.dump(-1, ' ', false, json::error_handler_t::replace), safe;
  // Inside a script element only `<` could end it; outside strings JSON has none.
  safe.reserve(text.size());
  for (char c : text)
    if (c == '<')
      safe += "\\u003c";
    else
      safe += c;
  return "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta "
         "name=\"viewport\" content=\"width=device-width\">\n"
         "<meta http-equiv=\"Content-Security-Policy\" "
         "content=\"default-src 'none'; style-src 'unsafe-inline'; script-src "
         "'unsafe-inline'\">\n<title>" +
         escapeMarkup(data["title"].get<std::string>()) + "</title>\n<style>\n" + kStyle +
         "</style>\n</head>\n<body>\n" + kBody + "<script type=\"application/json\" id=\"data\">" +
         safe + "</script>\n<script>\n\"use strict\";\n(() => {\n" + kModel + kView + kControl +
         "})();\n</script>\n</body>\n</html>\n";
}

} // namespace dpc::schedule
