// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The order of lanes from top to bottom: of one picture after the other, or rank by
// rank where a measured step stands beside its forecasts.
#ifndef DPC_LIB_SCHEDULE_DRAW_ROWS_H
#define DPC_LIB_SCHEDULE_DRAW_ROWS_H

#include "dpc/Schedule/draw/Picture.h"

namespace dpc::schedule {

struct Row {
  const Picture *picture;
  const Lane *lane;
  bool first;      ///< of its group: the picture, or the rank
  bool isForecast; ///< beside a measured lane

  /// `rank 3`, or what a forecast's lanes are called.
  std::string name() const;
};

std::vector<Row> rowsOf(const Drawing &drawing);

/// A lane's idle time in as few digits as a column of eight characters has.
std::string printIdle(const Row &row);

/// The largest peak of its lanes.
double mostBytes(const Picture &picture);

/// `dualpipe: 8 ranks, 20 micro-batches`, then times.
std::string headingOf(const Picture &picture);

/// The forecasts beside a measured step; none if the pictures are schedules.
std::vector<const Picture *> forecastsOf(const Drawing &drawing);
/// When a cell was expected by one of them.
Expected expectedBy(const Picture &forecast, const Expected &expected);

/// What the lanes under a measured one are; empty where there are none.
std::string laneKey(const Drawing &drawing);

/// Words on the whole comparison with every forecast, and a line for each lane.
std::vector<std::string> errorLines(const Drawing &drawing);

/// Whether the bytes of stages are known of any picture.
bool hasBytes(const Drawing &drawing);

/// Whether a wait of this cause is anywhere.
bool hasWaits(const Drawing &drawing, Cause cause);

} // namespace dpc::schedule

#endif // DPC_LIB_SCHEDULE_DRAW_ROWS_H
