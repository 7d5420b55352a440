// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Are conflicting accesses ordered?

#include "program/check/CheckParts.h"

#include "program/format/Naming.h"

#include <algorithm>
#include <map>
#include <set>

using namespace dpcrt;

namespace {

class RaceCheck {
public:
  RaceCheck(const RankGraph &rank, const std::vector<uint32_t> &order, Diagnostics &diagnostics)
      : rank(rank), program(*rank.program), clocks(rank.graph, order), diagnostics(diagnostics),
        prefix("rank " + std::to_string(rank.program->coordinate()) + ": ") {
    sortUses(order);
  }

  void checkOverlaps();
  void checkAccesses();
  void checkChannels();
  void checkEnd();

private:
  void sortUses(const std::vector<uint32_t> &order);
  const std::string range(const MemoryUse &use) const {
    return rangeName(program, use.space, use.begin, use.end);
  }
  static const char *verb(const MemoryUse &use) {
    return use.flags & kWrites ? " writes " : " reads ";
  }
  std::string name(uint32_t command) const { return commandName(program, nullptr, command); }

  const RankGraph &rank;
  const fb::Program &program;
  Clocks clocks;
  Diagnostics &diagnostics;
  std::string prefix;
  std::vector<MemoryUse> uses; ///< in an order of their nodes
};

} // namespace

void RaceCheck::sortUses(const std::vector<uint32_t> &order) {
  uses = rank.uses;
  // The list is nearly always in order already: what waits stands behind what
  // it waits for.
  std::vector<uint32_t> place(order.size());
  bool ascending = true;
  for (uint32_t at = 0; at < order.size(); ++at) {
    place[order[at]] = at;
    ascending &= order[at] == at;
  }
  if (ascending)
    return;
  std::vector<uint32_t> sorted(uses.size());
  for (uint32_t at = 0; at < uses.size(); ++at)
    sorted[at] = at;
  std::sort(sorted.begin(), sorted.end(), [&](uint32_t a, uint32_t b) {
    return std::pair(place[uses[a].node], a) < std::pair(place[uses[b].node], b);
  });
  for (uint32_t at = 0; at < uses.size(); ++at)
    uses[at] = rank.uses[sorted[at]];
}

/// An operand of a run must not lie on what its block uses by itself: the block
/// was checked on the understanding that these are different bytes.
void RaceCheck::checkOverlaps() {
  std::set<std::pair<uint32_t, uint32_t>> reported; // block, operand
  uint32_t index = 0;
  for (const fb::Command *command : items(program.order())) {
    uint32_t number = index++;
    const fb::Run *run = command->action_as_Run();
    if (!run)
      continue;
    const fb::Block &block = *program.blocks()->Get(run->block());
    for (uint32_t k = 0; k < count(run->operands()); ++k) {
      const fb::Ref &ref = *run->operands()->Get(k);
      const fb::Operand &operand = *block.operands()->Get(k);
      for (const MemoryUse &own : rank.blocks[run->block()].own) {
        if (own.space != ref.index() || own.begin >= ref.offset() + ref.bytes() ||
            ref.offset() >= own.end || !(writes(operand.access()) || (own.flags & kWrites)) ||
            !reported.insert({run->block(), k}).second)
          continue;
        diagnostics.error(prefix, name(number), ": operand ", k, " ",
                          quoted(text(program, operand.name())), ", ",
                          rangeName(program, nullptr, ref), ", lies on ", range(own),
                          ", which block ", blockName(program, block), " uses by itself");
      }
    }
  }
}

void RaceCheck::checkAccesses() {
  std::vector<bool> tracked;
  for (const fb::Arena *arena : items(program.arenas()))
    tracked.push_back(arena->role() == fb::ArenaRole::Stash ||
                      arena->role() == fb::ArenaRole::Workspace ||
                      arena->role() == fb::ArenaRole::Messages);
  std::set<std::pair<uint32_t, uint32_t>> raced;
  std::set<std::pair<int64_t, uint32_t>> unwritten;
  MemoryFindings findings;
  findings.race = [&](uint32_t earlier, uint32_t later) {
    const MemoryUse &a = uses[earlier], &b = uses[later];
    // Within one run the block's own check has the last word; what remains is
    // an operand that lies on the block's own memory.
    if (a.command == b.command || !raced.insert({a.command, b.command}).second)
      return;
    diagnostics.error(prefix, "race: ", rank.describe(a), verb(a), range(a), " and ",
                      rank.describe(b), verb(b), range(b), "; nothing makes ", name(b.command),
                      " wait for ", name(a.command));
  };
  findings.unwritten = [&](uint32_t number, uint64_t begin, uint64_t end) {
    const MemoryUse &use = uses[number];
    // What one run of a block lacks, all its runs lack, as a rule.
    const fb::Run *run = rank.command(use.command).action_as_Run();
    if (!unwritten.insert({run ? int64_t(run->block()) : -1, run ? use.part : use.command}).second)
      return;
    std::string missing = rangeName(program, use.space, begin, end);
    std::string whole = range(use);
    diagnostics.error(prefix, rank.describe(use), " reads ", whole,
                      missing == whole ? std::string(", which") : ", of which " + missing,
                      missing == whole ? " nothing before it in the step writes"
                                       : " is written by nothing before it in the step");
  };
  checkMemory(clocks, rank.graph, uses, tracked, findings);
}

