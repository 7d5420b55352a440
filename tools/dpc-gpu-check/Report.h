// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the checks have come to: a JSON file with a line for each of them, which is written anew
// after every check, so that it is whole whatever happens behind.
#pragma once
#include "program/format/Status.h"
#include <nlohmann/json.hpp>
#include <string>

namespace dpcrt::gpucheck {

class Report {
public:
  using Json = nlohmann::ordered_json;

  // `isEmulated`: whether there is no GPU but something that stands in for one, which every line
  // then says.
  Report(std::string path, bool isEmulated) : path(std::move(path)), isEmulated(isEmulated) {}

  // A fact about all checks.
  void say(const std::string &key, const Json &value) { head.push_back({key, value}); }
  // A line of its own; writes the file.
  Status add(const Json &line);

private:
  std::string text() const;

  std::string path;
  bool isEmulated;
  std::vector<std::pair<std::string, Json>> head;
  std::vector<Json> lines;
};

} // namespace dpcrt::gpucheck
