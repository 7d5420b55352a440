// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See Memory.h.
#include "Memory.h"

#include "Report.h"

#include <csignal>
#include <cstring>
#include <sys/mman.h>
#include <unistd.h>

namespace dpc::emulator {

static constexpr uint64_t kPage = 4096;
static constexpr uint64_t kAlignment = 256; // and no more: nobody may rely on pages

static uint64_t pagesOf(uint64_t bytes) { return (bytes + kPage - 1) / kPage * kPage; }

std::string Allocation::describe() const {
  return "the " + std::to_string(bytes) + " bytes of " +
         (isPinned ? "pinned memory " : "allocation ") + std::to_string(number) + " at " +
         hexadecimal(begin) + (isLive ? "" : ", which has been freed");
}

// What a signal handler finds its way by.
static const Memory *watched = nullptr;
static struct sigaction before;

static void onFault(int signal, siginfo_t *info, void *context) {
  uint64_t address = reinterpret_cast<uint64_t>(info->si_addr);
  const Allocation *touched = watched->find(address);
  if (watched->isDevice(address) || (touched && !touched->isLive)) {
    // The thread is lost anyway, so this may be more than a handler should do.
    std::string what = "the host touched " +
                       std::string(watched->isDevice(address) ? "device memory" : "pinned memory") +
                       " at " + hexadecimal(address) + ", which " +
                       (touched ? "lies in " + touched->describe() : "lies in no allocation");
    fatalViolation(watched->isDevice(address) ? "CUDA Driver API, Unified Addressing"
                                              : "CUDA Driver API, Memory Management: cuMemFreeHost",
                   what);
  }
  // Somebody else's: as it would have been without this handler.
  if (before.sa_flags & SA_SIGINFO) {
    before.sa_sigaction(signal, info, context);
  } else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) {
    before.sa_handler(signal);
  } else {
    std::signal(signal, SIG_DFL); // happens again on return
  }
}

static char *reserve(uint64_t bytes) {
  void *place = mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return place == MAP_FAILED ? nullptr : static_cast<char *>(place);
}

Memory::Memory() {
  char *outside = reserve(kWindow), *inside = reserve(kWindow);
  if (!outside || !inside)
    fatalViolation("the emulator itself", "there are no addresses left for the GPU's memory");
  window = reinterpret_cast<uint64_t>(outside);
  distance = reinterpret_cast<uint64_t>(inside) - window;
  watched = this;
  struct sigaction action = {};
  action.sa_sigaction = onFault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  sigaction(SIGSEGV, &action, &before);
}

uint64_t Memory::allocate(uint64_t bytes, bool isPinned) {
  Allocation made;
  made.bytes = bytes;
  made.isPinned = isPinned;
  ++changes;
  if (isPinned) {
    // Pages that nothing may touch on both sides.
    char *place = reserve(pagesOf(bytes) + 2 * kPage);
    if (!place || mprotect(place + kPage, pagesOf(bytes), PROT_READ | PROT_WRITE))
      return 0;
    made.begin = reinterpret_cast<uint64_t>(place + kPage);
    made.number = ++madePinned;
    std::memset(place + kPage, kPoison, pagesOf(bytes));
  } else {
    uint64_t whole = kPage + kAlignment + bytes;
    whole = pagesOf(whole) + kPage;
    if (next + whole > kWindow)
      return 0;
    made.begin = window + next + kPage + kAlignment;
    made.number = ++madeOnDevice;
    char *place = at(window + next);
    if (mprotect(place, whole, PROT_READ | PROT_WRITE))
      return 0;
    std::memset(place, kPoison, whole);
    next += whole;
    used += bytes;
  }
  allocations[made.begin] = made;
  return made.begin;
}

void Memory::free(const Allocation &allocation, bool isUsed) {
  Allocation &freed = allocations.at(allocation.begin);
  freed.isLive = false;
  ++changes;
  char *place = at(freed.begin);
  uint64_t bytes = pagesOf(freed.bytes);
  if (!freed.isPinned) {
    used -= freed.bytes;
    place -= kPage + kAlignment;
    bytes = pagesOf(kPage + kAlignment + freed.bytes) + kPage;
  }
  if (isUsed)
    return;
  mprotect(place, bytes, PROT_NONE);
  madvise(place, bytes, MADV_DONTNEED);
}

void Memory::freeAll() {
  for (auto &[begin, allocation] : allocations)
    if (allocation.isLive)
      free(allocation, false);
}

const Allocation *Memory::find(uint64_t address) const {
  auto after = allocations.upper_bound(address);
  if (after == allocations.begin())
    return nullptr;
  const Allocation &found = std::prev(after)->second;
  return address <= found.end() ? &found : nullptr;
}

std::string Memory::findDamage(const Allocation &allocation) const {
  if (allocation.isPinned || !allocation.isLive)
    return "";
  const char *begin = at(allocation.begin), *end = begin + allocation.bytes;
  const char *top =
      begin - kAlignment - kPage + pagesOf(kPage + kAlignment + allocation.bytes) + kPage;
  for (const char *byte = begin - kAlignment - kPage; byte < top; ++byte) {
    if (byte == begin)
      byte = end;
    if (static_cast<unsigned char>(*byte) != kPoison)
      return "a byte " +
             (byte < begin ? std::to_string(begin - byte) + " before "
                           : std::to_string(byte - end) + " behind the end of ") +
             allocation.describe() + " was written";
  }
  return "";
}

std::string Memory::findDamage() const {
  for (auto &[begin, allocation] : allocations)
    if (std::string damage = findDamage(allocation); !damage.empty())
      return damage;
  return "";
}

} // namespace dpc::emulator
