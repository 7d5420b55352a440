// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Plants faults of value in programs, one at a time, and says which of them the proof of
// values finds. Order and sizes are not looked at: the programs go to the proof alone.
//
//   dpc-value-mutants LOWERED.mlir [--every N] [--seed S] [--survivors DIR]
//
// Slots: each range that a command of the order or of a block names becomes another of
// its size in the same program. Micro-batches: each feed and fetch is of another one.
// Sums: each collective is left out, or done twice, by all of its members, and each that spans an
// axis of the mesh spans that axis no longer. Contributions:
// each command that adds to what it finds, and each run of a block that has one, is left
// out or done twice. `--every N`: of each kind every N-th. A line per kind says how many
// were planted and how many found. What is not found computes the same terms, for example
// because a value that is made and used within one run lies elsewhere; the programs of
// each such fault are written to DIR/<number>.rank<r>.prog, to be run and compared.
#include "Programs.h"

#include "dpc/Proof/ProveValues.h"

#include "mlir/IR/Diagnostics.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/raw_ostream.h"

#include <functional>
#include <map>
#include <random>
#include <set>

using namespace mlir;
namespace fb = dpcrt::fb;
namespace cl = llvm::cl;

static cl::opt<std::string> file(cl::Positional, cl::Required, cl::desc("LOWERED.mlir"));
static cl::opt<unsigned> every("every", cl::init(1), cl::desc("plant every N-th fault of a kind"));
static cl::opt<unsigned> seed("seed", cl::init(1), cl::desc("draws what slots become"));
static cl::opt<std::string> survivors("survivors",
                                      cl::desc("where programs go whose fault was not found"));

namespace {

using Programs = mutants::Programs;

struct Fault {
  std::string kind, where;
  std::vector<unsigned> ranks; // whose programs change
  std::function<void(Programs &)> plant;
};

bool addsToWhatItFinds(const fb::CommandT &command) {
  auto adds = [](const std::vector<fb::Argument> &arguments) {
    return llvm::any_of(arguments, [](const fb::Argument &argument) {
      return argument.access() == fb::Access::ReadWrite;
    });
  };
  const auto *launch = command.action.AsLaunch();
  const auto *call = command.action.AsCall();
  return (launch && adds(launch->args)) || (call && adds(call->args));
}

template <typename T> void repeat(std::vector<std::unique_ptr<T>> &commands, size_t at) {
  commands.insert(commands.begin() + at, std::make_unique<T>(*commands[at]));
}
template <typename T> void drop(std::vector<std::unique_ptr<T>> &commands, size_t at) {
  commands.erase(commands.begin() + at);
}

class Faults {
public:
  Faults(Programs &programs) : programs(programs) {
    for (unsigned rank = 0; rank < programs.size(); ++rank) {
      collectRanges(rank);
      addOfCommands(rank, -1, programs[rank].order);
      for (unsigned block = 0; block < programs[rank].blocks.size(); ++block)
        addOfCommands(rank, block, programs[rank].blocks[block]->commands);
    }
    addSums();
  }
  std::vector<Fault> all;

private:
  using Commands = std::vector<std::unique_ptr<fb::CommandT>>;
  static Commands &commandsOf(Programs &programs, unsigned rank, int block) {
    return block < 0 ? programs[rank].order : programs[rank].blocks[block]->commands;
  }

  // By size, the ranges of arenas that a program names.
  void collectRanges(unsigned rank) {
    ranges.clear();
    auto visit = [&](const fb::Ref &ref) {
      if (ref.space() == fb::Space::Arena)
        ranges[ref.bytes()].insert({ref.index(), ref.offset()});
      return ref;
    };
    for (auto &command : programs[rank].order)
      mutants::mapRanges(*command, visit);
    for (auto &block : programs[rank].blocks)
      for (auto &command : block->commands)
        mutants::mapRanges(*command, visit);
  }

