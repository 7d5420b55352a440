// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What was found, in an error: the start of a piece of a file, which may hold any
// bytes, as one that can be shown.
#ifndef DPC_LIB_SCHEDULE_CORE_QUOTE_H
#define DPC_LIB_SCHEDULE_CORE_QUOTE_H

#include <algorithm>
#include <string>
#include <string_view>

namespace dpc::schedule {

inline std::string quote(std::string_view text) {
  std::string result(text.substr(0, 12));
  std::replace_if(
      result.begin(), result.end(), [](unsigned char c) { return c < 0x20 || c > 0x7e; }, '?');
  return "'" + result + "'";
}

} // namespace dpc::schedule

#endif // DPC_LIB_SCHEDULE_CORE_QUOTE_H
