// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// FlatBuffers to plan. The program has been through the checker; what is refused
// here is what this runtime cannot run.
#include "executor/Plan.h"
#include "program/format/Axes.h"
#include <algorithm>
#include <set>

namespace dpcrt {

class Planner {
public:
  Planner(const PlanContext &context, RankPlan &plan)
      : context(context), program(*context.program), plan(plan) {}

  Status run();

private:
  Status prepareKernels();
  Status planBlock(const fb::Block &block, PlannedBlock &out);
  Status planCommand(const fb::Command &command, uint32_t operands, PlannedCommand &out);
  Status planOrder();
  Status planRun(const fb::Command &command, const fb::Run &run, PlannedItem &item);
  // Each gives the frame an operation.
  void addCollective(const fb::Collective &collective, Frame &frame, uint32_t operands);
  void addExchange(const fb::Exchange &exchange, PlannedCommand &command);
  PlannedOperation &addOperation(Frame &frame);

  Buffer buffer(const fb::Ref &ref, uint32_t operands, fb::Access access) const {
    bool operand = ref.space() == fb::Space::Operand;
    return {operand ? ref.index() : operands + ref.index(), access, ref.offset(), ref.bytes()};
  }
  void addArenas(Frame &frame) const {
    for (uint32_t a = 0; a < plan.arenas.size(); ++a) {
      frame.bases.push_back(plan.arenas[a].data);
      frame.places.push_back({a, 0});
    }
  }
  DeviceAddress resolve(const Buffer &b, const Frame &frame) const {
    return frame.bases[b.base] + b.offset;
  }
  // The first of them.
  uint32_t newEvents(uint32_t count) {
    plan.events += count;
    return plan.events - count;
  }
  // Global rank of a coordinate of pp, at this rank's other coordinates.
  uint32_t peer(uint32_t pp) const {
    RankPlace place = context.place;
    place.pp = pp;
    return context.grid.rankOf(place);
  }

