// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Dynamic programming over the positions of the order. One walk from every
// possible beginning extends a stage node by node and updates, for every number
// of stages before it, what can be reached at every possible end; a bound on the
// slowest stage ends each walk early, so that the work is about the number of
// nodes times the length of a stage.
#include "dpc/Partition/Cuts.h"

#include <algorithm>
#include <limits>
#include <map>

namespace dpc::partition {

static constexpr double kNone = std::numeric_limits<double>::infinity();

unsigned getMaxStages(const Graph &graph) { return graph.nodes.empty() ? 0 : graph.lastCut + 1; }

CutSearch::CutSearch(const Graph &graph, unsigned stages) : graph(graph), stages(stages) {
  unsigned count = graph.nodes.size();
  allowed.assign(count, 0);
  for (unsigned i = 1; i < count && i <= graph.lastCut; ++i)
    allowed[i] = 1;
  // Where the nodes of each hinted stage stand: the first and the last of them.
  std::map<int, std::pair<unsigned, unsigned>> hinted;
  for (unsigned i = 0; i < count; ++i)
    if (int hint = graph.nodes[i].hint; hint >= 0)
      hinted.try_emplace(hint, i, i).first->second.second = i;
  divideHints = stages >= hinted.size();
  if (divideHints)
    return;
  // The loss stays last whatever it asks for, so ranges may overlap.
  for (auto &[hint, range] : hinted)
    for (unsigned i = range.first + 1; i <= range.second; ++i)
      allowed[i] = 0;
}

/// best[k][j]: the joined cost of the best k stages that end before node j;
/// from[k][j]: where the last of them begins.
template <typename Join>
void CutSearch::search(double limit, std::vector<std::vector<double>> &best,
                       std::vector<std::vector<unsigned>> *from, Join join) {
  unsigned count = graph.nodes.size();
  best.assign(stages + 1, std::vector<double>(count + 1, kNone));
  if (from)
    from->assign(stages + 1, std::vector<unsigned>(count + 1, 0));
  best[0][0] = 0;
  StageWalk walk(graph);
  std::vector<unsigned> reached;
  for (unsigned i = 0; i < count; ++i) {
    if (i != 0 && !allowed[i])
      continue;
    reached.clear();
    for (unsigned k = 0; k < stages; ++k)
      if (best[k][i] != kNone)
        reached.push_back(k);
    if (reached.empty())
      continue;
    walk.begin(i);
    int hint = -1;
    for (unsigned j = i + 1; j <= count; ++j) {
      int nodeHint = graph.nodes[j - 1].hint;
      if (divideHints && nodeHint >= 0) {
        if (hint >= 0 && hint != nodeHint)
          break;
        hint = nodeHint;
      }
      walk.add();
      if (j < count && !allowed[j])
        continue;
      StageCost cost = walk.getCost();
      if (cost.compute > limit)
        break;
      if (cost.getSeconds() > limit)
        continue;
      for (unsigned k : reached) {
        // The last stage, and only it, ends with the graph.
        if ((k + 1 == stages) != (j == count))
          continue;
        double joined = join(best[k][i], cost);
        if (joined < best[k + 1][j]) {
          best[k + 1][j] = joined;
          if (from)
            (*from)[k + 1][j] = i;
        }
      }
    }
  }
}

double CutSearch::findSlowest(double bound) {
  std::vector<std::vector<double>> best;
  search(bound, best, nullptr,
         [](double before, const StageCost &cost) { return std::max(before, cost.getSeconds()); });
  return best[stages][graph.nodes.size()];
}

Cuts CutSearch::findEven(double limit) {
  std::vector<std::vector<double>> best;
  std::vector<std::vector<unsigned>> from;
  search(limit, best, &from, [&](double before, const StageCost &cost) {
    double seconds = cost.getSeconds() + cost.latency + cost.ties;
    return before + seconds * seconds;
  });
  Cuts cuts;
  if (best[stages][graph.nodes.size()] == kNone)
    return cuts;
  cuts.starts.resize(stages);
  unsigned end = graph.nodes.size();
  for (unsigned k = stages; k > 0; --k)
    cuts.starts[k - 1] = end = from[k][end];
  return cuts;
}

} // namespace dpc::partition
