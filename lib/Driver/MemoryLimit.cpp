// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See MemoryLimit.h.
#include "MemoryLimit.h"

#include "dpc/Dialect/Prog/Prog.h"
#include "dpc/Schedule/generators/Generators.h"
#include "program/format/Optimizers.h"

#include <cmath>

using namespace mlir;
using dpc::lowering::inWords;
using dpc::lowering::timeInWords;

namespace dpc::driver {
namespace {

// The ranks are doubled so many times in search of a number that fits.
constexpr int kDoublings = 4;

std::string fits(const Candidate &candidate, bool withRanks) {
  return (withRanks ? "--pp " + std::to_string(candidate.ranks) + " " : "") + "--schedule " +
         candidate.schedule + " would fit: " + inWords(candidate.bytes, "B") + " a rank, " +
         timeInWords(candidate.seconds) + " a step";
}

} // namespace

bool parseBytes(const std::string &text, uint64_t &bytes) {
  static const std::pair<const char *, double> units[] = {{"", 1},
                                                          {"B", 1},
                                                          {"kB", 1e3},
                                                          {"MB", 1e6},
                                                          {"GB", 1e9},
                                                          {"TB", 1e12},
                                                          {"KiB", 1024.0},
                                                          {"MiB", 1048576.0},
                                                          {"GiB", 1073741824.0},
                                                          {"TiB", 1099511627776.0}};
  size_t digits = text.find_first_not_of("0123456789.");
  double number;
  if (digits == 0 || StringRef(text).take_front(digits).getAsDouble(number))
    return false;
  StringRef unit = digits == std::string::npos ? StringRef() : StringRef(text).drop_front(digits);
  for (auto &[name, factor] : units)
    if (unit == name) {
      double value = std::floor(number * factor);
      if (!(value >= 1 && value < 9e18))
        return false;
      bytes = uint64_t(value);
      return true;
    }
  return false;
}

MemoryExcess findExcess(ModuleOp module, uint64_t limit) {
  MemoryExcess most;
  for (prog::ProgramOp program : module.getOps<prog::ProgramOp>()) {
    MemoryExcess mine;
    mine.rank = program.getCoordinate();
    for (Operation &op : program.getBody().front())
      if (auto arena = dyn_cast<prog::ArenaOp>(op)) {
        mine.bytes += arena.getBytes();
        mine.arenas.push_back({arena.getSymName().str(), (uint64_t)arena.getBytes()});
      }
    if (mine.bytes > limit && mine.bytes > most.bytes)
      most = std::move(mine);
  }
  return most;
}

std::string describeExcess(const MemoryExcess &excess, uint64_t limit) {
  std::string text = "rank " + std::to_string(excess.rank) + " needs " +
                     inWords(excess.bytes, "B") + ", more than the " + inWords(limit, "B") +
                     " of --memory-limit";
  const char *separator = ": ";
  for (auto &[name, bytes] : excess.arenas) {
    text += separator + name + " " + inWords(bytes, "B");
    separator = ", ";
  }
  return text;
}

std::string saveMemory(CompileOptions &options) {
  // What costs no time first.
  const bool hasMoments = !dpcrt::findOptimizer(options.optimizer)->moments.empty() ||
                          options.precision != CompileOptions().precision;
  if (options.shardOptimizer == "auto" && hasMoments) {
    options.shardOptimizer = "on";
    return "keeps moments in parts, one at each holder of a parameter";
  }
  if (options.recompute == CompileOptions().recompute) {
    options.recompute = "full";
    return "recomputes in the backward all that costs no message";
  }
  return "";
}

std::vector<std::string> findWhatFits(Alternatives &alternatives, const CompileOptions &options) {
  std::vector<std::string> lines;
  auto isWithin = [&](const Candidate &candidate) {
    return candidate.step && uint64_t(candidate.bytes) <= options.memoryLimit;
  };
  for (const Candidate &candidate : alternatives.planOthers(options))
    if (isWithin(candidate))
      lines.push_back(fits(candidate, false));
  if (!lines.empty())
    return lines;
  unsigned ranks = options.ranks;
  for (int i = 0; i < kDoublings && ranks <= schedule::kMaxRanks / 2; ++i) {
    ranks *= 2;
    if (!alternatives.prepare(ranks).module)
      break;
    for (const schedule::Generator &generator : schedule::generators())
      if (Candidate candidate = alternatives.plan(generator.name, ranks, options.microBatches);
          isWithin(candidate))
        lines.push_back(fits(candidate, true));
    if (!lines.empty())
      return lines;
  }
  return {"no schedule on " + std::to_string(options.ranks) +
          (ranks > options.ranks ? " to " + std::to_string(ranks) : "") +
          " ranks fits; smaller micro-batches would need less"};
}

} // namespace dpc::driver
