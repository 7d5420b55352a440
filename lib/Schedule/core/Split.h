// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What is typed as words between separators.
#ifndef DPC_LIB_SCHEDULE_CORE_SPLIT_H
#define DPC_LIB_SCHEDULE_CORE_SPLIT_H

#include <sstream>
#include <string>
#include <vector>

namespace dpc::schedule {

inline std::vector<std::string> split(const std::string &text, char separator) {
  std::vector<std::string> parts;
  std::stringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);)
    parts.push_back(part);
  return parts;
}

} // namespace dpc::schedule

#endif // DPC_LIB_SCHEDULE_CORE_SPLIT_H
