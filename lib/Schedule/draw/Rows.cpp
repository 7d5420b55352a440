#include "Rows.h"

#include <algorithm>
#include <cstdio>

namespace dpc::schedule {

std::vector<Row> rowsOf(const Drawing &drawing) {
  std::vector<Row> rows;
  if (!drawing.interleaved) {
    for (const Picture &picture : drawing.pictures)
      for (const Lane &lane : picture.lanes)
        rows.push_back({&picture, &lane, &lane == &picture.lanes.front(), false});
    return rows;
  }
  const Picture &measured = drawing.pictures[0], &forecast = drawing.pictures[1];
  for (const Lane &lane : measured.lanes) {
    rows.push_back({&measured, &lane, true, false});
    for (const Lane &other : forecast.lanes)
      if (other.rank == lane.rank)
        rows.push_back({&forecast, &other, false, true});
  }
  return rows;
}

std::string headingOf(const Picture &picture) {
  auto counted = [](unsigned n, const std::string &one, const std::string &many) { return std::to_string(n) + " " + (n == 1 ? one : many); };
  char share[40];
  std::snprintf(share, sizeof share, "%.1f\u00a0%%", 100 * picture.bubble());
  std::string text = picture.title + ": " + counted(picture.ranks, "rank", "ranks") + ", " +
                     counted(picture.microBatches, "micro-batch", "micro-batches") + "; makespan " + printTime(picture.makespan, picture.unit) + ", idle " + share;
  if (picture.lowerBound > 0)
    text += ", bound " + printTime(picture.lowerBound, picture.unit);
  return text;
}

std::vector<std::string> errorLines(const Drawing &drawing) {
  std::vector<std::string> lines;
  if (!drawing.interleaved)
    return lines;
  const Picture &measured = drawing.pictures[0], &forecast = drawing.pictures[1];
  auto percent = [](double is, double was) {
    char text[40];
    std::snprintf(text, sizeof text, "%+.1f %%", was > 0 ? 100 * (is / was - 1) : 0.0);
    return std::string(text);
  };
  auto line = [&](const std::string &name, const LaneErrors &e) {
    std::string text = name + ": " + std::to_string(e.cells) + " tasks took " + printTime(e.measured, "ms") + ", forecast " +
                       printTime(e.forecast, "ms") + " (" + percent(e.measured, e.forecast) + "); a task's length was off by " +
                       printTime(e.durationError, "ms") + ", its start by " + printTime(e.startError, "ms");
    if (e.unmatched)
      text += "; " + std::to_string(e.unmatched) + " without a forecast";
    return text;
  };
  LaneErrors all;
  for (const LaneErrors &e : drawing.errors) {
    all.durationError += e.durationError * e.cells;
    all.startError += e.startError * e.cells;
    all.cells += e.cells;
    all.unmatched += e.unmatched;
    all.measured += e.measured;
    all.forecast += e.forecast;
  }
  if (all.cells) {
    all.durationError /= all.cells;
    all.startError /= all.cells;
  }
  lines.push_back("step: " + printTime(measured.makespan, "ms") + ", forecast " + printTime(forecast.makespan, "ms") + " (" +
                  percent(measured.makespan, forecast.makespan) + ")");
  lines.push_back(line("all ranks", all));
  for (size_t i = 0; i < drawing.errors.size(); ++i)
    lines.push_back(line("rank " + std::to_string(measured.lanes[i].rank), drawing.errors[i]));
  return lines;
}

bool hasWaits(const Drawing &drawing, Cause cause) {
  for (const Picture &picture : drawing.pictures)
    for (const Lane &lane : picture.lanes)
      if (std::any_of(lane.waits.begin(), lane.waits.end(), [&](const Wait &wait) { return wait.cause == cause; }))
        return true;
  return false;
}

} // namespace dpc::schedule
