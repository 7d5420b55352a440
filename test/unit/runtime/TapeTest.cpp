// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// That what the checker accepts can be enqueued by one thread, and what it refuses for the
// order of communications cannot.
#include "../program/RandomCommunications.h"
#include "Conformance.h"
#include "devices/cpu/CpuDevice.h"
#include "devices/virtual/VirtualDevice.h"
#include "transports/local/LocalQueueTransport.h"

namespace dpcrt::test {
namespace {
bool isRefusedForItsOrder(const Programs &programs) {
  std::string message = check(programs).message();
  for (const char *words : {"deadlock: these commands wait", "these transfers cannot complete",
                            "these communications have no order"})
    if (message.find(words) != std::string::npos)
      return true;
  return false;
}

TEST(Tape, IsThereForWhatTheCheckerAcceptsAndForNothingElse) {
  QueueBackend backend{"virtual",
                       [](unsigned threads) { return makeVirtualDevice(makeCpuDevice(threads)); },
                       makeLocalQueueTransport};
  unsigned accepted = 0, refused = 0;
  for (uint32_t seed = 0; seed < 1500; ++seed) {
    World::Options options;
    options.ranks = kRanks;
    options.threads = 1;
    options.isReady = false;
    bool isRefused = false;
    options.make = [&] {
      Random random(seed);
      Programs made = randomCommunications(random);
      isRefused = isRefusedForItsOrder(made);
      return made;
    };
    World world(backend, options);
    ++(isRefused ? refused : accepted);
    EXPECT_EQ(world.started.ok(), !isRefused) << "seed " << seed << "\n" << world.started.message();
  }
  EXPECT_GT(accepted, 100u);
  EXPECT_GT(refused, 100u);
}
} // namespace
} // namespace dpcrt::test