  void addOfCommands(unsigned rank, int block, Commands &commands) {
    for (unsigned at = 0; at < commands.size(); ++at) {
      std::string where = "rank " + std::to_string(rank) +
                          (block < 0 ? "" : ", block " + std::to_string(block)) + ", command " +
                          std::to_string(at);
      unsigned number = 0;
      mutants::mapRanges(*commands[at], [&](const fb::Ref &ref) {
        addSlot(rank, block, at, number++, ref, where);
        return ref;
      });
      if (commands[at]->action.AsFeed() || commands[at]->action.AsFetch())
        all.push_back({"micro-batch", where, {rank}, [=](Programs &given) {
                         fb::CommandT &command = *commandsOf(given, rank, block)[at];
                         auto *feed = command.action.AsFeed();
                         uint32_t &m =
                             feed ? feed->micro_batch : command.action.AsFetch()->micro_batch;
                         m = (m + 1) % given[rank].micro_batches;
                       }});
      bool adds = addsToWhatItFinds(*commands[at]);
      if (const auto *run = commands[at]->action.AsRun())
        for (auto &inner : programs[rank].blocks[run->block]->commands)
          adds |= addsToWhatItFinds(*inner);
      if (!adds)
        continue;
      all.push_back({"contribution left out", where, {rank}, [=](Programs &given) {
                       drop(commandsOf(given, rank, block), at);
                     }});
      all.push_back({"contribution twice", where, {rank}, [=](Programs &given) {
                       repeat(commandsOf(given, rank, block), at);
                     }});
    }
  }

  // What the range is to its command, what it was and what it becomes.
  std::string placeOf(unsigned rank, int block, unsigned at, unsigned number,
                      const std::string &where, const fb::Ref &was, uint32_t arena,
                      uint64_t offset) {
    fb::ProgramT &program = programs[rank];
    std::string what = where + ", range " + std::to_string(number);
    if (const auto *run = commandsOf(programs, rank, block)[at]->action.AsRun()) {
      const fb::OperandT &operand = *program.blocks[run->block]->operands[number];
      what += " (" + program.strings[operand.name] + " of " +
              program.strings[program.blocks[run->block]->name] + ")";
    }
    auto range = [&](uint32_t arena, uint64_t offset) {
      return program.arenas[arena]->name + "[" + std::to_string(offset) + "]";
    };
    return what + ", " + range(was.index(), was.offset()) + " become " + range(arena, offset);
  }

  void addSlot(unsigned rank, int block, unsigned at, unsigned number, const fb::Ref &ref,
               const std::string &where) {
    if (ref.space() != fb::Space::Arena)
      return;
    std::vector<std::pair<uint32_t, uint64_t>> others;
    for (auto [arena, offset] : ranges[ref.bytes()])
      if (arena != ref.index() || offset != ref.offset())
        others.push_back({arena, offset});
    if (others.empty())
      return;
    auto [arena, offset] = others[draw() % others.size()];
    all.push_back(
        {"slot",
         placeOf(rank, block, at, number, where, ref, arena, offset),
         {rank},
         [=, arena = arena, offset = offset](Programs &given) {
           unsigned next = 0;
           mutants::mapRanges(*commandsOf(given, rank, block)[at], [&](const fb::Ref &ref) {
             return next++ == number ? fb::Ref(ref.space(), ref.dtype(), arena, offset, ref.bytes())
                                     : ref;
           });
         }});
  }

  // The k-th collective of a group is the same one on all its members.
  void addSums() {
    std::map<std::pair<std::string, unsigned>, std::vector<std::pair<unsigned, unsigned>>> sites;
    for (unsigned rank = 0; rank < programs.size(); ++rank) {
      std::map<std::string, unsigned> count;
      for (unsigned at = 0; at < programs[rank].order.size(); ++at)
        if (const auto *collective = programs[rank].order[at]->action.AsCollective()) {
          std::string group = programs[rank].groups[collective->group]->name;
          sites[{group, count[group]++}].push_back({rank, at});
        }
    }
    for (auto &[key, places] : sites) {
      std::vector<unsigned> members;
      for (auto [rank, at] : places)
        members.push_back(rank);
      std::string where = "collective " + std::to_string(key.second) + " of group " + key.first;
      all.push_back({"sum left out", where, members, [places = places](Programs &given) {
                       for (auto [rank, at] : places)
                         drop(given[rank].order, at);
                     }});
      all.push_back({"sum twice", where, members, [places = places](Programs &given) {
                       for (auto [rank, at] : places)
                         repeat(given[rank].order, at);
                     }});
    }
    for (auto &[key, places] : sites)
      addSpans(key.first, "collective " + std::to_string(key.second) + " of group " + key.first,
               places);
    for (unsigned rank = 0; rank < programs.size(); ++rank)
      for (unsigned b = 0; b < programs[rank].blocks.size(); ++b)
        for (unsigned at = 0; at < programs[rank].blocks[b]->commands.size(); ++at)
          if (programs[rank].blocks[b]->commands[at]->action.AsCollective())
            all.push_back({"sum left out",
                           "rank " + std::to_string(rank) + ", block " + std::to_string(b),
                           {rank},
                           [=](Programs &given) { drop(given[rank].blocks[b]->commands, at); }});
  }

