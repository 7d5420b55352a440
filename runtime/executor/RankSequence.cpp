// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Events to places in streams.
#include "executor/RankSequence.h"
#include "executor/TaskTimes.h"
#include <algorithm>

namespace dpcrt {
namespace {
class Sequencer {
public:
  Sequencer(const RankPlan &plan, std::vector<SequencedCommand> &out, const TaskTimes *times)
      : plan(plan), out(out), times(times), events(plan.events), commandsOf(plan.streams.size()),
        known(plan.streams.size(), std::vector<uint32_t>(plan.streams.size())) {
    events[kReadyEvent].emplace();
  }

  Status run();

private:
  Status add(const PlannedCommand &command, const Frame &frame, uint16_t stream, bool acts);
  Status addRun(const PlannedItem &item);
  const std::vector<int64_t> *spentIn(const PlannedBlock &block);
  // With all that has been added to a stream.
  void fire(uint32_t event, uint16_t stream) {
    if (!events[event])
      events[event].emplace();
    if (auto &commands = commandsOf[stream]; !commands.empty())
      events[event]->push_back({stream, uint32_t(commands.size() - 1)});
  }

  const RankPlan &plan;
  std::vector<SequencedCommand> &out;
  const TaskTimes *times;                                     // may be null
  std::map<const PlannedBlock *, std::vector<int64_t>> spent; // by block, of each command
  // Where an event fires: the end of a run on each of its streams. Absent before.
  std::vector<std::optional<std::vector<StreamPoint>>> events;
  // Of each stream: where its commands stand in `out`.
  std::vector<std::vector<uint32_t>> commandsOf;
  // How many commands of another stream are known to be over, by stream.
  std::vector<std::vector<uint32_t>> known;
};
} // namespace

Status Sequencer::add(const PlannedCommand &command, const Frame &frame, uint16_t stream,
                      bool acts) {
  SequencedCommand next{&command, &frame, {stream, uint32_t(commandsOf[stream].size())}, {}, acts,
                        false,    {}};
  for (uint32_t e : command.waits) {
    const auto &event = events[frame.events[e]];
    if (!event)
      return error(Code::Artifact, "rank ", plan.rank, ": '", plan.label(command.label),
                   "' waits for what comes later in its program");
    for (StreamPoint point : *event) {
      uint32_t &over = known[stream][point.stream];
      if (point.stream == stream || over > point.index)
        continue;
      over = point.index + 1;
      auto same = std::find_if(next.waits.begin(), next.waits.end(),
                               [&](StreamPoint other) { return other.stream == point.stream; });
      if (same == next.waits.end())
        next.waits.push_back(point);
      else
        *same = point;
    }
  }
  for (StreamPoint point : next.waits)
    out[commandsOf[point.stream][point.index]].isAwaited = true;
  commandsOf[stream].push_back(uint32_t(out.size()));
  out.push_back(std::move(next));
  return {};
}

// Of each command of a block; null without times.
const std::vector<int64_t> *Sequencer::spentIn(const PlannedBlock &block) {
  if (!times)
    return nullptr;
  auto [it, isNew] = spent.try_emplace(&block);
  if (isNew)
    it->second = times->spread(*plan.program, *block.block);
  return &it->second;
}

Status Sequencer::addRun(const PlannedItem &item) {
  const PlannedRun &run = *item.run;
  std::vector<uint16_t> streams = run.streams;
  if (streams.empty())
    streams.push_back(item.command.stream);
  std::sort(streams.begin(), streams.end());
  streams.erase(std::unique(streams.begin(), streams.end()), streams.end());
  // What the run waits for holds back all of its streams, its end is that of all of them.
  if (!item.command.waits.empty())
    for (uint16_t stream : streams)
      if (Status s = add(item.command, plan.frame, stream, false); !s.ok())
        return s;
  const std::vector<int64_t> *spent = spentIn(*run.block);
  for (size_t c = 0; c < run.block->commands.size(); ++c) {
    const PlannedCommand &command = run.block->commands[c];
    uint16_t stream = run.streams.empty() ? item.command.stream : run.streams[command.stream];
    if (Status s = add(command, run.frame, stream, command.kind != fb::Action::Join); !s.ok())
      return s;
    if (spent)
      out.back().nanoseconds = (*spent)[c];
    out.back().run = &run;
    if (command.signal >= 0)
      fire(run.frame.events[size_t(command.signal)], stream);
  }
  if (item.command.signal >= 0)
    for (uint16_t stream : streams)
      fire(plan.frame.events[size_t(item.command.signal)], stream);
  return {};
}

Status Sequencer::run() {
  for (const auto &item : plan.items) {
    const PlannedCommand &command = item->command;
    if (item->run) {
      if (Status s = addRun(*item); !s.ok())
        return s;
      continue;
    }
    bool acts = command.kind != fb::Action::Join;
    if (Status s = add(command, plan.frame, command.stream, acts); !s.ok())
      return s;
    if (command.kind == fb::Action::Exchange)
      for (uint32_t event : plan.operations[plan.frame.operations[command.index]].signals)
        if (event != kNoEvent)
          fire(event, command.stream);
    if (command.signal >= 0)
      fire(plan.frame.events[size_t(command.signal)], command.stream);
  }
  return {};
}

Status sequenceRank(const RankPlan &plan, std::vector<SequencedCommand> &out,
                    const TaskTimes *times) {
  return Sequencer(plan, out, times).run();
}

} // namespace dpcrt