/// Messages to one peer, and collectives of one group, are told apart by their
/// order alone; so it must not depend on which stream is faster.
void RaceCheck::checkChannels() {
  struct Last {
    uint32_t start, command;
  };
  std::map<std::pair<uint32_t, fb::Direction>, Last> channels;
  for (const RankGraph::TransferSite &site : rank.transfers) {
    const fb::Transfer &transfer = rank.transfer(site);
    auto [at, fresh] =
        channels.insert({{transfer.peer(), transfer.direction()}, {site.start, site.command}});
    if (!fresh && !clocks.before(at->second.start, site.start)) {
      bool send = transfer.direction() == fb::Direction::Send;
      diagnostics.error(prefix, name(at->second.command), " on stream ",
                        rank.stream(at->second.start), " and ", name(site.command), " on stream ",
                        rank.stream(site.start), " both ", send ? "send to" : "receive from",
                        " rank ", transfer.peer(),
                        ", and nothing orders them: their messages could be "
                        "taken for each other");
    }
    at->second = {site.start, site.command};
  }
  std::map<uint32_t, RankGraph::CollectiveSite> groups;
  for (const RankGraph::CollectiveSite &site : rank.collectives) {
    uint32_t group = rank.collective(site).group();
    auto [at, fresh] = groups.insert({group, site});
    if (!fresh && !clocks.before(at->second.start, site.start))
      diagnostics.error(prefix, rank.describe(at->second), " on stream ",
                        rank.stream(at->second.start), " and ", rank.describe(site), " on stream ",
                        rank.stream(site.start), " are both of group ",
                        quoted(text(program.groups()->Get(group)->name())),
                        ", and nothing orders them: one could be taken for "
                        "the other");
    at->second = site;
  }
}

/// The step has ended, and the next may begin, when the last command of the
/// order has: it must have waited for everything else.
void RaceCheck::checkEnd() {
  uint32_t commands = count(program.order());
  if (commands == 0)
    return;
  for (uint32_t stream = 0; stream < count(program.streams()); ++stream) {
    uint32_t ended = 0;
    for (uint32_t node : rank.lastNodes)
      ended = std::max(ended, clocks.at(node, stream));
    if (ended == rank.graph.length[stream])
      continue;
    // The first that is not waited for, and what it gets mixed up with.
    uint32_t open = 0;
    while (rank.graph.nodes[open].axis != stream || rank.graph.nodes[open].position <= ended)
      ++open;
    uint32_t command = rank.origins[open].command;
    std::string harm;
    for (const MemoryUse &late : uses) {
      if (late.command != command || !harm.empty())
        continue;
      for (const MemoryUse &early : uses) {
        if (early.space == late.space && early.begin < late.end && late.begin < early.end &&
            ((early.flags | late.flags) & kWrites)) {
          harm = ", when " + name(early.command) + verb(early) + range(early);
          break;
        }
      }
    }
    diagnostics.error(prefix, "the step ends with ", name(commands - 1),
                      ", which does not wait for ", name(command), " on stream ",
                      streamName(program, stream), ": it may still be under way in the next step",
                      harm);
  }
}

void dpcrt::checkRaces(const RankGraph &rank, Diagnostics &diagnostics) {
  std::vector<uint32_t> order = topologicalOrder(rank.graph.size(), rank.graph.edges);
  if (order.size() != rank.graph.size())
    return; // a cycle, reported as a deadlock
  RaceCheck check(rank, order, diagnostics);
  check.checkOverlaps();
  check.checkChannels();
  check.checkAccesses();
  check.checkEnd();
}
