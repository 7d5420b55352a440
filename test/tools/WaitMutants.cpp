// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "CommandLists.h"
#include "OrderMutants.h"

#include <utility>

using namespace mutants;
namespace fb = dpcrt::fb;

namespace {

// Takes the wait out of a program; returns the event that was waited for.
using Take = std::function<uint32_t(fb::ProgramT &)>;

class Waits {
public:
  Waits(unsigned rank, const fb::ProgramT &program, std::vector<OrderMutant> &out)
      : rank(rank), program(program), out(out) {
    forEachCommand(rank, program, [&](int block, size_t c, const auto &command, const auto &where) {
      addOf(block, c, command, where);
    });
  }

private:
  void addOf(int block, size_t c, const fb::CommandT &command, const std::string &where) {
    const Commands &commands = listOf(program, block);
    for (size_t w = 0; w < command.waits.size(); ++w)
      add(nameOf(block, command, command.waits[w]), where, block, streamOf(command), c,
          neighbour(commands, streamOf(command), c, false), [=](fb::ProgramT &p) {
            Events &events = listOf(p, block)[c]->waits;
            uint32_t event = events[w];
            eraseAt(events, w);
            return event;
          });
    if (const auto *exchange = command.action.AsExchange())
      for (size_t t = 0; t < exchange->transfers.size(); ++t)
        for (size_t w = 0; w < exchange->transfers[t]->after.size(); ++w)
          add("wait of a transfer", where, block, command.stream, c,
              neighbour(commands, command.stream, c, false), [=](fb::ProgramT &p) {
                Events &events = p.order[c]->action.AsExchange()->transfers[t]->after;
                uint32_t event = events[w];
                eraseAt(events, w);
                return event;
              });
    if (const auto *run = command.action.AsRun())
      addOperands(c, *run, where);
  }

  // What comes before the part of a run that waits for an operand is the whole run.
  void addOperands(size_t c, const fb::RunT &run, const std::string &where) {
    for (size_t k = 0; k < run.operand_events.size(); ++k)
      if (run.operand_events[k] >= 0)
        add("wait of an operand", where + ", operand " + std::to_string(k), -1, streamOf(run, k), c,
            c, [=](fb::ProgramT &p) {
              int32_t &operand = p.order[c]->action.AsRun()->operand_events[k];
              return uint32_t(std::exchange(operand, -1));
            });
  }
  uint32_t streamOf(const fb::RunT &run, size_t operand) const {
    for (const auto &inner : program.blocks[run.block]->commands)
      for (uint32_t event : inner->waits)
        if (event == operand)
          return run.streams[inner->stream];
    return run.streams.front();
  }
  static uint32_t streamOf(const fb::CommandT &command) { return mutants::streamOf(command); }

  std::string nameOf(int block, const fb::CommandT &command, uint32_t event) const {
    if (block < 0)
      return command.action.AsRun() ? "wait of a run" : "wait of a command";
    return event < program.blocks[block]->operands.size() ? "wait for an operand in a block"
                                                          : "wait in a block";
  }

  void add(const std::string &kind, const std::string &where, int block, uint32_t stream, size_t at,
           std::optional<size_t> before, const Take &take) {
    auto moved = [&](const char *how, size_t to) {
      out.push_back({kind + how, where, {rank}, [=, rank = rank](Programs &given) {
                       fb::ProgramT &p = given.at(rank);
                       addOnce(listOf(p, block)[to]->waits, take(p));
                     }});
    };
    out.push_back({kind + " removed", where, {rank}, [=, rank = rank](Programs &given) {
                     take(given.at(rank));
                   }});
    if (before)
      moved(" earlier", *before);
    if (auto behind = neighbour(listOf(program, block), stream, at, true))
      moved(" later", *behind);
  }

  const unsigned rank;
  const fb::ProgramT &program;
  std::vector<OrderMutant> &out;
};

} // namespace

void mutants::addWaits(const Programs &programs, std::vector<OrderMutant> &out) {
  for (auto &[rank, program] : programs)
    Waits(rank, program, out);
}
