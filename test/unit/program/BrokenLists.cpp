// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Programs that end where every rank does as it is asked, and not on devices that issue
// a list from one thread, complete an exchange as a whole, or run communications one
// after another.
#include "Broken.h"

#include <algorithm>

namespace dpcrt::test {

/// Ranks with nothing but what a case adds to them, in place of `programs`.
static void empty(Programs &programs, uint32_t ranks = 2) {
  programs.clear();
  for (uint32_t self = 0; self < ranks; ++self)
    programs.push_back(emptyProgram(self, ranks, 1));
}

// clang-format off: the texts are what matters here.
const std::vector<Broken> brokenLists = {
    {"WaitForALaterCommandOfAnotherStream",
     [](Programs &p, Programs &q) {
       Rank rank(*p[0]);
       p[0]->order.insert(p[0]->order.begin(),
                          rank.make(Reduce, "late", fb::JoinT(),
                                    {uint32_t(p[0]->order[1]->signal)}));
     },
     R"(rank 0: join #0 'late' on stream reduce waits for an event of feed #2 'feed m0' on stream comm, which does not stand before it in the list: a list is an order of issue, and nothing may wait for what comes later in it)"},

    {"RunWhoseOperandIsMadeLater",
     [](Programs &p, Programs &q) {
       // The message stands behind the run of another stream that awaits it.
       std::swap(p[1]->order[1], p[1]->order[2]);
     },
     R"(rank 1: run #1 (F s1 m0) on stream compute waits for an event of exchange #2 'x m0' (receive message 0 from rank 0) on stream comm, which does not stand before it in the list: a list is an order of issue, and nothing may wait for what comes later in it)"},

    {"BlockThatWaitsForALaterCommand",
     [](Programs &p, Programs &q) {
       auto &commands = p[0]->blocks[ForwardBlock]->commands;
       std::swap(commands[0], commands[1]);
     },
     R"(rank 0: block s0.forward: all-to-all #0 'dispatch' on stream 1 waits for an event of call #1 'matmul' on stream 0, which does not stand before it in the list: a list is an order of issue, and nothing may wait for what comes later in it)"},

    {"TransfersThatCannotCompleteTogether",
     [](Programs &p, Programs &q) {
       // Rank 0 answers the first message of an exchange to rank 2, which sends the second
       // when it has the answer.
       empty(p, 3);
       Rank first(*p[0]), second(*p[1]), third(*p[2]);
       uint32_t asked = first.event(), both = first.event(), answered = first.event();
       first.add(Comm, "questions",
                 exchange(receive(1, 0, arena(Messages, 0), {}, int32_t(asked)),
                          receive(2, 2, arena(Messages, 2))),
                 {}, int32_t(both));
       first.add(Reduce, "answer", exchange(send(2, 1, arena(Messages, 0))), {asked},
                 int32_t(answered));
       first.add(Compute, "", fb::JoinT(), {both, answered});
       second.add(Comm, "question", fill(arena(Messages, 0)));
       second.add(Comm, "question", exchange(send(0, 0, arena(Messages, 0))));
       third.add(Comm, "answer", exchange(receive(0, 1, arena(Messages, 1))));
       third.add(Comm, "another", exchange(send(0, 2, arena(Messages, 1))));
     },
     R"(these transfers cannot complete together with the others of their exchange: a device that signals all of them only when the last one is done would wait for ever
  rank 2 stream comm: exchange #1 'another' (send message 2 to rank 0) comes after exchange #0 'answer' (receive message 1 from rank 0)
  rank 2 stream comm: exchange #0 (receive message 1 from rank 0) waits for rank 0 to start exchange #1 'answer' (send message 1 to rank 2)
  rank 0 stream reduce: exchange #1 'answer' (send message 1 to rank 2) waits for an event of exchange #0 (receive message 0 from rank 1) on stream comm
  rank 0 stream comm: exchange #0 (receive message 0 from rank 1) completes together with exchange #0 (receive message 2 from rank 2)
  rank 0 stream comm: exchange #0 (receive message 2 from rank 2) waits for rank 2 to start exchange #1 'another' (send message 2 to rank 0))"},

    {"TransfersOfOneExchangeMetOneAfterTheOther",
     [](Programs &p, Programs &q) {
       empty(p);
       Rank first(*p[0]), second(*p[1]);
       first.add(Comm, "fill", fill(arena(Messages, 0)));
       first.add(Comm, "fill", fill(arena(Messages, 1)));
       first.add(Comm, "both",
                 exchange(send(1, 0, arena(Messages, 0)), send(1, 1, arena(Messages, 1))));
       second.add(Comm, "one", exchange(receive(0, 0, arena(Messages, 0))));
       second.add(Comm, "other", exchange(receive(0, 1, arena(Messages, 1))));
     },
     R"(these transfers cannot complete together with the others of their exchange: a device that signals all of them only when the last one is done would wait for ever
  rank 1 stream comm: exchange #1 'other' (receive message 1 from rank 0) comes after exchange #0 'one' (receive message 0 from rank 0)
  rank 1 stream comm: exchange #0 (receive message 0 from rank 0) completes together with exchange #2 (send message 0 to rank 1) of rank 0
  rank 0 stream comm: exchange #2 (send message 1 to rank 1) waits for rank 1 to start exchange #1 'other' (receive message 1 from rank 0))"},

    {"ReductionInEachRanksOwnPlace",
     [](Programs &p, Programs &q) {
       // Rank 1 has summed its gradients before the swap, rank 0 after it.
       std::swap(p[1]->order[18], p[1]->order[19]);
     },
     R"(these communications have no order that all ranks share: a device that runs each rank's communications one after another, as its list has them, would wait for ever
  rank 0 stream reduce: all-reduce #23 'bucket 0' is issued after exchange #22 'swap' (send message 16 to rank 1 and 1 more) on stream comm
  rank 0 stream comm: exchange #22 (send message 16 to rank 1) waits for rank 1 to start exchange #19 'swap' (send message 20 to rank 0 and 1 more)
  rank 1 stream comm: exchange #19 'swap' (send message 20 to rank 0 and 1 more) is issued after all-reduce #18 'bucket 0' on stream reduce
  rank 1 stream reduce: all-reduce #18 'bucket 0' waits for rank 0 to take part in all-reduce #23 'bucket 0')"},

    {"CollectiveOfABlockInEachRanksOwnPlace",
     [](Programs &p, Programs &q) {
       empty(p);
       for (const ProgramPtr &program : p) {
         Rank rank(*program);
         fb::BlockT &block = *program->blocks[UpdateBlock];
         block.operands.clear();
         block.events = 0;
         block.commands.clear();
         block.commands.push_back(
             rank.make(0, "norm", collective(fb::CollectiveKind::AllReduce, 1, arena(Record, 0),
                                             arena(Record, 0))));
         fb::RunT run;
         run.block = UpdateBlock;
         run.streams = {Reduce};
         uint32_t reduced = rank.event(), filled = rank.event(), moved = rank.event();
         rank.add(Compute, "", fill(arena(Messages, 0)), {}, int32_t(filled));
         rank.add(Reduce, "", std::move(run), {}, int32_t(reduced));
         if (rank.program.coordinate == 0)
           rank.add(Comm, "y", exchange(send(1, 0, arena(Messages, 0))), {filled}, int32_t(moved));
         else
           rank.add(Comm, "y", exchange(receive(0, 0, arena(Messages, 0))), {filled},
                    int32_t(moved));
         rank.add(Compute, "", fb::JoinT(), {reduced, moved});
       }
       std::swap(p[1]->order[1], p[1]->order[2]);
     },
     R"(these communications have no order that all ranks share: a device that runs each rank's communications one after another, as its list has them, would wait for ever
  rank 1 stream reduce: all-reduce #0 'norm' of run #2 (update) is issued after exchange #1 'y' (receive message 0 from rank 0) on stream comm
  rank 1 stream comm: exchange #1 (receive message 0 from rank 0) waits for rank 0 to start exchange #2 'y' (send message 0 to rank 1)
  rank 0 stream comm: exchange #2 'y' (send message 0 to rank 1) is issued after all-reduce #0 'norm' of run #1 (update) on stream reduce
  rank 0 stream reduce: all-reduce #0 'norm' of run #1 (update) waits for rank 1 to take part in all-reduce #0 'norm' of run #2 (update))"},

    {"OrderOverThreeStreamsOfARank",
     [](Programs &p, Programs &q) {
       // Of three messages, rank 1 expects the last one first.
       empty(p);
       for (const ProgramPtr &program : p) {
         Rank rank(*program);
         std::vector<uint32_t> moved;
         for (uint32_t stream : {Compute, Comm, Reduce}) {
           moved.push_back(rank.event());
           bool isSender = (program->coordinate == 0) == (stream != Reduce);
           uint32_t peer = 1 - program->coordinate;
           rank.add(Compute, "", fill(arena(Messages, stream)));
           program->order.back()->signal = int32_t(rank.event());
           rank.add(uint16_t(stream), "y",
                    isSender ? exchange(send(peer, stream, arena(Messages, stream)))
                             : exchange(receive(peer, stream, arena(Messages, stream))),
                    {uint32_t(program->order.back()->signal)}, int32_t(moved.back()));
         }
         rank.add(Compute, "", fb::JoinT(), moved);
       }
       auto &order = p[1]->order;
       std::rotate(order.begin(), order.begin() + 4, order.begin() + 6);
     },
     R"(these communications have no order that all ranks share: a device that runs each rank's communications one after another, as its list has them, would wait for ever
  rank 0 stream compute: exchange #1 (send message 0 to rank 1) waits for rank 1 to start exchange #3 'y' (receive message 0 from rank 0)
  rank 1 stream compute: exchange #3 'y' (receive message 0 from rank 0) is issued after exchange #1 'y' (send message 2 to rank 0) on stream reduce
  rank 1 stream reduce: exchange #1 (send message 2 to rank 0) waits for rank 0 to start exchange #5 'y' (receive message 2 from rank 1)
  rank 0 stream reduce: exchange #5 'y' (receive message 2 from rank 1) is issued after exchange #1 'y' (send message 0 to rank 1) on stream compute)"},
};
// clang-format on

} // namespace dpcrt::test
