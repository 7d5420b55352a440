// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Waiting without spinning, on Linux futexes. Everything in the runtime that waits
// waits on one of two words: a Stamp (has this happened in step n?) or a Bell
// (something changed, look again).
#pragma once
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <ctime>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace dpcrt {

// Nanoseconds of the monotonic clock.
inline int64_t nowNs() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return int64_t(t.tv_sec) * 1000000000 + t.tv_nsec;
}

constexpr int64_t noDeadline = INT64_MAX;

// Sleeps while word == seen, until woken or the deadline (monotonic clock).
inline void futexWait(std::atomic<uint32_t> &word, uint32_t seen, int64_t deadline = noDeadline) {
  timespec t{time_t(deadline / 1000000000), long(deadline % 1000000000)};
  syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE, seen, deadline == noDeadline ? nullptr : &t,
          nullptr, FUTEX_BITSET_MATCH_ANY);
}

inline void futexWake(std::atomic<uint32_t> &word, int count = INT_MAX) {
  syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, count, nullptr, nullptr, 0);
}

// An event that fires once per step: holds the number of the last step in which it
// fired, so that nothing is reset between steps. Bit 0 says that somebody sleeps.
class Stamp {
public:
  bool fired(uint32_t step) const { return word.load(std::memory_order_acquire) >> 1 >= step; }
  void fire(uint32_t step) {
    if (word.exchange(step << 1, std::memory_order_acq_rel) & 1)
      futexWake(word);
  }
  // Sleeps until fired(step) may have become true.
  void sleep(uint32_t step) {
    uint32_t v = word.load(std::memory_order_acquire);
    if (v >> 1 >= step)
      return;
    if ((v & 1) || word.compare_exchange_strong(v, v | 1))
      futexWait(word, v | 1);
  }
  // Fires for all steps there can be: wakes sleepers of a run that has failed.
  void poison() {
    word.store(UINT32_MAX - 1);
    futexWake(word);
  }

private:
  std::atomic<uint32_t> word{0};
};

// Counts changes. A waiter takes a snapshot, looks, and sleeps if the count is
// still the snapshot's.
class Bell {
public:
  uint32_t snapshot() const { return word.load(); }
  void ring(int wake = INT_MAX) {
    word.fetch_add(1);
    if (sleepers.load() > 0)
      futexWake(word, wake);
  }
  void sleep(uint32_t seen, int64_t deadline = noDeadline) {
    sleepers.fetch_add(1);
    if (word.load() == seen)
      futexWait(word, seen, deadline);
    sleepers.fetch_sub(1);
  }
  // Sleeps until `done()`, asked again whenever the bell has rung: also if it rang while
  // it was asked.
  template <typename Done> void sleepUntil(Done done) {
    for (;;) {
      uint32_t seen = snapshot(); // before the look, or a ring after it were slept through
      if (done())
        return;
      sleep(seen);
    }
  }

private:
  std::atomic<uint32_t> word{0};
  std::atomic<int32_t> sleepers{0};
};

} // namespace dpcrt
