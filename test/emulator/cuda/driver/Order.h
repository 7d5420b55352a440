// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which command runs next, of all that could: as drawn from a seed, or as a policy says.
#ifndef DPC_TEST_EMULATOR_CUDA_DRIVER_ORDER_H
#define DPC_TEST_EMULATOR_CUDA_DRIVER_ORDER_H

#include "Options.h"
#include "Random.h"

namespace dpc::emulator {

/// A command that could run: the head of a stream or of a chain of a graph.
struct Candidate {
  uint64_t stream = 0; ///< by number
  uint32_t axis = 0;
  uint64_t sequence = 0;
  int64_t number = -1;
  size_t index = 0; ///< whatever the scheduler knows it by
  size_t chain = 0;
};

class Order {
public:
  explicit Order(const Options &options);

  /// The index of one of `ready`, of which there is at least one.
  size_t choose(const std::vector<Candidate> &ready);
  /// How many commands run at a call that enqueues one, and at one that asks whether something is
  /// done, after having asked so often in vain: one at first, and more and more, for hosts sleep
  /// between.
  uint64_t afterEnqueue();
  uint64_t atQuery(uint64_t asked);
  /// For what a command draws itself.
  uint64_t draw() { return random.next(); }

private:
  bool isPutOff(const Candidate &candidate) const;

  Options::Policy policy;
  uint64_t number;
  Random random;
  uint64_t period;             ///< the mean time until streams change their order
  uint64_t eagerness;          ///< one of so many calls runs something; 0: none
  std::vector<uint64_t> ahead; ///< by axis
};

} // namespace dpc::emulator

#endif // DPC_TEST_EMULATOR_CUDA_DRIVER_ORDER_H
