// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Lines are flushed one by one: whoever follows a redirected log sees them as they
// happen.
#include "dpc-run/ProgressLog.h"
#include "cli/EscapingStream.h"
#include "devices/Wait.h"
#include <cmath>
#include <cstdio>

namespace dpcrt {
namespace {
constexpr int64_t kLineNs = 10'000'000'000;
}

std::string print(const char *format, double value) {
  char text[64];
  std::snprintf(text, sizeof(text), format, value);
  return text;
}

std::string durationText(double seconds) {
  if (!(seconds >= 60))
    return print("%.3g", seconds) + " s";
  double whole = std::round(seconds);
  double hours = std::floor(whole / 3600), minutes = std::floor(std::fmod(whole, 3600) / 60);
  if (hours > 0)
    return print("%.0f", hours) + " h " + print("%02.0f", minutes) + " min";
  return print("%.0f", minutes) + " min " + print("%02.0f", std::fmod(whole, 60)) + " s";
}

bool ProgressLog::wanted(uint64_t step, uint64_t first, uint64_t last) {
  if (every)
    return *every && (step == first || step == last || step % *every == 0);
  if (terminal)
    return false;
  int64_t now = nowNs();
  if (step != first && step != last && now - lastLine < kLineNs)
    return false;
  lastLine = now;
  return true;
}

void ProgressLog::step(uint64_t step, uint64_t first, uint64_t last, double secondsPerStep,
                       const std::string &rest) {
  bool logged = wanted(step, first, last);
  if (!terminal && !logged)
    return;
  std::string text = "step " + std::to_string(step) + "/" + std::to_string(last) + "  " + rest;
  double left = secondsPerStep * double(last - step);
  if (left >= 10)
    text += "  " + durationText(left) + " left";
  if (terminal)
    writeControl(err, "\r\033[K");
  err << text << (terminal && !logged ? "" : "\n") << std::flush;
  shown = terminal && !logged;
}

void ProgressLog::line(const std::string &text) {
  clear();
  err << text << std::endl;
}

void ProgressLog::clear() {
  if (shown)
    err << std::endl;
  shown = false;
}

} // namespace dpcrt
