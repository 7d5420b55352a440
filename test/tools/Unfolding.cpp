// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Unfolding.h"
#include "Mixing.h"

#include <map>

using namespace mutants;
namespace fb = dpcrt::fb;

namespace {

class Unfolder {
public:
  explicit Unfolder(const fb::ProgramT &program) : program(program), firing(program.events) {
    last.assign(program.streams.size(), -1);
    for (const auto &command : program.order)
      add(*command);
    for (auto [event, node] : waits)
      for (uint32_t before : firing[event])
        connect(before, node);
  }
  Unfolding out;

private:
  uint32_t addNode() { return out.nodes++; }
  // Behind what its stream has so far.
  uint32_t addOn(uint32_t stream) {
    uint32_t node = addNode();
    if (last[stream] >= 0)
      connect(uint32_t(last[stream]), node);
    last[stream] = node;
    return node;
  }
  void connect(uint32_t before, uint32_t node) {
    if (before >= node)
      out.waitsForLater = true;
    else
      out.edges.push_back({before, node});
  }
  void wait(uint32_t node, const std::vector<uint32_t> &events) {
    for (uint32_t event : events)
      waits.push_back({event, node});
  }
  void fire(int32_t event, uint32_t node) {
    if (event >= 0)
      firing[event].push_back(node);
  }
  void touch(uint32_t node, const fb::Ref &ref, bool writes, const fb::RunT *run, uint64_t key) {
    uint32_t arena = ref.index();
    uint64_t begin = ref.offset();
    if (ref.space() == fb::Space::Operand) {
      arena = run->operands[ref.index()].index();
      begin += run->operands[ref.index()].offset();
    }
    out.accesses.push_back({arena, begin, begin + ref.bytes(), writes, node, key});
  }
  // What a command that is no run and no exchange touches.
  void touch(uint32_t node, const fb::CommandT &command, const fb::RunT *run, uint64_t key) {
    auto arguments = [&](const std::vector<fb::Argument> &list) {
      for (const fb::Argument &argument : list)
        touch(node, argument.ref(), argument.access() != fb::Access::Read, run, ++key);
    };
    if (const auto *launch = command.action.AsLaunch())
      arguments(launch->args);
    if (const auto *call = command.action.AsCall())
      arguments(call->args);
    if (const auto *copy = command.action.AsCopy()) {
      touch(node, *copy->src, false, run, key);
      touch(node, *copy->dst, true, run, key + 1);
    }
    if (const auto *fill = command.action.AsFill())
      touch(node, *fill->dst, true, run, key);
    if (const auto *feed = command.action.AsFeed())
      touch(node, *feed->dst, true, run, key);
    if (const auto *fetch = command.action.AsFetch())
      touch(node, *fetch->src, false, run, key);
    if (const auto *collective = command.action.AsCollective()) {
      touch(node, *collective->src, false, run, key);
      touch(node, *collective->dst, true, run, key + 1);
    }
  }
  void communicate(uint32_t node, const fb::CollectiveT &collective) {
    const fb::GroupT &group = *program.groups[collective.group];
    out.communications.push_back(
        {node, node, {}, group.pp.size(), group.name, collectives[group.name]++});
  }
  // A key with room for the arguments of a command, which counts those of its stream.
  uint64_t nextKey(uint32_t stream) {
    return uint64_t(stream) << 48 | uint64_t(computed[stream]++) << 24;
  }

  void add(const fb::CommandT &command) {
    if (const auto *exchange = command.action.AsExchange())
      return addExchange(command, *exchange);
    if (const auto *run = command.action.AsRun())
      return addRun(command, *run);
    uint32_t node = addOn(command.stream);
    wait(node, command.waits);
    if (!command.action.AsJoin())
      touch(node, command, nullptr, nextKey(command.stream));
    if (const auto *collective = command.action.AsCollective())
      communicate(node, *collective);
    fire(command.signal, node);
  }

  void addExchange(const fb::CommandT &command, const fb::ExchangeT &exchange) {
    Communication made;
    made.start = addOn(command.stream);
    wait(made.start, command.waits);
    for (const auto &transfer : exchange.transfers) {
      wait(made.start, transfer->after);
      uint32_t node = addNode();
      connect(made.start, node);
      bool receives = transfer->direction == fb::Direction::Receive;
      uint32_t self = program.coordinate, peer = transfer->peer;
      touch(node, *transfer->ref, receives, nullptr,
            mix(receives, peer, transfer->message) | uint64_t(1) << 63);
      fire(transfer->signal, node);
      made.transfers.push_back(
          {node, receives ? peer : self, receives ? self : peer, transfer->message});
    }
    made.end = addOn(command.stream);
    for (const Communication::Transfer &transfer : made.transfers)
      connect(transfer.node, made.end);
    fire(command.signal, made.end);
    out.communications.push_back(made);
  }

  void addRun(const fb::CommandT &command, const fb::RunT &run) {
    const fb::BlockT &block = *program.blocks[run.block];
    const size_t operands = block.operands.size();
    std::map<uint32_t, uint32_t> local;       // node of an event of the block's commands
    std::map<uint32_t, uint32_t> endOfStream; // of the program's streams
    std::vector<std::pair<uint32_t, uint32_t>> localWaits;
    uint64_t key = nextKey(run.streams.front());
    for (const auto &inner : block.commands) {
      uint32_t stream = run.streams[inner->stream];
      bool isFirst = !endOfStream.count(stream);
      uint32_t node = addOn(stream);
      endOfStream[stream] = node;
      if (isFirst)
        wait(node, command.waits);
      for (uint32_t event : inner->waits)
        if (event >= operands)
          localWaits.push_back({event, node});
        else if (run.operand_events[event] >= 0)
          waits.push_back({uint32_t(run.operand_events[event]), node});
      touch(node, *inner, &run, key += 1 << 8);
      if (const auto *collective = inner->action.AsCollective())
        communicate(node, *collective);
      if (inner->signal >= 0)
        local[inner->signal] = node;
    }
    for (auto [event, node] : localWaits)
      connect(local.at(event), node);
    for (size_t i = 0; i < run.result_events.size(); ++i) {
      uint32_t event = block.results[i];
      if (run.result_events[i] >= 0 && event >= operands)
        fire(run.result_events[i], local.at(event));
    }
    for (auto [stream, node] : endOfStream)
      fire(command.signal, node);
  }

  const fb::ProgramT &program;
  std::vector<int64_t> last; // node of each stream
  std::vector<std::pair<uint32_t, uint32_t>> waits;
  std::vector<std::vector<uint32_t>> firing;   // nodes, by event
  std::map<std::string, uint32_t> collectives; // so far, by group
  std::map<uint32_t, uint32_t> computed;       // commands so far, by stream
};

} // namespace

Unfolding mutants::unfold(const fb::ProgramT &program) { return Unfolder(program).out; }
