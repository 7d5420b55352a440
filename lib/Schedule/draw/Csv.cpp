// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A line per cell.
#include "dpc/Schedule/draw/Render.h"

#include "Rows.h"

#include <cstdio>

namespace dpc::schedule {
namespace {

std::string number(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.9g", value);
  return text;
}

std::string quoted(const std::string &text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos)
    return text;
  std::string result = "\"";
  for (char c : text)
    result += c == '"' ? std::string("\"\"") : std::string(1, c);
  return result + "\"";
}

} // namespace

std::string renderCsv(const Drawing &drawing) {
  std::string text =
      "picture,rank,action,start,end,duration,waited,waited_for,forecast_start,forecast_end,start_"
      "error,duration_error,"
      "scaled_start,scaled_end,scaled_start_error,scaled_duration_error,kept,kept_bytes\n";
  constexpr size_t kForecasts = 2; // of which there are columns: as it was, and scaled
  std::vector<const Picture *> forecasts = forecastsOf(drawing);
  for (const Picture &picture : drawing.pictures)
    for (const Lane &lane : picture.lanes) {
      size_t wait = 0;
      for (const Cell &cell : lane.cells) {
        // The waits since the cell before; those inside the cell count too.
        double waited = 0;
        std::string what;
        for (; wait < lane.waits.size() && lane.waits[wait].start < cell.end; ++wait) {
          waited += lane.waits[wait].end - lane.waits[wait].start;
          std::string awaited =
              lane.waits[wait].cause == Cause::Core ? "a core" : printAwaited(lane.waits[wait]);
          if (!awaited.empty() && what.find(awaited) == std::string::npos)
            what += (what.empty() ? "" : "; ") + awaited;
        }
        text += quoted(picture.title) + "," + std::to_string(lane.rank) + "," +
                quoted(printCell(cell)) + "," + number(cell.start) + "," + number(cell.end) + "," +
                number(cell.end - cell.start) + "," + number(waited) + "," + quoted(what);
        for (size_t i = 0; i < kForecasts; ++i)
          if (cell.expected && i < forecasts.size()) {
            Expected e = expectedBy(*forecasts[i], *cell.expected);
            text += "," + number(e.start) + "," + number(e.end) + "," +
                    number(cell.start - e.start) + "," +
                    number(cell.end - cell.start - (e.end - e.start));
          } else {
            text += ",,,,";
          }
        Kept kept = keptAt(lane, cell.start);
        text += "," + number(kept.value) + "," +
                (picture.stageBytes.empty() ? "" : number(kept.bytes)) + "\n";
      }
    }
  return text;
}

} // namespace dpc::schedule
