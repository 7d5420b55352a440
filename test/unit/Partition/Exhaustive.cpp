// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Exhaustive.h"

#include <algorithm>
#include <set>

namespace dpc::partition::test {

Assignment getAssignment(const Graph &graph, const Cuts &cuts) {
  Assignment stageOf;
  unsigned stage = 0;
  for (unsigned i = 0; i < graph.nodes.size(); ++i) {
    while (stage + 1 < cuts.starts.size() && cuts.starts[stage + 1] <= i)
      ++stage;
    stageOf.push_back(stage);
  }
  return stageOf;
}

/// What crosses the borders of a stage: values it receives, then values it sends.
static std::vector<unsigned> getCrossing(const Graph &graph, const Assignment &stageOf,
                                         unsigned stage) {
  std::set<unsigned> received, sent;
  for (unsigned i = 0; i < graph.nodes.size(); ++i)
    for (unsigned v : graph.nodes[i].reads) {
      unsigned maker = stageOf[graph.values[v].producer];
      if (stageOf[i] == stage && maker != stage)
        received.insert(v);
      if (stageOf[i] != stage && maker == stage)
        sent.insert(v);
    }
  std::vector<unsigned> crossing(received.begin(), received.end());
  crossing.insert(crossing.end(), sent.begin(), sent.end());
  return crossing;
}

double getStageSeconds(const Graph &graph, const Assignment &stageOf, unsigned stage) {
  double seconds = 0;
  std::set<unsigned> again;
  for (unsigned i = 0; i < graph.nodes.size(); ++i) {
    if (stageOf[i] != stage)
      continue;
    seconds += graph.nodes[i].seconds;
    for (unsigned r : graph.nodes[i].recomputations) {
      int home = graph.recomputations[r].node;
      if (home < 0 || stageOf[home] != stage)
        again.insert(r);
    }
  }
  for (unsigned r : again)
    seconds += graph.recomputations[r].seconds;
  for (unsigned v : getCrossing(graph, stageOf, stage))
    seconds +=
        (graph.values[v].gradient ? 2 : 1) * graph.values[v].bytes * graph.secondsPerMessageByte;
  return seconds;
}

double getStageLatency(const Graph &graph, const Assignment &stageOf, unsigned stage) {
  double seconds = 0;
  for (unsigned v : getCrossing(graph, stageOf, stage))
    seconds += (graph.values[v].gradient ? 2 : 1) * graph.messageLatency;
  return seconds;
}

double getSlowest(const Graph &graph, const Assignment &stageOf, unsigned stages) {
  double slowest = 0;
  for (unsigned stage = 0; stage < stages; ++stage)
    slowest = std::max(slowest, getStageSeconds(graph, stageOf, stage));
  return slowest;
}

void forEachCuts(const Graph &graph, unsigned stages,
                 const std::function<void(const Cuts &)> &visit) {
  Cuts cuts{{0}};
  std::function<void()> extend = [&] {
    if (cuts.starts.size() == stages)
      return visit(cuts);
    for (unsigned start = cuts.starts.back() + 1; start <= graph.lastCut; ++start) {
      cuts.starts.push_back(start);
      extend();
      cuts.starts.pop_back();
    }
  };
  extend();
}

double findBestCuts(const Graph &graph, unsigned stages,
                    const std::function<bool(const Assignment &)> &isLegal) {
  double best = kNone;
  forEachCuts(graph, stages, [&](const Cuts &cuts) {
    Assignment stageOf = getAssignment(graph, cuts);
    if (!isLegal || isLegal(stageOf))
      best = std::min(best, getSlowest(graph, stageOf, stages));
  });
  return best;
}

double findBestConvex(const Graph &graph, unsigned stages) {
  double best = kNone;
  Assignment stageOf;
  std::function<void()> extend = [&] {
    unsigned i = stageOf.size();
    if (i == graph.nodes.size()) {
      if (std::set<unsigned>(stageOf.begin(), stageOf.end()).size() == stages)
        best = std::min(best, getSlowest(graph, stageOf, stages));
      return;
    }
    unsigned least = i >= graph.lastCut ? stages - 1 : 0;
    for (unsigned v : graph.nodes[i].reads)
      least = std::max(least, stageOf[graph.values[v].producer]);
    for (unsigned stage = least; stage < stages; ++stage) {
      stageOf.push_back(stage);
      extend();
      stageOf.pop_back();
    }
  };
  extend();
  return best;
}

} // namespace dpc::partition::test
