// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The checker's races against exhaustive search.
//
// Small random programs on which the truth can be found by brute force: whether
// accesses are ordered is found by expanding every run into its commands and closing
// the order transitively. The checker must agree on every program, in both directions.

#include "Builder.h"
#include "Random.h"

#include <bitset>
#include <gtest/gtest.h>

using namespace dpcrt;
using namespace dpcrt::test;

static constexpr uint32_t kSlots = 4; // of the stash
static constexpr size_t kMaxCommands = 128;

/// What the kernel works on: less than a slot, so that it may begin within one.
static constexpr uint64_t kPart = 48, kStep = 16;
static_assert(alignmentOf(kPart) == kStep);

/// A range at a multiple of half a slot.
static fb::Ref someRange(Random &random, uint32_t arenaIndex, uint32_t slots) {
  uint32_t half = random.oneIn(4) ? random.below(2 * slots - 1) : 2 * random.below(slots);
  return fb::Ref(fb::Space::Arena, kF32, arenaIndex, half * kSlot / 2, kPart);
}

static std::unique_ptr<fb::BlockT> randomBlock(Random &random, Rank &rank) {
  enum { In, Out, NumOperands };
  auto block = std::make_unique<fb::BlockT>();
  block->name = rank.string("block");
  block->kind = fb::TaskKind::Other;
  block->streams = 2;
  for (auto [name, access] :
       {std::pair("in", fb::Access::Read), std::pair("out", fb::Access::ReadWrite)}) {
    auto operand = std::make_unique<fb::OperandT>();
    operand->name = rank.string(name);
    operand->bytes = kPart;
    operand->access = access;
    block->operands.push_back(std::move(operand));
  }
  block->events = NumOperands;
  uint32_t commands = 2 + random.below(4);
  for (uint32_t at = 0; at < commands; ++at) {
    auto part = [](fb::Ref ref) {
      return fb::Ref(ref.space(), ref.dtype(), ref.index(), ref.offset(), kPart);
    };
    fb::Ref from = part(random.oneIn(2) ? operand(In) : arena(Work, random.below(2)));
    fb::Ref to = part(random.oneIn(2) ? operand(Out) : arena(Work, 2));
    std::vector<uint32_t> waits;
    for (uint32_t event = 0; event < block->events; ++event)
      if (random.oneIn(2))
        waits.push_back(event);
    int32_t signal = random.oneIn(4) ? -1 : int32_t(block->events++);
    auto stream = uint16_t(random.below(2));
    if (random.oneIn(3))
      block->commands.push_back(
          rank.make(stream, "", fill(arena(Work, random.below(2))), waits, signal));
    else
      block->commands.push_back(
          rank.make(stream, "", launch(Keep, {in(from), out(to)}), waits, signal));
  }
  for (uint32_t event = NumOperands; event < block->events; ++event) {
    if (!random.oneIn(2))
      continue;
    block->results.push_back(event);
    block->result_operands.push_back(Out);
  }
  return block;
}