  const PlanContext &context;
  const fb::Program &program;
  RankPlan &plan;
  std::vector<const PreparedLaunch *> launches;
  std::vector<const PreparedCall *> calls;
  std::vector<uint32_t> collectiveCount; // per group, so far
};

Status Planner::prepareKernels() {
  for (auto *kernel : items(program.kernels())) {
    launches.push_back(nullptr);
    if (Status s = context.device.prepareLaunch(*kernel, launches.back()); !s.ok())
      return s;
  }
  for (auto *call : items(program.library())) {
    calls.push_back(nullptr);
    if (Status s = context.device.prepareCall(*call, calls.back()); !s.ok())
      return s;
  }
  return {};
}

Status Planner::planCommand(const fb::Command &command, uint32_t operands, PlannedCommand &out) {
  out.kind = command.action_type();
  out.stream = command.stream();
  out.signal = command.signal();
  out.label = command.label();
  for (uint32_t e : items(command.waits()))
    out.waits.push_back(e);
  // What others compute is awaited here as there, so that all replicas go one way; and what other
  // runs do, so that the order is the one that was checked.
  if (!isOf(command.replicas(), context.grid.replicaOf(context.place)) ||
      (command.compares_mirrors() && !context.comparesMirrors)) {
    out.kind = fb::Action::Join;
    return {};
  }
  auto add = [&](const fb::Ref *ref, fb::Access access) {
    out.buffers.push_back(buffer(*ref, operands, access));
  };
  switch (out.kind) {
  case fb::Action::Launch: {
    auto *launch = command.action_as_Launch();
    out.launch = launches[launch->kernel()];
    for (auto *argument : items(launch->args()))
      add(&argument->ref(), argument->access());
    return {};
  }
  case fb::Action::Call: {
    auto *call = command.action_as_Call();
    out.call = calls[call->call()];
    for (auto *argument : items(call->args()))
      add(&argument->ref(), argument->access());
    return {};
  }
  case fb::Action::Copy:
    add(command.action_as_Copy()->dst(), fb::Access::Write);
    add(command.action_as_Copy()->src(), fb::Access::Read);
    return {};
  case fb::Action::Fill:
    add(command.action_as_Fill()->dst(), fb::Access::Write);
    out.pattern = command.action_as_Fill()->pattern();
    return {};
  case fb::Action::Feed:
    add(command.action_as_Feed()->dst(), fb::Access::Write);
    out.index = command.action_as_Feed()->input();
    out.microBatch = command.action_as_Feed()->micro_batch();
    return {};
  case fb::Action::Fetch:
    add(command.action_as_Fetch()->src(), fb::Access::Read);
    out.index = command.action_as_Fetch()->output();
    out.microBatch = command.action_as_Fetch()->micro_batch();
    return {};
  case fb::Action::Exchange:
  case fb::Action::Collective:
  case fb::Action::Run:
  case fb::Action::Join:
    return {};
  default:
    return Status(Code::Artifact, "a command is of a kind this runtime does not know");
  }
}

Status Planner::planBlock(const fb::Block &block, PlannedBlock &out) {
  out.block = &block;
  uint32_t operands = count(block.operands());
  for (auto *command : items(block.commands())) {
    out.commands.emplace_back();
    PlannedCommand &planned = out.commands.back();
    if (Status s = planCommand(*command, operands, planned); !s.ok())
      return s;
    if (planned.kind == fb::Action::Collective)
      planned.index = out.collectives++;
    // A message is unique in a step, a block runs many times.
    if (planned.kind == fb::Action::Exchange || planned.kind == fb::Action::Run)
      return error(Code::Artifact, "block '", text(program, block.name()),
                   "' contains an exchange or a run, which belong outside of blocks");
  }
  return {};
}

PlannedOperation &Planner::addOperation(Frame &frame) {
  frame.operations.push_back(uint32_t(plan.operations.size()));
  return plan.operations.emplace_back();
}

void Planner::addCollective(const fb::Collective &collective, Frame &frame, uint32_t operands) {
  const fb::Group &group = *program.groups()->Get(collective.group());
  CollectiveSpec spec;
  spec.kind = collective.kind();
  spec.dtype = elementOf(collective);
  // A name has the same ranks everywhere: the checker sees to that. Where each
  // coordinate of an axis has a group of its own, it is part of the name.
  spec.group = std::string(text(group.name()));
  spec.members = membersOf(group, context.grid, context.place);
  if (!contains(group.over(), fb::Axes::Dp) && context.grid.dp > 1)
    spec.group += "/dp" + std::to_string(context.place.dp);
  if (!contains(group.over(), fb::Axes::Ep) && context.grid.ep > 1)
    spec.group += "/ep" + std::to_string(context.place.ep);
  spec.sequence = collectiveCount[collective.group()]++;
  Buffer src = buffer(*collective.src(), operands, fb::Access::Read),
         dst = buffer(*collective.dst(), operands, fb::Access::Write);
  spec.src = resolve(src, frame);
  spec.dst = resolve(dst, frame);
  spec.srcBytes = src.bytes;
  spec.dstBytes = dst.bytes;
  for (uint64_t bytes : items(collective.parts()))
    spec.parts.push_back(bytes);
  // In place, both are one.
  if (spec.src == spec.dst)
    src.access = dst.access = fb::Access::ReadWrite;
  PlannedOperation &operation = addOperation(frame);
  operation.collective = std::move(spec);
  operation.buffers = {src, dst};
}

void Planner::addExchange(const fb::Exchange &exchange, PlannedCommand &command) {
  command.index = uint32_t(plan.frame.operations.size());
  PlannedOperation &operation = addOperation(plan.frame);
  for (auto *t : items(exchange.transfers())) {
    TransferSpec spec;
    spec.send = t->direction() == fb::Direction::Send;
    spec.peer = peer(t->peer());
    spec.message = t->message();
    Buffer b = buffer(*t->ref(), 0, spec.send ? fb::Access::Read : fb::Access::Write);
    operation.buffers.push_back(b);
    spec.data = resolve(b, plan.frame);
    spec.bytes = b.bytes;
    spec.signal = nullptr;
    operation.signals.push_back(t->signal() < 0 ? kNoEvent
                                                : plan.frame.events[size_t(t->signal())]);
    for (uint32_t e : items(t->after()))
      command.waits.push_back(e);
    operation.transfers.push_back(spec);
  }
  std::sort(command.waits.begin(), command.waits.end());
  command.waits.erase(std::unique(command.waits.begin(), command.waits.end()), command.waits.end());
}

Status Planner::planRun(const fb::Command &command, const fb::Run &run, PlannedItem &item) {
  const PlannedBlock &block = plan.blocks[run.block()];
  uint32_t operands = count(block.block->operands());
  plan.runs.push_back(std::make_unique<PlannedRun>());
  PlannedRun &out = *plan.runs.back();
  item.run = &out;
  out.block = &block;
  out.microBatch = run.micro_batch();
  out.pairMicroBatch = run.pair_micro_batch();
  for (auto *ref : items(run.operands())) {
    out.frame.bases.push_back(plan.address(*ref));
    out.frame.places.push_back({ref->index(), ref->offset()});
  }
  addArenas(out.frame);

  uint32_t events = block.block->events();
  uint32_t own = newEvents(events - std::min(events, operands));
  out.frame.events.resize(events);
  for (uint32_t e = 0; e < events; ++e) {
    if (e >= operands) {
      out.frame.events[e] = own + (e - operands);
    } else {
      int32_t event = run.operand_events()->Get(e);
      out.frame.events[e] = event < 0 ? kReadyEvent : plan.frame.events[size_t(event)];
    }
  }
  // A result's event is the block's own event under the program's name. What waits for one that
  // has two comes behind in the list, and waits for the first.
  std::set<uint32_t> named;
  for (uint32_t i = 0; i < count(run.result_events()); ++i) {
    int32_t event = run.result_events()->Get(i);
    if (event < 0)
      continue;
    uint32_t local = block.block->results()->Get(i);
    uint32_t &ofProgram = plan.frame.events[size_t(event)], &ofBlock = out.frame.events[local];
    if (named.insert(local).second)
      ofBlock = ofProgram;
    else
      ofProgram = ofBlock;
  }
  for (auto *inner : items(block.block->commands()))
    if (auto *collective = inner->action_as_Collective())
      addCollective(*collective, out.frame, operands);

  // Which of the block's streams each stream of the program carries.
  std::map<uint16_t, std::vector<uint32_t>> carried;
  for (uint32_t s = 0; s < count(run.streams()); ++s) {
    out.streams.push_back(run.streams()->Get(s));
    carried[out.streams.back()].push_back(s);
  }
  if (carried.empty())
    carried[command.stream()];
  out.streamCount = uint32_t(carried.size());
  out.streamsLeft = out.streamCount;
  for (auto &[stream, blockStreams] : carried) {
    std::vector<uint32_t> key = blockStreams;
    key.insert(key.begin(), run.block());
    auto &slice = plan.slices[key];
    if (!slice) {
      slice = std::make_unique<std::vector<uint32_t>>();
      for (uint32_t c = 0; c < block.commands.size(); ++c)
        if (std::find(blockStreams.begin(), blockStreams.end(), block.commands[c].stream) !=
            blockStreams.end())
          slice->push_back(c);
    }
    plan.streams[stream].items.push_back({&item, slice.get()});
  }
  return {};
}

Status Planner::planOrder() {
  for (auto *command : items(program.order())) {
    plan.items.push_back(std::make_unique<PlannedItem>());
    PlannedItem &item = *plan.items.back();
    if (Status s = planCommand(*command, 0, item.command); !s.ok())
      return s;
    if (auto *run = command->action_as_Run()) {
      if (Status s = planRun(*command, *run, item); !s.ok())
        return s;
      continue;
    }
    if (auto *exchange = command->action_as_Exchange()) {
      addExchange(*exchange, item.command);
    } else if (auto *collective = command->action_as_Collective()) {
      item.command.index = uint32_t(plan.frame.operations.size());
      addCollective(*collective, plan.frame, 0);
    }
    plan.streams[item.command.stream].items.push_back({&item});
  }
  return {};
}

Status Planner::run() {
  plan.program = &program;
  plan.rank = context.grid.rankOf(context.place);
  plan.place = context.place;
  plan.arenas = context.arenas;
  plan.record = RecordPlan(program, context.arenas);
  for (auto *stream : items(program.streams()))
    plan.streams.push_back({std::string(text(stream->name())), stream->kind(), {}});
  addArenas(plan.frame);
  newEvents(1); // kReadyEvent
  uint32_t first = newEvents(program.events());
  for (uint32_t e = 0; e < program.events(); ++e)
    plan.frame.events.push_back(first + e);
  collectiveCount.resize(count(program.groups()));
  if (Status s = prepareKernels(); !s.ok())
    return s;
  for (auto *block : items(program.blocks())) {
    plan.blocks.emplace_back();
    if (Status s = planBlock(*block, plan.blocks.back()); !s.ok())
      return s;
  }
  return planOrder();
}

Status RankPlan::make(const PlanContext &context, std::unique_ptr<RankPlan> &out) {
  auto plan = std::make_unique<RankPlan>();
  Planner planner(context, *plan);
  if (Status s = planner.run(); !s.ok())
    return s;
  out = std::move(plan);
  return {};
}

} // namespace dpcrt
