// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The manual's chapter Memory Management; of copies also Unified Addressing and "API
// synchronization behavior".
#include "Emulator.h"
#include "Exports.h"

#include <cstring>

using namespace dpc::emulator;

CUresult cuMemGetInfo_v2(size_t *free, size_t *total) {
  return call("cuMemGetInfo_v2", kPlain, [&](Call &c) {
    if (!free || !total)
      return CUDA_ERROR_INVALID_VALUE;
    *total = c.emulator.options.memoryBytes;
    *free = *total - c.emulator.memory.usedBytes();
    return CUDA_SUCCESS;
  });
}

CUresult cuMemAlloc_v2(CUdeviceptr *address, size_t bytes) {
  return call("cuMemAlloc_v2", kWaits | kUnsafe, [&](Call &c) {
    if (!address || bytes == 0)
      return CUDA_ERROR_INVALID_VALUE;
    Memory &memory = c.emulator.memory;
    c.note("bytes", bytes);
    if (bytes > c.emulator.options.memoryBytes - memory.usedBytes())
      return CUDA_ERROR_OUT_OF_MEMORY;
    *address = memory.allocate(bytes, false);
    c.note("address", hexadecimal(*address));
    return *address ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
  });
}

// Gives the memory back, which begins there and is of that kind, if nobody uses it any more.
static CUresult release(Call &c, uint64_t address, bool isPinned) {
  Emulator &emulator = c.emulator;
  const Allocation *found = emulator.memory.find(address);
  if (!found || found->begin != address || found->isPinned != isPinned || !found->isLive) {
    std::string what = "frees " + hexadecimal(address) + ", ";
    if (found && found->begin == address && !found->isLive)
      what += "which has been freed before";
    else
      what += "where no " + std::string(isPinned ? "pinned memory" : "allocation") + " begins";
    return c.violate("Memory Management", what, CUDA_ERROR_INVALID_VALUE);
  }
  std::string user = emulator.scheduler.userOf(*found);
  if (!user.empty())
    c.violate("Memory Management", "frees " + found->describe() + ", which " + user + " names",
              CUDA_SUCCESS);
  if (std::string damage = emulator.memory.findDamage(*found); !damage.empty())
    c.violate("Memory Management", damage, CUDA_SUCCESS);
  emulator.scheduler.conflicts.forget(found->begin, found->bytes);
  emulator.memory.free(*found, !user.empty());
  return CUDA_SUCCESS;
}

CUresult cuMemFree_v2(CUdeviceptr address) {
  return call("cuMemFree_v2", kWaits | kUnsafe, [&](Call &c) {
    c.note("address", hexadecimal(address));
    return address ? release(c, address, false) : CUDA_SUCCESS;
  });
}

CUresult cuMemHostAlloc(void **address, size_t bytes, unsigned flags) {
  return call("cuMemHostAlloc", kWaits | kUnsafe, [&](Call &c) {
    // Portable, mapped, write-combined.
    if (!address || bytes == 0 || flags > 7)
      return CUDA_ERROR_INVALID_VALUE;
    uint64_t place = c.emulator.memory.allocate(bytes, true);
    c.note("bytes", bytes);
    c.note("address", hexadecimal(place));
    *address = reinterpret_cast<void *>(place);
    return place ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
  });
}

CUresult cuMemFreeHost(void *address) {
  return call("cuMemFreeHost", kWaits | kUnsafe, [&](Call &c) {
    c.note("address", hexadecimal(reinterpret_cast<uint64_t>(address)));
    return release(c, reinterpret_cast<uint64_t>(address), true);
  });
}

namespace {
enum class Side { Any, Host, Device };
}

static CUresult checkSide(Call &c, uint64_t address, Side side, const char *what) {
  bool isDevice = c.emulator.memory.isDevice(address);
  if (side == Side::Any || isDevice == (side == Side::Device))
    return CUDA_SUCCESS;
  return c.violate("Memory Management",
                   std::string(what) + " " + hexadecimal(address) + ", which is " +
                       (isDevice ? "device" : "host") + " memory",
                   CUDA_ERROR_INVALID_VALUE);
}

// What a copy between these sides is, to be run later.
static Work workOfCopy(Emulator &emulator, uint64_t to, uint64_t from, size_t bytes,
                       const Allocation *toPlace, const Allocation *fromPlace) {
  Work work;
  work.kind = Work::Kind::Copy;
  work.name = "a copy";
  if (toPlace) {
    work.accesses.push_back({to, bytes, true});
    work.names.push_back(to);
  }
  char *target = emulator.memory.at(to);
  if (fromPlace) {
    work.accesses.push_back({from, bytes, false});
    work.names.push_back(from);
    const char *source = emulator.memory.at(from);
    work.run = [=](std::vector<Access> &, uint64_t) {
      std::memmove(target, source, bytes);
      return CUDA_SUCCESS;
    };
  } else {
    // Pageable memory is read at the call.
    const char *source = reinterpret_cast<const char *>(from);
    auto staged = std::make_shared<std::vector<char>>(source, source + bytes);
    work.run = [=](std::vector<Access> &, uint64_t) {
      std::memcpy(target, staged->data(), bytes);
      return CUDA_SUCCESS;
    };
  }
  return work;
}

