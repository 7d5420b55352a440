// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Plants faults of order in programs, one at a time, and says which of them the checker
// misses.
//
//   dpc-order-mutants LOWERED.mlir [--every N] [--kinds REGEX] [--survivors DIR]
//
// OrderMutants.h says what is planted; --kinds takes some of what is printed as kinds. What is a
// fault is found out without the checker, by looking at all accesses (Conflicts.h) and by letting
// ranks go on as far as they can (Hangs.h): accesses that conflict and are unordered, a wait for
// what stands later in its list, ranks that wait for ever on the most demanding of devices. The
// checker, or the reader before it, must object to each; if one gets past them, the status is 1. It
// may object to others (the step's end, messages that could be taken for each other, bytes that
// nobody wrote).
//
// What it accepts is redundant if all accesses that conflict have the order that they had,
// and computes the same on every device. Else the accesses are ordered, but some of them
// otherwise, or there are fewer: whether that matters is a question of values, which a run
// answers. The programs of everything that was accepted are written to
// DIR/<number>.rank<r>.prog.
#include "Conflicts.h"
#include "Hangs.h"
#include "OrderMutants.h"

#include "program/check/Check.h"

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Regex.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
namespace fb = dpcrt::fb;
namespace cl = llvm::cl;

static cl::opt<std::string> file(cl::Positional, cl::Required, cl::desc("LOWERED.mlir"));
static cl::opt<unsigned> every("every", cl::init(1), cl::desc("plant every N-th fault of a kind"));
static cl::opt<std::string> kinds("kinds", cl::init(""),
                                  cl::desc("plant faults whose kind has a match of this"));
static cl::opt<std::string> survivors("survivors",
                                      cl::desc("where programs go that the checker accepts"));

namespace {

// What a fault does, as it is found out without the checker.
struct Harm {
  std::string words; // none
  bool reorders = false;
};

class Judge {
public:
  explicit Judge(const mutants::Programs &programs) {
    for (auto &[rank, program] : programs) {
      originals[rank] = mutants::unfold(program);
      orders[rank] = mutants::orderConflicts(originals[rank]);
    }
  }

  Harm judge(const mutants::Programs &changed) const {
    std::map<unsigned, mutants::Unfolding> unfolded;
    for (auto &[rank, program] : changed)
      unfolded[rank] = mutants::unfold(program);
    std::vector<const mutants::Unfolding *> ranks;
    for (auto &[rank, original] : originals)
      ranks.push_back(unfolded.count(rank) ? &unfolded[rank] : &original);
    for (auto &[rank, program] : unfolded)
      if (program.waitsForLater)
        return {"waits for what comes later"};
    Harm harm;
    for (auto &[rank, program] : unfolded) {
      mutants::ConflictOrder order = mutants::orderConflicts(program);
      if (order.unordered)
        return {"leaves conflicts unordered"};
      harm.reorders |= order.digest != orders.at(rank).digest;
    }
    using mutants::Device;
    if (!mutants::hangs(ranks, Device::OneByOne))
      return harm;
    return {mutants::hangs(ranks, Device::AsAsked)          ? "waits for ever"
            : mutants::hangs(ranks, Device::WholeExchanges) ? "needs part of an exchange"
                                                            : "has no order of communications"};
  }

private:
  std::map<unsigned, mutants::Unfolding> originals;
  std::map<unsigned, mutants::ConflictOrder> orders;
};

// Whether the checker, or the reader before it, refuses the programs.
bool isRefused(std::vector<const fb::Program *> programs, const mutants::Programs &changed) {
  std::vector<dpcrt::ProgramFile> read;
  for (auto &[rank, program] : changed) {
    std::string bytes = mutants::pack(program);
    auto file = dpcrt::readProgram({bytes.begin(), bytes.end()}, "mutant");
    if (!file.ok())
      return true;
    read.push_back(std::move(*file));
    programs[rank] = &read.back().program();
  }
  return !dpcrt::checkPrograms(programs).ok();
}

bool write(unsigned number, const mutants::Programs &changed) {
  for (auto &[rank, program] : changed) {
    std::error_code error;
    llvm::raw_fd_ostream stream(
        survivors + "/" + std::to_string(number) + ".rank" + std::to_string(rank) + ".prog", error);
    stream << mutants::pack(program);
    if (error)
      return false;
  }
  return true;
}

struct Count {
  unsigned seen = 0, planted = 0, otherwise = 0, redundant = 0, reordered = 0, missed = 0;
  std::map<std::string, unsigned> found; // by harm
};

void print(const std::string &kind, const Count &count) {
  unsigned found = 0;
  std::string how;
  for (auto &[words, number] : count.found) {
    found += number;
    how += (how.empty() ? " (" : ", ") + std::to_string(number) + " " + words;
  }
  llvm::outs() << kind << ": " << count.planted << " planted; " << found + count.missed
               << " do harm, " << found << " of them found" << how << (how.empty() ? "" : ")")
               << "; " << count.otherwise << " found for another reason; " << count.redundant
               << " redundant; " << count.reordered << " a question of values\n";
}

} // namespace

int main(int argc, char **argv) {
  cl::ParseCommandLineOptions(argc, argv, "plants faults of order in programs\n");
  mutants::ProgramSet set;
  if (!set.load(file))
    return 2;
  mutants::Programs programs = set.unpack();
  Judge judge(programs);
  if (Harm harm = judge.judge(programs); !harm.words.empty() || harm.reorders) {
    llvm::errs() << "the program " << harm.words << " as it is\n";
    return 2;
  }
  std::vector<mutants::OrderMutant> all;
  mutants::addWaits(programs, all);
  mutants::addRecords(programs, all);
  mutants::addMessages(programs, all);
  mutants::addGroups(programs, all);
  mutants::addIssues(programs, all);
  llvm::Regex wanted(kinds);

  std::map<std::string, Count> counts;
  unsigned missed = 0, accepted = 0;
  for (const mutants::OrderMutant &mutant : all) {
    if (!kinds.empty() && !wanted.match(mutant.kind))
      continue;
    Count &count = counts[mutant.kind];
    if (count.seen++ % every)
      continue;
    ++count.planted;
    mutants::Programs changed = set.unpack(mutant.ranks);
    mutant.plant(changed);
    Harm harm = judge.judge(changed);
    if (isRefused(set.programs, changed)) {
      count.otherwise += harm.words.empty();
      if (!harm.words.empty())
        ++count.found[harm.words];
      continue;
    }
    if (!survivors.empty() && !write(accepted, changed))
      return 2;
    std::string what = "redundant";
    if (!harm.words.empty()) {
      ++missed, ++count.missed;
      what = "MISSED, " + harm.words;
    } else if (harm.reorders) {
      ++count.reordered;
      what = "a question of values";
    } else {
      ++count.redundant;
    }
    llvm::outs() << accepted++ << ": " << what << ": " << mutant.kind << " at " << mutant.where
                 << "\n";
  }
  for (auto &[kind, count] : counts)
    print(kind, count);
  if (missed)
    llvm::outs() << missed << " missed\n";
  return missed ? 1 : 0;
}
