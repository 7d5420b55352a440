// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The devices of queues on the host for the conformance suite, each with a transport.
#include "QueueConformance.h"
#include "devices/cpu/CpuDevice.h"
#include "devices/virtual/VirtualDevice.h"
#include "transports/local/LocalQueueTransport.h"

namespace dpcrt::test {
namespace {
QueueBackend inOrder(const std::string &name, const std::string &order, bool graphs = false) {
  return {name,
          [order](unsigned threads) {
            auto device = makeVirtualDevice(makeCpuDevice(threads));
            Status s = device->chooseOrder(order);
            EXPECT_TRUE(s.ok()) << s.message();
            return device;
          },
          makeLocalQueueTransport, graphs};
}

const QueueBackend backends[] = {
    inOrder("virtual_first_local", "0,policy=first"),
    inOrder("virtual_reverse_local", "0,policy=reverse"),
    inOrder("virtual_random_local", "5"),
    inOrder("virtual_starve_local", "0,policy=starve=0"),
    inOrder("virtual_delay_local", "0,policy=delay=40"),
    inOrder("virtual_random_eager", "5,messages=eager"),
    inOrder("virtual_starve_eager", "0,policy=starve=0,messages=eager"),
    inOrder("virtual_random_serialised", "5,messages=serialised"),
    inOrder("virtual_reverse_serialised", "0,policy=reverse,messages=serialised"),
    inOrder("virtual_graphs_first", "0,policy=first", true),
    inOrder("virtual_graphs_reverse", "0,policy=reverse", true),
    inOrder("virtual_graphs_random", "5", true),
    inOrder("virtual_graphs_starve", "0,policy=starve=0", true),
    inOrder("virtual_graphs_eager", "5,messages=eager", true),
    inOrder("virtual_graphs_serialised", "5,messages=serialised", true),
};

const Backend cpu{"cpu_local", makeCpuDevice, [](HostDevice &device, const Link &link) {
                    return makeLocalTransport(device, link);
                  }};

TEST(VirtualDevice, HasTheBitsOfTheReplayInEveryOrder) {
  World::Options options;
  options.ranks = 4;
  options.microBatches = 5;
  options.executor.sequential = true;
  World replay(cpu, options);
  for (int step = 0; step < 2; ++step)
    ASSERT_TRUE(replay.step().ok());
  options.executor.sequential = false;
  std::vector<std::string> orders = {"0,policy=first", "0,policy=reverse"};
  for (int i = 0; i < 24; ++i) {
    orders.push_back("0,policy=starve=" + std::to_string(i));
    orders.push_back("0,policy=delay=" + std::to_string(i * 20));
    orders.push_back(std::to_string(i));
  }
  for (const std::string &drawn : orders)
    for (const char *messages : {"", ",messages=eager", ",messages=serialised"}) {
      for (bool graphs : {false, true}) {
        std::string order = drawn + messages;
        World world(inOrder("virtual", order, graphs), options);
        for (int step = 0; step < 2; ++step) {
          Status s = world.step();
          ASSERT_TRUE(s.ok()) << s.message();
        }
        order += graphs ? " as graphs" : "";
        EXPECT_TRUE(world.device->queue()->checkOrder().ok()) << order;
        EXPECT_TRUE(world.kept() == replay.kept()) << order;
        EXPECT_TRUE(world.io.outputs() == replay.io.outputs()) << order;
      }
    }
}

INSTANTIATE_TEST_SUITE_P(Backends, QueueConformance, testing::ValuesIn(backends),
                         [](auto &info) { return info.param.name; });
} // namespace
} // namespace dpcrt::test
