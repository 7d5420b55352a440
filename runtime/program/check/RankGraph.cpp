// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One rank's step as a graph.

#include "program/check/RankGraph.h"

#include "program/format/Naming.h"

#include <algorithm>

using namespace dpcrt;

const fb::Transfer &RankGraph::transfer(const TransferSite &site) const {
  return *command(site.command).action_as_Exchange()->transfers()->Get(site.transfer);
}

const fb::Collective &RankGraph::collective(const CollectiveSite &site) const {
  const fb::Command &own = command(site.command);
  if (site.blockCommand == none)
    return *own.action_as_Collective();
  return *program->blocks()
              ->Get(own.action_as_Run()->block())
              ->commands()
              ->Get(site.blockCommand)
              ->action_as_Collective();
}

std::string RankGraph::describe(const CollectiveSite &site) const {
  std::string name = commandName(*program, nullptr, site.command);
  if (site.blockCommand == none)
    return name;
  const fb::Block *block = program->blocks()->Get(command(site.command).action_as_Run()->block());
  return commandName(*program, block, site.blockCommand) + " of " + name;
}

std::string RankGraph::stream(uint32_t node) const {
  uint32_t axis = graph.nodes[node].axis;
  if (axis >= count(program->streams()))
    axis = command(origins[node].command).stream();
  return streamName(*program, axis);
}

std::string RankGraph::describe(const MemoryUse &use) const {
  const fb::Command &own = command(use.command);
  std::string name;
  if (own.action_type() == fb::Action::Exchange) {
    name = transferName(*own.action_as_Exchange()->transfers()->Get(use.part)) + " of exchange #" +
           std::to_string(use.command);
  } else {
    name = commandName(*program, nullptr, use.command);
  }
  if (const fb::Run *run = own.action_as_Run()) {
    // The summary has merged ranges; the first command of the segment that
    // touches one of the bytes stands for it.
    const fb::Block *block = program->blocks()->Get(run->block());
    std::vector<CommandUse> touched;
    for (uint32_t index : blocks[run->block()].segments[use.part].commands) {
      touched.clear();
      collectUses(*program, *block->commands()->Get(index), touched);
      bool hit = false;
      for (const CommandUse &each : touched) {
        uint32_t space = each.ref->index();
        uint64_t begin = each.ref->offset();
        if (each.ref->space() == fb::Space::Operand) {
          const fb::Ref *bound = run->operands()->Get(space);
          space = bound->index();
          begin += bound->offset();
        }
        hit |= space == use.space && begin < use.end && use.begin < begin + each.ref->bytes() &&
               (each.flags & use.flags & (kReads | kWrites | kNeeds));
      }
      if (hit) {
        name = commandName(*program, block, index) + " of " + name;
        break;
      }
    }
  }
  return name + " on stream " + stream(use.node);
}

namespace {

class Builder {
public:
  Builder(const fb::Program &program, RankGraph &result)
      : program(program), result(result), streams(count(program.streams())),
        last(streams, RankGraph::none), fired(program.events()) {}

  void build();

private:
  uint32_t addNode(uint32_t axis, RankGraph::Origin origin) {
    uint32_t node = result.graph.addNode(axis);
    result.origins.push_back(origin);
    return node;
  }
  /// A node on a stream, after what is there already.
  uint32_t addNext(uint32_t stream, RankGraph::Origin origin) {
    uint32_t node = addNode(stream, origin);
    if (last[stream] != RankGraph::none)
      result.graph.addEdge(last[stream], node);
    return last[stream] = node;
  }
  void wait(uint32_t node, uint32_t event) { waits.push_back({event, node}); }
  void fire(int32_t event, uint32_t node) {
    if (event >= 0)
      fired[event].push_back(node);
  }
  void addUse(uint32_t node, uint32_t command, uint32_t part, const fb::Ref &ref, uint8_t flags) {
    result.uses.push_back(
        {ref.index(), node, ref.offset(), ref.offset() + ref.bytes(), command, part, flags});
  }

  void addPlain(uint32_t index, const fb::Command &command);
  void addExchange(uint32_t index, const fb::Command &command);
  void addCollective(uint32_t index, const fb::Command &command);
  void addRun(uint32_t index, const fb::Command &command);

  const fb::Program &program;
  RankGraph &result;
  uint32_t streams;
  std::vector<uint32_t> last;                       ///< node, per stream
  std::vector<std::vector<uint32_t>> fired;         ///< nodes, per event
  std::vector<std::pair<uint32_t, uint32_t>> waits; ///< event, node
};

} // namespace

void Builder::addPlain(uint32_t index, const fb::Command &command) {
  uint32_t node = addNext(command.stream(), {index, 0, RankGraph::Kind::Command});
  for (uint32_t event : items(command.waits()))
    wait(node, event);
  fire(command.signal(), node);
  result.lastNodes = {node};
  std::vector<CommandUse> uses;
  collectUses(program, command, uses);
  // What a command needs it needs before it writes.
  for (bool needs : {true, false})
    for (const CommandUse &use : uses)
      if (bool(use.flags & kNeeds) == needs)
        addUse(node, index, 0, *use.ref, use.flags);
}

