// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The best cuts, with a preference for stages that are alike: equal stages share
// one body, which is differentiated and compiled once. The exact optimum is found
// first; then the same search runs with cuts in the repeating part of the graph
// held to the same places of every repetition, and wins if it costs little more.
#include "dpc/Partition/Cuts.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

namespace dpc::partition {

static constexpr double kNone = std::numeric_limits<double>::infinity();

Repeat findRepeat(const Graph &graph) {
  unsigned count = graph.nodes.size();
  // Candidates for the period are the distances between equal windows that occur
  // most often.
  constexpr unsigned window = 4, candidates = 8;
  std::map<uint64_t, unsigned> last;
  std::map<unsigned, unsigned> distances;
  for (unsigned i = 0; i + window <= count; ++i) {
    uint64_t hash = 0;
    for (unsigned j = i; j < i + window; ++j)
      hash = hash * 0x9e3779b97f4a7c15ull + graph.nodes[j].signature;
    auto [it, isNew] = last.try_emplace(hash, i);
    if (!isNew) {
      ++distances[i - it->second];
      it->second = i;
    }
  }
  std::vector<std::pair<unsigned, unsigned>> ranked; // (-count, distance)
  for (auto [distance, times] : distances)
    ranked.emplace_back(count - times, distance);
  std::sort(ranked.begin(), ranked.end());
  if (ranked.size() > candidates)
    ranked.resize(candidates);

  Repeat best;
  for (auto [unused, period] : ranked) {
    unsigned begin = 0;
    for (unsigned i = 0; i + period <= count; ++i) {
      bool equal =
          i + period < count && graph.nodes[i].signature == graph.nodes[i + period].signature;
      if (equal)
        continue;
      // [begin, i) equals what stands a period later.
      unsigned length = i - begin + period;
      unsigned bestLength = best.end - best.begin;
      bool repeats = i - begin >= period;
      if (repeats && (length > bestLength || (length == bestLength && period < best.period)))
        best = {begin, begin + length, period};
      begin = i + 1;
    }
  }
  return best;
}

/// How many different stages there are, by the signatures of their nodes.
static unsigned countDifferent(const Graph &graph, const Cuts &cuts) {
  std::set<std::vector<uint64_t>> different;
  for (unsigned k = 0; k < cuts.starts.size(); ++k) {
    unsigned end = k + 1 < cuts.starts.size() ? cuts.starts[k + 1] : graph.nodes.size();
    std::vector<uint64_t> signatures;
    for (unsigned i = cuts.starts[k]; i < end; ++i)
      signatures.push_back(graph.nodes[i].signature);
    different.insert(std::move(signatures));
  }
  return different.size();
}

static double getSlowest(const Graph &graph, const Cuts &cuts) {
  double slowest = 0;
  for (const StageCost &cost : getStageCosts(graph, cuts))
    slowest = std::max(slowest, cost.getSeconds());
  return slowest;
}

/// A bound for the search: stages of about equal compute.
static double getEasyBound(const Graph &graph, unsigned stages) {
  double total = 0;
  for (const Node &node : graph.nodes)
    total += node.seconds;
  Cuts cuts;
  double sum = 0;
  unsigned count = graph.nodes.size();
  for (unsigned i = 0; i < count && cuts.starts.size() < stages; ++i) {
    unsigned left = stages - cuts.starts.size(); // stages still to begin
    bool must = graph.lastCut + 1 - std::min(i, graph.lastCut) <= left;
    if (i == 0 || must || sum >= total * cuts.starts.size() / stages)
      cuts.starts.push_back(i);
    sum += graph.nodes[i].seconds;
  }
  return cuts.starts.size() == stages ? getSlowest(graph, cuts) : kNone;
}

/// `count` places of a period, starting with `first`, that divide its seconds
/// evenly.
static std::vector<char> getPlaces(const Graph &graph, const Repeat &repeat, unsigned first,
                                   unsigned count) {
  std::vector<char> places(repeat.period, 0);
  double total = 0;
  for (unsigned i = 0; i < repeat.period; ++i)
    total += graph.nodes[repeat.begin + i].seconds;
  double sum = 0;
  unsigned made = 0;
  for (unsigned i = 0; i < repeat.period && made < count; ++i) {
    unsigned place = (first + i) % repeat.period;
    if (sum >= total * made / count - 1e-12 * total) {
      places[place] = 1;
      ++made;
    }
    sum += graph.nodes[repeat.begin + place].seconds;
  }
  return places;
}

CutResult findCuts(const Graph &graph, const CutOptions &options) {
  CutResult result;
  unsigned stages = options.stages;
  unsigned largest = getMaxStages(graph);
  if (stages == 0 || stages > largest) {
    result.error = "cannot be cut into " + std::to_string(stages) +
                   " stages; the largest number that this model allows is " +
                   std::to_string(largest);
    return result;
  }
  CutSearch search(graph, stages);
  double slowest = search.findSlowest(getEasyBound(graph, stages));
  if (slowest == kNone)
    slowest = search.findSlowest(kNone);
  if (slowest == kNone) {
    result.error = "cannot be cut into " + std::to_string(stages) +
                   " stages that keep the stages its nodes ask for";
    return result;
  }
  // Rounding must not lose the optimum itself.
  constexpr double slack = 1 + 1e-12;
  result.cuts = search.findEven(slowest * slack);
  Repeat repeat = findRepeat(graph);
  if (stages == 1 || repeat.period == 0)
    return result;

  unsigned fewest = countDifferent(graph, result.cuts);
  double bestSlowest = slowest;
  double limit = slowest * (1 + options.tolerance);
  unsigned repetitions = (repeat.end - repeat.begin) / repeat.period;
  unsigned most = std::min(repeat.period, stages / repetitions + 2);
  std::vector<char> all = search.allowed;
  std::set<std::vector<char>> tried;
  for (unsigned count = 1; count <= most; ++count) {
    for (unsigned first = 0; first < repeat.period; ++first) {
      std::vector<char> places = getPlaces(graph, repeat, first, count);
      if (!tried.insert(places).second)
        continue;
      search.allowed = all;
      for (unsigned i = repeat.begin; i < repeat.end; ++i)
        search.allowed[i] &= places[(i - repeat.begin) % repeat.period];
      double found = search.findSlowest(limit);
      if (found == kNone)
        continue;
      Cuts cuts = search.findEven(found * slack);
      unsigned different = countDifferent(graph, cuts);
      if (different < fewest || (different == fewest && found < bestSlowest)) {
        fewest = different;
        bestSlowest = found;
        result.cuts = cuts;
      }
    }
  }
  return result;
}

} // namespace dpc::partition
