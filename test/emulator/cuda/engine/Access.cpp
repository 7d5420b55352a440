// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a thread may read and write.
#include "Block.h"

#include <algorithm>

namespace dpc::emulator {

static bool holds(const void *begin, uint64_t size, const void *address, uint64_t bytes) {
  uint64_t at = static_cast<const char *>(address) - static_cast<const char *>(begin);
  return address >= begin && bytes <= size && at <= size - bytes;
}

bool Block::allowed(Lane &lane, const void *address, uint64_t bytes, bool write) {
  if (lastRange && holds(lastRange->begin, lastRange->bytes, address, bytes))
    return lastRange->writable || !write;
  auto after =
      std::upper_bound(ranges.begin(), ranges.end(), address,
                       [](const void *at, const MemoryRange *range) { return at < range->begin; });
  if (after != ranges.begin() && holds(after[-1]->begin, after[-1]->bytes, address, bytes)) {
    lastRange = after[-1];
    return lastRange->writable || !write;
  }
  if (stacks.contains(lane.index, address, bytes))
    return true;
  for (uint64_t i = 0; i < twin->constantCount; ++i)
    if (holds(twin->constants[i].address, twin->constants[i].bytes, address, bytes))
      return !write;
  return false;
}

// Addresses differ from run to run; places in buffers do not.
std::string Block::describeAddress(const void *address, uint64_t bytes, bool write) const {
  std::string text = std::string(write ? "writes " : "reads ") + std::to_string(bytes) + " bytes ";
  constexpr int64_t kNear = 1 << 20;
  const MemoryRange *nearest = nullptr;
  int64_t distance = kNear, place = 0;
  for (const MemoryRange *range : ranges) {
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
  auto inShared = [&] {
    return std::string(write ? "writes " : "reads ") + std::to_string(bytes) + " bytes at byte " +
           std::to_string(offset) + " of its block's shared memory";
  };
  if (reinterpret_cast<uintptr_t>(address) & (alignment - 1))
    stop(lane, FaultKind::Misaligned,
         (isShared ? inShared() : describeAddress(address, bytes, write)) +
             ", which is no multiple of " + std::to_string(alignment));
  if (!isShared) {
    if (launch->memory && !allowed(lane, address, bytes, write))
      stop(lane, FaultKind::IllegalAddress, describeAddress(address, bytes, write));
    return;
  }
  const Kernel &kernel = *launch->kernel;
  bool inArray = kernel.usesDynamic && offset >= kernel.dynamicOffset;
  for (uint64_t i = 0; i < kernel.arrayCount && !inArray; ++i)
    inArray = offset >= kernel.arrays[i].offset &&
              offset + bytes <= kernel.arrays[i].offset + kernel.arrays[i].bytes;
  if (!inArray)
    stop(lane, FaultKind::IllegalAddress, inShared() + ", where no array lies");
  if (!launch->findRaces)
    return;
  if (std::optional<Races::Found> race = races.access(lane.index, offset, bytes, write))
    stop(lane, FaultKind::Race,
         inShared() + ", which thread " + std::to_string(race->thread) + " has " +
             (race->wrote ? "written" : "read") + " with no barrier between");
}

} // namespace dpc::emulator
