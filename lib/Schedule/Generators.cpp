// The table of schedules, and what is done with it by name.
#include "dpc/Schedule/Generators.h"

#include "Fixed.h"

namespace dpc::schedule {
namespace {
std::string anyRequest(const Request &) { return ""; }
} // namespace

const std::vector<Generator> &generators() {
  static const std::vector<Generator> table = {
      {"gpipe", nullptr, "all forwards, then all backwards", "Huang et al., GPipe, NeurIPS 2019", "", Placement::Linear, 1, 1, anyRequest, makeGpipe},
      {"1f1b", nullptr, "one forward, one backward: a rank holds at most as many activations as ranks follow it",
       "Narayanan et al., PipeDream-Flush, ICML 2021", "", Placement::Linear, 1, 1, anyRequest, make1f1b},
      {"zb-h1", "zb1p", "1f1b with the backward split: weight halves fill the bubble, memory stays that of 1f1b",
       "Qi et al., Zero Bubble Pipeline Parallelism, ICLR 2024", "", Placement::Linear, 1, 1, anyRequest, makeZbH1},
      {"dualpipe", nullptr, "two mirrored copies fed from both ends, forwards and backwards overlapped in pairs",
       "DeepSeek-V3 technical report, 2024", "an even number of ranks, an even number of micro-batches, at least 2 x ranks", Placement::Mirrored, 1, 2,
       checkDualPipe, makeDualPipe},
      {"dualpipev", nullptr, "dualpipe folded in the middle: one copy, two stages on each rank",
       "DeepSeek DualPipe, after Qi et al. (cut-in-half), 2025", "at least 2 x ranks micro-batches", Placement::V, 2, 1, checkDualPipeV, makeDualPipeV},
  };
  return table;
}

const Generator *findGenerator(const std::string &name) {
  for (const Generator &generator : generators())
    if (name == generator.name || (generator.alias && name == generator.alias))
      return &generator;
  return nullptr;
}

Result<Table> generate(const std::string &name, const Request &request) {
  const Generator *generator = findGenerator(name);
  if (!generator) {
    std::string known;
    for (const Generator &g : generators())
      known += (known.empty() ? "" : ", ") + std::string(g.name);
    return Result<Table>::failure("there is no schedule '" + name + "'; known are " + known);
  }
  if (!request.ranks || request.ranks > kMaxRanks)
    return Result<Table>::failure("a schedule has 1 to " + std::to_string(kMaxRanks) + " ranks; got " + std::to_string(request.ranks));
  if (!request.microBatches || request.microBatches > kMaxMicroBatches)
    return Result<Table>::failure("a schedule has 1 to " + std::to_string(kMaxMicroBatches) + " micro-batches; got " + std::to_string(request.microBatches));
  if (!request.options.empty())
    return Result<Table>::failure(std::string(generator->name) + " has no option '" + request.options.begin()->first + "'");
  if (std::string wrong = generator->check(request); !wrong.empty())
    return Result<Table>::failure(wrong);
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

Table startTable(const std::string &name, const Request &request, Placement placement) {
  Table table;
  table.name = name;
  table.ranks = request.ranks;
  table.microBatches = request.microBatches;
  table.stages = placement == Placement::V ? 2 * request.ranks : request.ranks;
  table.actions.resize(request.ranks);
  Replica replica{0, request.microBatches, {}};
  for (unsigned stage = 0; stage < table.stages; ++stage)
    replica.rankOfStage.push_back(stage < request.ranks ? stage : 2 * request.ranks - 1 - stage);
  if (placement == Placement::Mirrored) {
    Replica mirrored{request.microBatches / 2, request.microBatches, {replica.rankOfStage.rbegin(), replica.rankOfStage.rend()}};
    replica.endMicroBatch = request.microBatches / 2;
    table.replicas = {replica, mirrored};
  } else {
    table.replicas = {replica};
  }
  return table;
}

} // namespace dpc::schedule
