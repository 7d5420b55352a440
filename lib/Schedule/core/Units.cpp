// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dpc/Schedule/core/Units.h"

#include <iomanip>
#include <sstream>

namespace dpc::schedule {

std::string inWords(double value, const char *unit) {
  static const char *prefixes[] = {"", "k", "M", "G", "T"};
  int prefix = 0;
  // 999.5 would be rounded to 1e+03.
  while (value >= 999.5 && prefix < 4) {
    value /= 1000;
    ++prefix;
  }
  std::ostringstream text;
  std::string scaled = std::string(prefixes[prefix]) + unit;
  text << std::setprecision(3) << value << (scaled.empty() ? "" : " ") << scaled;
  return text.str();
}

} // namespace dpc::schedule