  // A group of its own for the collective, over all of its group's axes but one.
  void addSpans(const std::string &name, const std::string &where,
                const std::vector<std::pair<unsigned, unsigned>> &places) {
    const fb::ProgramT &first = programs[places.front().first];
    const auto *collective = first.order[places.front().second]->action.AsCollective();
    const fb::Axes over = first.groups[collective->group]->over;
    std::vector<unsigned> members;
    for (auto [rank, at] : places)
      members.push_back(rank);
    for (fb::Axes axis : {fb::Axes::Dp, fb::Axes::Ep})
      if ((over & axis) != fb::Axes::NONE)
        all.push_back({"sum over an axis less", where, members, [=](Programs &given) {
                         for (auto [rank, at] : places) {
                           fb::ProgramT &program = given[rank];
                           auto *changed = program.order[at]->action.AsCollective();
                           auto group =
                               std::make_unique<fb::GroupT>(*program.groups[changed->group]);
                           group->name = name + " over less";
                           group->over = over & ~axis;
                           changed->group = uint32_t(program.groups.size());
                           program.groups.push_back(std::move(group));
                         }
                       }});
  }

  Programs &programs;
  std::map<uint64_t, std::set<std::pair<uint32_t, uint64_t>>> ranges;
  std::mt19937 draw{seed};
};

// `changed` stand in the place of `originals`.
LogicalResult check(dpc::proof::ValueProof &proof, std::vector<const fb::Program *> originals,
                    const Programs &changed, StringRef constants) {
  std::map<unsigned, std::string> bytes;
  for (auto &[rank, program] : changed) {
    bytes[rank] = mutants::pack(program);
    originals[rank] = fb::GetProgram(bytes[rank].data());
  }
  return proof.check(originals, constants);
}

} // namespace

int main(int argc, char **argv) {
  cl::ParseCommandLineOptions(argc, argv, "plants faults of value in programs\n");
  mutants::ProgramSet set;
  if (!set.load(file))
    return 2;
  auto &originals = set.programs;
  dpc::proof::ValueProof proof(*set.module);
  if (failed(proof.define(set.entry)) || failed(check(proof, originals, {}, set.constants())))
    return 2;

  Programs programs = set.unpack();
  Faults faults(programs);
  set.context.printOpOnDiagnostic(false); // the module, which is large
  ScopedDiagnosticHandler silent(&set.context, [](Diagnostic &) { return success(); });
  std::map<std::string, std::array<unsigned, 3>> counts; // seen, planted, found
  unsigned survived = 0;
  auto write = [&](unsigned rank, const std::string &bytes) {
    std::error_code error;
    llvm::raw_fd_ostream stream(survivors + "/" + std::to_string(survived) + ".rank" +
                                    std::to_string(rank) + ".prog",
                                error);
    stream << bytes;
    return !error;
  };
  for (Fault &fault : faults.all) {
    auto &[seen, planted, found] = counts[fault.kind];
    if (seen++ % every)
      continue;
    ++planted;
    Programs mutant = set.unpack(fault.ranks);
    fault.plant(mutant);
    if (failed(check(proof, originals, mutant, set.constants()))) {
      ++found;
      continue;
    }
    llvm::outs() << "not found: " << fault.kind << " at " << fault.where << "\n";
    for (auto &[rank, program] : mutant)
      if (!survivors.empty() && !write(rank, mutants::pack(program)))
        return 2;
    ++survived;
  }
  for (auto &[kind, count] : counts)
    llvm::outs() << kind << ": " << count[2] << " of " << count[1] << " found\n";
  return 0;
}
