// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See GuardedBuffers.h.
#include "GuardedBuffers.h"

#include <cstring>

namespace dpc::emulator {

void GuardedBuffers::add(const void *bytes, uint64_t count, bool writable) {
  Buffer buffer;
  uint64_t whole = kRedZone + count + kRedZone + kAlignment;
  buffer.memory.reset(new unsigned char[whole]);
  std::memset(buffer.memory.get(), kPoison, whole);
  buffer.begin = buffer.memory.get() + kRedZone;
  buffer.begin += -reinterpret_cast<uintptr_t>(buffer.begin) & (kAlignment - 1);
  buffer.pointer = buffer.begin;
  buffer.bytes = count;
  buffer.writable = writable;
  if (bytes && count)
    std::memcpy(buffer.begin, bytes, count);
  if (!writable)
    buffer.before.assign(buffer.begin, buffer.begin + count);
  buffers.push_back(std::move(buffer));
}

std::vector<unsigned char> GuardedBuffers::contents(size_t i) const {
  return {buffers[i].begin, buffers[i].begin + buffers[i].bytes};
}

std::vector<void *> GuardedBuffers::arguments() {
  std::vector<void *> result;
  for (Buffer &buffer : buffers)
    result.push_back(&buffer.pointer);
  return result;
}

std::vector<MemoryRange> GuardedBuffers::ranges() const {
  std::vector<MemoryRange> result;
  for (size_t i = 0; i < buffers.size(); ++i)
    result.push_back(
        {buffers[i].begin, buffers[i].bytes, buffers[i].writable, "buffer " + std::to_string(i)});
  return result;
}

std::string GuardedBuffers::findDamage() const {
  for (size_t i = 0; i < buffers.size(); ++i) {
    const Buffer &buffer = buffers[i];
    std::string name = "buffer " + std::to_string(i);
    const unsigned char *end = buffer.begin + buffer.bytes;
    for (uint64_t k = 0; k < kRedZone; ++k) {
      if (buffer.begin[-1 - static_cast<int64_t>(k)] != kPoison)
        return "byte " + std::to_string(k + 1) + " before " + name + " was written";
      if (end[k] != kPoison)
        return "byte " + std::to_string(k) + " behind the end of " + name + " was written";
    }
    for (uint64_t k = 0; k < buffer.before.size(); ++k)
      if (buffer.begin[k] != buffer.before[k])
        return "byte " + std::to_string(k) + " of " + name + ", an input, was written";
  }
  return "";
}

} // namespace dpc::emulator
