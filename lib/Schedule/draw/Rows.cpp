// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Rows.h"

#include "dpc/Schedule/core/Units.h"

#include <algorithm>
#include <cstdio>
#include <map>

namespace dpc::schedule {

std::vector<Row> rowsOf(const Drawing &drawing) {
  std::vector<Row> rows;
  if (!drawing.interleaved) {
    for (const Picture &picture : drawing.pictures)
      for (const Lane &lane : picture.lanes)
        rows.push_back({&picture, &lane, &lane == &picture.lanes.front(), false});
    return rows;
  }
  std::map<unsigned, std::vector<Row>> beside; // of each rank
  for (const Picture *forecast : forecastsOf(drawing))
    for (const Lane &lane : forecast->lanes)
      beside[lane.rank].push_back({forecast, &lane, false, true});
  const Picture &measured = drawing.pictures.front();
  for (const Lane &lane : measured.lanes) {
    rows.push_back({&measured, &lane, true, false});
    const std::vector<Row> &others = beside[lane.rank];
    rows.insert(rows.end(), others.begin(), others.end());
  }
  return rows;
}

std::string Row::name() const {
  return isForecast ? picture->laneName : "rank " + std::to_string(lane->rank);
}

std::vector<const Picture *> forecastsOf(const Drawing &drawing) {
  std::vector<const Picture *> forecasts;
  for (size_t i = 1; drawing.interleaved && i < drawing.pictures.size(); ++i)
    forecasts.push_back(&drawing.pictures[i]);
  return forecasts;
}

Expected expectedBy(const Picture &forecast, const Expected &expected) {
  return {forecast.factor * expected.start, forecast.factor * expected.end};
}

std::string laneKey(const Drawing &drawing) {
  std::string text;
  for (const Picture *forecast : forecastsOf(drawing)) {
    char factor[40];
    std::snprintf(factor, sizeof factor, "%.3g", forecast->factor);
    text += text.empty() ? "Under each rank its forecast, with a core for each rank"
                         : "; " + forecast->laneName + ": the same forecast x " + factor +
                               ", as long as the step, to compare proportions";
  }
  return text.empty() ? text : text + ".";
}

std::string printIdle(const Row &row) {
  std::string text = printTime(row.lane->idle, row.picture->unit);
  if (row.picture->unit.empty() && text.size() > 8) {
    char shorter[40];
    std::snprintf(shorter, sizeof shorter, "%.3g", row.lane->idle);
    text = shorter;
  }
  return text;
}

double mostBytes(const Picture &picture) {
  double most = 0;
  for (const Lane &lane : picture.lanes)
    most = std::max(most, lane.peakBytes);
  return most;
}

std::string headingOf(const Picture &picture) {
  auto counted = [](unsigned n, const std::string &one, const std::string &many) {
    return std::to_string(n) + " " + (n == 1 ? one : many);
  };
  char share[40];
  std::snprintf(share, sizeof share, "%.1f\u00a0%%", 100 * picture.bubble());
  std::string text = picture.title + ": " + counted(picture.ranks, "rank", "ranks") + ", " +
                     counted(picture.microBatches, "micro-batch", "micro-batches") + "; makespan " +
                     printTime(picture.makespan, picture.unit) + ", idle " + share;
  if (picture.lowerBound > 0)
    text += ", bound " + printTime(picture.lowerBound, picture.unit);
  if (!picture.stageBytes.empty())
    text += ", at most " + inWords(mostBytes(picture), "B") + " of activations a rank";
  return text;
}

namespace {

LaneErrors sumOf(const std::vector<LaneErrors> &errors) {
  LaneErrors all;
  for (const LaneErrors &e : errors) {
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
  return all;
}

std::string percent(double is, double was) {
  char text[40];
  std::snprintf(text, sizeof text, "%+.1f %%", was > 0 ? 100 * (is / was - 1) : 0.0);
  return text;
}

std::string errorLine(const std::string &name, const Picture &forecast, const LaneErrors &e) {
  std::string text = name + ": " + std::to_string(e.cells) + " tasks took " +
                     printTime(e.measured, "ms") + ", " + forecast.laneName + " " +
                     printTime(e.forecast, "ms") + " (" + percent(e.measured, e.forecast) +
                     "); a task's length was off by " + printTime(e.durationError, "ms") +
                     ", its start by " + printTime(e.startError, "ms");
  if (e.unmatched)
    text += "; " + std::to_string(e.unmatched) + " without a forecast";
  return text;
}

} // namespace

std::vector<std::string> errorLines(const Drawing &drawing) {
  std::vector<std::string> lines;
  const Picture &measured = drawing.pictures.front();
  for (const Picture *forecast : forecastsOf(drawing)) {
    if (lines.empty())
      lines.push_back("step: " + printTime(measured.makespan, "ms") + ", forecast " +
                      printTime(forecast->makespan, "ms") + " (" +
                      percent(measured.makespan, forecast->makespan) + ")");
    else
      lines.push_back(forecast->title + ":"); // as long as the step by its making
    lines.push_back(errorLine("all ranks", *forecast, sumOf(forecast->errors)));
    for (size_t i = 0; i < forecast->errors.size(); ++i)
      lines.push_back(errorLine("rank " + std::to_string(measured.lanes[i].rank), *forecast,
                                forecast->errors[i]));
  }
  return lines;
}

bool hasBytes(const Drawing &drawing) {
  return std::any_of(drawing.pictures.begin(), drawing.pictures.end(),
                     [](const Picture &picture) { return !picture.stageBytes.empty(); });
}

bool hasWaits(const Drawing &drawing, Cause cause) {
  for (const Picture &picture : drawing.pictures)
    for (const Lane &lane : picture.lanes)
      if (std::any_of(lane.waits.begin(), lane.waits.end(),
                      [&](const Wait &wait) { return wait.cause == cause; }))
        return true;
  return false;
}

} // namespace dpc::schedule
