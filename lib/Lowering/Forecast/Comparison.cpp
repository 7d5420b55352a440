// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See include/dpc/Lowering/Comparison.h.
#include "dpc/Lowering/Forecast/Comparison.h"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <sstream>
#include <tuple>

namespace dpc::lowering {

int64_t StepForecast::peakBytes() const {
  int64_t most = 0;
  for (const RankForecast &rank : perRank)
    most = std::max(most, rank.bytes);
  return most;
}

int64_t StepForecast::peakBytes(bool isSharded) const {
  int64_t most = 0;
  for (const RankForecast &rank : perRank)
    most = std::max(most, isSharded ? rank.shardedBytes : rank.wholeBytes);
  return most;
}

std::string timeInWords(double seconds) {
  std::ostringstream text;
  text << std::setprecision(3);
  if (seconds == 0)
    text << "0 s";
  else if (seconds < 1e-3)
    text << seconds * 1e6 << " us";
  else if (seconds < 1)
    text << seconds * 1e3 << " ms";
  else if (seconds < 60)
    text << seconds << " s";
  else if (auto minutes = int64_t(std::llround(seconds / 60)); minutes >= 60)
    text << minutes / 60 << " h " << std::setw(2) << std::setfill('0') << minutes % 60 << " min";
  else
    text << std::llround(seconds) / 60 << " min " << std::setw(2) << std::setfill('0')
         << std::llround(seconds) % 60 << " s";
  return text.str();
}

std::string changeInWords(double from, double to) {
  std::ostringstream text;
  double percent = from > 0 ? 100 * (to / from - 1) : 0;
  text << std::showpos << std::fixed << std::setprecision(std::abs(percent) < 10 ? 1 : 0) << percent
       << " %";
  return text.str();
}

Choice choose(const Alternative &chosen, const std::vector<Alternative> &others) {
  auto smallest = [&](double slowest) {
    std::optional<size_t> best;
    for (size_t i = 0; i < others.size(); ++i)
      if (others[i].notLegal.empty() && others[i].seconds <= slowest &&
          (!best || std::tie(others[i].bytes, others[i].seconds) <
                        std::tie(others[*best].bytes, others[*best].seconds)))
        best = i;
    return best;
  };
  double fastest = chosen.seconds;
  for (const Alternative &other : others)
    if (other.notLegal.empty())
      fastest = std::min(fastest, other.seconds);
  if (fastest < chosen.seconds * (1 - kAdvisedGain))
    return {Advantage::Faster, *smallest(std::min(fastest * (1 + kTimeMargin), chosen.seconds))};
  std::optional<size_t> small = smallest(chosen.seconds * (1 + kTimeMargin));
  if (small && others[*small].bytes < chosen.bytes * (1 - kMemoryMargin))
    return {Advantage::Smaller, *small};
  return {};
}

std::string advise(const Alternative &chosen, const std::vector<Alternative> &others) {
  Choice choice = choose(chosen, others);
  if (choice.advantage == Advantage::None)
    return "";
  const Alternative &other = others[choice.index];
  std::string time = timeInWords(other.seconds) + " a step instead of " +
                     timeInWords(chosen.seconds) + " (" +
                     changeInWords(chosen.seconds, other.seconds) + ")";
  std::string size = inWords(other.bytes, "B") + " a rank instead of " +
                     inWords(chosen.bytes, "B") + " (" + changeInWords(chosen.bytes, other.bytes) +
                     ")";
  bool faster = choice.advantage == Advantage::Faster;
  return "--schedule " + other.schedule + " would be " + (faster ? "faster" : "smaller") + ": " +
         (faster ? time + ", " + size : size + ", " + time);
}

std::optional<double> findBreakEven(const std::function<double(double)> &difference, double low,
                                    double high) {
  if (difference(high) <= 0)
    return high;
  if (difference(low) > 0)
    return std::nullopt;
  for (int i = 0; i < 14; ++i) {
    double middle = (low + high) / 2;
    (difference(middle) > 0 ? high : low) = middle;
  }
  return low;
}

std::vector<PathLine> compressPath(const std::vector<ForecastPart> &path) {
  std::vector<PathLine> lines;
  for (const ForecastPart &part : path) {
    bool joins = !lines.empty() && lines.back().kind == part.kind &&
                 lines.back().rank == part.rank &&
                 (part.kind == ForecastPart::Task || part.kind == ForecastPart::Other);
    if (!joins)
      lines.push_back(
          {part.kind, part.rank, part.destination, part.name, part.name, 0, part.start, part.end});
    PathLine &line = lines.back();
    line.last = part.name;
    line.end = part.end;
    ++line.count;
  }
  return lines;
}

} // namespace dpc::lowering
