// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Another program, run until it ends or its time is over: what breaks the GPU for one process
// leaves the next one well.
#pragma once
#include <map>
#include <string>
#include <vector>

namespace dpcrt::gpucheck {

struct Ended {
  int status = -1;     // its exit status; -1: it could not be started, or was killed
  bool isLate = false; // its time was over
  std::string said;    // the end of what it wrote to both of its outputs
  double seconds = 0;
  std::string problem() const; // in words; empty if it ended with 0
};

// `command`: the program's path, then its arguments. It ends with all that it has started.
Ended runChild(const std::vector<std::string> &command,
               const std::map<std::string, std::string> &environment, double seconds);

} // namespace dpcrt::gpucheck
