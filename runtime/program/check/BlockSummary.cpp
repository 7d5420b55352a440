// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A block as its runs see it.

#include "program/check/BlockSummary.h"

#include "program/format/Naming.h"

#include <algorithm>
#include <set>
#include <tuple>

using namespace dpcrt;

void dpcrt::collectUses(const fb::Program &program, const fb::Command &command,
                        std::vector<CommandUse> &uses) {
  constexpr uint8_t read = kReads | kNeeds, moved = kReads | kNeeds | kMoves;
  // Where it does nothing, what it would write must be there already.
  const bool isOfSome = count(command.replicas()) > 0 || command.compares_mirrors();
  auto argument = [&](const fb::Argument *argument) {
    uint8_t flags = (reads(argument->access()) || isOfSome ? read : 0) |
                    (writes(argument->access()) ? kWrites : 0);
    uses.push_back({&argument->ref(), flags});
  };
  switch (command.action_type()) {
  case fb::Action::Launch:
    for (const fb::Argument *each : items(command.action_as_Launch()->args()))
      argument(each);
    break;
  case fb::Action::Call:
    for (const fb::Argument *each : items(command.action_as_Call()->args()))
      argument(each);
    break;
  case fb::Action::Copy:
    uses.push_back({command.action_as_Copy()->src(), moved});
    uses.push_back({command.action_as_Copy()->dst(), kWrites});
    break;
  case fb::Action::Fill:
    uses.push_back({command.action_as_Fill()->dst(), kWrites});
    break;
  case fb::Action::Feed:
    uses.push_back({command.action_as_Feed()->dst(), kWrites});
    break;
  case fb::Action::Fetch:
    uses.push_back({command.action_as_Fetch()->src(), read});
    break;
  case fb::Action::Collective:
    // What a reduction adds up in padding is never looked at either.
    uses.push_back({command.action_as_Collective()->src(), moved});
    uses.push_back({command.action_as_Collective()->dst(), kWrites});
    break;
  case fb::Action::Exchange:
  case fb::Action::Run:
  case fb::Action::Join:
  case fb::Action::NONE:
    break;
  }
}

namespace {

/// The block's commands as a graph: one node per command, one axis per stream.
struct BlockAnalysis {
  const fb::Program &program;
  const fb::Block &block;
  const std::string &prefix;
  Diagnostics &diagnostics;

  uint32_t operands, commands;
  EventGraph graph;
  std::vector<uint32_t> firedBy; ///< per event, command
  std::vector<MemoryUse> uses;   ///< space: operands, then arenas
  std::vector<MemoryUse> needed; ///< parts of uses the block itself leaves open

  BlockAnalysis(const fb::Program &program, const fb::Block &block, const std::string &prefix,
                Diagnostics &diagnostics)
      : program(program), block(block), prefix(prefix), diagnostics(diagnostics),
        operands(count(block.operands())), commands(count(block.commands())),
        graph(block.streams()), firedBy(block.events(), UINT32_MAX) {}

  const fb::Command &command(uint32_t index) const { return *block.commands()->Get(index); }
  std::string name(uint32_t index) const {
    return commandName(program, &block, index) + " on stream " +
           std::to_string(command(index).stream());
  }

  void build();
  bool checkCycle(const std::vector<uint32_t> &order);
  bool checkList();
  void checkMemory(const std::vector<uint32_t> &order);
  BlockSummary cut() const;
};

} // namespace

void BlockAnalysis::build() {
  std::vector<uint32_t> last(block.streams(), UINT32_MAX);
  std::vector<CommandUse> own;
  for (uint32_t index = 0; index < commands; ++index) {
    const fb::Command &each = command(index);
    graph.addNode(each.stream());
    if (last[each.stream()] != UINT32_MAX)
      graph.addEdge(last[each.stream()], index);
    last[each.stream()] = index;
    if (each.signal() >= 0)
      firedBy[each.signal()] = index;
    own.clear();
    collectUses(program, each, own);
    for (const CommandUse &use : own) {
      bool arena = use.ref->space() == fb::Space::Arena;
      uses.push_back({use.ref->index() + (arena ? operands : 0), index, use.ref->offset(),
                      use.ref->offset() + use.ref->bytes(), index, 0, use.flags});
    }
  }
  for (uint32_t index = 0; index < commands; ++index)
    for (uint32_t event : items(command(index).waits()))
      if (event >= operands)
        graph.addEdge(firedBy[event], index);
}

