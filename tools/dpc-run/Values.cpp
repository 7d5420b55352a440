// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Parsing of flag values.
#include "dpc-run/Values.h"
#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace dpcrt {
namespace {
// A number followed by a unit of `units`.
bool withUnit(const std::string &text, const std::vector<std::pair<std::string, double>> &units,
              double &value) {
  char *end = nullptr;
  value = std::strtod(text.c_str(), &end);
  if (end == text.c_str() || !std::isfinite(value) || value < 0)
    return false;
  for (auto &[unit, factor] : units)
    if (unit == end) {
      value *= factor;
      return true;
    }
  return false;
}
} // namespace

Status parseDuration(const std::string &flag, const std::string &text, double &seconds) {
  if (withUnit(text,
               {{"", 1},
                {"s", 1},
                {"ms", 1e-3},
                {"us", 1e-6},
                {"ns", 1e-9},
                {"m", 60},
                {"min", 60},
                {"h", 3600}},
               seconds))
    return {};
  return error(Code::Usage, flag, ": '", text, "' is no duration, such as 300s or 20us");
}

Status parseBandwidth(const std::string &flag, const std::string &text, double &rate) {
  if (withUnit(text,
               {{"B/s", 1},
                {"kB/s", 1e3},
                {"MB/s", 1e6},
                {"GB/s", 1e9},
                {"TB/s", 1e12},
                {"KiB/s", 1024.0},
                {"MiB/s", 1048576.0},
                {"GiB/s", 1073741824.0}},
               rate) &&
      rate > 0)
    return {};
  return error(Code::Usage, flag, ": '", text, "' is no bandwidth, such as 10GB/s");
}

Status parseNumber(const std::string &flag, const std::string &text, double &value) {
  char *end = nullptr;
  value = std::strtod(text.c_str(), &end);
  if (end != text.c_str() && !*end && std::isfinite(value))
    return {};
  return error(Code::Usage, flag, ": '", text, "' is no number");
}

std::vector<std::pair<std::string, std::string>> splitOptions(const std::string &text) {
  std::vector<std::pair<std::string, std::string>> list;
  for (size_t begin = 0; begin <= text.size();) {
    size_t end = std::min(text.find(',', begin), text.size());
    std::string item = text.substr(begin, end - begin);
    size_t equals = item.find('=');
    list.emplace_back(item.substr(0, equals),
                      equals == std::string::npos ? "" : item.substr(equals + 1));
    begin = end + 1;
  }
  return list;
}

} // namespace dpcrt
