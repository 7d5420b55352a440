// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The arenas of all ranks and what lies in them by name: parameters with their
// gradients and moments, constants, initial weights.
#pragma once
#include "devices/Device.h"
#include "executor/Plan.h"
#include "program/format/ArenaSharing.h"
#include "session/Artifact.h"
#include "world/World.h"
#include <map>

namespace dpcrt {

// One holder's bytes of a parameter.
struct Holding {
  uint32_t rank;
  uint64_t slice; // of an expert parameter: its first dimension's index
  const fb::Parameter *parameter;
  uint64_t bytes = 0; // of all values that are updated and saved
  // Bytes [begin, begin + bytes) of these.
  struct Range {
    uint64_t begin = 0, bytes = 0;
    uint64_t end() const { return begin + bytes; }
  };
  // The values here: the master's, where there is one.
  DeviceAddress weight;
  Range weights;
  // Of all, and which of them have their sum after a step.
  DeviceAddress gradient;
  Range reduced;
  // Of these values; empty where other holders keep them.
  std::vector<DeviceAddress> moments;
  Range moment;
  // What commands compute with: `weight`, or its rounded copy.
  DeviceAddress computed;
  uint64_t computedBytes = 0;

  // Sets bytes [first, first + count) of all values, whole elements: of those that are here,
  // and of what is computed with.
  Status writeWeight(Device &device, uint64_t first, const char *values, uint64_t count) const;
};

struct HeldParameter {
  const Manifest::Parameter *manifest;
  uint64_t bytes = 0;            // of the whole parameter
  std::vector<Holding> holdings; // ascending rank
};

// The ranks that a process runs: [first, end).
struct RankRange {
  uint32_t first = 0, end = 0;
  uint32_t count() const { return end - first; }
  bool contains(uint32_t rank) const { return first <= rank && rank < end; }
};
// This process's, of `ranks` in all.
inline RankRange ranksOf(const World &world, uint32_t ranks) {
  return {world.firstRank(world.self(), ranks), world.firstRank(world.self() + 1, ranks)};
}

class RankMemory {
public:
  // The arenas of these ranks of an entry point, where ArenaSharing.h says: in memory
  // of their own, or in that of the training step, which is allocated first (`training`
  // is then null).
  Status allocate(const Artifact &artifact, const std::string &entry, const RankRange &ranks,
                  Device &device, const RankMemory *training);
  Status loadConstants(const Artifact &artifact, Device &device);
  // From the sources that the manifest names.
  Status loadWeights(const Artifact &artifact, Device &device);

  // Of the ranks of this process, in their order.
  RankRange ranks;
  std::vector<std::vector<ArenaMemory>> arenas;
  std::vector<const fb::Program *> programs;
  std::vector<HeldParameter> parameters; // in the manifest's order; holders of this process
  // Memory of this entry point's own, the training step's with the common blocks.
  uint64_t ownBytes(uint32_t rank) const { return owned[rank - ranks.first]; }
  // Whether all ranks' weights are the training step's.
  bool sharesWeights = false;

  const HeldParameter *find(const std::string &name) const;
  DeviceAddress address(uint32_t rank, const fb::Ref &ref) const {
    return arenas[rank - ranks.first][ref.index()].data + ref.offset();
  }

private:
  Status allocateRank(const Artifact &artifact, uint32_t coordinate, Device &device,
                      const RankMemory *training);
  Status bindParameters(const Manifest &manifest);
  // Per rank, common to all entry points.
  std::vector<std::map<ArenaHome::Kind, ArenaMemory>> blocks;
  std::vector<uint64_t> owned; // per rank
};

} // namespace dpcrt
