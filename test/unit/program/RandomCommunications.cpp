// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "RandomCommunications.h"

using namespace dpcrt;
using namespace dpcrt::test;

Programs dpcrt::test::randomCommunications(Random &random) {
  Programs programs;
  std::vector<std::vector<std::vector<uint32_t>>> sends(kRanks,
                                                        std::vector<std::vector<uint32_t>>(kRanks));
  uint32_t messages = 2 + random.below(6), reductions = random.below(3);
  for (uint32_t message = 0; message < messages; ++message) {
    uint32_t from = random.below(kRanks);
    uint32_t to = (from + 1 + random.below(kRanks - 1)) % kRanks;
    sends[from][to].push_back(message);
  }
  for (uint32_t self = 0; self < kRanks; ++self) {
    programs.push_back(emptyProgram(self, kRanks, 1));
    fb::ProgramT &program = *programs.back();
    program.arenas[Messages]->bytes = messages * kSlot;
    Rank rank(program);
    // Channels of this rank, merged at random.
    struct Channel {
      enum { Send, Receive, Reduction } kind;
      uint32_t peer;
      std::vector<uint32_t> left;
    };
    std::vector<Channel> channels;
    for (uint32_t peer = 0; peer < kRanks; ++peer) {
      if (!sends[self][peer].empty())
        channels.push_back({Channel::Send, peer, sends[self][peer]});
      if (!sends[peer][self].empty())
        channels.push_back({Channel::Receive, peer, sends[peer][self]});
    }
    if (reductions > 0)
      channels.push_back({Channel::Reduction, 0, std::vector<uint32_t>(reductions)});
    std::vector<uint32_t> fired;
    while (!channels.empty()) {
      fb::ExchangeT group;
      std::vector<uint32_t> fires, waits;
      bool isReduction = false;
      uint32_t size = 1 + random.below(3);
      while (group.transfers.size() < size && !isReduction && !channels.empty()) {
        uint32_t pick = random.below(uint32_t(channels.size()));
        Channel &channel = channels[pick];
        isReduction = channel.kind == Channel::Reduction;
        if (isReduction && !group.transfers.empty()) {
          isReduction = false;
          break;
        }
        uint32_t message = channel.left.front();
        channel.left.erase(channel.left.begin());
        fb::Ref ref = arena(Messages, message);
        int32_t signal = -1;
        if (!isReduction && random.oneIn(2)) {
          fires.push_back(rank.event());
          signal = int32_t(fires.back());
        }
        if (!isReduction)
          group.transfers.push_back(channel.kind == Channel::Send
                                        ? send(channel.peer, message, ref, {}, signal)
                                        : receive(channel.peer, message, ref, {}, signal));
        if (channel.left.empty())
          channels.erase(channels.begin() + pick);
      }
      if (!fired.empty() && random.oneIn(3))
        waits.push_back(fired[random.below(uint32_t(fired.size()))]);
      fires.push_back(rank.event());
      uint16_t stream = random.oneIn(2) ? Comm : Compute;
      if (isReduction)
        rank.add(stream, "",
                 collective(fb::CollectiveKind::AllReduce, 1, arena(Record, 0), arena(Record, 0)),
                 waits, int32_t(fires.back()));
      else
        rank.add(stream, "", std::move(group), waits, int32_t(fires.back()));
      fired.insert(fired.end(), fires.begin(), fires.end());
    }
    rank.add(Compute, "", fb::JoinT(), fired);
  }
  return programs;
}