static CUresult copy(const char *name, uint64_t to, Side toSide, uint64_t from, Side fromSide,
                     size_t bytes, CUstream handle) {
  return call(name, kPlain, [&](Call &c) {
    std::shared_ptr<Stream> stream = c.stream(handle);
    if (!stream)
      return CUDA_ERROR_INVALID_HANDLE;
    c.note("to", hexadecimal(to));
    c.note("from", hexadecimal(from));
    c.note("bytes", bytes);
    const Allocation *toPlace = nullptr, *fromPlace = nullptr;
    CUresult wrong = checkSide(c, to, toSide, "copies to");
    if (wrong == CUDA_SUCCESS)
      wrong = checkSide(c, from, fromSide, "copies from");
    if (wrong == CUDA_SUCCESS)
      wrong = c.checkBytes(to, bytes, "writes", toPlace);
    if (wrong == CUDA_SUCCESS)
      wrong = c.checkBytes(from, bytes, "reads", fromPlace);
    if (wrong != CUDA_SUCCESS || bytes == 0)
      return wrong;
    if (to < from + bytes && from < to + bytes)
      return c.violate("Memory Management",
                       "copies between bytes that overlap, " + hexadecimal(from) + " and " +
                           hexadecimal(to),
                       CUDA_ERROR_INVALID_VALUE);
    if ((!toPlace || !fromPlace) && stream->capture) {
      explain(std::string(name) + ": copies memory that is not pinned while " + stream->describe() +
              " is captured");
      return c.emulator.captures.refuse(*stream->capture, CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
    }
    if (!toPlace || !fromPlace)
      c.waits();
    CUresult result =
        c.submit(*stream, workOfCopy(c.emulator, to, from, bytes, toPlace, fromPlace));
    if (result != CUDA_SUCCESS || toPlace)
      return result;
    // Into pageable memory: done when the call returns.
    uint64_t last = stream->enqueued;
    result = c.waitUntil("a copy into memory that is not pinned",
                         [&] { return stream->commands.empty() || stream->ran >= last; });
    if (result == CUDA_SUCCESS)
      c.emulator.scheduler.hostSaw(stream->clock);
    return result;
  });
}

CUresult cuMemcpyAsync(CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream stream) {
  return copy("cuMemcpyAsync", to, Side::Any, from, Side::Any, bytes, stream);
}
CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void *from, size_t bytes, CUstream stream) {
  return copy("cuMemcpyHtoDAsync_v2", to, Side::Device, reinterpret_cast<uint64_t>(from),
              Side::Host, bytes, stream);
}
CUresult cuMemcpyDtoHAsync_v2(void *to, CUdeviceptr from, size_t bytes, CUstream stream) {
  return copy("cuMemcpyDtoHAsync_v2", reinterpret_cast<uint64_t>(to), Side::Host, from,
              Side::Device, bytes, stream);
}
CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream stream) {
  return copy("cuMemcpyDtoDAsync_v2", to, Side::Device, from, Side::Device, bytes, stream);
}

template <typename Value>
static CUresult fill(const char *name, uint64_t to, Value value, size_t count, CUstream handle) {
  return call(name, kPlain, [&](Call &c) {
    std::shared_ptr<Stream> stream = c.stream(handle);
    if (!stream)
      return CUDA_ERROR_INVALID_HANDLE;
    c.note("to", hexadecimal(to));
    c.note("bytes", count * sizeof(Value));
    const Allocation *place = nullptr;
    if (CUresult wrong = c.checkBytes(to, count * sizeof(Value), "writes", place);
        wrong != CUDA_SUCCESS)
      return wrong;
    if (!place || to % sizeof(Value))
      return c.violate("Memory Management",
                       "fills " + hexadecimal(to) +
                           (place ? ", which is no multiple of 4" : ", which is not the device's"),
                       CUDA_ERROR_INVALID_VALUE);
    if (count == 0)
      return CUDA_SUCCESS;
    Work work;
    work.kind = Work::Kind::Fill;
    work.name = "a fill";
    work.accesses.push_back({to, count * sizeof(Value), true});
    work.names.push_back(to);
    auto *target = reinterpret_cast<Value *>(c.emulator.memory.at(to));
    work.run = [=](std::vector<Access> &, uint64_t) {
      std::fill_n(target, count, value);
      return CUDA_SUCCESS;
    };
    return c.submit(*stream, std::move(work));
  });
}

CUresult cuMemsetD8Async(CUdeviceptr to, unsigned char value, size_t count, CUstream stream) {
  return fill("cuMemsetD8Async", to, value, count, stream);
}
CUresult cuMemsetD32Async(CUdeviceptr to, unsigned value, size_t count, CUstream stream) {
  return fill("cuMemsetD32Async", to, value, count, stream);
}