bool BlockAnalysis::checkCycle(const std::vector<uint32_t> &order) {
  std::vector<uint32_t> cycle =
      findCycle(commands, graph.edges, order, [&](uint32_t before, uint32_t after) {
        return before < after && command(before).stream() == command(after).stream();
      });
  if (cycle.empty())
    return true;
  std::string hops;
  for (size_t at = 0; at < cycle.size(); ++at) {
    uint32_t next = cycle[(at + 1) % cycle.size()];
    bool follows = command(next).stream() == command(cycle[at]).stream() && next < cycle[at];
    hops += "\n  " + name(cycle[at]) + (follows ? " comes after " : " waits for an event of ") +
            commandName(program, &block, next);
  }
  diagnostics.error(prefix, "block ", blockName(program, block),
                    ": deadlock: these commands wait for each other", hops);
  return false;
}

/// A list is an order of issue.
bool BlockAnalysis::checkList() {
  uint64_t before = diagnostics.count();
  for (uint32_t index = 0; index < commands; ++index)
    for (uint32_t event : items(command(index).waits()))
      if (event >= operands && firedBy[event] >= index)
        diagnostics.error(prefix, "block ", blockName(program, block), ": ", name(index),
                          " waits for an event of ", name(firedBy[event]),
                          ", which does not stand before it in the list: a list is an order of "
                          "issue, and nothing may wait for what comes later in it");
  return diagnostics.count() == before;
}

void BlockAnalysis::checkMemory(const std::vector<uint32_t> &order) {
  std::vector<uint32_t> rank(commands);
  for (uint32_t at = 0; at < commands; ++at)
    rank[order[at]] = at;
  std::sort(uses.begin(), uses.end(), [&](const MemoryUse &a, const MemoryUse &b) {
    // What a command needs it needs before it writes.
    return std::tuple(rank[a.node], !(a.flags & kNeeds), a.space, a.begin, a.end, a.flags) <
           std::tuple(rank[b.node], !(b.flags & kNeeds), b.space, b.begin, b.end, b.flags);
  });
  Clocks clocks(graph, order);
  std::set<std::pair<uint32_t, uint32_t>> reported;
  MemoryFindings findings;
  auto range = [&](const MemoryUse &use) {
    fb::Ref ref(use.space < operands ? fb::Space::Operand : fb::Space::Arena, uint8_t(Element::U8),
                use.space < operands ? use.space : use.space - operands, use.begin,
                use.end - use.begin);
    return rangeName(program, &block, ref);
  };
  findings.race = [&](uint32_t earlier, uint32_t later) {
    const MemoryUse &a = uses[earlier], &b = uses[later];
    if (!reported.insert({a.command, b.command}).second)
      return;
    diagnostics.error(prefix, "block ", blockName(program, block), ": race: ", name(a.command),
                      a.flags & kWrites ? " writes " : " reads ", range(a), " and ",
                      name(b.command), b.flags & kWrites ? " writes " : " reads ", range(b),
                      "; nothing makes ", commandName(program, &block, b.command), " wait for ",
                      commandName(program, &block, a.command));
  };
  findings.unwritten = [&](uint32_t number, uint64_t begin, uint64_t end) {
    MemoryUse use = uses[number];
    use.begin = begin;
    use.end = end;
    use.flags &= kNeeds | kMoves;
    needed.push_back(use);
  };
  dpcrt::checkMemory(clocks, graph, uses,
                     std::vector<bool>(operands + count(program.arenas()), true), findings);
}

