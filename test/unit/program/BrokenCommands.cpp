// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Faults in single commands and blocks: what they name, touch, wait for and fire.
#include "Broken.h"

namespace dpcrt::test {

// clang-format off: the texts are what matters here.
const std::vector<Broken> brokenCommands = {
    {"NoRoomForAnOperand",
     [](Programs &p, Programs &q) {
       p[0]->order[2]->action.AsRun()->operands[3] =
           fb::Ref(fb::Space::Arena, kF32, Stash, 4 * kSlot - 32, kSlot);
     },
     R"(rank0: rank 0: run #2 (F s0 m0): operand 3, 64 bytes at 224, reaches beyond the 256 bytes of arena 'stash')"},

    {"OffsetThatOverflows",
     [](Programs &p, Programs &q) {
       p[0]->order[2]->action.AsRun()->operands[3] =
           fb::Ref(fb::Space::Arena, kF32, Stash, ~uint64_t(31), kSlot);
     },
     R"(rank0: rank 0: run #2 (F s0 m0): operand 3, 64 bytes at 18446744073709551584, reaches beyond the 256 bytes of arena 'stash')"},

    {"ArenaThatIsNotThere",
     [](Programs &p, Programs &q) {
       p[0]->order[0]->action.AsFill()->dst = own(arena(NumArenas, 0));
     },
     R"(rank0: rank 0: fill #0 'zero gradients': the destination lies in arena 7 of 7)"},

    {"OperandThatIsNotThere",
     [](Programs &p, Programs &q) {
       p[0]->blocks[ForwardBlock]->commands[4]->action.AsLaunch()->args[1] =
           out(operand(9));
     },
     R"(rank0: rank 0: block s0.forward: launch #4 'keep': argument 1 lies in operand 9 of 4)"},

    {"RangeBeyondItsOperand",
     [](Programs &p, Programs &q) {
       p[0]->blocks[ForwardBlock]->commands[4]->action.AsLaunch()->args[1] =
           out(fb::Ref(fb::Space::Operand, kF32, 3, 32, kSlot));
     },
     R"(rank0: rank 0: block s0.forward: launch #4 'keep': argument 1, 64 bytes at 32, reaches beyond the 64 bytes of operand 'kept')"},

    {"OperandOutsideOfABlock",
     [](Programs &p, Programs &q) {
       p[0]->order[0]->action.AsFill()->dst = own(operand(0));
     },
     R"(rank0: rank 0: fill #0 'zero gradients': the destination lies in an operand; only commands of a block have operands)"},

    {"EventThatIsNotThere",
     [](Programs &p, Programs &q) {
       p[0]->order[3]->waits.push_back(1000);
     },
     R"(rank0: rank 0: exchange #3 'y m0' (send message 0 to rank 1) waits for event 1000 of 24)"},

    {"EventFiredTwice",
     [](Programs &p, Programs &q) {
       p[0]->order[26]->signal = p[0]->order[25]->signal;
     },
     R"(rank0: rank 0: copy #26 'again' fires event 23, which already fetch #25 'loss' fires; an event fires once)"},

    {"WaitForWhatNothingFires",
     [](Programs &p, Programs &q) { p[0]->order[25]->signal = -1; },
     R"(rank0: rank 0: join #27 waits for event 23, which nothing fires)"},

    {"ReadinessFiredByACommand",
     [](Programs &p, Programs &q) {
       p[0]->blocks[ForwardBlock]->commands[2]->signal = 1;
     },
     R"(rank0: rank 0: block s0.forward: launch #2 'scale' fires event 1, which is the readiness of an operand)"},

    {"ArgumentOfAnotherSize",
     [](Programs &p, Programs &q) {
       resize(p[0]->kernels[Keep]->buffers[0], 128);
     },
     R"(rank0: rank 0: block s0.forward: launch #2 'scale': argument 0 has 64 bytes; kernel 'k_keep' takes 128
rank 0: block s0.forward: launch #4 'keep': argument 0 has 64 bytes; kernel 'k_keep' takes 128)"},

    {"ArgumentOfAnotherAccess",
     [](Programs &p, Programs &q) {
       p[0]->blocks[BackwardBlock]
           ->commands[1]
           ->action.AsLaunch()
           ->args[2] = out(operand(4));
     },
     R"(rank0: rank 0: block s0.backward: launch #1 'weight gradient': argument 2 is declared write; kernel 'k_gradw' has it read-write)"},

    {"TooFewArguments",
     [](Programs &p, Programs &q) {
       p[0]->blocks[ForwardBlock]
           ->commands[4]
           ->action.AsLaunch()
           ->args.pop_back();
     },
     R"(rank0: rank 0: block s0.forward: launch #4 'keep': kernel 'k_keep' takes 2 arguments, but is given 1)"},

    {"KernelThatIsNotThere",
     [](Programs &p, Programs &q) {
       p[0]->blocks[ForwardBlock]->commands[4]->action.AsLaunch()->kernel =
           NumKernels;
     },
     R"(rank0: rank 0: block s0.forward: launch #4 'keep' names kernel 5 of 5)"},

    {"ArgumentsThatAlias",
     [](Programs &p, Programs &q) {
       auto &args =
           p[0]->blocks[ForwardBlock]->commands[3]->action.AsLaunch()->args;
       args[1] = in(operand(2));
     },
     R"(rank0: rank 0: block s0.forward: launch #3 'residual': argument 1 and argument 2 overlap, %y[0..64) and %y[0..64), and the second is written)"},

    {"OperandsThatAlias",
     [](Programs &p, Programs &q) {
       p[0]->order[2]->action.AsRun()->operands[2] = arena(Messages, 0);
     },
     R"(rank0: rank 0: run #2 (F s0 m0): operand 0 and operand 2 overlap, messages[0..64) and messages[0..64), and the second is written)"},

    {"TransfersThatOverlap",
     [](Programs &p, Programs &q) {
       p[0]->order[22]->action.AsExchange()->transfers[1]->ref =
           own(arena(Messages, 8));
     },
     R"(rank0: rank 0: exchange #22 'swap' (send message 16 to rank 1 and 1 more): transfer 0 and transfer 1 overlap, messages[512..576) and messages[512..576), and the second is written)"},

    {"CopyOntoItself",
     [](Programs &p, Programs &q) {
       p[0]->order[21]->action.Set(
           copy(arena(Messages, 8),
                fb::Ref(fb::Space::Arena, kF32, Messages, 8 * kSlot + 4, kSlot)));
     },
     R"(rank0: rank 0: copy #21 'statistics': buffer 0 and buffer 1 overlap, messages[512..576) and messages[516..580), and the second is written)"},

    {"MessageToItself",
     [](Programs &p, Programs &q) {
       p[1]->order[1]->action.AsExchange()->transfers[0]->peer = 1;
     },
     R"(rank1: rank 1: exchange #1 'x m0' (receive message 0 from rank 1): message 0 goes from a rank to itself)"},

    {"PeerThatIsNotThere",
     [](Programs &p, Programs &q) {
       p[1]->order[1]->action.AsExchange()->transfers[0]->peer = 7;
     },
     R"(rank1: rank 1: exchange #1 'x m0' (receive message 0 from rank 7): message 0 has rank 7 of a pp axis of 2 as peer)"},

    {"MicroBatchThatIsNotThere",
     [](Programs &p, Programs &q) {
       p[0]->order[1]->action.AsFeed()->micro_batch = 4;
     },
     R"(rank0: rank 0: feed #1 'feed m0' is of micro-batch 4 of 4)"},

    {"ArgumentOffItsAlignment",
     [](Programs &p, Programs &q) {
       fb::LaunchT &keep = *p[0]->blocks[ForwardBlock]->commands[4]->action.AsLaunch();
       keep.kernel = uint32_t(p[0]->kernels.size());
       p[0]->kernels.push_back(std::make_unique<fb::KernelT>(*p[0]->kernels[Keep]));
       p[0]->kernels.back()->symbol = "k_keep_half";
       resize(p[0]->kernels.back()->buffers[1], 32);
       keep.args[1] = out(fb::Ref(fb::Space::Operand, kF32, 3, 16, 32));
     },
     R"(rank0: rank 0: block s0.forward: launch #4 'keep': argument 1, 32 bytes at 16 of operand 'kept', must begin at a multiple of 32)"},

    {"OperandOffItsAlignment",
     [](Programs &p, Programs &q) {
       p[0]->order[2]->action.AsRun()->operands[3] =
           fb::Ref(fb::Space::Arena, kF32, Stash, 32, kSlot);
     },
     R"(rank0: rank 0: run #2 (F s0 m0): operand 3, 64 bytes at 32 of arena 'stash', must begin at a multiple of 64)"},

    {"FillOffItsAlignment",
     [](Programs &p, Programs &q) {
       p[0]->order[0]->action.AsFill()->dst =
           own(fb::Ref(fb::Space::Arena, kF32, Gradients, 2, 32));
     },
     R"(rank0: rank 0: fill #0 'zero gradients': the destination, 32 bytes at 2 of arena 'gradients', must begin at a multiple of 4)"},

    {"CollectiveOffItsAlignment",
     [](Programs &p, Programs &q) {
       fb::CollectiveT &reduce = *p[0]->order[indexOf(*p[0], fb::Action::Collective, 0)]->action.AsCollective();
       reduce.src = own(fb::Ref(fb::Space::Arena, kF32, Gradients, 2, 32));
       reduce.dst = own(fb::Ref(fb::Space::Arena, kF32, Gradients, 2, 32));
     },
     R"(rank0: rank 0: all-reduce #23 'bucket 0': the source, 32 bytes at 2 of arena 'gradients', must begin at a multiple of 4
rank 0: all-reduce #23 'bucket 0': the destination, 32 bytes at 2 of arena 'gradients', must begin at a multiple of 4)"},

    {"BlockOnFarTooManyStreams",
     [](Programs &p, Programs &q) {
       p[0]->blocks[ForwardBlock]->streams = 65535;
     },
     R"(rank0: rank 0: block 0 's0.forward' runs on 65535 streams; at most 64 are possible
rank 0: run #2 (F s0 m0) names 2 streams for block s0.forward, which runs on 65535
rank 0: run #5 (F s0 m1) names 2 streams for block s0.forward, which runs on 65535
rank 0: run #8 (F s0 m2) names 2 streams for block s0.forward, which runs on 65535
rank 0: run #11 (F s0 m3) names 2 streams for block s0.forward, which runs on 65535)"},

    {"OutputFetchedTwice",
     [](Programs &p, Programs &q) {
       fb::FetchT again;
       again.src = own(arena(Messages, 9));
       p[0]->order[26]->action.Set(std::move(again));
     },
     R"(rank0: rank 0: fetch #26 'again' fetches 'loss' of micro-batch 0 a second time)"},

    {"GroupOfOthers",
     [](Programs &p, Programs &q) { p[0]->groups[0]->pp = {1}; },
     R"(rank0: rank 0: block s0.forward: all-to-all #1 'dispatch' is of group 'experts.0', to which this rank does not belong)"},

    {"GatherThatDoesNotFit",
     [](Programs &p, Programs &q) {
       p[0]->order[23]->action.AsCollective()->kind =
           fb::CollectiveKind::ReduceScatter;
     },
     R"(rank0: rank 0: reduce-scatter #23 'bucket 0': a source of 64 bytes and a destination of 64 do not fit together among 2 ranks
rank 0: reduce-scatter #23 'bucket 0': buffer 0 and buffer 1 overlap, gradients[0..64) and gradients[0..64), and the second is written)"},

    {"PartsWithoutTheirFeature",
     [](Programs &p, Programs &q) {
       fb::CollectiveT &bucket = *p[0]->order[23]->action.AsCollective();
       bucket.kind = fb::CollectiveKind::AllGather;
       bucket.parts = {64, 0};
     },
     R"(rank0: rank 0: all-gather #23 'bucket 0' has parts, but the program does not name the feature)"},

    {"PartsOfAnAllReduce",
     [](Programs &p, Programs &q) {
       p[0]->features = kFeatureParts;
       p[0]->order[23]->action.AsCollective()->parts = {32, 32};
     },
     R"(rank0: rank 0: all-reduce #23 'bucket 0' has parts; only a reduce-scatter or an all-gather can have them)"},

    {"PartsOfTwoRanges",
     [](Programs &p, Programs &q) {
       p[0]->features = kFeatureParts;
       fb::CollectiveT &bucket = *p[0]->order[23]->action.AsCollective();
       bucket.kind = fb::CollectiveKind::AllGather;
       bucket.parts = {32, 32};
       bucket.dst = own(arena(Stash, 0));
     },
     R"(rank0: rank 0: all-gather #23 'bucket 0' has parts; its source and its destination must be one range)"},

    {"PartsOfTooFewRanks",
     [](Programs &p, Programs &q) {
       p[0]->features = kFeatureParts;
       fb::CollectiveT &bucket = *p[0]->order[23]->action.AsCollective();
       bucket.kind = fb::CollectiveKind::ReduceScatter;
       bucket.parts = {64};
     },
     R"(rank0: rank 0: reduce-scatter #23 'bucket 0' has parts that are not those of 2 ranks, whole values of 64 bytes together)"},

    {"PartsWhoseSumOverflows",
     [](Programs &p, Programs &q) {
       p[0]->features = kFeatureParts;
       fb::CollectiveT &bucket = *p[0]->order[23]->action.AsCollective();
       bucket.kind = fb::CollectiveKind::ReduceScatter;
       bucket.parts = {~uint64_t(0) - 63, 128};
     },
     R"(rank0: rank 0: reduce-scatter #23 'bucket 0' has parts that are not those of 2 ranks, whole values of 64 bytes together)"},

    {"PartsOfHalfAValue",
     [](Programs &p, Programs &q) {
       p[0]->features = kFeatureParts;
       fb::CollectiveT &bucket = *p[0]->order[23]->action.AsCollective();
       bucket.kind = fb::CollectiveKind::AllGather;
       bucket.parts = {30, 34};
     },
     R"(rank0: rank 0: all-gather #23 'bucket 0' has parts that are not those of 2 ranks, whole values of 64 bytes together)"},

    {"CopyOfSomeReplicas",
     [](Programs &p, Programs &q) {
       p[0]->features = kFeatureParts;
       p[0]->order[26]->replicas = {1};
     },
     R"(rank0: rank 0: copy #26 'again' is of some replicas; only launches of the order can be)"},

    {"LaunchOfABlockOfSomeReplicas",
     [](Programs &p, Programs &q) {
       p[0]->features = kFeatureParts;
       p[0]->blocks[ForwardBlock]->commands[4]->replicas = {1};
     },
     R"(rank0: rank 0: block s0.forward: launch #4 'keep' is of some replicas; only launches of the order can be)"},

    {"ComparingWithoutTheFeature",
     [](Programs &p, Programs &q) { p[0]->order[0]->compares_mirrors = true; },
     R"(rank0: rank 0: fill #0 'zero gradients' compares mirrors, but the program does not name the feature
rank 0: fill #0 'zero gradients' compares mirrors; only launches of the order can)"},

    {"LaunchOfABlockThatComparesMirrors",
     [](Programs &p, Programs &q) {
       p[0]->features = kFeatureMirrors;
       p[0]->blocks[ForwardBlock]->commands[4]->compares_mirrors = true;
     },
     R"(rank0: rank 0: block s0.forward: launch #4 'keep' compares mirrors; only launches of the order can)"},

    {"WriteToAnOperandThatIsRead",
     [](Programs &p, Programs &q) {
       p[0]->blocks[ForwardBlock]->operands[3]->access = fb::Access::Read;
     },
     R"(rank0: rank 0: block s0.forward: launch #4 'keep': argument 1 writes operand 'kept', which may only be read)"},

    {"WriteToConstants",
     [](Programs &p, Programs &q) {
       p[0]->order[21]->action.AsFill()->dst = own(arena(Constants, 0));
     },
     R"(rank0: rank 0: fill #21 'statistics': the destination writes arena 'constants', which may only be read)"},

    {"ExchangeInABlock",
     [](Programs &p, Programs &q) {
       p[0]->blocks[BackwardBlock]->commands[1]->action.Set(
           exchange(send(1, 99, arena(Messages, 0))));
     },
     R"(rank0: rank 0: block s0.backward: exchange #1 'weight gradient' (send message 99 to rank 1) cannot stand in a block, which runs many times)"},

    {"StreamThatIsNotThere",
     [](Programs &p, Programs &q) { p[0]->order[0]->stream = 3; },
     R"(rank0: rank 0: fill #0 'zero gradients' is on stream 3 of 3)"},

    {"BlockOnOneStreamTwice",
     [](Programs &p, Programs &q) {
       p[0]->order[2]->action.AsRun()->streams = {Compute, Compute};
     },
     R"(rank0: rank 0: run #2 (F s0 m0) names stream compute twice)"},

    {"OperandThatIsTooSmall",
     [](Programs &p, Programs &q) {
       p[0]->order[2]->action.AsRun()->operands[3] = arena(Stash, 0, 32);
     },
     R"(rank0: rank 0: run #2 (F s0 m0): operand 3 'kept' has 32 bytes; block s0.forward takes 64)"},

    {"KindThatIsUnknown",
     [](Programs &p, Programs &q) {
       p[0]->order[23]->action.AsCollective()->kind = fb::CollectiveKind(77);
     },
     R"(rank0: rank 0: collective #23 'bucket 0' is of unknown kind 77)"},

    {"TypeThatIsUnknown",
     [](Programs &p, Programs &q) {
       retype(*p[0]->order[23]->action.AsCollective()->src, Element(77));
     },
     R"(rank0: rank 0: all-reduce #23 'bucket 0': the source is of unknown type 77)"},

    {"TypeOfWhichSeveralShareAByte",
     [](Programs &p, Programs &q) {
       retype(*p[0]->order[0]->action.AsFill()->dst, Element::I4);
     },
     R"(rank0: rank 0: fill #0 'zero gradients': the destination is of type i4, of which several share a byte)"},

    {"PartOfAnElement",
     [](Programs &p, Programs &q) {
       p[0]->order[1]->action.AsFeed()->dst =
           own(fb::Ref(fb::Space::Arena, uint8_t(Element::F64), Messages, 0, 60));
     },
     R"(rank0: rank 0: feed #1 'feed m0': the destination has 60 bytes, which are not whole values of type f64)"},

    {"FeedOfAnotherType",
     [](Programs &p, Programs &q) {
       retype(*p[0]->order[1]->action.AsFeed()->dst, Element::I32);
     },
     R"(rank0: rank 0: feed #1 'feed m0' moves values of type i32; input 'x' is of type f32)"},

    {"ArgumentOfAnotherType",
     [](Programs &p, Programs &q) {
       retype(p[0]->kernels[Keep]->buffers[0], Element::BF16);
     },
     R"(rank0: rank 0: block s0.forward: launch #2 'scale': argument 0 is of type f32; kernel 'k_keep' takes bf16
rank 0: block s0.forward: launch #4 'keep': argument 0 is of type f32; kernel 'k_keep' takes bf16)"},

    {"PartOfAnOperandAsAnotherType",
     [](Programs &p, Programs &q) {
       fb::Argument &kept = p[0]->blocks[ForwardBlock]->commands[4]->action.AsLaunch()->args[1];
       kept = out(fb::Ref(fb::Space::Operand, uint8_t(Element::I32), 3, 0, kSlot));
     },
     R"(rank0: rank 0: block s0.forward: launch #4 'keep': argument 1 is of type i32; operand 'kept' is of type f32)"},

    {"OperandOfAnotherType",
     [](Programs &p, Programs &q) {
       retype(p[0]->order[2]->action.AsRun()->operands[3], Element::F16);
     },
     R"(rank0: rank 0: run #2 (F s0 m0): operand 3 'kept' is of type f16; block s0.forward takes f32)"},

    {"CopyIntoAnotherType",
     [](Programs &p, Programs &q) {
       fb::CopyT statistics = copy(arena(Messages, 8), arena(Messages, 9));
       retype(*statistics.dst, Element::U32);
       p[0]->order[21]->action.Set(std::move(statistics));
     },
     R"(rank0: rank 0: copy #21 'statistics': the source is of type f32, but the destination of type u32)"},

    {"SumOfWhatIsNotAdded",
     [](Programs &p, Programs &q) {
       fb::CollectiveT &reduce = *p[0]->order[23]->action.AsCollective();
       retype(*reduce.src, Element::Bool);
       retype(*reduce.dst, Element::Bool);
     },
     R"(rank0: rank 0: all-reduce #23 'bucket 0' adds values of type bool; sums are of f32, f64, f16, bf16, i32 and i64)"},

    {"CommandThatSaysNothing",
     [](Programs &p, Programs &q) { p[0]->order[21]->action.Reset(); },
     R"(rank0: rank 0: command #21 'statistics' says nothing to do)"},

    {"ResultThatNothingFires",
     [](Programs &p, Programs &q) {
       p[0]->blocks[BackwardBlock]->commands[0]->signal = -1;
     },
     R"(rank0: rank 0: block 1 's0.backward': result 0 is event 5, which no command of the block fires)"},
};
// clang-format on

} // namespace dpcrt::test
