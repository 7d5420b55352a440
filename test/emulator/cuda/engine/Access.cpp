// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a thread may read and write.
#include "Block.h"

#include <algorithm>

namespace dpc::emulator {

static bool holds(const void *begin, uint64_t size, const void *address, uint64_t bytes) {
  uint64_t at = static_cast<const char *>(address) - static_cast<const char *>(begin);
  return address >= begin && bytes <= size && at <= size - bytes;
}

const Block::Range *Block::rangeOf(const void *address, uint64_t bytes) {
  auto holdsIt = [&](const Range &range) {
    return holds(range.memory->begin, range.memory->bytes, address, bytes);
  };
  if (lastRange < ranges.size() && holdsIt(ranges[lastRange]))
    return &ranges[lastRange];
  auto after =
      std::upper_bound(ranges.begin(), ranges.end(), address,
                       [](const void *at, const Range &range) { return at < range.memory->begin; });
  if (after == ranges.begin() || !holdsIt(after[-1]))
    return nullptr;
  lastRange = after - ranges.begin() - 1;
  return &ranges[lastRange];
}

// What is the thread's without belonging to the launch: its stack, the code's constants.
bool Block::isOwn(const Lane &lane, const void *address, uint64_t bytes, bool write) const {
  if (stacks.contains(lane.index, address, bytes))
    return true;
  for (uint64_t i = 0; i < twin->constantCount && !write; ++i)
    if (holds(twin->constants[i].address, twin->constants[i].bytes, address, bytes))
      return true;
  return false;
}

static std::string describeRace(const Races::Found &race) {
  return ", which " +
         (race.inAnotherBlock ? std::string("another block")
                              : "thread " + std::to_string(race.thread)) +
         " has " + (race.wrote ? "written" : "read") + " with no barrier between";
}

static std::string describeShared(uint64_t offset, uint64_t bytes, bool write) {
  return std::string(write ? "writes " : "reads ") + std::to_string(bytes) + " bytes at byte " +
         std::to_string(offset) + " of its block's shared memory";
}

// Addresses differ from run to run; places in buffers do not.
std::string Block::describeAddress(const void *address, uint64_t bytes, bool write) const {
  std::string text = std::string(write ? "writes " : "reads ") + std::to_string(bytes) + " bytes ";
  constexpr int64_t kNear = 1 << 20;
  const MemoryRange *nearest = nullptr;
  int64_t distance = kNear, place = 0;
  for (const Range &each : ranges) {
    const MemoryRange *range = each.memory;
    int64_t at = static_cast<const char *>(address) - static_cast<const char *>(range->begin);
    int64_t away = at < 0 ? -at : std::max<int64_t>(0, at - static_cast<int64_t>(range->bytes));
    if (away < distance) {
      distance = away;
      place = at;
      nearest = range;
    }
  }
  if (!nearest)
    return text + "that no buffer holds";
  int64_t size = nearest->bytes;
  if (place < 0)
    return text + std::to_string(-place) + " bytes before " + nearest->name;
  if (place >= size)
    return text + std::to_string(place - size) + " bytes behind the end of " + nearest->name;
  if (place + static_cast<int64_t>(bytes) > size)
    return text + "across the end of " + nearest->name;
  return text + "at byte " + std::to_string(place) + " of " + nearest->name +
         (write && !nearest->writable ? ", which it may only read" : "");
}

void Block::access(Lane &lane, const void *address, uint64_t bytes, uint32_t alignment,
                   bool write) {
  bool isShared = holds(lane.shared, sharedBytes, address, bytes);
  uint64_t offset = static_cast<const char *>(address) - lane.shared;
  if (reinterpret_cast<uintptr_t>(address) & (alignment - 1))
    stop(
        lane, FaultKind::Misaligned,
        (isShared ? describeShared(offset, bytes, write) : describeAddress(address, bytes, write)) +
            ", which is no multiple of " + std::to_string(alignment));
  if (isShared)
    return accessShared(lane, offset, bytes, write);
  if (!launch->memory)
    return;
  const Range *range = rangeOf(address, bytes);
  if (range ? write && !range->memory->writable : !isOwn(lane, address, bytes, write))
    stop(lane, FaultKind::IllegalAddress, describeAddress(address, bytes, write));
  if (range && launch->touched)
    launch->touched->add(address, bytes, write);
  if (!range || !range->place)
    return;
  offset = static_cast<const char *>(address) - static_cast<const char *>(range->memory->begin);
  if (auto race = racesInMemory.access(lane.index, *range->place + offset, bytes, write))
    stop(lane, FaultKind::Race, describeAddress(address, bytes, write) + describeRace(*race));
}

void Block::accessShared(Lane &lane, uint64_t offset, uint64_t bytes, bool write) {
  const Kernel &kernel = *launch->kernel;
  bool inArray = kernel.usesDynamic && offset >= kernel.dynamicOffset;
  for (uint64_t i = 0; i < kernel.arrayCount && !inArray; ++i)
    inArray = offset >= kernel.arrays[i].offset &&
              offset + bytes <= kernel.arrays[i].offset + kernel.arrays[i].bytes;
  if (!inArray)
    stop(lane, FaultKind::IllegalAddress,
         describeShared(offset, bytes, write) + ", where no array lies");
  if (racesInShared.size() == 0)
    return;
  if (auto race = racesInShared.access(lane.index, offset, bytes, write))
    stop(lane, FaultKind::Race, describeShared(offset, bytes, write) + describeRace(*race));
}

} // namespace dpc::emulator
