// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// An engine in memory, whose processes are threads: as late, as unordered and as forgetful
// as the interface allows, by a seed. It watches that its users keep to the interface.
#pragma once
#include "world/Engine.h"
#include <functional>

namespace dpcrt::test {

struct MemoryOptions {
  uint64_t seed = 1;
  // A message arrives when its receiver has asked (testSome, receiveControl) as often again as
  // is drawn for it, from 0 to this. So messages of different tags, senders and of the two
  // channels overtake each other, those of one tag between two processes do not.
  unsigned delay = 0;
  // Sends of up to so many bytes may end before anybody receives them; drawn for each.
  uint64_t eagerBytes = 4096;
  uint32_t tagLimit = 1 << 15; // as low as MPI's may be
};

class MemoryWorld {
public:
  explicit MemoryWorld(uint32_t processes, const MemoryOptions &options = {});
  ~MemoryWorld(); // after all engines and requests
  MemoryWorld(const MemoryWorld &) = delete;

  // Once for each process, by the thread that will use the engine. Waits for nobody.
  std::unique_ptr<Engine> open(uint32_t self);
  // All processes: each is a thread that opens its engine and runs `body` with it. `close`: and
  // then closes it, which must go well.
  void run(const std::function<void(Engine &)> &body, bool close = true);

  // Nothing that `from` has sent or will send to `to` arrives until they are released.
  void hold(uint32_t from, uint32_t to);
  void release(uint32_t from, uint32_t to);

  // Whether anybody is told that a process is lost. Silent: what would come from it does not,
  // and what goes to it does not end. Reported: whatever touches it is an error (PeerLost).
  enum class Loss { Silent, Reported };
  // The process has ended: its own calls are errors, and nothing of it that has not arrived
  // does.
  void lose(uint32_t process, Loss loss);

  // Requests that have been started and have not been said to have ended.
  size_t underWay() const;
  // How often a process has asked for messages.
  uint64_t questions(uint32_t process) const;
  // What users did that the interface forbids, a sentence each: a request dropped before its
  // end, or asked for after it; calls from another thread, or after close; a close with a
  // message that nobody receives, or in a world that has lost a process.
  std::vector<std::string> misuses() const;

  struct State;

private:
  std::unique_ptr<State> state;
};

} // namespace dpcrt::test