void Builder::addExchange(uint32_t index, const fb::Command &command) {
  const fb::Exchange &exchange = *command.action_as_Exchange();
  uint32_t start = addNext(command.stream(), {index, 0, RankGraph::Kind::Start});
  for (uint32_t event : items(command.waits()))
    wait(start, event);
  std::vector<uint32_t> nodes;
  for (const fb::Transfer *transfer : items(exchange.transfers())) {
    uint32_t number = static_cast<uint32_t>(nodes.size());
    uint32_t node = addNode(streams + number, {index, number, RankGraph::Kind::Transfer});
    nodes.push_back(node);
    result.graph.addEdge(start, node);
    for (uint32_t event : items(transfer->after()))
      wait(start, event);
    fire(transfer->signal(), node);
    bool send = transfer->direction() == fb::Direction::Send;
    addUse(node, index, number, *transfer->ref(), send ? kReads | kNeeds | kMoves : kWrites);
    result.transfers.push_back({start, node, index, number});
  }
  uint32_t end = addNext(command.stream(), {index, 0, RankGraph::Kind::Command});
  for (uint32_t node : nodes)
    result.graph.addEdge(node, end);
  fire(command.signal(), end);
  result.lastNodes = {end};
  result.communications.push_back({start, end});
}

void Builder::addCollective(uint32_t index, const fb::Command &command) {
  uint32_t start = addNext(command.stream(), {index, 0, RankGraph::Kind::Start});
  for (uint32_t event : items(command.waits()))
    wait(start, event);
  uint32_t end = addNext(command.stream(), {index, 0, RankGraph::Kind::Command});
  fire(command.signal(), end);
  result.lastNodes = {end};
  result.collectives.push_back({start, end, index, RankGraph::none});
  result.communications.push_back({start, end});
  std::vector<CommandUse> uses;
  collectUses(program, command, uses);
  for (const CommandUse &use : uses)
    addUse(end, index, 0, *use.ref, use.flags);
}

void Builder::addRun(uint32_t index, const fb::Command &command) {
  const fb::Run &run = *command.action_as_Run();
  const fb::Block &block = *program.blocks()->Get(run.block());
  const BlockSummary &summary = result.blocks[run.block()];
  uint32_t operands = count(block.operands());
  if (summary.segments.empty()) {
    addPlain(index, command);
    return;
  }
  std::vector<uint32_t> ends;
  std::vector<uint32_t> endOfStream(block.streams(), RankGraph::none);
  for (uint32_t number = 0; number < summary.segments.size(); ++number) {
    const Segment &segment = summary.segments[number];
    uint32_t stream = run.streams()->Get(segment.stream);
    RankGraph::Origin origin{index, number, RankGraph::Kind::Segment};
    uint32_t start = addNext(stream, origin);
    uint32_t end = start;
    if (segment.collective) {
      end = addNext(stream, origin);
      result.collectives.push_back({start, end, index, segment.commands[0]});
      result.communications.push_back({start, end});
    }
    if (endOfStream[segment.stream] == RankGraph::none)
      for (uint32_t event : items(command.waits()))
        wait(start, event);
    for (uint32_t operand : segment.operandWaits)
      if (run.operand_events()->Get(operand) >= 0)
        wait(start, run.operand_events()->Get(operand));
    ends.push_back(end);
    endOfStream[segment.stream] = end;
    for (uint32_t other : segment.segmentWaits)
      result.graph.addEdge(ends[other], start);
    for (const MemoryUse &use : segment.uses) {
      MemoryUse bound = use;
      if (use.space < operands) {
        const fb::Ref *ref = run.operands()->Get(use.space);
        bound.space = ref->index();
        bound.begin += ref->offset();
        bound.end += ref->offset();
      } else {
        bound.space -= operands;
      }
      bound.node = end;
      bound.command = index;
      bound.part = number;
      result.uses.push_back(bound);
    }
  }
  for (uint32_t number = 0; number < summary.resultSegments.size(); ++number)
    fire(run.result_events()->Get(number), ends[summary.resultSegments[number]]);
  result.lastNodes.clear();
  for (uint32_t end : endOfStream) {
    if (end == RankGraph::none)
      continue;
    fire(command.signal(), end);
    result.lastNodes.push_back(end);
  }
}

void Builder::build() {
  uint32_t index = 0;
  for (const fb::Command *command : items(program.order())) {
    switch (command->action_type()) {
    case fb::Action::Exchange:
      addExchange(index, *command);
      break;
    case fb::Action::Collective:
      addCollective(index, *command);
      break;
    case fb::Action::Run:
      addRun(index, *command);
      break;
    default:
      addPlain(index, *command);
      break;
    }
    ++index;
  }
  for (auto [event, node] : waits)
    for (uint32_t before : fired[event])
      result.graph.addEdge(before, node);
}

RankGraph dpcrt::buildRankGraph(const fb::Program &program, Diagnostics &diagnostics) {
  uint32_t transfers = 0;
  for (const fb::Command *command : items(program.order()))
    if (const fb::Exchange *exchange = command->action_as_Exchange())
      transfers = std::max(transfers, count(exchange->transfers()));
  RankGraph result(program, count(program.streams()) + transfers);
  std::string prefix = "rank " + std::to_string(program.coordinate()) + ": ";
  uint64_t before = diagnostics.count();
  for (const fb::Block *block : items(program.blocks()))
    result.blocks.push_back(summarizeBlock(program, *block, prefix, diagnostics));
  if (diagnostics.count() == before)
    Builder(program, result).build();
  return result;
}
