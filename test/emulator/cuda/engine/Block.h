// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One block of threads, executed. Launch.h says what it keeps to.
#ifndef DPC_TEST_EMULATOR_CUDA_ENGINE_BLOCK_H
#define DPC_TEST_EMULATOR_CUDA_ENGINE_BLOCK_H

#include "Fibers.h"
#include "Launch.h"
#include "Races.h"
#include "Random.h"

#include <vector>

namespace dpc::emulator {

constexpr uint32_t kWarp = 32;
constexpr uint32_t kMostThreads = 1024;
constexpr uint32_t kBarriers = 16;

class Block;

/// A thread with what the engine knows of it.
struct Lane : Thread {
  enum State { Runs, AtBarrier, InExchange, Ended };
  Block *block = nullptr;
  Fiber fiber;
  State state = Runs;
  uint32_t index = 0;  ///< in the block
  uint64_t site = 0;   ///< where it waits
  uint64_t result = 0; ///< of the exchange it waited in
};

/// Lanes of a warp that meet in a shuffle, a vote or a barrier of their warp.
struct Exchange {
  enum Kind { Shuffle, Vote, Barrier };
  Kind kind = Barrier;
  uint32_t mode = 0; ///< of a shuffle or vote
  uint32_t mask = 0, arrived = 0;
  uint32_t value[kWarp], lane[kWarp], clamp[kWarp];
};

class Block {
public:
  /// Makes ready for the launch, which is possible and outlives it. False: no memory.
  bool prepare(const TwinTable &twin, const Launch &launch);
  /// Executes one block of it.
  std::optional<Fault> run(const Dim3 &block, uint64_t seed);

  // What threads ask, through their services. Those that find a fault do not return.
  void barrier(Lane &lane, uint64_t site, bool aligned, uint32_t id, uint32_t count);
  uint64_t exchange(Lane &lane, uint64_t site, Exchange::Kind kind, uint32_t mode, uint32_t mask,
                    uint32_t value, uint32_t source, uint32_t clamp);
  void access(Lane &lane, const void *address, uint64_t bytes, uint32_t alignment, bool write);

private:
  struct Meeting { ///< a barrier of the block
    uint32_t count = 0;
    std::vector<uint32_t> waiting;
    uint64_t siteOfWarp[kMostThreads / kWarp];
    uint32_t arrivedOfWarp[kMostThreads / kWarp] = {};
  };
  struct Range {
    const MemoryRange *memory;
    std::optional<uint64_t> place; ///< in racesInMemory; none: races are not looked for
  };
  /// Which of the threads that can go on is next; drawn for each block.
  enum Policy { AnyOf, NewestFirst, OldestFirst, kPolicies };

  static void enter();
  void next(Fiber &from);
  void wake(uint32_t *threads, uint32_t count);
  void finish(Exchange &exchange, uint32_t warp);
  [[noreturn]] void stop(Lane &lane, FaultKind kind, std::string what);
  Fault fault(const Lane &lane, FaultKind kind, std::string what) const;
  bool leftOut(uint64_t site) const { return launch->leaveOut && *launch->leaveOut == site; }
  const char *instruction(uint64_t site) const { return twin->sites[site].instruction; }
  std::string describe(const Lane &lane) const;
  Fault deadlock() const;
  std::string describeAddress(const void *address, uint64_t bytes, bool write) const;
  const Range *rangeOf(const void *address, uint64_t bytes);
  bool isOwn(const Lane &lane, const void *address, uint64_t bytes, bool write) const;
  void accessShared(Lane &lane, uint64_t offset, uint64_t bytes, bool write);

  const TwinTable *twin = nullptr;
  const Launch *launch = nullptr;
  Random random;
  Stacks stacks;
  std::vector<Lane> lanes;
  std::vector<char> sharedMemory;
  uint64_t sharedBytes = 0;
  std::vector<Range> ranges; ///< by address
  size_t lastRange = 0;      ///< that was found
  Races racesInShared, racesInMemory;

  Policy policy = AnyOf;
  std::vector<uint32_t> ready;
  size_t readyBegin = 0;
  uint32_t running = 0, ended = 0;
  Fiber scheduler;
  Meeting meetings[kBarriers];
  std::vector<Exchange> exchanges[kMostThreads / kWarp];
  std::optional<Fault> found;
};

/// The functions of Twin.h, with Lanes for Threads.
const Services &services();

} // namespace dpc::emulator

#endif // DPC_TEST_EMULATOR_CUDA_ENGINE_BLOCK_H
