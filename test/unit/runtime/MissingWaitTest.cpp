// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Whether the virtual device would notice: programs with one wait taken away, which the
// checker refuses, in the orders of each policy.
#include "Conformance.h"
#include "devices/cpu/CpuDevice.h"
#include "devices/virtual/VirtualDevice.h"
#include "transports/local/LocalQueueTransport.h"
#include <gtest/gtest.h>

namespace dpcrt::test {
namespace {
constexpr uint32_t kRanks = 2, kMicroBatches = 4;

// A wait of one program: what it is called, and how to take it away.
struct Wait {
  std::string name;
  std::function<void(Programs &)> remove;
};

// The pipeline of Builder.h, where the statistics that are swapped are ones and what the
// last copy copies is kept: else nothing would show whether they came in time.
Programs programs() {
  Programs all = pipeline(kRanks, kMicroBatches);
  for (ProgramPtr &p : all)
    for (auto &command : p->order)
      if (p->strings[command->label] == "again")
        command->action.AsCopy()->dst = own(arena(Gradients, 0));
      else if (p->strings[command->label] == "statistics")
        command->action.AsFill()->pattern = 0x3f800000;
  return all;
}

template <typename List> void erase(List &list, size_t i) { list.erase(list.begin() + long(i)); }

// All waits that are written in the programs.
std::vector<Wait> waits() {
  std::vector<Wait> all;
  Programs whole = programs();
  for (size_t r = 0; r < whole.size(); ++r) {
    fb::ProgramT &p = *whole[r];
    auto name = [&](const fb::CommandT &c, const char *what, size_t i) {
      return "rank " + std::to_string(r) + ", '" + p.strings[c.label] + "', " + what + " " +
             std::to_string(i);
    };
    for (size_t b = 0; b < p.blocks.size(); ++b)
      for (size_t c = 0; c < p.blocks[b]->commands.size(); ++c)
        for (size_t i = 0; i < p.blocks[b]->commands[c]->waits.size(); ++i)
          all.push_back({name(*p.blocks[b]->commands[c], "of a block: wait", i),
                         [=](Programs &all) { erase(all[r]->blocks[b]->commands[c]->waits, i); }});
    for (size_t c = 0; c < p.order.size(); ++c) {
      const fb::CommandT &command = *p.order[c];
      for (size_t i = 0; i < command.waits.size(); ++i)
        all.push_back(
            {name(command, "wait", i), [=](Programs &all) { erase(all[r]->order[c]->waits, i); }});
      if (auto *exchange = command.action.AsExchange())
        for (size_t t = 0; t < exchange->transfers.size(); ++t)
          for (size_t i = 0; i < exchange->transfers[t]->after.size(); ++i)
            all.push_back({name(command, "transfer after", i), [=](Programs &all) {
                             erase(all[r]->order[c]->action.AsExchange()->transfers[t]->after, i);
                           }});
      if (auto *run = command.action.AsRun())
        for (size_t i = 0; i < run->operand_events.size(); ++i)
          if (run->operand_events[i] >= 0)
            all.push_back(
                {name(command, "operand", i) + " at " + std::to_string(c),
                 [=](Programs &all) { all[r]->order[c]->action.AsRun()->operand_events[i] = -1; }});
    }
  }
  return all;
}

class MissingWait : public testing::Test {
protected:
  static std::vector<char> result(const std::string &order,
                                  const std::function<void(Programs &)> &change,
                                  bool graphs = false) {
    QueueBackend backend{"virtual",
                         [&](unsigned threads) {
                           auto device = makeVirtualDevice(makeCpuDevice(threads));
                           Status s = device->chooseOrder(order);
                           EXPECT_TRUE(s.ok()) << s.message();
                           return device;
                         },
                         makeLocalQueueTransport};
    World::Options options;
    options.ranks = kRanks;
    options.microBatches = kMicroBatches;
    options.threads = 1;
    options.executor.graphs = graphs;
    options.change = [&](Programs &made) {
      made = programs();
      if (change)
        change(made);
    };
    World world(backend, options);
    for (int step = 0; step < 2; ++step)
      if (!world.step().ok())
        return {};
    std::vector<char> all = world.kept(), outputs = world.io.outputs();
    all.insert(all.end(), outputs.begin(), outputs.end());
    return all;
  }
};

// Every wait without which the checker refuses the program.
TEST_F(MissingWait, IsNoticed) {
  // How many orders are drawn at most; the last is noticed by seed 95.
  constexpr int kSeeds = 200;
  const std::vector<char> wanted = result("0,policy=first", nullptr);
  ASSERT_FALSE(wanted.empty());
  Programs whole = programs();
  ASSERT_TRUE(check(whole).ok());
  int needed = 0, reversed = 0, starved = 0, delayed = 0;
  for (const Wait &wait : waits()) {
    Programs without = programs();
    wait.remove(without);
    Status refused = check(without);
    if (refused.ok())
      continue; // something else says the same
    ++needed;
    auto notices = [&](const std::string &order) { return result(order, wait.remove) != wanted; };
    EXPECT_FALSE(notices("0,policy=first")) << "the order of the list hides every mistake";
    reversed += notices("0,policy=reverse");
    for (int queue = 0; queue < 12 && !starved; ++queue)
      starved += notices("0,policy=starve=" + std::to_string(queue));
    for (int command = 0; command < 100 && !delayed; ++command)
      delayed += notices("0,policy=delay=" + std::to_string(command));
    int seed = 0;
    while (seed < kSeeds && !notices(std::to_string(seed)))
      ++seed;
    EXPECT_LT(seed, kSeeds) << wait.name << " is missing: " << refused.message();
  }
  EXPECT_GE(needed, 40);
  EXPECT_GE(reversed, needed / 2);
  EXPECT_EQ(starved, 1) << "some queue behind all others, of the first that is noticed so";
  EXPECT_EQ(delayed, 1);
}

// And in steps that are graphs. Without a wait of a rank's last command a stream may not be joined
// to the others, which the capture refuses.
TEST_F(MissingWait, IsNoticedInGraphs) {
  constexpr int kSeeds = 200;
  const std::vector<char> wanted = result("0,policy=first", nullptr);
  EXPECT_EQ(result("0,policy=first", nullptr, true), wanted);
  int drawn = 0, refused = 0;
  for (const Wait &wait : waits()) {
    Programs without = programs();
    wait.remove(without);
    if (check(without).ok())
      continue;
    auto got = [&](const std::string &order) { return result(order, wait.remove, true); };
    std::vector<char> first = got("0,policy=first");
    if (first.empty()) {
      ++refused;
      continue;
    }
    EXPECT_EQ(first, wanted) << "the order of the list hides every mistake";
    ++drawn;
    int seed = 0;
    while (seed < kSeeds && got(std::to_string(seed)) == wanted)
      ++seed;
    EXPECT_LT(seed, kSeeds) << wait.name << " is missing";
  }
  EXPECT_GE(drawn, 40);
  EXPECT_GT(refused, 0);
}
} // namespace
} // namespace dpcrt::test
