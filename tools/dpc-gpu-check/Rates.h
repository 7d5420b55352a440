// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How fast a device runs what an artifact consists of, one command at a time: bytes of kernels
// against a copy on the device, products, and what a launch costs the host.
#pragma once
#include "devices/DeviceKind.h"
#include "session/Artifact.h"

namespace dpcrt::gpucheck {

struct Rate {
  std::string symbol, label; // of a product the symbol is "matmul"; label: the first command's
  uint64_t bytes = 0, flops = 0;
  double seconds = 0;
};

struct Rates {
  double copySeconds = 0; // of `copyBytes`, from a place to another
  uint64_t copyBytes = 0;
  double launchSeconds = 0;            // of the host, for one launch of the least kernel
  std::vector<Rate> kernels, products; // each once, those that move or compute most first
};

// Makes a device of the kind and measures all of the artifact's training step until `deadline`
// (of the monotonic clock); what was not reached is missing. A device of queues whose events are
// timed; operands are zeros.
Status measureRates(const DeviceKind &kind, const Artifact &artifact, int64_t deadline, Rates &out);

} // namespace dpcrt::gpucheck