static ProgramPtr randomProgram(Random &random) {
  ProgramPtr program = emptyProgram(0, 1, 1);
  program->arenas[Stash]->bytes = kSlots * kSlot;
  for (fb::Buffer &buffer : program->kernels[Keep]->buffers)
    resize(buffer, kPart);
  Rank rank(*program);
  program->blocks.clear();
  program->blocks.push_back(randomBlock(random, rank));
  // Writing everything first, so that reads of unwritten bytes are not the
  // rule.
  uint32_t filled = rank.event();
  rank.add(Compute, "",
           fill(fb::Ref(fb::Space::Arena, kF32, Stash, 0, (kSlots - random.below(2)) * kSlot)));
  rank.add(Compute, "",
           fill(fb::Ref(fb::Space::Arena, kF32, Work, 0, (3 - random.below(2)) * kSlot)), {},
           int32_t(filled));
  for (uint16_t stream = 0; stream < NumStreams; ++stream)
    if (stream != Compute && !random.oneIn(8))
      rank.add(stream, "", fb::JoinT(), {filled});
  std::vector<uint32_t> fired;
  auto someEvents = [&] {
    std::vector<uint32_t> waits;
    for (uint32_t event : fired)
      if (!random.oneIn(3))
        waits.push_back(event);
    return waits;
  };
  auto someEvent = [&]() -> int32_t {
    return fired.empty() || random.oneIn(3) ? -1
                                            : int32_t(fired[random.below(uint32_t(fired.size()))]);
  };
  uint32_t commands = 2 + random.below(5);
  for (uint32_t at = 0; at < commands; ++at) {
    std::vector<uint32_t> waits = someEvents();
    auto stream = uint16_t(random.below(NumStreams));
    std::vector<uint32_t> fires;
    auto signal = [&]() -> int32_t {
      if (random.oneIn(4))
        return -1;
      fires.push_back(rank.event());
      return int32_t(fires.back());
    };
    if (random.oneIn(2)) {
      fb::RunT run;
      run.operands = {someRange(random, Stash, kSlots), someRange(random, Stash, kSlots)};
      run.operand_events = {someEvent(), someEvent()};
      for (size_t k = 0; k < program->blocks[0]->results.size(); ++k)
        run.result_events.push_back(signal());
      run.streams = {stream, uint16_t((stream + 1) % NumStreams)};
      rank.add(stream, "", std::move(run), waits, signal());
    } else {
      rank.add(stream, "",
               launch(Keep, {in(someRange(random, Stash, kSlots)),
                             out(someRange(random, Stash, kSlots))}),
               waits, signal());
    }
    fired.insert(fired.end(), fires.begin(), fires.end());
  }
  std::vector<uint32_t> ends;
  for (uint16_t stream = 0; stream < NumStreams; ++stream) {
    ends.push_back(rank.event());
    rank.add(stream, "", fb::JoinT(), {}, int32_t(ends.back()));
  }
  rank.add(Compute, "", fb::JoinT(), ends);
  return program;
}

/// True if two conflicting accesses are unordered or a read comes before every
/// write of its bytes, found command by command.
static bool isWrong(const fb::ProgramT &program) {
  struct Access {
    fb::Ref ref{fb::Space::Arena, kF32, 0, 0, 0};
    bool write = false;
  };
  struct Instance {
    std::bitset<kMaxCommands> before;
    std::vector<Access> accesses;
  };
  std::vector<Instance> instances;
  std::vector<int> last(program.streams.size(), -1);
  std::vector<std::vector<int>> fired(program.events);
  auto after = [&](Instance &instance, int other) {
    if (other < 0)
      return;
    instance.before |= instances[size_t(other)].before;
    instance.before.set(size_t(other));
  };
  auto accessesOf = [](const fb::CommandT &command, const fb::RunT *run) {
    std::vector<Access> accesses;
    auto add = [&](fb::Ref ref, bool write) {
      if (ref.space() == fb::Space::Operand) {
        const fb::Ref &bound = run->operands[ref.index()];
        ref = fb::Ref(fb::Space::Arena, kF32, bound.index(), bound.offset() + ref.offset(),
                      ref.bytes());
      }
      accesses.push_back({ref, write});
    };
    if (auto *fill = command.action.AsFill())
      add(*fill->dst, true);
    if (auto *launch = command.action.AsLaunch())
      for (const fb::Argument &argument : launch->args)
        add(argument.ref(), argument.access() != fb::Access::Read);
    return accesses;
  };
  for (const auto &command : program.order) {
    const fb::RunT *run = command->action.AsRun();
    if (!run) {
      Instance instance;
      after(instance, last[command->stream]);
      for (uint32_t event : command->waits)
        for (int other : fired[event])
          after(instance, other);
      instance.accesses = accessesOf(*command, nullptr);
      last[command->stream] = int(instances.size());
      if (command->signal >= 0)
        fired[size_t(command->signal)] = {int(instances.size())};
      instances.push_back(std::move(instance));
      continue;
    }
    const fb::BlockT &block = *program.blocks[run->block];
    std::vector<int> local(block.events, -1);
    std::vector<int> all;
    for (const auto &inner : block.commands) {
      Instance instance;
      uint16_t stream = run->streams[inner->stream];
      after(instance, last[stream]);
      for (uint32_t event : command->waits)
        for (int other : fired[event])
          after(instance, other);
      for (uint32_t event : inner->waits) {
        if (event >= block.operands.size())
          after(instance, local[event]);
        else if (run->operand_events[event] >= 0)
          for (int other : fired[size_t(run->operand_events[event])])
            after(instance, other);
      }
      instance.accesses = accessesOf(*inner, run);
      last[stream] = int(instances.size());
      all.push_back(int(instances.size()));
      if (inner->signal >= 0)
        local[size_t(inner->signal)] = int(instances.size());
      instances.push_back(std::move(instance));
    }
    for (size_t k = 0; k < block.results.size(); ++k)
      if (run->result_events[k] >= 0)
        fired[size_t(run->result_events[k])] = {local[block.results[k]]};
    if (command->signal >= 0)
      fired[size_t(command->signal)] = all;
  }
  auto overlap = [](const fb::Ref &a, const fb::Ref &b) {
    return a.index() == b.index() && a.offset() < b.offset() + b.bytes() &&
           b.offset() < a.offset() + a.bytes();
  };
  for (size_t j = 0; j < instances.size(); ++j) {
    for (const Access &own : instances[j].accesses) {
      for (size_t i = 0; i < j; ++i)
        for (const Access &other : instances[i].accesses)
          if (overlap(own.ref, other.ref) && (own.write || other.write) &&
              !instances[j].before.test(i))
            return true;
      for (uint64_t at = own.ref.offset(); !own.write && at < own.ref.offset() + own.ref.bytes();
           at += kStep) {
        bool written = false;
        fb::Ref piece(fb::Space::Arena, kF32, own.ref.index(), at, kStep);
        for (size_t i = 0; i < j && !written; ++i)
          for (const Access &other : instances[i].accesses)
            written |= other.write && overlap(piece, other.ref) && instances[j].before.test(i);
        if (!written)
          return true;
      }
    }
  }
  return false;
}

