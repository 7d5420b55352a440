// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "CommandLists.h"
#include "OrderMutants.h"

#include <algorithm>

using namespace mutants;
namespace fb = dpcrt::fb;

namespace {

// Where a program names the event that something fires.
using Signal = std::function<int32_t &(fb::ProgramT &)>;

class Records {
public:
  Records(unsigned rank, const fb::ProgramT &program, std::vector<OrderMutant> &out)
      : rank(rank), program(program), out(out) {
    forEachCommand(rank, program, [&](int block, size_t c, const auto &command, const auto &where) {
      addOf(block, c, command, where);
    });
  }

private:
  void addOf(int block, size_t c, const fb::CommandT &command, const std::string &where) {
    const Commands &commands = listOf(program, block);
    if (command.signal >= 0 && (block < 0 || isAsked(block, uint32_t(command.signal))))
      add(block < 0 ? "record of a command" : "record in a block", where, block, streamOf(command),
          c, neighbour(commands, streamOf(command), c, true),
          [=](fb::ProgramT &p) -> int32_t & { return listOf(p, block)[c]->signal; });
    if (const auto *exchange = command.action.AsExchange())
      for (size_t t = 0; t < exchange->transfers.size(); ++t)
        if (exchange->transfers[t]->signal >= 0)
          add("record of a transfer", where, block, command.stream, c, c,
              [=](fb::ProgramT &p) -> int32_t & {
                return p.order[c]->action.AsExchange()->transfers[t]->signal;
              });
    if (const auto *run = command.action.AsRun())
      for (size_t i = 0; i < run->result_events.size(); ++i)
        if (run->result_events[i] >= 0)
          add("record of a result", where + ", result " + std::to_string(i), block,
              streamOf(*run, i), c, c, [=](fb::ProgramT &p) -> int32_t & {
                return p.order[c]->action.AsRun()->result_events[i];
              });
  }
  uint32_t streamOf(const fb::RunT &run, size_t result) const {
    const fb::BlockT &block = *program.blocks[run.block];
    for (const auto &inner : block.commands)
      if (inner->signal == int32_t(block.results[result]))
        return run.streams[inner->stream];
    return run.streams.front();
  }
  static uint32_t streamOf(const fb::CommandT &command) { return mutants::streamOf(command); }

  // `behind`: what fires it if it fires later, which for a part of a command is all of it.
  void add(const char *kind, const std::string &where, int block, uint32_t stream, size_t at,
           std::optional<size_t> behind, const Signal &signal) {
    auto change = [&](const char *how, std::function<void(fb::ProgramT &, uint32_t)> put) {
      out.push_back({std::string(kind) + how, where, {rank}, [=, rank = rank](Programs &given) {
                       fb::ProgramT &p = given.at(rank);
                       put(p, uint32_t(std::exchange(signal(p), -1)));
                     }});
    };
    auto moved = [&](const char *how, size_t to) {
      change(how, [=](fb::ProgramT &p, uint32_t event) { fireWith(p, block, to, event); });
    };
    if (!isResult(block, at))
      change(" removed",
             [=](fb::ProgramT &p, uint32_t event) { replaceWaits(p, block, event, std::nullopt); });
    if (auto before = neighbour(listOf(program, block), stream, at, false))
      moved(" earlier", *before);
    if (behind)
      moved(" later", *behind);
  }
  // Whether somebody waits for an event of a block: a command of it, or behind a run.
  bool isAsked(int block, uint32_t event) const {
    const fb::BlockT &fired = *program.blocks[block];
    for (const auto &inner : fired.commands)
      if (std::count(inner->waits.begin(), inner->waits.end(), event))
        return true;
    for (const auto &command : program.order)
      if (const auto *run = command->action.AsRun(); run && run->block == uint32_t(block))
        for (size_t i = 0; i < run->result_events.size(); ++i)
          if (run->result_events[i] >= 0 && fired.results[i] == event)
            return true;
    return false;
  }
  // A block has to say when its results are there.
  bool isResult(int block, size_t at) const {
    if (block < 0)
      return false;
    const auto &results = program.blocks[block]->results;
    return std::count(results.begin(), results.end(), listOf(program, block)[at]->signal) > 0;
  }

  const unsigned rank;
  const fb::ProgramT &program;
  std::vector<OrderMutant> &out;
};

} // namespace

void mutants::addRecords(const Programs &programs, std::vector<OrderMutant> &out) {
  for (auto &[rank, program] : programs)
    Records(rank, program, out);
}
