// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The schedules with a fixed form, one function each, and what they share.
#ifndef DPC_LIB_SCHEDULE_GENERATORS_FIXED_H
#define DPC_LIB_SCHEDULE_GENERATORS_FIXED_H

#include "dpc/Schedule/generators/Generators.h"

namespace dpc::schedule {

Table makeGpipe(const Request &request);
Table make1f1b(const Request &request);
Table makeZbH1(const Request &request);
Table makeInterleaved(const Request &request);
Table makeInterleavedZb(const Request &request);
Table makeCombined(const Request &request);
Table makeLoopedBfs(const Request &request);
Table makeZbH2(const Request &request);
Table makeHanayo(const Request &request);
Table makeVHalf(const Request &request);
Table makeVMin(const Request &request);
Table makeZbV(const Request &request);
Table makeChimera(const Request &request);
Table makeDualPipe(const Request &request);
Table makeDualPipeV(const Request &request);

std::string checkInterleaved(const Request &request);
std::string checkInterleavedZb(const Request &request);
std::string checkCombined(const Request &request);
std::string checkHanayo(const Request &request);
std::string checkChimera(const Request &request);
std::string checkDualPipe(const Request &request);
std::string checkDualPipeV(const Request &request);

/// A table with its header filled in, as `Placement.h` says.
inline Table startTable(const std::string &name, const Request &request, Placement placement,
                        unsigned chunks = 1) {
  return startTable(name, placement, request.ranks, chunks, request.microBatches);
}

} // namespace dpc::schedule

#endif // DPC_LIB_SCHEDULE_GENERATORS_FIXED_H
