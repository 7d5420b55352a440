// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What started this process: as which of how many, and by what they exchange bytes. A process
// that does not see that it is one of several trains the whole model by itself, and nobody
// notices; so what is not understood is refused.
#pragma once
#include "program/format/Status.h"
#include <cstdint>
#include <map>

namespace dpcrt {

using Environment = std::map<std::string, std::string>;

// This process's.
Environment readEnvironment();

struct Launch {
  std::string launcher; // for messages: "Open MPI's mpirun"; empty: none
  uint32_t rank = 0, size = 1;
  // Among the processes of this machine. Where the launcher does not say, as if all were on it:
  // then they share its cores, which is slow at worst.
  uint32_t localRank = 0, localSize = 1;
  std::string transport = "local"; // as --transport says it
};

// `transport`: what --transport says, or empty: what the launcher serves. The launcher is the
// first whose variables are all there. Errors are of code Usage: part of a launcher's variables,
// numbers that are none or contradict each other, a transport that does not join these processes.
// Where there is one process there is nothing to join, and every transport of this build serves.
Status findLaunch(const Environment &environment, const std::string &transport, Launch &out);

} // namespace dpcrt
