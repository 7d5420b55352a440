// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The search: which placements, from which schedules, for how long. See Search.h.
#include "dpc/Schedule/search/Search.h"

#include "SearchList.h"
#include "SearchLocal.h"

#include "dpc/Schedule/core/Check.h"
#include "dpc/Schedule/core/Spread.h"
#include "dpc/Schedule/generators/Generators.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <sstream>

namespace dpc::schedule {
namespace {

using namespace searching;

constexpr unsigned kStarts = 4; // orders of a placement that local search sets out from
constexpr const char *kListScheduling = "list scheduling";

std::string inDigits(double value) {
  std::ostringstream text;
  text << value;
  return text.str();
}

// Counts tries, and looks at the clock now and then.
class Budget {
public:
  Budget(uint64_t limit, double seconds)
      : limit(limit), seconds(seconds), begin(std::chrono::steady_clock::now()) {}
  /// Counts one more try towards a part of the limit that ends at `end`.
  bool spend(uint64_t end) {
    if (spent >= std::min(end, limit) || stopped)
      return false;
    if (seconds > 0 && spent % 16 == 0 &&
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() >=
            seconds) {
      stopped = true;
      return false;
    }
    ++spent;
    return true;
  }
  uint64_t used() const { return spent; }
  uint64_t total() const { return limit; }
  bool isStopped() const { return stopped; }

private:
  uint64_t limit, spent = 0;
  double seconds;
  std::chrono::steady_clock::time_point begin;
  bool stopped = false;
};

struct Candidate {
  Order order;
  Score score;
  std::string origin;
};

bool isBetter(const Score &a, const Score &b) {
  if (a.makespan < b.makespan - kRounding || a.makespan > b.makespan + kRounding)
    return a.makespan < b.makespan;
  return a.total < b.total - kRounding;
}

// A placement: its problem, and the best orders found so far, best first.
class Space {
public:
  Space(const Table &header, const Costs &costs, const std::vector<double> &caps, uint64_t seed)
      : problem(header, costs, caps), bound(lowerBound(header, costs, problem.pairsGain)),
        random(seed), evaluate(problem), schedule(problem) {
    add(oneByOne(problem), "one micro-batch after the other");
  }

  Space(const Space &) = delete;

  bool has(const Table &table) const { return table.replicas == problem.header.replicas; }
  void add(Order order, const std::string &origin) {
    Score score = evaluate(order);
    if (score.feasible())
      keep({std::move(order), score, origin});
  }
  double best() const { return candidates.empty() ? kInfinity : candidates.front().score.makespan; }
  bool isSolved() const { return best() <= bound + kRounding; }

  void listSchedule(Budget &budget, uint64_t end) {
    Priorities base;
    Score baseScore;
    Candidate tried{{}, {}, kListScheduling};
    while (!isSolved() && budget.spend(end)) {
      bool isNew = !baseScore.feasible() || random.below(4) == 0;
      Priorities priorities =
          isNew ? drawPriorities(problem, random) : varyPriorities(problem, base, random);
      tried.score = schedule(priorities, tried.order);
      if (!tried.score.feasible())
        continue;
      if (!isBetter(baseScore, tried.score)) {
        base = std::move(priorities);
        baseScore = tried.score;
      }
      if (candidates.size() < kStarts || isBetter(tried.score, candidates.back().score))
        keep(tried);
    }
  }

  /// In turn from each of the best, then on from what is best.
  void localSearch(Budget &budget, uint64_t end) {
    std::vector<Candidate> starts = candidates;
    uint64_t begin = budget.used();
    if (end <= begin)
      return;
    for (size_t i = 0; i < starts.size() && !isSolved(); ++i) {
      Candidate next = starts[i];
      uint64_t part = begin + (end - begin) * (i + 1) / (starts.size() + 1);
      next.score = improve(problem, next.order, bound, random, [&] { return budget.spend(part); });
      keep(next);
    }
    while (!isSolved() && budget.used() < end && !budget.isStopped()) {
      Candidate next = candidates.front();
      next.score = improve(problem, next.order, bound, random, [&] { return budget.spend(end); });
      keep(next);
    }
  }

