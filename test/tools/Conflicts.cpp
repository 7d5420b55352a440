// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Conflicts.h"

#include <algorithm>
#include <map>

namespace fb = dpcrt::fb;

namespace {

struct Access {
  uint32_t arena;
  uint64_t begin, end;
  bool writes;
  uint32_t node;
};

class Unfolded {
public:
  explicit Unfolded(const fb::ProgramT &program) : program(program), firing(program.events) {
    last.assign(program.streams.size(), -1);
    for (const auto &command : program.order)
      add(*command);
    for (auto [event, node] : waits)
      for (uint32_t before : firing[event])
        edges.push_back({before, node});
  }

  uint64_t countUnordered() {
    close();
    // Accesses by where they begin: those that may overlap stand together.
    std::sort(accesses.begin(), accesses.end(), [](const Access &a, const Access &b) {
      return std::make_pair(a.arena, a.begin) < std::make_pair(b.arena, b.begin);
    });
    uint64_t count = 0;
    for (size_t i = 0; i < accesses.size(); ++i)
      for (size_t j = i + 1; j < accesses.size() && accesses[j].arena == accesses[i].arena; ++j) {
        const Access &a = accesses[i], &b = accesses[j];
        if (longest[a.arena] + a.begin <= b.begin)
          break; // nothing that begins later reaches back
        bool isConflict = b.begin < a.end && (a.writes || b.writes) && a.node != b.node;
        count += isConflict && !isBefore(a.node, b.node) && !isBefore(b.node, a.node);
      }
    return count;
  }

private:
  uint32_t addNode() { return nodes++; }
  // Behind what its stream has so far.
  uint32_t addOn(uint32_t stream) {
    uint32_t node = addNode();
    if (last[stream] >= 0)
      edges.push_back({uint32_t(last[stream]), node});
    last[stream] = node;
    return node;
  }
  void wait(uint32_t node, const std::vector<uint32_t> &events) {
    for (uint32_t event : events)
      waits.push_back({event, node});
  }
  void fire(int32_t event, uint32_t node) {
    if (event >= 0)
      firing[event].push_back(node);
  }
  void touch(uint32_t node, const fb::Ref &ref, bool writes, const fb::RunT *run) {
    uint32_t arena = ref.index();
    uint64_t begin = ref.offset();
    if (ref.space() == fb::Space::Operand) {
      arena = run->operands[ref.index()].index();
      begin += run->operands[ref.index()].offset();
    }
    accesses.push_back({arena, begin, begin + ref.bytes(), writes, node});
    longest[arena] = std::max(longest[arena], ref.bytes());
  }
  void touch(uint32_t node, const std::vector<fb::Argument> &arguments, const fb::RunT *run) {
    for (const fb::Argument &argument : arguments)
      touch(node, argument.ref(), argument.access() != fb::Access::Read, run);
  }
  // What a command that is no run and no exchange touches.
  void touch(uint32_t node, const fb::CommandT &command, const fb::RunT *run) {
    if (const auto *launch = command.action.AsLaunch())
      touch(node, launch->args, run);
    if (const auto *call = command.action.AsCall())
      touch(node, call->args, run);
    if (const auto *copy = command.action.AsCopy()) {
      touch(node, *copy->src, false, run);
      touch(node, *copy->dst, true, run);
    }
    if (const auto *fill = command.action.AsFill())
      touch(node, *fill->dst, true, run);
    if (const auto *feed = command.action.AsFeed())
      touch(node, *feed->dst, true, run);
    if (const auto *fetch = command.action.AsFetch())
      touch(node, *fetch->src, false, run);
    if (const auto *collective = command.action.AsCollective()) {
      touch(node, *collective->src, false, run);
      touch(node, *collective->dst, true, run);
    }
  }

  void add(const fb::CommandT &command) {
    if (const auto *exchange = command.action.AsExchange())
      return addExchange(command, *exchange);
    if (const auto *run = command.action.AsRun())
      return addRun(command, *run);
    uint32_t node = addOn(command.stream);
    wait(node, command.waits);
    touch(node, command, nullptr);
    fire(command.signal, node);
  }

  void addExchange(const fb::CommandT &command, const fb::ExchangeT &exchange) {
    uint32_t start = addOn(command.stream);
    wait(start, command.waits);
    std::vector<uint32_t> transfers;
    for (const auto &transfer : exchange.transfers) {
      wait(start, transfer->after);
      uint32_t node = addNode();
      edges.push_back({start, node});
      touch(node, *transfer->ref, transfer->direction == fb::Direction::Receive, nullptr);
      fire(transfer->signal, node);
      transfers.push_back(node);
    }
    uint32_t end = addOn(command.stream);
    for (uint32_t node : transfers)
      edges.push_back({node, end});
    fire(command.signal, end);
  }

  void addRun(const fb::CommandT &command, const fb::RunT &run) {
    const fb::BlockT &block = *program.blocks[run.block];
    const size_t operands = block.operands.size();
    std::map<uint32_t, uint32_t> local;       // node of an event of the block's commands
    std::map<uint32_t, uint32_t> endOfStream; // of the program's streams
    auto waitLocal = [&](uint32_t node, const std::vector<uint32_t> &events) {
      for (uint32_t event : events)
        if (event >= operands)
          edges.push_back({local.at(event), node});
        else if (run.operand_events[event] >= 0)
          waits.push_back({uint32_t(run.operand_events[event]), node});
    };
    for (const auto &inner : block.commands) {
      uint32_t stream = run.streams[inner->stream];
      bool isFirst = !endOfStream.count(stream);
      uint32_t node = addOn(stream);
      endOfStream[stream] = node;
      if (isFirst)
        wait(node, command.waits);
      waitLocal(node, inner->waits);
      touch(node, *inner, &run);
      if (inner->signal >= 0)
        local[inner->signal] = node;
    }
    for (size_t i = 0; i < run.result_events.size(); ++i) {
      uint32_t event = block.results[i];
      if (run.result_events[i] >= 0 && event >= operands)
        fire(run.result_events[i], local.at(event));
    }
    for (auto [stream, node] : endOfStream)
      fire(command.signal, node);
  }

  // Which nodes each node comes behind, a bit each. Edges point forward: nothing waits for
  // what stands later in a list.
  void close() {
    words = (nodes + 63) / 64;
    before.assign(size_t(nodes) * words, 0);
    std::sort(edges.begin(), edges.end(), [](auto &a, auto &b) { return a.second < b.second; });
    for (auto [from, to] : edges) {
      uint64_t *own = &before[size_t(to) * words];
      const uint64_t *other = &before[size_t(from) * words];
      for (size_t w = 0; w <= from / 64; ++w)
        own[w] |= other[w];
      own[from / 64] |= uint64_t(1) << from % 64;
    }
  }
  bool isBefore(uint32_t a, uint32_t b) const {
    return before[size_t(b) * words + a / 64] >> a % 64 & 1;
  }

  const fb::ProgramT &program;
  uint32_t nodes = 0;
  std::vector<int64_t> last; // node of each stream
  std::vector<std::pair<uint32_t, uint32_t>> edges, waits;
  std::vector<std::vector<uint32_t>> firing;
  std::vector<Access> accesses;
  std::map<uint32_t, uint64_t> longest; // access of each arena
  size_t words = 0;
  std::vector<uint64_t> before;
};

} // namespace

uint64_t mutants::countUnordered(const fb::ProgramT &program) {
  return Unfolded(program).countUnordered();
}
