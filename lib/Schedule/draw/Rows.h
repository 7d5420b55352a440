// The order of lanes from top to bottom: of one picture after the other, or rank by
// rank where a measured step stands beside its forecast.
#ifndef DPC_LIB_SCHEDULE_DRAW_ROWS_H
#define DPC_LIB_SCHEDULE_DRAW_ROWS_H

#include "dpc/Schedule/draw/Picture.h"

namespace dpc::schedule {

struct Row {
  const Picture *picture;
  const Lane *lane;
  bool first;      ///< of its group: the picture, or the rank
  bool isForecast; ///< beside a measured lane
};

std::vector<Row> rowsOf(const Drawing &drawing);

/// `dualpipe: 8 ranks, 20 micro-batches`, then times.
std::string headingOf(const Picture &picture);

/// Words on the whole comparison with a forecast, and a line for each lane.
std::vector<std::string> errorLines(const Drawing &drawing);

/// Whether a wait of this cause is anywhere.
bool hasWaits(const Drawing &drawing, Cause cause);

} // namespace dpc::schedule

#endif // DPC_LIB_SCHEDULE_DRAW_ROWS_H
