// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The thread of a process that talks to other processes. Nobody else calls the engine:
// what is to be sent and received is handed to it, and while others compute it moves
// messages on. It waits by sleeping, longer the longer nothing happens, so that a process
// that waits for another uses next to no core.
#pragma once
#include "devices/Wait.h"
#include "world/Engine.h"
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace dpcrt {

// One end of a message of data, used again in every step. Belongs to who posts it, and
// stays until it has ended.
struct Parcel {
  bool send;
  uint32_t process, tag;
  void *data;
  uint64_t bytes;
  Bell *bell; // rung when it has ended
  std::atomic<bool> ended{false};
};

class Courier {
public:
  // Called by the courier's thread, and not after stop() has returned.
  struct Handlers {
    std::function<void(uint32_t from, std::string message)> control;
    std::function<void(const Status &)> failure; // of the engine; then nothing moves any more
    std::function<void(int64_t now)> tick;       // every so often, at least ten times a second
  };

  // Opens an engine in a new thread; waits for it until the deadline (of the monotonic
  // clock, Wait.h). Handlers are called from start() on.
  static Status open(const EngineKind &kind, int64_t deadline, std::unique_ptr<Courier> &out);
  // An engine that cannot be stopped is left behind with its thread, for a process that ends.
  ~Courier();

  uint32_t processes() const { return processCount; }
  uint32_t self() const { return ownNumber; }
  uint32_t tagLimit() const { return tags; }
  const std::string &version() const { return engineVersion; }

  void start(Handlers handlers);
  // Any thread. `ended` becomes true, and the bell rings, when it has.
  void post(Parcel &parcel);
  // Whether anything has been posted yet.
  bool wasUsed() const;
  void sendControl(uint32_t to, std::string message);
  // Between these two somebody waits for a control message.
  void expectControl();
  void gotControl();
  // Ends the thread: with all processes together, once everything posted has ended
  // (`well`), or as things stand, once control messages are out or `deadline` has come.
  Status stop(bool well, int64_t deadline);

private:
  Courier() = default;
  struct Shared; // with the thread, which may outlive the courier
  std::shared_ptr<Shared> shared;
  std::thread thread;
  uint32_t processCount = 1, ownNumber = 0, tags = 0;
  std::string engineVersion;
};

} // namespace dpcrt
