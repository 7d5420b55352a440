// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Values of flags that are more than a number: durations, rates, lists of options.
// All parsers give one clear error of code Usage.
#pragma once
#include "program/format/Status.h"
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace dpcrt {

// "300s", "20us", "5ms", "2m", "1h", "100ns"; a bare number is seconds.
Status parseDuration(const std::string &flag, const std::string &text, double &seconds);
// "10GB/s", "500MB/s", "1GiB/s".
Status parseBandwidth(const std::string &flag, const std::string &text, double &bytesPerSecond);
Status parseNumber(const std::string &flag, const std::string &text, double &value);
// "a=1,b=2,c" in order; c has the value "".
std::vector<std::pair<std::string, std::string>> splitOptions(const std::string &text);

} // namespace dpcrt
