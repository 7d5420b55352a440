// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How the emulator behaves, as DPC_CUDA_EMULATOR says: parts with commas between them, each
// at most once but for `fail` and `fault`.
//
//   seed=N                    draws the order of commands and of threads; 0
//   policy=random             which queue goes on is drawn, and sometimes at a call already; the
//                             default
//   policy=first              the command enqueued first
//   policy=reverse            the one enqueued last
//   policy=starve=S           stream S (they count from 1) only when no other can go on
//   policy=delay=K            command K (they count from 0) only when nothing else can
//   policy=eager              everything as soon as it is enqueued
//   gpu=sm_90                 the architecture
//   memory=4GiB               what the GPU has (B, KiB, MiB, GiB)
//   log=FILE                  every call and every command that ran, a line of JSON each
//   fail=FUNCTION:N[:RESULT]  the N-th call (from 1) of a function of either library does
//                             nothing and gives RESULT, by name; else an unknown or internal error
//   fault=launch:N[:RESULT]   the N-th kernel or product that runs (from 1) fails the device
//   fault=hang:S:N            stream S stops before its N-th command (from 1), for ever
//   fault=skip:FUNCTION:N     the N-th call (from 1) of a function of the driver does nothing and
//                             says that it has: what a program would be that leaves it out
//   fault=slow:U              each command takes U microseconds more
//   patience=S                how long the host may wait while nothing can go on, in seconds; 60
//
// The variable is read when the library is first called, and again when a primary context is made.
#ifndef DPC_TEST_EMULATOR_CUDA_DRIVER_OPTIONS_H
#define DPC_TEST_EMULATOR_CUDA_DRIVER_OPTIONS_H

#include <cstdint>
#include <string>
#include <vector>

namespace dpc::emulator {

struct Options {
  enum class Policy { Random, First, Reverse, Starve, Delay, Eager };
  struct Failure {
    std::string function; ///< as it is exported
    uint64_t call = 0;
    uint32_t result = 0; ///< of the function's type
  };

  uint64_t seed = 0;
  Policy policy = Policy::Random;
  uint64_t policyNumber = 0;
  uint32_t major = 9, minor = 0;
  uint64_t memoryBytes = uint64_t(4) << 30;
  std::string log;
  std::vector<Failure> failures;
  std::vector<Failure> leftOut; ///< that succeed without doing anything
  uint64_t failingLaunch = 0;   ///< 0: none
  uint32_t launchResult = 0;
  uint64_t hangingStream = 0, hangingCommand = 0; ///< 0: none
  uint64_t slowMicroseconds = 0;
  uint64_t patienceSeconds = 60;

  /// False, and in `error` what is wrong with the text and what would be right.
  static bool parse(const std::string &text, Options &out, std::string &error);
};

/// By name; false if there is none.
bool resultNamed(const std::string &name, uint32_t &out);

} // namespace dpc::emulator

#endif // DPC_TEST_EMULATOR_CUDA_DRIVER_OPTIONS_H
