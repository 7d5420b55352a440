// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Ranks in turn, each as far as it gets before it would wait for what another has not
// issued.
#include "executor/Tape.h"
#include "executor/Lives.h"
#include "executor/RankSequence.h"
#include "program/format/ArenaSharing.h"
#include "program/format/StepRecord.h"
#include <algorithm>
#include <tuple>

namespace dpcrt {
namespace {
struct OperationId {
  size_t rank;
  uint32_t index;
};

class TapeMaker {
public:
  TapeMaker(const std::vector<const RankPlan *> &plans,
            const std::vector<std::vector<QueueOperation *>> &operations, bool spoils,
            const TaskTimes *times, Tape &tape)
      : plans(plans), operations(operations), spoils(spoils), times(times), tape(tape),
        ranks(plans.size()) {}

  Status run();

private:
  struct Rank {
    std::vector<SequencedCommand> commands;
    size_t next = 0; // command to issue
    unsigned phase = 0;
    std::vector<uint32_t> queues;                // by stream
    std::vector<std::vector<uint32_t>> recorded; // the event behind a command, by stream and index
    std::vector<unsigned> issued;                // phases of each operation
    std::vector<std::vector<OperationId>> partners;
  };

  void findPartners();
  void begin(size_t rank);
  bool advance(size_t rank);
  bool mayIssue(size_t rank, uint32_t operation, unsigned phase) const;
  void act(size_t rank, const SequencedCommand &command);
  TapeEntry &add(TapeEntry::Kind kind, uint32_t queue) {
    tape.entries.push_back({kind, queue});
    return tape.entries.back();
  }
  TapeEntry &add(TapeEntry::Kind kind, uint32_t queue, const SequencedCommand &of) {
    TapeEntry &entry = add(kind, queue);
    entry.command = of.command;
    entry.run = of.run;
    return entry;
  }
  void forget(size_t rank, uint32_t queue, const ArenaRange &range) {
    TapeEntry &entry = add(TapeEntry::Kind::Forget, queue);
    entry.firstAddress = uint32_t(tape.addresses.size());
    entry.addressCount = 1;
    entry.bytes = range.bytes;
    tape.addresses.push_back(plans[rank]->arenas[range.arena].data + range.offset);
  }
  // A place in one of the two parts of staging memory, which end at `end`.
  static uint64_t stage(uint64_t bytes, uint64_t &end) {
    uint64_t at = end;
    end += (bytes + kAlignment - 1) / kAlignment * kAlignment;
    return at;
  }
  // Feeds or fetches `bytes` at `address`.
  void move(TapeEntry::Kind kind, uint32_t queue, DeviceAddress address, uint64_t bytes,
            uint64_t staging, const PlannedCommand *command) {
    TapeEntry &entry = add(kind, queue);
    entry.command = command;
    entry.firstAddress = uint32_t(tape.addresses.size());
    entry.addressCount = 1;
    entry.bytes = bytes;
    entry.staging = staging;
    tape.addresses.push_back(address);
  }
  void takeRecord(size_t rank, uint32_t queue);
  void end(size_t rank, uint32_t queue, const PlannedCommand *last);
  uint32_t record(uint32_t queue, const PlannedCommand *command) {
    TapeEntry &entry = add(TapeEntry::Kind::Record, queue);
    entry.event = tape.events++;
    entry.command = command;
    return entry.event;
  }
  uint32_t operationOf(const SequencedCommand &c) const {
    return c.frame->operations[c.command->index];
  }
  static bool isOperation(const SequencedCommand &c) {
    return c.acts &&
           (c.command->kind == fb::Action::Exchange || c.command->kind == fb::Action::Collective);
  }
  Status stuck() const;

