// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The table of schedules, and what is done with it by name.
#include "dpc/Schedule/generators/Generators.h"

#include "Fixed.h"
#include "cli/Nearest.h"

namespace dpc::schedule {
namespace {

constexpr const char *kRounds = "micro-batches in rounds of equal size, at least the ranks each";
constexpr Option kChunkOption = {kChunks, 2, 1, 1024, "chunks of the model a rank holds"};

std::string anyRequest(const Request &) { return ""; }

// F, I and W of a device's share, and B = I + W.
struct Times {
  explicit Times(const Costs &costs)
      : F(costs.forward), I(costs.input), W(costs.weight), B(I + W), FB(costs.pair) {}
  double F, I, W, B, FB;
};

double linear1f1bBubble(const Request &r, const Costs &costs) {
  Times t(costs);
  return (r.ranks - 1) * (t.F + t.B);
}
double zbH1Bubble(const Request &r, const Costs &costs) {
  Times t(costs);
  return (r.ranks - 1) * (t.F + t.B - 2 * t.W);
}
double dualPipeBubble(const Request &r, const Costs &costs) {
  Times t(costs);
  return (r.ranks / 2.0 - 1) * (t.FB + t.B - 3 * t.W);
}
// With stages of half a share each: (S/2-1)(F&B+B-3W) of these, S = 2P.
double dualPipeVBubble(const Request &r, const Costs &costs) {
  Times t(costs);
  return (r.ranks - 1) * (t.FB + t.B - 3 * t.W) / 2;
}
// The table's v, or the default of 2 that all schedules in loop placement have.
double chunksOf(const Request &r) {
  auto it = r.options.find(kChunks);
  return it == r.options.end() ? 2 : it->second;
}
double interleavedBubble(const Request &r, const Costs &costs) {
  return linear1f1bBubble(r, costs) / chunksOf(r);
}
double interleavedZbBubble(const Request &r, const Costs &costs) {
  return zbH1Bubble(r, costs) / chunksOf(r);
}
double headBubble(const Request &r, const Costs &costs) { return (r.ranks - 1) * costs.forward; }
double zbVBubble(const Request &r, const Costs &costs) { return (r.ranks - 1) * costs.forward / 2; }
double chimeraBubble(const Request &r, const Costs &costs) {
  Times t(costs);
  return (r.ranks / 2.0 - 1) * (t.F + t.B);
}
double interleavedPeak(const Request &r, const Costs &) {
  return r.ranks + (r.ranks - 1) / chunksOf(r);
}
double combinedPeak(const Request &r, const Costs &) { return r.ranks + r.ranks / chunksOf(r); }
double twiceRanks(const Request &r, const Costs &) { return 2 * r.ranks - 1; }
double allMicroBatches(const Request &r, const Costs &) { return r.microBatches; }
double ranksOf(const Request &r, const Costs &) { return r.ranks; }
double ranksAndOne(const Request &r, const Costs &) { return r.ranks + 1; }
double ranksAndHalf(const Request &r, const Costs &) { return r.ranks + 0.5; }

} // namespace

const std::vector<Generator> &generators() {
  static const std::vector<Generator> table = {
      {"gpipe",
       nullptr,
       "all forwards, then all backwards",
       "Huang et al., GPipe, NeurIPS 2019",
       "",
       Placement::Linear,
       1,
       {},
       {"(P-1)(F+B)", linear1f1bBubble},
       {"M", allMicroBatches},
       anyRequest,
       makeGpipe},
      {"1f1b",
       nullptr,
       "one forward, one backward: a rank holds at most as many activations as ranks follow it",
       "Narayanan et al., PipeDream-Flush, ICML 2021",
       "",
       Placement::Linear,
       1,
       {},
       {"(P-1)(F+B)", linear1f1bBubble},
       {"P", ranksOf},
       anyRequest,
       make1f1b},
      {"zb-h1",
       "zb1p",
       "1f1b with the backward split: weight halves fill the bubble, memory stays that of 1f1b",
       "Qi et al., Zero Bubble Pipeline Parallelism, ICLR 2024",
       "",
       Placement::Linear,
       1,
       {},
       {"(P-1)(F+B-2W)", zbH1Bubble},
       {"P", ranksOf},
       anyRequest,
       makeZbH1},
      {"zb-h2",
       nullptr,
       "zb-h1 with twice the activations: no rank waits between its first and last action, but the "
       "step is no shorter",
       "Qi et al., Zero Bubble Pipeline Parallelism, ICLR 2024",
       "",
       Placement::Linear,
       1,
       {},
       {"(P-1)F", headBubble},
       {"2P-1", twiceRanks},
       anyRequest,
       makeZbH2},
      {"interleaved",
       nullptr,
       "1f1b over several chunks of the model a rank: the bubble of 1f1b divided by them, more "
       "messages and activations",
       "Narayanan et al., Megatron-LM, SC 2021",
       kRounds,
       Placement::Loop,
       1,
       {kChunkOption},
       {"(P-1)(F+B)/v", interleavedBubble},
       {"P+(P-1)/v", interleavedPeak},
       checkInterleaved,
       makeInterleaved},
      {"looped-bfs",
       nullptr,
       "all micro-batches through a chunk before the next chunk: gpipe with the bubble divided",
       "Lamy-Poirier, Breadth-First Pipeline Parallelism, MLSys 2023",
       "",
       Placement::Loop,
       1,
       {kChunkOption},
       {"(P-1)(F+B)/v", interleavedBubble},
       {"M", allMicroBatches},
       anyRequest,
       makeLoopedBfs},
      {"interleaved-zb",
       nullptr,
       "interleaved with the backward split, as zb-h1 is to 1f1b",
       "Qi et al., Zero Bubble Pipeline Parallelism, ICLR 2024",
       kRounds,
       Placement::Loop,
       1,
       {kChunkOption},
       {"(P-1)(F+B-2W)/v", interleavedZbBubble},
       {"P", ranksOf},
       checkInterleavedZb,
       makeInterleavedZb},
      {"combined-1f1b",
       "megatron",
       "interleaved with forwards and backwards overlapped in pairs: dualpipe's gain with one copy "
       "of the parameters",
       "NVIDIA Megatron-LM, overlap of expert all-to-alls, 2025",
       kRounds,
       Placement::Loop,
       1,
       {kChunkOption},
       {nullptr, nullptr},
       {"P+P/v", combinedPeak},
       checkCombined,
       makeCombined},
      {"zb-v",
       nullptr,
       "two stages a rank in a V, backwards split: hardly a bubble with one copy and the memory of "
       "1f1b",
       "Qi et al., Zero Bubble Pipeline Parallelism, ICLR 2024",
       "",
       Placement::V,
       2,
       {},
       {"(P-1)F/2", zbVBubble},
       {"P", ranksOf},
       anyRequest,
       makeZbV},
      {"v-half",
       nullptr,
       "zb-v's placement with half the activations, for some bubble",
       "Qi et al., Pipeline Parallelism with Controllable Memory, NeurIPS 2024",
       "",
       Placement::V,
       2,
       {},
       {nullptr, nullptr},
       {nullptr, nullptr},
       anyRequest,
       makeVHalf},
      {"v-min",
       nullptr,
       "zb-v's placement with a third of the activations, for more bubble",
       "Qi et al., Pipeline Parallelism with Controllable Memory, NeurIPS 2024",
       "",
       Placement::V,
       2,
       {},
       {nullptr, nullptr},
       {nullptr, nullptr},
       anyRequest,
       makeVMin},
      {"hanayo",
       nullptr,
       "back and forth over the ranks in waves: loss and embedding on one rank, turns without a "
       "message",
       "Liu et al., Hanayo, SC 2023",
       "an even number of stages a rank",
       Placement::V,
       2,
       {{kChunks, 4, 2, 1024, "stages a rank holds, twice the waves"}},
       {nullptr, nullptr},
       {nullptr, nullptr},
       checkHanayo,
       makeHanayo},
      {"chimera",
       nullptr,
       "two mirrored copies, each filling the slots that the other leaves",
       "Li and Hoefler, Chimera, SC 2021",
       "an even number of ranks, a multiple of the ranks in micro-batches",
       Placement::Mirrored,
       1,
       {{"doubling", 0, 0, 1, "forward doubling: two micro-batches in a forward slot, for B = 2F"}},
       {"(P/2-1)(F+B)", chimeraBubble},
       {"P", ranksOf},
       checkChimera,
       makeChimera},
      {"dualpipe",
       nullptr,
       "two mirrored copies fed from both ends, forwards and backwards overlapped in pairs",
       "DeepSeek-V3 technical report, 2024",
       "an even number of ranks, an even number of micro-batches, at least 2 x ranks",
       Placement::Mirrored,
       1,
       {},
       {"(P/2-1)(F&B+B-3W)", dualPipeBubble},
       {"P+1", ranksAndOne},
       checkDualPipe,
       makeDualPipe},
      {"dualpipev",
       nullptr,
       "dualpipe folded in the middle: one copy, two stages on each rank",
       "DeepSeek DualPipe, after Qi et al. (cut-in-half), 2025",
       "at least 2 x ranks micro-batches",
       Placement::V,
       2,
       {},
       {"(P-1)(F&B+B-3W)/2", dualPipeVBubble},
       {"P+1/2", ranksAndHalf},
       checkDualPipeV,
       makeDualPipeV},
  };
  return table;
}

unsigned Generator::option(const Request &request, const char *wanted) const {
  if (auto it = request.options.find(wanted); it != request.options.end())
    return it->second;
  for (const Option &option : options)
    if (std::string(option.name) == wanted)
      return option.fallback;
  return 0;
}

unsigned Generator::chunks(const Request &request) const {
  unsigned chosen = option(request, kChunks);
  return chosen ? chosen : fixedChunks;
}

const Generator *findGenerator(const std::string &name) {
  for (const Generator &generator : generators())
    if (name == generator.name || (generator.alias && name == generator.alias))
      return &generator;
  return nullptr;
}

std::string findFault(const Generator &generator, const Request &request) {
  if (!request.ranks || request.ranks > kMaxRanks)
    return "a schedule has 1 to " + std::to_string(kMaxRanks) + " ranks; got " +
           std::to_string(request.ranks);
  if (!request.microBatches || request.microBatches > kMaxMicroBatches)
    return "a schedule has 1 to " + std::to_string(kMaxMicroBatches) + " micro-batches; got " +
           std::to_string(request.microBatches);
  for (auto &[name, value] : request.options) {
    const Option *known = nullptr;
    std::string all;
    for (const Option &option : generator.options) {
      all += (all.empty() ? "" : ", ") + std::string(option.name);
      if (option.name == name)
        known = &option;
    }
    if (!known)
      return std::string(generator.name) + " has no option '" + name + "'" +
             (all.empty() ? "; it has none" : "; it has " + all);
    if (value < known->least || value > known->most)
      return std::string(generator.name) + ": " + name + " is " + std::to_string(known->least) +
             " to " + std::to_string(known->most) + "; got " + std::to_string(value);
  }
  return generator.check(request);
}

std::optional<unsigned> findLegalMicroBatches(const Generator &generator, const Request &request) {
  Request other = request;
  for (unsigned more = 1; more <= 4 * request.ranks; ++more) {
    other.microBatches = request.microBatches + more;
    if (findFault(generator, other).empty())
      return other.microBatches;
  }
  return std::nullopt;
}

std::string noSuchSchedule(const std::string &name) {
  std::string known;
  std::vector<std::string> names;
  for (const Generator &generator : generators()) {
    known += (known.empty() ? "" : ", ") + std::string(generator.name);
    names.push_back(generator.name);
  }
  std::string near = dpcrt::nearest(name, names);
  return "there is no schedule '" + name + "'" +
         (near.empty() ? "" : "; did you mean " + near + "?") + "; known are " + known;
}

Result<Table> generate(const std::string &name, const Request &request) {
  const Generator *generator = findGenerator(name);
  if (!generator)
    return Result<Table>::failure(noSuchSchedule(name));
  if (std::string fault = findFault(*generator, request); !fault.empty())
    return Result<Table>::failure(fault);
  return generator->generate(request);
}

std::string defaultSchedule(const Request &request) {
  if (request.ranks == 1)
    return "1f1b";
  for (const char *name : {"dualpipe", "dualpipev"})
    if (findGenerator(name)->check(request).empty())
      return name;
  return "1f1b";
}

} // namespace dpc::schedule
