// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See WorldTransport.h.
#include "WorldTransport.h"
#include "transports/local/LocalTransport.h"
#include "transports/processes/ProcessMessages.h"
#include <gtest/gtest.h>
#include <thread>

namespace dpcrt::test {
namespace {
// What an EngineKind opens: the next process of this world.
MemoryWorld *opened = nullptr;
std::atomic<uint32_t> nextProcess{0};

Status openNext(std::unique_ptr<Engine> &out) {
  out = opened->open(nextProcess.fetch_add(1));
  return {};
}
const EngineKind kMemory{"memory", openNext, [] { return std::string("memory 1"); }};

// One after the other would wait for ever where each waits for all.
template <typename Body> void forEach(size_t count, Body body) {
  std::vector<std::thread> threads;
  for (size_t i = 0; i < count; ++i)
    threads.emplace_back([&, i] { body(i); });
  for (std::thread &thread : threads)
    thread.join();
}

class WorldTransport : public Transport {
public:
  WorldTransport(HostDevice &device, uint32_t processes, uint32_t ranks,
                 const MemoryOptions &options)
      : ranks(ranks), memory(processes, options), worlds(joinInMemory(memory, processes)) {
    for (auto &world : worlds) {
      messages.push_back(makeProcessMessages(*world, ranks, "the test"));
      transports.push_back(makeLocalTransport(device, Link(), messages.back().get()));
    }
  }
  ~WorldTransport() override {
    transports.clear();
    messages.clear();
    bool isWell = true;
    for (auto &world : worlds)
      isWell &= world->failure().ok();
    leaveTogether(worlds);
    worlds.clear();
    if (!isWell) // it has dropped what was under way
      return;
    for (const std::string &misuse : memory.misuses())
      ADD_FAILURE() << misuse;
  }
  const char *name() const override { return "world"; }
  Status addExchange(uint32_t rank, std::vector<TransferSpec> transfers, Operation *&out) override {
    return of(rank).addExchange(rank, std::move(transfers), out);
  }
  Status addCollective(uint32_t rank, const CollectiveSpec &spec, Operation *&out) override {
    return of(rank).addCollective(rank, spec, out);
  }
  Status finishPreparation() override {
    std::vector<Status> ended(transports.size());
    forEach(transports.size(), [&](size_t i) {
      ended[i] = transports[i]->finishPreparation();
      if (!ended[i].ok())
        worlds[i]->fail(ended[i]);
    });
    for (Status &s : ended)
      if (!s.ok())
        return s;
    return {};
  }
  void fail(const Status &cause) { worlds[0]->fail(cause); }
  void wakeAll() override {
    for (auto &transport : transports)
      transport->wakeAll();
  }

private:
  Transport &of(uint32_t rank) { return *transports[worlds[0]->processOf(rank, ranks)]; }

  uint32_t ranks;
  MemoryWorld memory;
  std::vector<std::shared_ptr<dpcrt::World>> worlds;
  std::vector<std::unique_ptr<RemoteMessages>> messages;
  std::vector<std::unique_ptr<Transport>> transports;
};
} // namespace

std::vector<std::shared_ptr<dpcrt::World>> joinInMemory(MemoryWorld &memory, uint32_t processes,
                                                        const WorldOptions &options) {
  opened = &memory;
  nextProcess = 0;
  std::vector<std::shared_ptr<dpcrt::World>> worlds;
  for (uint32_t i = 0; i < processes; ++i) {
    worlds.emplace_back();
    Status s = dpcrt::World::join(kMemory, options, worlds.back());
    EXPECT_TRUE(s.ok()) << s.message();
    EXPECT_EQ(worlds.back()->self(), i);
  }
  return worlds;
}

void leaveTogether(std::vector<std::shared_ptr<dpcrt::World>> &worlds) {
  // A thread that is left behind would go on with an engine that the test takes away.
  forEach(worlds.size(), [&](size_t i) {
    Status s = worlds[i]->leave();
    EXPECT_EQ(s.message().find("does not return"), std::string::npos) << s.message();
  });
}

void failWorlds(Transport &transport, const Status &cause) {
  static_cast<WorldTransport &>(transport).fail(cause);
}

std::unique_ptr<Transport> makeWorldTransport(HostDevice &device, uint32_t processes,
                                              uint32_t ranks, const MemoryOptions &options) {
  return std::make_unique<WorldTransport>(device, processes, ranks, options);
}

} // namespace dpcrt::test