/// Merges ranges of one kind that touch or overlap.
static std::vector<MemoryUse> merge(std::vector<MemoryUse> uses) {
  std::sort(uses.begin(), uses.end(), [](const MemoryUse &a, const MemoryUse &b) {
    // Reads stand before writes: a segment that does both needs the
    // bytes as they were.
    return std::tuple(!(a.flags & kNeeds), a.flags, a.space, a.begin, a.end) <
           std::tuple(!(b.flags & kNeeds), b.flags, b.space, b.begin, b.end);
  });
  std::vector<MemoryUse> merged;
  for (const MemoryUse &use : uses) {
    if (!merged.empty() && merged.back().flags == use.flags && merged.back().space == use.space &&
        use.begin <= merged.back().end)
      merged.back().end = std::max(merged.back().end, use.end);
    else
      merged.push_back(use);
  }
  return merged;
}

BlockSummary BlockAnalysis::cut() const {
  // An event is visible if its firing matters outside its own stream.
  std::vector<bool> visible(block.events(), false);
  for (uint32_t event : items(block.results()))
    visible[event] = true;
  auto foreign = [&](uint32_t event, uint32_t index) {
    return event >= operands && command(firedBy[event]).stream() != command(index).stream();
  };
  for (uint32_t index = 0; index < commands; ++index)
    for (uint32_t event : items(command(index).waits()))
      if (foreign(event, index))
        visible[event] = true;

  BlockSummary summary;
  constexpr uint32_t none = UINT32_MAX;
  std::vector<uint32_t> open(block.streams(), none), segmentOf(commands, none);
  for (uint32_t index = 0; index < commands; ++index) {
    const fb::Command &each = command(index);
    bool collective = each.action_type() == fb::Action::Collective;
    bool waits = false;
    for (uint32_t event : items(each.waits()))
      waits |= event < operands || foreign(event, index);
    uint32_t &current = open[each.stream()];
    if (current == none || waits || collective) {
      current = static_cast<uint32_t>(summary.segments.size());
      summary.segments.emplace_back();
      summary.segments.back().stream = each.stream();
      summary.segments.back().collective = collective;
      for (uint32_t event : items(each.waits()))
        if (event < operands)
          summary.segments.back().operandWaits.push_back(event);
        else if (foreign(event, index))
          summary.segments.back().segmentWaits.push_back(segmentOf[firedBy[event]]);
    }
    summary.segments[current].commands.push_back(index);
    segmentOf[index] = current;
    if (collective || (each.signal() >= 0 && visible[each.signal()]))
      current = none;
  }
  for (uint32_t event : items(block.results()))
    summary.resultSegments.push_back(segmentOf[firedBy[event]]);

  for (const MemoryUse &use : uses) {
    Segment &segment = summary.segments[segmentOf[use.command]];
    for (uint8_t flag : {kReads, kWrites}) {
      if (!(use.flags & flag))
        continue;
      MemoryUse part = use;
      part.flags = flag;
      segment.uses.push_back(part);
      if (use.space >= operands) {
        part.space -= operands;
        summary.own.push_back(part);
      }
    }
  }
  for (const MemoryUse &use : needed)
    summary.segments[segmentOf[use.command]].uses.push_back(use);
  for (Segment &segment : summary.segments)
    segment.uses = merge(std::move(segment.uses));
  summary.own = merge(std::move(summary.own));
  return summary;
}

BlockSummary dpcrt::summarizeBlock(const fb::Program &program, const fb::Block &block,
                                   const std::string &prefix, Diagnostics &diagnostics) {
  BlockAnalysis analysis(program, block, prefix, diagnostics);
  analysis.build();
  std::vector<uint32_t> order = topologicalOrder(analysis.commands, analysis.graph.edges);
  if (!analysis.checkCycle(order) || !analysis.checkList())
    return {};
  analysis.checkMemory(order);
  return analysis.cut();
}
