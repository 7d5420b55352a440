// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The cores of this process as tokens. A thread computes only while it holds one,
// takes it per command and gives it back when it waits, so that any number of
// ranks share a fixed number of cores fairly (first come, first served). Tokens
// that nobody wants work for others: a command's range is cut into pieces that an
// atomic cursor hands out, and helper threads with an idle token join in. Which
// thread takes which piece changes no result, because pieces are fixed by the
// program.
#pragma once
#include "devices/Wait.h"
#include "program/format/Status.h"
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace dpcrt {

class Cores {
public:
  explicit Cores(unsigned count);
  ~Cores();
  // Starts the helpers; without them everything is computed by those who ask.
  Status start();
  unsigned count() const { return coreCount; }

  // Takes a token, waiting in line if there is none; its number, 0..count-1.
  int acquire();
  void release(int core);
  // Whether somebody waits in line (a hint).
  bool contended() const { return waiting.load(std::memory_order_relaxed) > 0; }

  using Piece = void (*)(void *context, int core, uint64_t piece);
  // Runs every piece 0..pieces-1 once and returns when all are done. The caller
  // holds `core`; helpers run pieces under cores of their own. What a piece throws is thrown
  // here, once all pieces that had begun have ended.
  void share(int core, uint64_t pieces, Piece run, void *context);

private:
  struct Waiter {
    std::atomic<uint32_t> core{0}; // the token handed over, plus one
  };
  // The command that the holder of one core shares with helpers.
  struct alignas(128) Slot {
    std::mutex mutex; // guards open, failure, and joining
    bool open = false;
    std::exception_ptr failure; // the first that a piece threw
    Piece run = nullptr;
    void *context = nullptr;
    uint64_t pieces = 0;
    std::atomic<uint64_t> next{0};
    std::atomic<uint32_t> helpers{0};
  };

  template <typename Enough> void work(Slot &slot, int core, Enough enough);
  void runPiece(Slot &slot, int core, uint64_t piece);
  int tryAcquire();
  bool helpOnce(int core);
  void helperMain();

  const unsigned coreCount;
  std::mutex mutex; // guards idle and line
  std::vector<int> idle;
  std::deque<Waiter *> line;
  std::atomic<int> waiting{0}, idleCount{0}, openSlots{0};
  std::unique_ptr<Slot[]> slots;
  Bell helperBell;
  std::atomic<bool> stopping{false};
  std::vector<std::thread> helpers;
};

} // namespace dpcrt
