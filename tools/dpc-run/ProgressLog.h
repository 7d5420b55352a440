// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a run says while it goes: a line that moves on a terminal, lines of their own
// elsewhere.
#pragma once
#include <cstdint>
#include <optional>
#include <ostream>
#include <string>

namespace dpcrt {

// "%.3f" and the like.
std::string print(const char *format, double value);
// "0.41 s", "3 min 20 s", "1 h 09 min": whole minutes from one minute on.
std::string durationText(double seconds);

class ProgressLog {
public:
  // `every`: lines at the first, the last and every so many steps; 0: none; not given:
  // on a terminal none, elsewhere about one in ten seconds.
  ProgressLog(std::ostream &err, bool terminal, std::optional<uint64_t> every)
      : err(err), terminal(terminal), every(every) {}

  // `rest`: what follows the step's number.
  void step(uint64_t step, uint64_t first, uint64_t last, double secondsPerStep,
            const std::string &rest);
  // A line of its own.
  void line(const std::string &text);
  void clear();

private:
  bool wanted(uint64_t step, uint64_t first, uint64_t last);

  std::ostream &err;
  bool terminal, shown = false;
  std::optional<uint64_t> every;
  int64_t lastLine = 0; // nanoseconds
};

} // namespace dpcrt
