// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the compiler assumes of the machine that will run a program: a few rates
// from which the partition, kernel and schedule phases estimate times. The same
// description always gives the same program, so it is a file and never measured
// during a compilation: one of `lib/Machine/*.json` unless the user names another.
#ifndef DPC_MACHINE_MACHINE_H
#define DPC_MACHINE_MACHINE_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <algorithm>
#include <cstdint>
#include <string>

namespace dpc {

/// Rates of one rank, all positive and finite; overheads may be 0.
struct Machine {
  std::string name;
  /// Floating-point operations a second of library calls (matmul, convolution).
  double matmulRate = 0;
  /// The same of those whose elements have 16 bits; 0: as of others.
  double narrowMatmulRate = 0;
  /// Floating-point operations a second of generated kernels.
  double kernelRate = 0;
  /// Bytes a second between a core and memory, reads and writes together.
  double memoryBandwidth = 0;
  /// Seconds that each library call or kernel costs beside its work.
  double launchOverhead = 0;
  /// Seconds from the send of an empty message to its arrival.
  double messageLatency = 0;
  /// Bytes a second of a message between two ranks.
  double messageBandwidth = 0;

  /// Seconds of work alone (the roofline): the slower of computing `flops` and
  /// moving `bytes`, without the launch.
  double getKernelSeconds(double flops, double bytes) const;
  /// Of a library call on elements of so many bits.
  double getCallSeconds(double flops, double bytes, unsigned elementBits) const;

  /// Seconds of one message.
  double getMessageSeconds(double bytes) const { return messageLatency + bytes / messageBandwidth; }

  /// Seconds of a collective by the fastest of several ways, each with `rounds` that
  /// wait for each other and `bytes` that pass one rank's link; 0 without a way.
  template <typename Ways> double getTrafficSeconds(const Ways &ways) const {
    double least = 0;
    for (const auto &way : ways) {
      double seconds = way.rounds * messageLatency + way.bytes / messageBandwidth;
      least = &way == &*ways.begin() ? seconds : std::min(least, seconds);
    }
    return least;
  }
};

/// Reads a description from JSON text. The error names every missing, unknown or
/// ill-valued key; `file` is the name it uses.
llvm::Expected<Machine> parseMachine(llvm::StringRef json, llvm::StringRef file);

/// Reads a description from a file.
llvm::Expected<Machine> readMachine(llvm::StringRef path);

/// The description of a processor's core, which is part of the compiler.
const Machine &getDefaultMachine();

/// The description that is part of the compiler for a kind of target, "cpu" or "cuda".
llvm::StringRef getMachineName(llvm::StringRef target);

/// The description that is part of the compiler under this name ("hopper"), or else a file's;
/// that of a processor's core if there is no name.
llvm::Expected<Machine> getMachine(llvm::StringRef nameOrPath);

/// The description as JSON text that parseMachine reads back.
std::string toJson(const Machine &machine);

} // namespace dpc

#endif // DPC_MACHINE_MACHINE_H
