// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tokens, the line for them, and helpers.
#include "devices/cpu/Cores.h"
#include "devices/Threads.h"
#include "devices/cpu/Library.h"
#include <immintrin.h>
#include <utility>

namespace dpcrt {
namespace {
// How long a helper looks for the next command before it sleeps, and an owner for
// its last helper: about what a sleep and a wake cost.
constexpr int spins = 2000;
} // namespace

Cores::Cores(unsigned count) : coreCount(count), slots(std::make_unique<Slot[]>(count)) {
  for (unsigned i = count; i-- > 0;)
    idle.push_back(int(i));
  idleCount = int(count);
}

Status Cores::start() {
  helpers.reserve(coreCount);
  while (helpers.size() + 1 < coreCount)
    if (Status s =
            startThread(helpers, coreCount - 1, "cores (--threads)", [this] { helperMain(); });
        !s.ok())
      return s;
  return {};
}

Cores::~Cores() {
  stopping = true;
  helperBell.ring();
  for (std::thread &t : helpers)
    t.join();
}

int Cores::tryAcquire() {
  if (idleCount.load(std::memory_order_relaxed) == 0)
    return -1;
  std::lock_guard<std::mutex> lock(mutex);
  if (idle.empty())
    return -1;
  int core = idle.back();
  idle.pop_back();
  idleCount.store(int(idle.size()), std::memory_order_relaxed);
  return core;
}

int Cores::acquire() {
  Waiter self;
  {
    std::lock_guard<std::mutex> lock(mutex);
    if (!idle.empty()) {
      int core = idle.back();
      idle.pop_back();
      idleCount.store(int(idle.size()), std::memory_order_relaxed);
      return core;
    }
    line.push_back(&self);
    waiting.fetch_add(1);
  }
  uint32_t core;
  while (!(core = self.core.load(std::memory_order_acquire)))
    futexWait(self.core, 0);
  // The releaser may still be about to wake us; it holds the mutex until then.
  std::lock_guard<std::mutex> lock(mutex);
  return int(core) - 1;
}

void Cores::release(int core) {
  {
    std::lock_guard<std::mutex> lock(mutex);
    if (!line.empty()) {
      Waiter *first = line.front();
      line.pop_front();
      waiting.fetch_sub(1);
      first->core.store(uint32_t(core) + 1, std::memory_order_release);
      futexWake(first->core, 1);
      return;
    }
    idle.push_back(core);
    idleCount.store(int(idle.size()));
  }
  if (openSlots.load() > 0)
    helperBell.ring(1);
}

// A helper's exception is the owner's to hear of; the pieces after it are run all the
// same, since counting them is what ends the command.
void Cores::runPiece(Slot &slot, int core, uint64_t piece) {
  try {
    slot.run(slot.context, core, piece);
  } catch (...) {
    std::lock_guard<std::mutex> lock(slot.mutex);
    if (!slot.failure)
      slot.failure = std::current_exception();
  }
}

// Takes pieces until there are none, or `enough`. The one thread that draws the
// number after the last piece says that the slot has no work left.
template <typename Enough> void Cores::work(Slot &slot, int core, Enough enough) {
  while (!enough()) {
    uint64_t i = slot.next.fetch_add(1);
    if (i == slot.pieces)
      openSlots.fetch_sub(1);
    if (i >= slot.pieces)
      return;
    runPiece(slot, core, i);
  }
}

void Cores::share(int core, uint64_t pieces, Piece run, void *context) {
  if (coreCount == 1 || pieces < 2) {
    for (uint64_t i = 0; i < pieces; ++i)
      run(context, core, i);
    return;
  }
  Slot &slot = slots[core];
  openSlots.fetch_add(1);
  {
    std::lock_guard<std::mutex> lock(slot.mutex);
    slot.run = run;
    slot.context = context;
    slot.pieces = pieces;
    slot.next.store(0, std::memory_order_relaxed);
    slot.open = true;
  }
  if (idleCount.load() > 0)
    helperBell.ring(1);
  work(slot, core, [] { return false; });
  {
    std::lock_guard<std::mutex> lock(slot.mutex);
    slot.open = false;
  }
  for (int i = 0; slot.helpers.load() && i < spins; ++i)
    _mm_pause();
  while (uint32_t n = slot.helpers.load())
    futexWait(slot.helpers, n);
  if (std::exception_ptr failure = std::exchange(slot.failure, nullptr))
    std::rethrow_exception(failure);
}

// Joins one open command with a core in hand; false if there is none.
bool Cores::helpOnce(int core) {
  for (unsigned s = 0; s < coreCount; ++s) {
    Slot &slot = slots[s];
    {
      std::lock_guard<std::mutex> lock(slot.mutex);
      if (!slot.open || slot.next.load() >= slot.pieces)
        continue;
      slot.helpers.fetch_add(1);
    }
    // Pieces end quickly; a rank in the line gets the core after the next one.
    work(slot, core, [this] { return contended(); });
    if (slot.helpers.fetch_sub(1) == 1)
      futexWake(slot.helpers, 1);
    return true;
  }
  return false;
}

void Cores::helperMain() {
  omp_set_num_threads(1);
  for (;;) {
    int core = -1;
    helperBell.sleepUntil(
        [&] { return stopping || (openSlots.load() > 0 && (core = tryAcquire()) >= 0); });
    if (core < 0)
      return;
    for (int idleSpins = 0; idleSpins < spins && !contended() && !stopping;)
      if (openSlots.load(std::memory_order_relaxed) > 0 && helpOnce(core)) {
        idleSpins = 0;
      } else {
        ++idleSpins;
        _mm_pause();
      }
    release(core);
  }
}

} // namespace dpcrt
