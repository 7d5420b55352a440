// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A link between ranks of one process that takes as long as one between machines would.
#pragma once
#include <algorithm>
#include <cstdint>

namespace dpcrt {

// An emulated link. A message takes latency + bytes / bandwidth from when both its
// sides are there; messages do not slow each other. A collective of m members and b
// bytes of input takes, from when all are there: all-to-all and reduce-scatter
// latency + (m-1)/m b / bandwidth, all-gather latency + (m-1) b / bandwidth,
// all-reduce the shorter of 2 (latency + (m-1)/m b / bandwidth), where each member
// adds up a part and the parts are gathered, and latency + (m-1) b / bandwidth, where
// everybody sends everything to everybody and adds it up alone. Both give the same
// bits; with two members the second moves no more bytes and waits once.
struct Link {
  int64_t latencyNs = 0;
  double bytesPerSecond = 0; // 0: as fast as it goes
  bool emulated() const { return latencyNs > 0 || bytesPerSecond > 0; }
  int64_t nanoseconds(double bytes) const {
    return latencyNs + (bytesPerSecond > 0 ? int64_t(bytes / bytesPerSecond * 1e9) : 0);
  }
  int64_t allReduceNanoseconds(double members, double bytes) const {
    return std::min(2 * nanoseconds((members - 1) / members * bytes),
                    nanoseconds((members - 1) * bytes));
  }
};

} // namespace dpcrt
