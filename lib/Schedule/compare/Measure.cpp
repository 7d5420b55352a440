// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One schedule of a comparison: its variants, where it is legal, what it takes.
#include "dpc/Schedule/compare/Compare.h"
#include "dpc/Schedule/core/Spread.h"

#include <algorithm>
#include <numeric>

namespace dpc::schedule {
namespace {

// A comparison simulates dozens of tables, some of them dozens of times.
constexpr uint64_t kMaxActions = 1u << 22;

Request requestOf(const Variant &variant, unsigned ranks, unsigned microBatches) {
  Request request;
  request.ranks = ranks;
  request.microBatches = microBatches;
  request.options = variant.options;
  return request;
}

bool isLegal(const Variant &variant, unsigned ranks, unsigned microBatches) {
  return findFault(*variant.generator, requestOf(variant, ranks, microBatches)).empty();
}

// The part of a fault that says what is needed, as every fault of a size begins:
// `NAME needs WHAT, got ...`.
std::string needOf(const Variant &variant, std::string fault) {
  std::string name = std::string(variant.generator->name) + " ";
  if (fault.compare(0, name.size(), name) == 0)
    fault.erase(0, name.size());
  for (const char *end : {", got", "; "})
    fault = fault.substr(0, fault.find(end));
  return fault;
}

// What all legal numbers of micro-batches have in common, if it is a simple rule.
std::string describe(const std::vector<unsigned> &legal, unsigned most) {
  unsigned step = most;
  for (size_t i = 1; i < legal.size(); ++i)
    step = std::gcd(i == 1 ? 0 : step, legal[i] - legal[i - 1]);
  bool isRegular = legal.size() > 2 && legal.front() % step == 0 &&
                   legal.size() == (most - legal.front()) / step + 1;
  if (!isRegular)
    return "";
  std::string least = "at least " + std::to_string(legal.front());
  if (step == 1)
    return least;
  std::string multiple = step == 2 ? "an even number" : "a multiple of " + std::to_string(step);
  return legal.front() == step ? multiple : multiple + ", " + least;
}

std::optional<Request> findNearestSize(const Variant &variant, unsigned ranks,
                                       unsigned microBatches) {
  auto next = [&](unsigned P) -> std::optional<Request> {
    return isLegal(variant, P, microBatches) ? requestOf(variant, P, microBatches)
                                             : std::optional<Request>();
  };
  // A number of ranks at which these micro-batches do; else any.
  for (bool any : {false, true})
    for (unsigned away = 1; away <= 8; ++away)
      for (unsigned P : {ranks + away, ranks > away ? ranks - away : 0}) {
        if (!P)
          continue;
        if (auto found = next(P))
          return found;
        if (auto more =
                any ? findLegalMicroBatches(*variant.generator, requestOf(variant, P, microBatches))
                    : std::nullopt)
          return requestOf(variant, P, *more);
      }
  return std::nullopt;
}

} // namespace

std::vector<Variant> variantsOf(const Generator &generator, unsigned chunks) {
  std::vector<Variant> found = {{&generator, {}, generator.name}};
  for (const Option &option : generator.options) {
    std::vector<unsigned> values = {2, 4};
    if (option.most - option.least < 4) {
      values.resize(option.most - option.least + 1);
      std::iota(values.begin(), values.end(), option.least);
    }
    if (chunks && std::string(option.name) == kChunks)
      values = {chunks};
    for (unsigned value : values)
      if (value != option.fallback && value >= option.least && value <= option.most)
        found.push_back(
            {&generator,
             {{option.name, value}},
             std::string(generator.name) + "," + option.name + "=" + std::to_string(value)});
  }
  return found;
}

std::vector<Variant> variants(unsigned chunks) {
  std::vector<Variant> all;
  for (const Generator &generator : generators())
    for (Variant &variant : variantsOf(generator, chunks))
      all.push_back(std::move(variant));
  return all;
}

Result<Figures> measure(const Variant &variant, unsigned ranks, unsigned microBatches,
                        const Costs &costs) {
  using R = Result<Figures>;
  Request request = requestOf(variant, ranks, microBatches);
  if (std::string fault = findFault(*variant.generator, request); !fault.empty())
    return R::failure(fault);
  uint64_t actions = 3ull * microBatches * variant.generator->stages(request);
  if (actions > kMaxActions)
    return R::failure("about " + std::to_string(actions) +
                      " actions; simulated among others are at most " +
                      std::to_string(kMaxActions));
  Result<Table> table = generate(variant.generator->name, request);
  if (!table.ok())
    return R::failure(table.error());
  Result<Simulation> simulation = simulate(*table, spread(costs, ranks, table->stages));
  if (!simulation.ok())
    return R::failure(simulation.error());
  Figures figures;
  figures.makespan = simulation->makespan;
  auto [least, most] = std::minmax_element(simulation->idle.begin(), simulation->idle.end());
  figures.leastIdle = *least;
  figures.mostIdle = *most;
  if (figures.makespan > 0)
    figures.bubble = std::accumulate(simulation->idle.begin(), simulation->idle.end(), 0.0) /
                     (ranks * figures.makespan);
  for (double peak : simulation->peakActivations)
    figures.peak = std::max(figures.peak, peak);
  for (double peak : simulation->peakBytes)
    figures.peakBytes = std::max(figures.peakBytes, peak);
  for (double idle : simulation->spanIdle)
    figures.spanIdle = std::max(figures.spanIdle, idle);
  figures.lowerBound = simulation->lowerBound;
  for (const std::vector<Action> &row : table->actions)
    for (const Action &action : row)
      figures.hasPairs |= action.second.has_value();
  return figures;
}

Legality findLegality(const Variant &variant, unsigned ranks, unsigned microBatches) {
  Legality legality;
  std::string fault = findFault(*variant.generator, requestOf(variant, ranks, microBatches));
  if (fault.empty())
    return legality;
  legality.isLegal = false;
  std::vector<unsigned> legal;
  unsigned most = std::max(8u, std::min(8 * ranks, kMaxMicroBatches));
  for (unsigned M = 1; M <= most; ++M)
    if (isLegal(variant, ranks, M))
      legal.push_back(M);
  auto more = findLegalMicroBatches(*variant.generator, requestOf(variant, ranks, microBatches));
  if (more || !legal.empty()) {
    std::string rule = describe(legal, most);
    legality.fault = "not legal at M = " + std::to_string(microBatches) + ", " +
                     (rule.empty() ? needOf(variant, fault) : "needs " + rule);
    legality.nearest = requestOf(variant, ranks, more ? *more : legal.back());
  } else {
    legality.fault = "not legal at P = " + std::to_string(ranks) + ", " + needOf(variant, fault);
    legality.nearest = findNearestSize(variant, ranks, microBatches);
  }
  return legality;
}

} // namespace dpc::schedule
