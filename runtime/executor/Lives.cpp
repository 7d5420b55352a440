// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Arenas cut into pieces at all ends of ranges, each with the values that it holds in turn.
#include "executor/Lives.h"
#include "program/format/ArenaSharing.h"
#include <algorithm>

namespace dpcrt {
namespace {
// How many commands of each stream are over when a command is.
using Clock = std::vector<uint32_t>;

struct Access {
  uint32_t command;
  uint64_t begin, end; // in the arena
  fb::Access kind;
};

class LifeFinder {
public:
  LifeFinder(const RankPlan &plan, std::vector<SequencedCommand> &commands)
      : commands(commands), streams(plan.streams.size()), accesses(plan.arenas.size()) {
    for (auto *arena : items(plan.program->arenas()))
      tracked.push_back(isIdle(arena->role()));
    setClocks();
    for (uint32_t c = 0; c < commands.size(); ++c)
      if (commands[c].acts)
        collect(plan, c);
  }

  void run() {
    for (uint32_t a = 0; a < accesses.size(); ++a)
      walkArena(a);
  }

private:
  void setClocks();
  void collect(const RankPlan &plan, uint32_t c);
  void walkArena(uint32_t arena);
  void endLife(const std::vector<const Access *> &life, const ArenaRange &piece);
  bool isBefore(uint32_t a, uint32_t b) const {
    return clocks[b][commands[a].place.stream] > commands[a].place.index;
  }

  std::vector<SequencedCommand> &commands;
  size_t streams;
  std::vector<bool> tracked; // by arena
  std::vector<std::vector<Access>> accesses;
  std::vector<Clock> clocks; // by command
};
} // namespace

void LifeFinder::setClocks() {
  std::vector<Clock> now(streams, Clock(streams));
  std::vector<std::vector<uint32_t>> at(streams); // commands of a stream
  for (uint32_t c = 0; c < commands.size(); ++c) {
    const SequencedCommand &command = commands[c];
    Clock &clock = now[command.place.stream];
    for (StreamPoint point : command.waits) {
      const Clock &other = clocks[at[point.stream][point.index]];
      for (size_t s = 0; s < streams; ++s)
        clock[s] = std::max(clock[s], other[s]);
    }
    clock[command.place.stream] = command.place.index + 1;
    clocks.push_back(clock);
    at[command.place.stream].push_back(c);
  }
}

void LifeFinder::collect(const RankPlan &plan, uint32_t c) {
  const PlannedCommand &command = *commands[c].command;
  const Frame &frame = *commands[c].frame;
  bool isOperation = command.kind == fb::Action::Exchange || command.kind == fb::Action::Collective;
  const std::vector<Buffer> &buffers =
      isOperation ? plan.operations[frame.operations[command.index]].buffers : command.buffers;
  for (const Buffer &b : buffers) {
    ArenaPlace place = frame.places[b.base];
    uint64_t begin = place.offset + b.offset;
    if (tracked[place.arena] && b.bytes)
      accesses[place.arena].push_back({c, begin, begin + b.bytes, b.access});
  }
}

void LifeFinder::walkArena(uint32_t arena) {
  std::vector<uint64_t> cuts;
  for (const Access &access : accesses[arena])
    cuts.insert(cuts.end(), {access.begin, access.end});
  std::sort(cuts.begin(), cuts.end());
  cuts.erase(std::unique(cuts.begin(), cuts.end()), cuts.end());
  std::vector<std::vector<const Access *>> living(cuts.size());
  auto piece = [&](size_t i) { return ArenaRange{arena, cuts[i], cuts[i + 1] - cuts[i]}; };
  for (const Access &access : accesses[arena]) {
    size_t first = size_t(std::lower_bound(cuts.begin(), cuts.end(), access.begin) - cuts.begin());
    for (size_t i = first; cuts[i] < access.end; ++i) {
      if (access.kind == fb::Access::Write && !living[i].empty() &&
          living[i].back()->command != access.command) {
        endLife(living[i], piece(i));
        living[i].clear();
      }
      living[i].push_back(&access);
    }
  }
  for (size_t i = 0; i + 1 < cuts.size(); ++i)
    if (!living[i].empty())
      endLife(living[i], piece(i));
}

void LifeFinder::endLife(const std::vector<const Access *> &life, const ArenaRange &piece) {
  uint32_t last = life.back()->command;
  if (!std::all_of(life.begin(), life.end(),
                   [&](const Access *access) { return isBefore(access->command, last); }))
    return;
  std::vector<ArenaRange> &forgets = commands[last].forgets;
  if (!forgets.empty() && forgets.back().arena == piece.arena &&
      forgets.back().offset + forgets.back().bytes == piece.offset)
    forgets.back().bytes += piece.bytes;
  else
    forgets.push_back(piece);
}

void findForgotten(const RankPlan &plan, std::vector<SequencedCommand> &commands) {
  LifeFinder(plan, commands).run();
}

} // namespace dpcrt
