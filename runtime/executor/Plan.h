// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A rank's program made ready to run: buffers are a base and an offset, kernels are
// handles of the device, events and operations are numbers within the rank, for which
// executors have what they wait with. Everything is decided here, once; a step only
// walks it.
#pragma once
#include "executor/RecordPlan.h"
#include "program/format/RankGrid.h"
#include "transports/Specs.h"
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace dpcrt {

// A byte range: `offset` from the frame's base number `base`.
struct Buffer {
  uint32_t base = 0;
  fb::Access access = fb::Access::Read;
  uint64_t offset = 0, bytes = 0;
};

// Where a frame's base lies in the rank's arenas.
struct ArenaPlace {
  uint32_t arena;
  uint64_t offset;
};

struct PlannedCommand {
  fb::Action kind = fb::Action::NONE;
  uint16_t stream = 0; // of the block, or of the program
  std::vector<uint32_t> waits;
  int32_t signal = -1;
  std::vector<Buffer> buffers;
  const PreparedLaunch *launch = nullptr;
  const PreparedCall *call = nullptr;
  uint32_t pattern = 0; // of a fill
  uint32_t index = 0;   // input, output, or number of the collective in its frame
  uint32_t microBatch = 0;
  uint32_t label = 0;
};

// What a command's numbers mean: the program's own commands have one frame, every
// run of a block has one.
struct Frame {
  std::vector<DeviceAddress> bases; // a block's operands, then arenas
  std::vector<ArenaPlace> places;   // of the bases
  std::vector<uint32_t> events;
  std::vector<uint32_t> operations; // collectives (and exchanges of the order)
};

// An event that has fired when a step begins.
constexpr uint32_t kReadyEvent = 0;
constexpr uint32_t kNoEvent = UINT32_MAX;

// What a transport makes an operation of.
struct PlannedOperation {
  std::vector<TransferSpec> transfers; // of an exchange
  std::vector<uint32_t> signals;       // the event of each transfer, or kNoEvent
  std::optional<CollectiveSpec> collective;
  std::vector<Buffer> buffers; // all that it reads or writes, of its frame
};

struct PlannedBlock {
  const fb::Block *block;
  std::vector<PlannedCommand> commands;
  uint32_t collectives = 0;
};

struct PlannedRun {
  const PlannedBlock *block;
  Frame frame;
  std::vector<uint16_t> streams; // of the program, for each of the block's
  uint32_t streamCount = 0;      // of the program, that carry any of it
  std::atomic<uint32_t> streamsLeft{0};
  int32_t microBatch = -1, pairMicroBatch = -1;
};

struct PlannedItem {
  PlannedCommand command;
  PlannedRun *run = nullptr;
};

// One stream's part of the order: an item, and of a run the commands of the block
// that fall to this stream.
struct StreamItem {
  const PlannedItem *item;
  const std::vector<uint32_t> *commands = nullptr;
};

struct PlannedStream {
  std::string name;
  fb::StreamKind kind;
  std::vector<StreamItem> items;
};

// Where arenas lie in memory.
struct ArenaMemory {
  DeviceAddress data;
  uint64_t bytes;
};

// What the plan is made with.
struct PlanContext {
  const fb::Program *program;
  RankGrid grid;
  RankPlace place;
  Device &device;
  const std::vector<ArenaMemory> &arenas;
  bool comparesMirrors = false; // whether commands act that are there for that
};

class RankPlan {
public:
  static Status make(const PlanContext &context, std::unique_ptr<RankPlan> &out);

  const fb::Program *program = nullptr;
  uint32_t rank = 0;
  RankPlace place;
  std::vector<ArenaMemory> arenas;
  std::vector<PlannedStream> streams;
  // The list, which is an order of issue.
  std::vector<std::unique_ptr<PlannedItem>> items;
  Frame frame;         // of the order
  uint32_t events = 0; // kReadyEvent is the first
  std::vector<PlannedOperation> operations;
  RecordPlan record;

  std::string label(uint32_t index) const { return std::string(text(*program, index)); }
  DeviceAddress address(const fb::Ref &ref) const {
    return arenas[ref.index()].data + ref.offset();
  }

private:
  friend class Planner;
  std::vector<PlannedBlock> blocks;
  std::vector<std::unique_ptr<PlannedRun>> runs;
  std::map<std::vector<uint32_t>, std::unique_ptr<std::vector<uint32_t>>> slices;
};

} // namespace dpcrt
