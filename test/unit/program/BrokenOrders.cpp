// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Faults between ranks and commands: what ranks do not agree on, messages that do not
// meet, deadlocks, races, bytes that nothing wrote.
#include "Broken.h"

namespace dpcrt::test {

// Two ranks with two replicas of two expert ranks: rank 0 reduces over dp and then exchanges
// over ep, rank 1 the other way round.
static Programs communicationsOverDpAndEp(bool sameStream) {
  Programs programs;
  for (uint32_t self = 0; self < 2; ++self) {
    programs.push_back(emptyProgram(self, 2, 4));
    fb::ProgramT &program = *programs.back();
    program.mesh->dp = 2;
    Rank rank(program);
    for (auto [name, over] : {std::pair("gradients", fb::Axes::Dp), {"tokens", fb::Axes::Ep}}) {
      program.groups.push_back(std::make_unique<fb::GroupT>());
      program.groups.back()->name = name;
      program.groups.back()->pp = {0, 1};
      program.groups.back()->over = over;
    }
    uint32_t filled = rank.event(), reduced = rank.event(), exchanged = rank.event();
    rank.add(Compute, "", fill(arena(Messages, 0)), {});
    rank.add(Compute, "", fill(arena(Messages, 1)), {}, int32_t(filled));
    auto reduce = [&] {
      rank.add(Reduce, "reduce",
               collective(fb::CollectiveKind::AllReduce, 2, arena(Messages, 0), arena(Messages, 0)),
               {filled}, int32_t(reduced));
    };
    auto swap = [&] {
      rank.add(sameStream ? Reduce : Comm, "exchange",
               collective(fb::CollectiveKind::AllToAll, 3, arena(Messages, 1), arena(Messages, 2)),
               {filled}, int32_t(exchanged));
    };
    if (self == 0)
      reduce();
    swap();
    if (self == 1)
      reduce();
    rank.add(Compute, "", fb::JoinT(), {reduced, exchanged});
  }
  return programs;
}

// clang-format off: the texts are what matters here.
const std::vector<Broken> brokenOrders = {
    {"OutputFetchedByTwoRanks",
     [](Programs &p, Programs &q) { p[1]->outputs[0]->name = "loss"; },
     R"(output 'loss' of micro-batch 0 is fetched by rank 0 and by rank 1)"},

    {"ProgramOfAnotherRank",
     [](Programs &p, Programs &q) { std::swap(p[0], p[1]); },
     R"(the program in place 0 is that of rank 1
the program in place 1 is that of rank 0)"},

    {"OtherMicroBatches",
     [](Programs &p, Programs &q) { p[1] = std::move(pipeline(2, 5)[1]); },
     R"(rank 1 has micro-batches 5, but rank 0 has 4)"},

    {"GroupWithOtherMembers",
     [](Programs &p, Programs &q) { p[1]->groups[1]->pp = {1}; },
     R"(group 'all' has other members on rank 1 than on rank 0)"},

    {"GroupOverOtherAxes",
     [](Programs &p, Programs &q) { p[1]->groups[1]->over = fb::Axes::Dp; },
     R"(group 'all' has other members on rank 1 than on rank 0)"},

    {"ParameterCountedByNobody",
     [](Programs &p, Programs &q) { p[1]->parameters[0]->counted = false; },
     R"(parameter 'h.1.weight' is counted in norms by none of its holders)"},

    {"ParameterCountedTwice",
     [](Programs &p, Programs &q) {
       p[1]->parameters[0]->tensor->name =
           p[0]->parameters[0]->tensor->name;
     },
     R"(parameter 'h.0.weight' is counted in norms by 2 ranks, 0 and 1 among them; exactly one holder counts it)"},

    {"ParameterOfTwoShapes",
     [](Programs &p, Programs &q) {
       p[1]->parameters[0]->tensor->name =
           p[0]->parameters[0]->tensor->name;
       p[1]->parameters[0]->counted = false;
       p[1]->parameters[0]->tensor->shape = {16};
     },
     R"(parameter 'h.0.weight' on rank 1 differs in type, shape or training from the one on rank 0)"},

    {"MomentsThatNobodyKeepsAtBothEnds",
     [](Programs &p, Programs &q) {
       for (ProgramPtr &program : p)
         addLargeParameter(*program, Extent{4096, 4096});
     },
     R"(the moments of elements [0..4096) of parameter 'large', which has 10000, are kept by none of its holders
the moments of elements [8192..10000) of parameter 'large', which has 10000, are kept by none of its holders)"},

    {"MomentsThatNobodyKeepsInTheMiddle",
     [](Programs &p, Programs &q) {
       addLargeParameter(*q[0], Extent{8192, 1808});
       addLargeParameter(*q[1], Extent{});
       addLargeParameter(*q[2], Extent{0, 4096});
       addLargeParameter(*q[3], Extent{0, 4096});
     },
     R"(the moments of elements [4096..8192) of parameter 'large', which has 10000, are kept by none of its holders)"},

    {"MomentsOfOtherNames",
     [](Programs &p, Programs &q) {
       addLargeParameter(*p[0], Extent{0, 4096});
       addLargeParameter(*p[1], Extent{4096, 5904}).moment_names = {"exp_avg_sq", "exp_avg"};
     },
     R"(parameter 'large' has the moments 'exp_avg_sq', 'exp_avg' on rank 1, but 'exp_avg', 'exp_avg_sq' on rank 0)"},

    {"MessageNeverReceived",
     [](Programs &p, Programs &q) {
       p[0]->order[22]->action.AsExchange()->transfers.pop_back();
     },
     R"(message 20, which exchange #18 'swap' of rank 1 sends to rank 0, is never received: rank 0 receives 4 of 5 messages
rank 0: fetch #25 'loss' on stream comm reads messages[576..640), which nothing before it in the step writes
rank 0: copy #26 'again' on stream compute reads messages[576..640), which nothing before it in the step writes)"},

    {"MessageNeverSent",
     [](Programs &p, Programs &q) {
       p[0]->order[22]->action.AsExchange()->transfers.erase(
           p[0]->order[22]->action.AsExchange()->transfers.begin());
     },
     R"(message 16, which exchange #18 'swap' of rank 1 receives from rank 0, is never sent: rank 0 sends 4 of 5 messages)"},

    {"MessagesInAnotherOrder",
     [](Programs &p, Programs &q) {
       std::swap(p[0]->order[3], p[0]->order[6]);
     },
     R"(the 1st message from rank 0 to rank 1 is sent as message 1 by exchange #3 'y m1' of rank 0, but received as message 0 by exchange #1 'x m0' of rank 1)"},

    {"MessageOfAnotherSize",
     [](Programs &p, Programs &q) {
       p[1]->order[1]->action.AsExchange()->transfers[0]->ref =
           own(arena(Messages, 0, 32));
     },
     R"(message 0 is sent with 64 bytes by exchange #3 'y m0' of rank 0, but received with 32 bytes by exchange #1 'x m0' of rank 1
rank 1: call #0 'matmul' of run #2 (F s1 m0) on stream compute reads messages[0..64), of which messages[32..64) is written by nothing before it in the step)"},

    {"MessageSentTwice",
     [](Programs &p, Programs &q) {
       p[0]->order[22]->action.AsExchange()->transfers[0]->message =
           p[0]->order[3]->action.AsExchange()->transfers[0]->message;
     },
     R"(message 0 is sent twice in the step: by exchange #3 of rank 0 and by exchange #22 of rank 0
the 5th message from rank 0 to rank 1 is sent as message 0 by exchange #22 'swap' of rank 0, but received as message 16 by exchange #18 'swap' of rank 1)"},

    {"MessageToTheWrongRank",
     [](Programs &p, Programs &q) {
       q[1]->order[3]->action.AsExchange()->transfers[0]->peer = 3;
     },
     R"(the 1st message from rank 1 to rank 2 is sent as message 5 by exchange #6 'y m1' of rank 1, but received as message 4 by exchange #1 'x m0' of rank 2
message 4, which exchange #3 'y m0' of rank 1 sends to rank 3, is never received: rank 3 receives 0 of 1 messages)"},

    {"CollectiveOfAnotherType",
     [](Programs &p, Programs &q) {
       fb::CollectiveT &reduce =
           *p[1]->order[indexOf(*p[1], fb::Action::Collective, 0)]->action.AsCollective();
       retype(*reduce.src, Element::I32);
       retype(*reduce.dst, Element::I32);
     },
     R"(the 1st collective of group 'all' is all-reduce of 64 bytes of f32 on rank 0 (all-reduce #23 'bucket 0'), but all-reduce of 64 bytes of i32 on rank 1 (all-reduce #19 'bucket 0'))"},

    {"MessageReceivedAsAnotherType",
     [](Programs &p, Programs &q) {
       retype(*q[2]->order[1]->action.AsExchange()->transfers[0]->ref, Element::I32);
     },
     R"(message 4 is sent as f32 by exchange #3 'y m0' of rank 1, but received as i32 by exchange #1 'x m0' of rank 2)"},

    {"CollectiveThatOneRankLeavesOut",
     [](Programs &p, Programs &q) {
       nth(*p[1], fb::Action::Collective, 0).action.Set(fb::JoinT());
     },
     R"(rank 1 takes part in 0 collectives of group 'all', but rank 0 in 1: all-reduce #23 'bucket 0' of rank 0 is not met)"},

    {"TwoStreamsSendToOneRank",
     [](Programs &p, Programs &q) { p[0]->order[22]->stream = Reduce; },
     R"(rank 0: race: receive message 20 from rank 1 of exchange #22 on stream reduce writes messages[576..640) and fetch #25 'loss' on stream comm reads messages[576..640); nothing makes fetch #25 'loss' wait for exchange #22 'swap' (send message 16 to rank 1 and 1 more))"},

    {"TwoStreamsReduceInOneGroup",
     [](Programs &p, Programs &q) {
       Rank r(*p[0]), s(*p[1]);
       for (auto *rank : {&r, &s}) {
         fb::ProgramT &own = rank->program;
         uint32_t done = rank->event();
         auto second =
             rank->make(Compute, "norm",
                        collective(fb::CollectiveKind::AllReduce, 1,
                                   arena(Record, 0), arena(Record, 0)),
                        {}, int32_t(done));
         own.order.insert(own.order.begin() +
                              indexOf(own, fb::Action::Collective, 0) + 1,
                          std::move(second));
         own.order.back()->waits.push_back(done);
       }
     },
     R"(rank 0: all-reduce #23 'bucket 0' on stream reduce and all-reduce #24 'norm' on stream compute are both of group 'all', and nothing orders them: one could be taken for the other
rank 1: all-reduce #19 'bucket 0' on stream reduce and all-reduce #20 'norm' on stream compute are both of group 'all', and nothing orders them: one could be taken for the other)"},

    {"SwapThatIsNotGrouped",
     [](Programs &p, Programs &q) {
       for (ProgramPtr &each : p) {
         Rank rank(*each);
         uint32_t at =
             indexOf(*each, fb::Action::Exchange, each->coordinate ? 8 : 8);
         fb::ExchangeT &swap = *each->order[at]->action.AsExchange();
         auto second = rank.make(Comm, "swap back", fb::ExchangeT());
         second->action.AsExchange()->transfers.push_back(
             std::move(swap.transfers[1]));
         second->signal = each->order[at]->signal;
         each->order[at]->signal = -1;
         swap.transfers.pop_back();
         each->order.insert(each->order.begin() + at + 1,
                            std::move(second));
       }
     },
     R"(deadlock: these commands wait for each other
  rank 0 stream comm: exchange #22 (send message 16 to rank 1) waits for rank 1 to start exchange #19 'swap back' (receive message 16 from rank 0)
  rank 1 stream comm: exchange #19 'swap back' (receive message 16 from rank 0) comes after exchange #18 'swap' (send message 20 to rank 0)
  rank 1 stream comm: exchange #18 (send message 20 to rank 0) waits for rank 0 to start exchange #23 'swap back' (receive message 20 from rank 1)
  rank 0 stream comm: exchange #23 'swap back' (receive message 20 from rank 1) comes after exchange #22 'swap' (send message 16 to rank 1))"},

    {"ReceiveBeforeTheSendItNeeds",
     [](Programs &p, Programs &q) {
       // Rank 0 wants a gradient before it has sent the last activation.
       std::swap(p[0]->order[12], p[0]->order[13]);
     },
     R"(deadlock: these commands wait for each other
  rank 0 stream comm: exchange #12 (receive message 12 from rank 1) waits for rank 1 to start exchange #10 'gx m0' (send message 12 to rank 0)
  rank 1 stream comm: exchange #10 'gx m0' (send message 12 to rank 0) comes after exchange #7 'x m3' (receive message 3 from rank 0)
  rank 1 stream comm: exchange #7 (receive message 3 from rank 0) waits for rank 0 to start exchange #13 'y m3' (send message 3 to rank 1)
  rank 0 stream comm: exchange #13 'y m3' (send message 3 to rank 1) comes after exchange #12 'gy m0' (receive message 12 from rank 1))"},

    {"CycleOverFourRanks",
     [](Programs &p, Programs &q) {
       // Each rank receives from the one before it and then sends to the
       // one behind.
       q.clear();
       for (uint32_t self = 0; self < 4; ++self) {
         q.push_back(emptyProgram(self, 4, 4));
         Rank rank(*q.back());
         rank.add(Compute, "own", fill(arena(Messages, 1)));
         uint32_t filled = rank.event(), received = rank.event(),
                  sent = rank.event();
         q.back()->order[0]->signal = int32_t(filled);
         rank.add(Comm, "in",
                  exchange(receive((self + 3) % 4, (self + 3) % 4,
                                   arena(Messages, 0))),
                  {}, int32_t(received));
         rank.add(Comm, "out",
                  exchange(send((self + 1) % 4, self, arena(Messages, 1))),
                  {filled}, int32_t(sent));
         rank.add(Compute, "", fb::JoinT(), {received, sent});
       }
     },
     R"(deadlock: these commands wait for each other
  rank 0 stream comm: exchange #1 (receive message 3 from rank 3) waits for rank 3 to start exchange #2 'out' (send message 3 to rank 0)
  rank 3 stream comm: exchange #2 'out' (send message 3 to rank 0) comes after exchange #1 'in' (receive message 2 from rank 2)
  rank 3 stream comm: exchange #1 (receive message 2 from rank 2) waits for rank 2 to start exchange #2 'out' (send message 2 to rank 3)
  rank 2 stream comm: exchange #2 'out' (send message 2 to rank 3) comes after exchange #1 'in' (receive message 1 from rank 1)
  rank 2 stream comm: exchange #1 (receive message 1 from rank 1) waits for rank 1 to start exchange #2 'out' (send message 1 to rank 2)
  rank 1 stream comm: exchange #2 'out' (send message 1 to rank 2) comes after exchange #1 'in' (receive message 0 from rank 0)
  rank 1 stream comm: exchange #1 (receive message 0 from rank 0) waits for rank 0 to start exchange #2 'out' (send message 0 to rank 1)
  rank 0 stream comm: exchange #2 'out' (send message 0 to rank 1) comes after exchange #1 'in' (receive message 3 from rank 3))"},

    {"EventsThatWaitForEachOther",
     [](Programs &p, Programs &q) {
       Rank rank(*p[0]);
       uint32_t one = rank.event(), two = rank.event();
       p[0]->order.insert(
           p[0]->order.begin(),
           rank.make(Compute, "", fb::JoinT(), {two}, int32_t(one)));
       p[0]->order.insert(
           p[0]->order.begin() + 1,
           rank.make(Comm, "", fb::JoinT(), {one}, int32_t(two)));
     },
     R"(deadlock: these commands wait for each other
  rank 0 stream compute: join #0 waits for an event of join #1 on stream comm
  rank 0 stream comm: join #1 waits for an event of join #0 on stream compute)"},

    {"WaitForALaterCommandOfTheStream",
     [](Programs &p, Programs &q) {
       p[0]->order[0]->waits = {uint32_t(p[0]->order[21]->signal)};
     },
     R"(deadlock: these commands wait for each other
  rank 0 stream compute: fill #0 'zero gradients' waits for an event of fill #21 'statistics' on stream compute
  rank 0 stream compute: fill #21 'statistics' comes after fill #0 'zero gradients')"},

    {"ReplicasReduceBeforeExpertsExchangeAndAfter",
     [](Programs &p, Programs &q) {
       // Gradients are summed over dp, tokens exchanged over ep, each with both ranks.
       p = communicationsOverDpAndEp(/*sameStream=*/true);
     },
     R"(deadlock: these commands wait for each other
  rank 1 stream reduce: all-reduce #3 'reduce' comes after all-to-all #2 'exchange'
  rank 1 stream reduce: all-to-all #2 'exchange' waits for rank 0 to take part in all-to-all #3 'exchange'
  rank 0 stream reduce: all-to-all #3 'exchange' comes after all-reduce #2 'reduce'
  rank 0 stream reduce: all-reduce #2 'reduce' waits for rank 1 to take part in all-reduce #3 'reduce')"},

    {"ReplicasAndExpertsInNoCommonOrder",
     [](Programs &p, Programs &q) {
       p = communicationsOverDpAndEp(/*sameStream=*/false);
     },
     R"(these communications have no order that all ranks share: a device that runs each rank's communications one after another, as its list has them, would wait for ever
  rank 1 stream reduce: all-reduce #3 'reduce' is issued after all-to-all #2 'exchange' on stream comm
  rank 1 stream comm: all-to-all #2 'exchange' waits for rank 0 to take part in all-to-all #3 'exchange'
  rank 0 stream comm: all-to-all #3 'exchange' is issued after all-reduce #2 'reduce' on stream reduce
  rank 0 stream reduce: all-reduce #2 'reduce' waits for rank 1 to take part in all-reduce #3 'reduce')"},

    {"ReductionBeforeTheMessageItNeeds",
     [](Programs &p, Programs &q) {
       // Rank 0 reduces before the swap that rank 1 makes first.
       auto &order = p[0]->order;
       Rank rank(*p[0]);
       uint32_t reduced = order[23]->signal;
       order[22]->waits.push_back(reduced);
       auto &other = p[1]->order;
       uint32_t at = indexOf(*p[1], fb::Action::Collective, 0);
       other[at]->waits.push_back(other[at - 1]->signal);
     },
     R"(deadlock: these commands wait for each other
  rank 1 stream reduce: all-reduce #19 'bucket 0' waits for an event of exchange #18 'swap' (send message 20 to rank 0 and 1 more) on stream comm
  rank 1 stream comm: exchange #18 (receive message 16 from rank 0) waits for rank 0 to start exchange #22 'swap' (send message 16 to rank 1 and 1 more)
  rank 0 stream comm: exchange #22 'swap' (send message 16 to rank 1 and 1 more) waits for an event of all-reduce #23 'bucket 0' on stream reduce
  rank 0 stream reduce: all-reduce #23 'bucket 0' waits for rank 1 to take part in all-reduce #19 'bucket 0')"},

    {"BlockThatWaitsForItself",
     [](Programs &p, Programs &q) {
       auto &commands = p[0]->blocks[ForwardBlock]->commands;
       commands[0]->waits.push_back(5);
     },
     R"(rank 0: block s0.forward: deadlock: these commands wait for each other
  call #0 'matmul' on stream 0 waits for an event of all-to-all #1 'dispatch'
  all-to-all #1 'dispatch' on stream 1 waits for an event of call #0 'matmul')"},

    {"SendBehindTheRunThatAwaitsTheAnswer",
     [](Programs &p, Programs &q) {
       // The second forward task waits for a gradient that answers its own
       // output.
       p[0]->order[5]->waits.push_back(uint32_t(
           p[0]->order[13]->action.AsExchange()->transfers[0]->signal));
     },
     R"(deadlock: these commands wait for each other
  rank 0 stream compute: run #5 (F s0 m1) waits for an event of exchange #13 (receive message 12 from rank 1) on stream comm
  rank 0 stream comm: exchange #13 'gy m0' (receive message 12 from rank 1) comes after exchange #6 'y m1' (send message 1 to rank 1)
  rank 0 stream comm: exchange #6 'y m1' (send message 1 to rank 1) waits for an event of run #5 (F s0 m1) on stream compute)"},

    {"RunThatDoesNotAwaitItsInput",
     [](Programs &p, Programs &q) {
       p[1]->order[2]->action.AsRun()->operand_events[0] = -1;
     },
     R"(rank 1: race: receive message 0 from rank 0 of exchange #1 on stream comm writes messages[0..64) and call #0 'matmul' of run #2 (F s1 m0) on stream compute reads messages[0..64); nothing makes run #2 (F s1 m0) wait for exchange #1 'x m0' (receive message 0 from rank 0))"},

    {"SendThatDoesNotAwaitItsData",
     [](Programs &p, Programs &q) {
       p[0]->order[3]->action.AsExchange()->transfers[0]->after.clear();
     },
     R"(rank 0: race: launch #3 'residual' of run #2 (F s0 m0) on stream compute writes messages[128..192) and send message 0 to rank 1 of exchange #3 on stream comm reads messages[128..192); nothing makes exchange #3 'y m0' (send message 0 to rank 1) wait for run #2 (F s0 m0))"},

    {"SlotUsedAgainWhileItIsSent",
     [](Programs &p, Programs &q) {
       p[1]->order[13]->action.AsRun()->operand_events[3] = -1;
     },
     R"(rank 1: race: send message 12 to rank 0 of exchange #10 on stream comm reads messages[384..448) and launch #0 'input gradient' of run #13 (B s1 m2) on stream compute writes messages[384..448); nothing makes run #13 (B s1 m2) wait for exchange #10 'gx m0' (send message 12 to rank 0))"},

    {"SlotFilledAgainWhileItIsRead",
     [](Programs &p, Programs &q) {
       p[1]->order[5]->action.AsExchange()->transfers[0]->after.clear();
     },
     R"(rank 1: race: call #0 'matmul' of run #2 (F s1 m0) on stream compute reads messages[0..64) and receive message 2 from rank 0 of exchange #5 on stream comm writes messages[0..64); nothing makes exchange #5 'x m2' (receive message 2 from rank 0) wait for run #2 (F s1 m0))"},

    {"SlotOfAnotherMicroBatch",
     [](Programs &p, Programs &q) {
       p[1]->order[3]->action.AsExchange()->transfers[0]->ref =
           own(arena(Messages, 0));
       p[1]->order[4]->action.AsRun()->operands[0] = arena(Messages, 0);
     },
     R"(rank 1: race: call #0 'matmul' of run #2 (F s1 m0) on stream compute reads messages[0..64) and receive message 1 from rank 0 of exchange #3 on stream comm writes messages[0..64); nothing makes exchange #3 'x m1' (receive message 1 from rank 0) wait for run #2 (F s1 m0)
rank 1: race: call #0 'matmul' of run #4 (F s1 m1) on stream compute reads messages[0..64) and receive message 2 from rank 0 of exchange #5 on stream comm writes messages[0..64); nothing makes exchange #5 'x m2' (receive message 2 from rank 0) wait for run #4 (F s1 m1))"},

    {"SlotsThatOverlap",
     [](Programs &p, Programs &q) {
       fb::Ref both(fb::Space::Arena, kF32, Messages, 6 * kSlot, kSlot);
       p[1]->order[11]->action.AsRun()->operands[3] = both;
       p[1]->order[12]->action.AsExchange()->transfers[0]->ref = own(both);
     },
     R"(rank 1: race: send message 12 to rank 0 of exchange #10 on stream comm reads messages[384..448) and launch #0 'input gradient' of run #11 (B s1 m1) on stream compute writes messages[384..448); nothing makes run #11 (B s1 m1) wait for exchange #10 'gx m0' (send message 12 to rank 0)
rank 1: race: send message 13 to rank 0 of exchange #12 on stream comm reads messages[384..448) and launch #0 'input gradient' of run #13 (B s1 m2) on stream compute writes messages[384..448); nothing makes run #13 (B s1 m2) wait for exchange #12 'gx m1' (send message 13 to rank 0))"},

    {"ReductionBeforeTheLastGradient",
     [](Programs &p, Programs &q) { p[0]->order[23]->waits.clear(); }, R"(rank 0: race: launch #1 'weight gradient' of run #20 (B s0 m3) on stream compute writes gradients[0..64) and all-reduce #23 'bucket 0' on stream reduce reads gradients[0..64); nothing makes all-reduce #23 'bucket 0' wait for run #20 (B s0 m3))"},

    {"UpdateBeforeTheReduction",
     [](Programs &p, Programs &q) {
       p[0]->order[24]->action.AsRun()->operand_events[1] = -1;
     },
     R"(rank 0: race: all-reduce #23 'bucket 0' on stream reduce writes gradients[0..64) and launch #0 'sgd' of run #24 (update) on stream compute reads gradients[0..64); nothing makes run #24 (update) wait for all-reduce #23 'bucket 0'
rank 0: the step ends with join #27, which does not wait for all-reduce #23 'bucket 0' on stream reduce: it may still be under way in the next step, when fill #0 'zero gradients' writes gradients[0..64))"},

    {"BlockThatDoesNotAwaitItsAllToAll",
     [](Programs &p, Programs &q) {
       p[0]->blocks[ForwardBlock]->commands[3]->waits = {2};
     },
     R"(rank 0: block s0.forward: race: all-to-all #1 'dispatch' on stream 1 writes work[64..128) and launch #3 'residual' on stream 0 reads work[64..128); nothing makes launch #3 'residual' wait for all-to-all #1 'dispatch'
rank 0: block s0.forward: race: all-to-all #1 'dispatch' on stream 1 writes work[64..128) and launch #4 'keep' on stream 0 reads work[64..128); nothing makes launch #4 'keep' wait for all-to-all #1 'dispatch')"},

    {"AllToAllBeforeItsData",
     [](Programs &p, Programs &q) {
       p[0]->blocks[ForwardBlock]->commands[1]->waits.clear();
     },
     R"(rank 0: block s0.forward: race: call #0 'matmul' on stream 0 writes work[0..64) and all-to-all #1 'dispatch' on stream 1 reads work[0..64); nothing makes all-to-all #1 'dispatch' wait for call #0 'matmul')"},

    {"WorkspaceOfTwoStreams",
     [](Programs &p, Programs &q) {
       // The second forward task runs elsewhere, in the same workspace.
       p[1]->order[4]->action.AsRun()->streams = {Reduce, Compute};
       p[1]->order[4]->stream = Reduce;
     },
     R"(rank 1: race: launch #2 'scale' of run #2 (F s1 m0) on stream compute writes work[128..192) and launch #2 'scale' of run #4 (F s1 m1) on stream reduce writes work[128..192); nothing makes run #4 (F s1 m1) wait for run #2 (F s1 m0)
rank 1: race: launch #2 'scale' of run #4 (F s1 m1) on stream reduce writes work[128..192) and launch #2 'scale' of run #6 (F s1 m2) on stream compute writes work[128..192); nothing makes run #6 (F s1 m2) wait for run #4 (F s1 m1))"},

    {"OperandOnTheBlocksWorkspace",
     [](Programs &p, Programs &q) {
       p[0]->order[2]->action.AsRun()->operands[3] = arena(Work, 2);
     },
     R"(rank 0: run #2 (F s0 m0): operand 3 'kept', work[128..192), lies on work[0..192), which block s0.forward uses by itself
rank 0: launch #1 'weight gradient' of run #14 (B s0 m0) on stream compute reads stash[0..64), which nothing before it in the step writes)"},

    {"GradientOfWhatWasNotKept",
     [](Programs &p, Programs &q) {
       p[0]->arenas[Stash]->bytes += kSlot;
       p[0]->order[14]->action.AsRun()->operands[1] = arena(Stash, 4);
     },
     R"(rank 0: launch #1 'weight gradient' of run #14 (B s0 m0) on stream compute reads stash[256..320), which nothing before it in the step writes)"},

    {"MessageOfBytesNeverWritten",
     [](Programs &p, Programs &q) {
       p[0]->order[22]->action.AsExchange()->transfers[0]->ref =
           own(arena(Messages, 7, kSlot));
       p[0]->arenas[Messages]->bytes += kSlot;
       p[0]->order[22]->action.AsExchange()->transfers[0]->ref =
           own(arena(Messages, 10));
     },
     R"(rank 0: send message 16 to rank 1 of exchange #22 on stream comm reads messages[640..704), which nothing before it in the step writes)"},

    {"MessageHalfWritten",
     [](Programs &p, Programs &q) {
       p[0]->order[21]->action.AsFill()->dst =
           own(fb::Ref(fb::Space::Arena, kF32, Messages, 8 * kSlot + 32, 32));
     },
     R"(rank 0: send message 16 to rank 1 of exchange #22 on stream comm reads messages[512..576), of which messages[512..544) is written by nothing before it in the step)"},

    {"WorkspaceReadBeforeItIsWritten",
     [](Programs &p, Programs &q) {
       p[0]->blocks[ForwardBlock]->commands.erase(
           p[0]->blocks[ForwardBlock]->commands.begin() + 2);
     },
     R"(rank 0: launch #2 'residual' of run #2 (F s0 m0) on stream compute reads work[128..192), which nothing before it in the step writes)"},

    {"StepThatDoesNotAwaitItsMessages",
     [](Programs &p, Programs &q) { p[0]->order[27]->waits.clear(); },
     R"(rank 0: the step ends with join #27, which does not wait for fetch #25 'loss' on stream comm: it may still be under way in the next step, when exchange #22 'swap' (send message 16 to rank 1 and 1 more) writes messages[576..640))"},

    {"MessageThatRunsIntoTheNextStep",
     [](Programs &p, Programs &q) {
       // The swap is the last of the communication stream and nobody waits
       // for it.
       p[0]->order[25]->signal = -1;
       p[0]->order[25]->stream = Compute;
       p[0]->order[25]->waits = {uint32_t(p[0]->order[22]->signal)};
       p[0]->order[27]->waits.clear();
       Rank rank(*p[0]), other(*p[1]);
       p[0]->order.insert(
           p[0]->order.begin() + 26,
           rank.make(Comm, "late",
                     exchange(send(1, 500, arena(Messages, 2)))));
       uint32_t late = other.event();
       p[1]->order.insert(
           p[1]->order.end() - 1,
           other.make(Comm, "late",
                      exchange(receive(0, 500, arena(Messages, 2))), {},
                      int32_t(late)));
       p[1]->order.back()->waits.push_back(late);
     },
     R"(rank 0: the step ends with join #28, which does not wait for exchange #26 'late' (send message 500 to rank 1) on stream comm: it may still be under way in the next step, when run #2 (F s0 m0) writes messages[128..192))"},
};
// clang-format on

} // namespace dpcrt::test