  const std::vector<const RankPlan *> &plans;
  const std::vector<std::vector<QueueOperation *>> &operations;
  const bool spoils;
  const TaskTimes *times;
  Tape &tape;
  std::vector<Rank> ranks;
};
} // namespace

// Who meets whom in an operation: the two ends of each message, the members of each
// collective.
void TapeMaker::findPartners() {
  std::map<std::tuple<uint32_t, uint32_t, uint32_t>, std::vector<OperationId>> messages;
  std::map<std::pair<std::string, uint32_t>, std::vector<OperationId>> collectives;
  for (size_t r = 0; r < plans.size(); ++r)
    for (uint32_t o = 0; o < plans[r]->operations.size(); ++o) {
      const PlannedOperation &operation = plans[r]->operations[o];
      if (operation.collective)
        collectives[{operation.collective->group, operation.collective->sequence}].push_back(
            {r, o});
      for (const TransferSpec &t : operation.transfers)
        messages[{t.message, t.send ? plans[r]->rank : t.peer, t.send ? t.peer : plans[r]->rank}]
            .push_back({r, o});
    }
  auto connect = [&](const std::vector<OperationId> &met) {
    for (OperationId a : met)
      for (OperationId b : met)
        if (a.rank != b.rank)
          ranks[a.rank].partners[a.index].push_back(b);
  };
  for (auto &[key, met] : messages)
    connect(met);
  for (auto &[key, met] : collectives)
    connect(met);
}

// The host's part of the step record, all of it in one place of staging memory.
void TapeMaker::takeRecord(size_t r, uint32_t queue) {
  const RankPlan &plan = *plans[r];
  const RecordPlan &record = plan.record;
  if (record.bytes() == 0)
    return;
  uint64_t image = stage(record.bytes(), tape.inputBytes);
  tape.inputs.push_back({plan.rank, nullptr, image, record.bytes()});
  for (const RecordPlan::Piece &piece : record.pieces())
    move(TapeEntry::Kind::Feed, queue, piece.to, piece.bytes, image + piece.image, nullptr);
}

// The header goes to the host when the step is over, from the first rank alone: all agree.
void TapeMaker::end(size_t r, uint32_t queue, const PlannedCommand *last) {
  const RankPlan &plan = *plans[r];
  if (DeviceAddress header = plan.record.header(); header && r == 0) {
    uint64_t place = stage(sizeof(StepHeader), tape.outputBytes);
    tape.outputs.push_back({plan.rank, nullptr, place, sizeof(StepHeader)});
    move(TapeEntry::Kind::Fetch, queue, header, sizeof(StepHeader), place, nullptr);
  }
  TapeEntry &entry = add(TapeEntry::Kind::End, queue);
  entry.event = tape.ends++;
  entry.command = last;
}

// What holds nothing at the start of a step is forgotten when the step before has ended.
void TapeMaker::begin(size_t r) {
  Rank &rank = ranks[r];
  const RankPlan &plan = *plans[r];
  if (rank.commands.empty())
    return;
  uint32_t first = rank.queues[rank.commands.back().place.stream];
  bool isFed = plan.record.bytes() > 0 ||
               std::any_of(rank.commands.begin(), rank.commands.end(),
                           [](auto &c) { return c.acts && c.command->kind == fb::Action::Feed; });
  if (isFed)
    add(TapeEntry::Kind::Inputs, first);
  takeRecord(r, first);
  for (uint32_t a = 0; spoils && a < plan.arenas.size(); ++a)
    if (isIdle(plan.program->arenas()->Get(a)->role()) && plan.arenas[a].bytes)
      forget(r, first, {a, 0, plan.arenas[a].bytes});
  std::vector<bool> used(plan.streams.size());
  for (const SequencedCommand &c : rank.commands)
    used[c.place.stream] = true;
  uint32_t event = kNoEvent;
  for (size_t s = 0; s < used.size(); ++s) {
    if (!used[s] || rank.queues[s] == first)
      continue;
    if (event == kNoEvent)
      event = record(first, nullptr);
    add(TapeEntry::Kind::Wait, rank.queues[s]).event = event;
  }
}

bool TapeMaker::mayIssue(size_t r, uint32_t operation, unsigned phase) const {
  const auto &partners = ranks[r].partners[operation];
  return std::all_of(partners.begin(), partners.end(), [&](OperationId p) {
    return ranks[p.rank].issued[p.index] >= std::min(phase, operations[p.rank][p.index]->phases());
  });
}

void TapeMaker::act(size_t r, const SequencedCommand &c) {
  const PlannedCommand &command = *c.command;
  const uint32_t queue = ranks[r].queues[c.place.stream];
  bool isFeed = command.kind == fb::Action::Feed;
  if (isFeed || command.kind == fb::Action::Fetch) {
    const Buffer &b = command.buffers[0];
    uint64_t place = stage(b.bytes, isFeed ? tape.inputBytes : tape.outputBytes);
    (isFeed ? tape.inputs : tape.outputs).push_back({plans[r]->rank, &command, place, b.bytes});
    move(isFeed ? TapeEntry::Kind::Feed : TapeEntry::Kind::Fetch, queue,
         c.frame->bases[b.base] + b.offset, b.bytes, place, &command);
    return;
  }
  TapeEntry &entry = add(TapeEntry::Kind::Command, queue, c);
  entry.firstAddress = uint32_t(tape.addresses.size());
  entry.addressCount = uint32_t(command.buffers.size());
  entry.bytes = command.buffers.empty() ? 0 : command.buffers[0].bytes;
  for (const Buffer &b : command.buffers)
    tape.addresses.push_back(c.frame->bases[b.base] + b.offset);
}

// Issues what can be issued of the rank's next command; false if that was nothing, because
// the rank has to wait for another or is at its end.
bool TapeMaker::advance(size_t r) {
  Rank &rank = ranks[r];
  if (rank.next == rank.commands.size())
    return false;
  const SequencedCommand &c = rank.commands[rank.next];
  uint32_t queue = rank.queues[c.place.stream];
  if (rank.phase == 0)
    for (StreamPoint point : c.waits)
      add(TapeEntry::Kind::Wait, queue).event = rank.recorded[point.stream][point.index];
  if (c.nanoseconds > 0) {
    TapeEntry &entry = add(TapeEntry::Kind::Spend, queue, c);
    entry.nanoseconds = c.nanoseconds;
  }
  if (isOperation(c)) {
    uint32_t index = operationOf(c);
    QueueOperation *operation = operations[r][index];
    for (unsigned before = rank.phase; rank.phase < operation->phases(); ++rank.phase) {
      if (!mayIssue(r, index, rank.phase))
        return rank.phase != before;
      TapeEntry &entry = add(TapeEntry::Kind::Phase, queue, c);
      entry.operation = operation;
      entry.phase = rank.phase;
      rank.issued[index] = rank.phase + 1;
    }
    rank.phase = 0;
  } else if (c.acts) {
    act(r, c);
  }
  for (const ArenaRange &range : c.forgets)
    forget(r, queue, range);
  rank.recorded[c.place.stream].push_back(c.isAwaited ? record(queue, c.command) : kNoEvent);
  if (++rank.next == rank.commands.size())
    end(r, queue, c.command);
  return true;
}

Status TapeMaker::stuck() const {
  std::string text;
  for (size_t r = 0; r < ranks.size(); ++r) {
    const Rank &rank = ranks[r];
    if (rank.next == rank.commands.size())
      continue;
    const SequencedCommand &c = rank.commands[rank.next];
    text += "\n  rank " + std::to_string(plans[r]->rank) + " at '" +
            plans[r]->label(c.command->label) + "', " + operations[r][operationOf(c)]->describe();
  }
  return error(Code::Artifact, "the ranks' programs have no common order of communications:", text);
}

Status TapeMaker::run() {
  for (size_t r = 0; r < plans.size(); ++r) {
    Rank &rank = ranks[r];
    if (Status s = sequenceRank(*plans[r], rank.commands, times); !s.ok())
      return s;
    if (spoils)
      findForgotten(*plans[r], rank.commands);
    rank.recorded.resize(plans[r]->streams.size());
    rank.issued.resize(operations[r].size());
    rank.partners.resize(operations[r].size());
    for (const PlannedStream &stream : plans[r]->streams) {
      rank.queues.push_back(uint32_t(tape.queues.size()));
      tape.queues.push_back({plans[r]->rank, stream.kind,
                             "rank " + std::to_string(plans[r]->rank) + ", stream " + stream.name});
    }
  }
  findPartners();
  for (size_t r = 0; r < ranks.size(); ++r)
    begin(r);
  for (bool moved = true; moved;) {
    moved = false;
    for (size_t r = 0; r < ranks.size(); ++r)
      while (advance(r))
        moved = true;
  }
  for (const Rank &rank : ranks)
    if (rank.next != rank.commands.size())
      return stuck();
  return {};
}

Status makeTape(const std::vector<const RankPlan *> &plans,
                const std::vector<std::vector<QueueOperation *>> &operations, bool spoils,
                Tape &out, const TaskTimes *times) {
  return TapeMaker(plans, operations, spoils, times, out).run();
}

} // namespace dpcrt
