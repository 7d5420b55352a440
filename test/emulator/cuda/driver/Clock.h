// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What comes before what: vector clocks. Each list of commands that run one after another, a
// stream or a chain of a graph's nodes, is an axis, on which its commands are counted. The
// clock of a command says how far on each axis everything lies before it.
#ifndef DPC_TEST_EMULATOR_CUDA_DRIVER_CLOCK_H
#define DPC_TEST_EMULATOR_CUDA_DRIVER_CLOCK_H

#include <algorithm>
#include <cstdint>
#include <vector>

namespace dpc::emulator {

using Clock = std::vector<uint64_t>; ///< by axis; what is not there is 0

/// A command's place on its axis, counted from 1.
struct Moment {
  uint32_t axis = 0;
  uint64_t time = 0;
};

inline void merge(Clock &into, const Clock &from) {
  if (into.size() < from.size())
    into.resize(from.size());
  for (size_t axis = 0; axis < from.size(); ++axis)
    into[axis] = std::max(into[axis], from[axis]);
}

inline bool isBefore(const Moment &moment, const Clock &clock) {
  return moment.axis < clock.size() && moment.time <= clock[moment.axis];
}

/// The next command of the axis comes behind all that `clock` has; it becomes its clock.
inline Moment advance(Clock &clock, uint32_t axis, uint64_t &time) {
  if (clock.size() <= axis)
    clock.resize(axis + 1);
  clock[axis] = ++time;
  return {axis, time};
}

} // namespace dpc::emulator

#endif // DPC_TEST_EMULATOR_CUDA_DRIVER_CLOCK_H
