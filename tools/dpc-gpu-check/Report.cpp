// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See Report.h.
#include "dpc-gpu-check/Report.h"
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>

namespace dpcrt::gpucheck {

static std::string lineOf(const Report::Json &json) {
  return json.dump(-1, ' ', false, Report::Json::error_handler_t::replace);
}

std::string Report::text() const {
  std::string out = "[\n";
  auto append = [&](Json line) {
    if (isEmulated)
      line["emulated"] = true;
    out += (out.size() > 2 ? ",\n" : "") + lineOf(line);
  };
  for (auto &[key, value] : head)
    append({{key, value}});
  for (const Json &line : lines)
    append(line);
  return out + "\n]\n";
}

Status Report::add(const Json &line) {
  lines.push_back(line);
  // Beside it first: a report that was there is replaced by a whole one.
  std::string beside = path + ".new";
  std::ofstream file(beside, std::ios::binary);
  file << text();
  file.close();
  if (!file || std::rename(beside.c_str(), path.c_str()) != 0)
    return error(Code::Io, "cannot write ", path, ": ", std::strerror(errno));
  return {};
}

} // namespace dpcrt::gpucheck
