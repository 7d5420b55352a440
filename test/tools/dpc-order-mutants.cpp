// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Takes waits out of programs, one at a time, and says which of them the checker misses.
//
//   dpc-order-mutants LOWERED.mlir [--every N]
//
// Each event that a command, a transfer, an operand of a run or a command of a block waits
// for is left out. Conflicts.h says whether accesses that conflict are then unordered; if
// they are, the checker must object. A wait without which all of them are still ordered is
// redundant, unless the checker objects for another reason (the step's end); these are
// counted, and listed. The status is 1 if the checker missed anything.
#include "Conflicts.h"
#include "Programs.h"

#include "program/check/Check.h"

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/raw_ostream.h"

#include <functional>

using namespace mlir;
namespace fb = dpcrt::fb;
namespace cl = llvm::cl;

static cl::opt<std::string> file(cl::Positional, cl::Required, cl::desc("LOWERED.mlir"));
static cl::opt<unsigned> every("every", cl::init(1), cl::desc("take every N-th wait of a kind"));

namespace {

struct Wait {
  std::string kind, where;
  unsigned rank;
  std::function<void(fb::ProgramT &)> drop;
};

void erase(std::vector<uint32_t> &events, size_t at) { events.erase(events.begin() + at); }

void addWaits(unsigned rank, const fb::ProgramT &program, std::vector<Wait> &all) {
  auto label = [&](const fb::CommandT &command) { return program.strings[command.label]; };
  for (size_t c = 0; c < program.order.size(); ++c) {
    const fb::CommandT &command = *program.order[c];
    std::string where = "rank " + std::to_string(rank) + ", command " + std::to_string(c) + " '" +
                        label(command) + "'";
    for (size_t w = 0; w < command.waits.size(); ++w)
      all.push_back({command.action.AsRun() ? "wait of a run" : "wait of a command", where, rank,
                     [=](fb::ProgramT &p) { erase(p.order[c]->waits, w); }});
    if (const auto *exchange = command.action.AsExchange())
      for (size_t t = 0; t < exchange->transfers.size(); ++t)
        for (size_t w = 0; w < exchange->transfers[t]->after.size(); ++w)
          all.push_back({"wait of a transfer", where, rank, [=](fb::ProgramT &p) {
                           erase(p.order[c]->action.AsExchange()->transfers[t]->after, w);
                         }});
    if (const auto *run = command.action.AsRun())
      for (size_t k = 0; k < run->operand_events.size(); ++k)
        if (run->operand_events[k] >= 0)
          all.push_back(
              {"wait of an operand", where + ", operand " + std::to_string(k), rank,
               [=](fb::ProgramT &p) { p.order[c]->action.AsRun()->operand_events[k] = -1; }});
  }
  for (size_t b = 0; b < program.blocks.size(); ++b)
    for (size_t c = 0; c < program.blocks[b]->commands.size(); ++c) {
      const fb::CommandT &command = *program.blocks[b]->commands[c];
      for (size_t w = 0; w < command.waits.size(); ++w)
        all.push_back({command.waits[w] < program.blocks[b]->operands.size()
                           ? "wait for an operand in a block"
                           : "wait in a block",
                       "rank " + std::to_string(rank) + ", " +
                           program.strings[program.blocks[b]->name] + ", command " +
                           std::to_string(c) + " '" + label(command) + "'",
                       rank, [=](fb::ProgramT &p) { erase(p.blocks[b]->commands[c]->waits, w); }});
    }
}

// Whether the checker, or the reader before it, refuses the programs.
bool isRefused(const std::vector<const fb::Program *> &originals, unsigned rank,
               const fb::ProgramT &changed) {
  std::string bytes = mutants::pack(changed);
  auto program = dpcrt::readProgram({bytes.begin(), bytes.end()}, "mutant");
  if (!program.ok())
    return true;
  std::vector<const fb::Program *> programs = originals;
  programs[rank] = &program->program();
  return !dpcrt::checkPrograms(programs).ok();
}

} // namespace

int main(int argc, char **argv) {
  cl::ParseCommandLineOptions(argc, argv, "takes waits out of programs\n");
  mutants::ProgramSet set;
  if (!set.load(file))
    return 2;
  std::vector<Wait> all;
  mutants::Programs programs = set.unpack();
  for (auto &[rank, program] : programs) {
    if (uint64_t count = mutants::countUnordered(program)) {
      llvm::errs() << "rank " << rank << " has " << count << " unordered conflicts as it is\n";
      return 2;
    }
    addWaits(rank, program, all);
  }
  struct Count {
    unsigned seen = 0, taken = 0, racing = 0, otherwise = 0, redundant = 0, missed = 0;
  };
  std::map<std::string, Count> counts;
  unsigned missed = 0;
  for (const Wait &wait : all) {
    Count &count = counts[wait.kind];
    if (count.seen++ % every)
      continue;
    ++count.taken;
    mutants::Programs mutant = set.unpack({wait.rank});
    wait.drop(mutant.begin()->second);
    bool isRacing = mutants::countUnordered(mutant.begin()->second) > 0;
    bool isFound = isRefused(set.programs, wait.rank, mutant.begin()->second);
    count.racing += isRacing && isFound;
    count.otherwise += !isRacing && isFound;
    count.redundant += !isRacing && !isFound;
    missed += isRacing && !isFound;
    if (!isFound)
      llvm::outs() << (isRacing ? "MISSED: " : "redundant: ") << wait.kind << " at " << wait.where
                   << "\n";
  }
  for (auto &[kind, count] : counts)
    llvm::outs() << kind << ": " << count.taken << " taken out; " << count.racing
                 << " leave conflicts unordered and are found, " << count.otherwise
                 << " are found for another reason, " << count.redundant << " are redundant\n";
  if (missed)
    llvm::outs() << missed << " missed\n";
  return missed ? 1 : 0;
}