  Table table() const { return decode(problem, candidates.front().order, "search"); }
  const std::string &origin() const { return candidates.front().origin; }
  double leastMakespan() const { return bound; }

private:
  void keep(Candidate candidate) {
    auto place = candidates.begin();
    while (place != candidates.end() && !isBetter(candidate.score, place->score))
      ++place;
    candidates.insert(place, std::move(candidate));
    if (candidates.size() > kStarts)
      candidates.pop_back();
  }

  Problem problem;
  double bound;
  Random random;
  Evaluator evaluate;
  ListScheduler schedule;
  std::vector<Candidate> candidates;
};

std::string findFault(const SearchOptions &o) {
  if (!o.ranks || o.ranks > kMaxRanks)
    return "a schedule has 1 to " + std::to_string(kMaxRanks) + " ranks; got " +
           std::to_string(o.ranks);
  if (!o.microBatches || o.microBatches > kMaxMicroBatches)
    return "a schedule has 1 to " + std::to_string(kMaxMicroBatches) + " micro-batches; got " +
           std::to_string(o.microBatches);
  if (!o.activationCaps.empty() && o.activationCaps.size() != o.ranks)
    return "there are " + std::to_string(o.activationCaps.size()) + " activation caps for " +
           std::to_string(o.ranks) + " ranks";
  for (double cap :
       o.activationCaps.empty() ? std::vector<double>{o.activationCap} : o.activationCaps)
    if (cap < 1 - kRounding && (cap != 0 || !o.activationCaps.empty()))
      return "no schedule keeps within " + inDigits(cap) +
             " activations: the least cap is 1, a micro-batch's activations in all stages of a "
             "rank";
  if (o.chunks > 1 && (o.placement == Placement::Linear || o.placement == Placement::Mirrored))
    return std::string("the ") + getName(*o.placement) +
           " placement has one stage on each rank and copy; got --chunks " +
           std::to_string(o.chunks);
  if (o.chunks % 2 && o.placement == Placement::V)
    return "the v placement has an even number of stages on each rank; got --chunks " +
           std::to_string(o.chunks);
  if (!o.costs.stages.empty() && !o.spreads && o.costs.stages.size() % o.ranks)
    return "costs of " + std::to_string(o.costs.stages.size()) + " stages cannot be laid on " +
           std::to_string(o.ranks) + " ranks evenly";
  return "";
}

Costs costsOf(const SearchOptions &options, const Table &table) {
  return options.spreads ? spread(options.costs, table.ranks, table.stages) : options.costs;
}

// Which stages lie where is decided by placement and chunks.
bool allows(const SearchOptions &options, Placement placement, unsigned chunks) {
  if (options.placement && *options.placement != placement)
    return false;
  if (!options.costs.stages.empty() && !options.spreads &&
      options.costs.stages.size() != (size_t)options.ranks * chunks)
    return false;
  return !options.chunks || options.chunks == chunks;
}

// The chunks that the costs are of; 0 if they are of any.
unsigned chunksOfCosts(const SearchOptions &options) {
  return options.spreads ? 0 : options.costs.stages.size() / options.ranks;
}

std::vector<Table> findPlacements(const SearchOptions &options) {
  std::vector<Table> tables;
  unsigned fromCosts = chunksOfCosts(options), several = options.chunks ? options.chunks
                                                         : fromCosts    ? fromCosts
                                                                        : 2;
  for (Placement placement :
       {Placement::Linear, Placement::Loop, Placement::V, Placement::Mirrored}) {
    bool isSingle = placement == Placement::Linear || placement == Placement::Mirrored;
    unsigned chunks = isSingle ? 1 : several;
    if (!allows(options, placement, chunks) || (placement == Placement::V && chunks % 2))
      continue;
    // A loop of one round is linear.
    if (placement == Placement::Loop && chunks == 1 && !options.placement)
      continue;
    tables.push_back(startTable("search", placement, options.ranks, chunks, options.microBatches));
  }
  return tables;
}

// The known schedules that are legal here and allowed.
std::vector<Table> findKnown(const SearchOptions &options) {
  std::vector<Table> tables;
  for (const Generator &generator : generators()) {
    Request request{options.ranks, options.microBatches, {}};
    if (unsigned chunks = options.chunks ? options.chunks : chunksOfCosts(options))
      for (const Option &option : generator.options)
        if (std::string(option.name) == kChunks)
          request.options[kChunks] = chunks;
    if (findFault(generator, request).empty() &&
        allows(options, generator.placement, generator.chunks(request)))
      tables.push_back(generator.generate(request));
  }
  return tables;
}

bool keepsWithin(const Simulation &simulation, const std::vector<double> &caps) {
  for (size_t rank = 0; rank < caps.size(); ++rank)
    if (simulation.peakActivations[rank] > caps[rank] + kRounding)
      return false;
  return true;
}

} // namespace

uint64_t defaultIterations(unsigned ranks, unsigned stages, unsigned microBatches) {
  uint64_t tasks = 3 * (uint64_t)std::max(stages, ranks) * microBatches;
  return std::clamp<uint64_t>(100'000'000 / std::max<uint64_t>(tasks, 1), 100, 400'000);
}

Result<SearchResult> search(const SearchOptions &options) {
  using R = Result<SearchResult>;
  if (std::string fault = findFault(options); !fault.empty())
    return R::failure(fault);
  std::vector<double> caps = options.activationCaps;
  if (caps.empty() && options.activationCap > 0)
    caps.assign(options.ranks, options.activationCap);

  std::vector<Table> known = findKnown(options), placements = findPlacements(options);
  for (const Table &table : known) {
    auto same = [&](const Table &other) { return other.replicas == table.replicas; };
    if (std::none_of(placements.begin(), placements.end(), same)) {
      placements.push_back(table);
      placements.back().actions.assign(table.ranks, {});
    }
  }
  if (placements.empty())
    return R::failure(
        "no placement has " +
        std::to_string(options.costs.stages.empty() ? options.chunks
                                                    : options.costs.stages.size()) +
        (options.costs.stages.empty() ? " stages on each rank"
                                      : " stages on " + std::to_string(options.ranks) + " ranks") +
        (options.placement ? std::string(" and is ") + getName(*options.placement) : ""));

  // What known schedules do, as they are.
  std::optional<SearchResult> best;
  auto consider = [&](Table table, const std::string &origin) {
    Result<Simulation> simulation = simulate(table, costsOf(options, table));
    if (simulation.ok() && keepsWithin(*simulation, caps) &&
        (!best || simulation->makespan < best->simulation.makespan - kRounding)) {
      best.emplace();
      best->table = std::move(table);
      best->simulation = std::move(*simulation);
      best->origin = origin;
    }
  };
  std::deque<Space> spaces;
  Random seeds(options.seed);
  for (const Table &placement : placements)
    spaces.emplace_back(placement, costsOf(options, placement), caps, seeds.next());
  double bound = kInfinity;
  unsigned stages = 0;
  for (const Space &space : spaces)
    bound = std::min(bound, space.leastMakespan());
  for (const Table &placement : placements)
    stages = std::max(stages, placement.stages);
  for (const Table &table : known) {
    consider(table, table.name);
    for (Space &space : spaces)
      if (space.has(table))
        space.add(encode(table), table.name);
  }

  // A share of the tries for each placement; as many again for the best.
  Budget budget(options.iterations ? options.iterations
                                   : defaultIterations(options.ranks, stages, options.microBatches),
                options.timeLimit);
  auto isDone = [&] { return best && best->simulation.makespan <= bound + kRounding; };
  auto work = [&](Space &space, uint64_t tries) {
    uint64_t begin = budget.used();
    space.listSchedule(budget, begin + tries / 10);
    space.localSearch(budget, begin + tries);
    if (space.best() < kInfinity)
      consider(space.table(), space.origin());
  };
  if (spaces.size() > 1)
    for (Space &space : spaces)
      if (!isDone())
        work(space, budget.total() / 2 / spaces.size());
  if (!isDone()) {
    auto first = std::min_element(spaces.begin(), spaces.end(), [](const Space &a, const Space &b) {
      return a.best() < b.best() - kRounding;
    });
    work(*first, budget.total() - budget.used());
  }
  if (!best)
    return R::failure("no schedule was found in " + std::to_string(budget.used()) +
                      " iterations that keeps the activation cap; raise it");
  best->lowerBound = bound;
  best->iterations = budget.used();
  best->stoppedByTime = budget.isStopped();
  return std::move(*best);
}

} // namespace dpc::schedule
