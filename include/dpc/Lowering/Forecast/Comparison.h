// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One schedule beside others, by what they are forecast to take; plain functions
// over plain data.
#ifndef DPC_LOWERING_FORECAST_COMPARISON_H
#define DPC_LOWERING_FORECAST_COMPARISON_H

#include "dpc/Lowering/Forecast/Forecast.h"
#include "dpc/Schedule/core/Units.h"

#include <functional>
#include <optional>

namespace dpc::lowering {

/// A way to use some devices: a schedule over ranks, in so many replicas.
struct Alternative {
  std::string schedule;
  unsigned ranks = 1, microBatches = 1; ///< of one replica
  unsigned replicas = 1;                ///< data parallelism
  unsigned copies = 1;                  ///< how often a stage is held within a replica
  std::string notLegal;                 ///< why it cannot be; else empty
  double seconds = 0, bubble = 0;
  int64_t bytes = 0; ///< of the rank that needs most
};

/// What makes a difference. Measured steps were up to a twentieth off their forecast
/// (docs/Performance.md), and what is gained must be more than that, and more than 3 %,
/// to be advised. Two forecasts of one model, made by the same rules, are told apart to
/// a hundredth. Less than a tenth of the memory is not worth a change.
inline constexpr double kForecastError = 0.05,
                        kAdvisedGain = kForecastError > 0.03 ? kForecastError : 0.03;
inline constexpr double kTimeMargin = 0.01, kMemoryMargin = 0.1;

enum class Advantage { None, Faster, Smaller };
struct Choice {
  Advantage advantage = Advantage::None;
  size_t index = 0; ///< of the others
};

/// The one of `others` that is to be preferred to `chosen`: of the fastest ones (all
/// within the margin of the fastest) the smallest, if they are faster; else the
/// smallest one that is no slower, if it is smaller. Those that are not legal do not
/// count.
Choice choose(const Alternative &chosen, const std::vector<Alternative> &others);

/// The choice as a sentence that names both times and both sizes; nothing if there
/// is none to make.
std::string advise(const Alternative &chosen, const std::vector<Alternative> &others);

/// The argument in [low, high] where a difference that grows with its argument
/// becomes 0; nothing if it is above 0 already at `low`, `high` if it is nowhere.
std::optional<double> findBreakEven(const std::function<double(double)> &difference, double low,
                                    double high);

/// Neighbouring parts of the critical path on one rank as one line.
struct PathLine {
  ForecastPart::Kind kind = ForecastPart::Task;
  unsigned rank = 0, destination = 0;
  std::string first, last; ///< names
  unsigned count = 0;
  double start = 0, end = 0;
};
std::vector<PathLine> compressPath(const std::vector<ForecastPart> &path);

/// Times and sizes in words: `1.25 ms`, `60.3 MB`, `-12 %`.
std::string timeInWords(double seconds);
using schedule::inWords;
std::string changeInWords(double from, double to);

} // namespace dpc::lowering

#endif // DPC_LOWERING_FORECAST_COMPARISON_H