/// The same for the block alone, with everything written before it. A block is
/// checked once, so it must be right whatever its runs' events are.
static bool blockIsWrong(const fb::ProgramT &program) {
  std::vector<uint8_t> bytes = pack(program);
  ProgramPtr alone = fb::UnPackProgram(bytes.data());
  alone->order.clear();
  alone->events = 0;
  Rank rank(*alone);
  uint32_t filled = rank.event();
  rank.add(Compute, "", fill(fb::Ref(fb::Space::Arena, kF32, Stash, 0, kSlots * kSlot)));
  rank.add(Compute, "", fill(fb::Ref(fb::Space::Arena, kF32, Work, 0, 3 * kSlot)), {},
           int32_t(filled));
  fb::RunT run;
  run.operands = {arena(Stash, 0), arena(Stash, 1)};
  run.operand_events = {-1, -1};
  run.result_events.assign(alone->blocks[0]->results.size(), -1);
  run.streams = {Compute, Comm};
  rank.add(Compute, "", std::move(run), {filled});
  return isWrong(*alone);
}

TEST(Property, RacesAreFoundIfAndOnlyIfThereAreSome) {
  unsigned wrong = 0, right = 0;
  for (uint32_t seed = 0; seed < 12000; ++seed) {
    Random random(seed);
    Programs programs;
    programs.push_back(randomProgram(random));
    Result<ProgramFile> file = readProgram(pack(*programs[0]), "random");
    if (!file.ok()) {
      // Aliases are a matter of the reader, and the only thing it may mind.
      ASSERT_NE(file.status().message().find(" overlap, "), std::string::npos)
          << "seed " << seed << "\n"
          << file.status().message();
      continue;
    }
    bool expected = isWrong(*programs[0]) || blockIsWrong(*programs[0]);
    ++(expected ? wrong : right);
    Status status = checkPrograms({&file->program()});
    EXPECT_EQ(!status.ok(), expected) << "seed " << seed << "\n" << status.message();
  }
  EXPECT_GT(wrong, 500u);
  EXPECT_GT(right, 500u);
}
