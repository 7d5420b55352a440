// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See Spread.h.
#include "dpc/Schedule/core/Spread.h"

#include <algorithm>
#include <cmath>

namespace dpc::schedule {
namespace {

// A known stage, and how much of it a new stage covers.
struct Part {
  size_t stage;
  double share;
};

// The known stages under new stage `index` of `count`: it covers
// index * known / count up to (index + 1) * known / count. In whole numbers of
// 1 / count, so that cuts that coincide do so exactly.
std::vector<Part> partsOf(size_t index, size_t count, size_t known) {
  std::vector<Part> parts;
  size_t from = index * known, to = from + known;
  for (size_t stage = from / count; stage * count < to; ++stage) {
    size_t begin = std::max(from, stage * count), end = std::min(to, (stage + 1) * count);
    parts.push_back({stage, (double)(end - begin) / count});
  }
  return parts;
}

std::vector<StageCosts> spreadStages(const std::vector<StageCosts> &known, size_t count) {
  std::vector<StageCosts> stages(count);
  // The known cut nearest to the one before new stage `index`.
  auto cut = [&](size_t index) {
    size_t nearest = (2 * index * known.size() + count) / (2 * count);
    return std::clamp<size_t>(nearest, 1, known.size() - 1);
  };
  for (size_t s = 0; s < count; ++s) {
    StageCosts &stage = stages[s];
    stage = {0, 0, 0, 0, 0, 0, 0};
    for (const Part &part : partsOf(s, count, known.size())) {
      const StageCosts &of = known[part.stage];
      stage.forward += part.share * of.forward;
      stage.input += part.share * of.input;
      stage.weight += part.share * of.weight;
      stage.activationBytes += part.share * of.activationBytes;
      stage.weightBytes += part.share * of.weightBytes;
    }
    // A model in one piece says nothing about messages between pieces.
    if (known.size() == 1)
      continue;
    if (s + 1 < count)
      stage.outputBytes = known[cut(s + 1) - 1].outputBytes;
    if (s > 0)
      stage.gradientBytes = known[cut(s)].gradientBytes;
  }
  return stages;
}

std::vector<double> spreadPairs(const Costs &costs, const std::vector<StageCosts> &stages) {
  size_t known = costs.stages.size(), count = stages.size();
  std::vector<double> pairs(count * count);
  for (size_t a = 0; a < count; ++a)
    for (size_t b = 0; b < count; ++b) {
      double took = 0, apart = 0;
      for (const Part &f : partsOf(a, count, known))
        for (const Part &g : partsOf(b, count, known)) {
          const StageCosts &back = costs.stages[g.stage];
          double weight = f.share * g.share;
          took += weight * costs.pairs[f.stage * known + g.stage];
          apart += weight * (costs.stages[f.stage].forward + back.input + back.weight);
        }
      double plain = stages[a].forward + stages[b].input + stages[b].weight;
      pairs[a * count + b] = apart > 0 ? plain * took / apart : 0;
    }
  return pairs;
}

std::vector<Link> spreadLinks(const std::vector<Link> &known, unsigned ranks) {
  unsigned from = std::lround(std::sqrt((double)known.size()));
  if (from == ranks || from == 1) // one link is that of every pair of ranks
    return known;
  Link slowest = known[1];
  for (unsigned a = 0; a < from; ++a)
    for (unsigned b = 0; b < from; ++b)
      if (a != b) {
        slowest.latency = std::max(slowest.latency, known[a * from + b].latency);
        slowest.bandwidth = std::min(slowest.bandwidth, known[a * from + b].bandwidth);
      }
  std::vector<Link> links((size_t)ranks * ranks, slowest);
  for (unsigned a = 0; a < ranks && ranks < from; ++a)
    for (unsigned b = 0; b < ranks; ++b)
      links[(size_t)a * ranks + b] = known[a * from + b];
  return links;
}

} // namespace

Costs spread(const Costs &costs, unsigned ranks, unsigned stages) {
  if (costs.stages.empty() || !ranks || !stages)
    return costs;
  Costs result = costs;
  if (costs.stages.size() != stages) {
    result.stages = spreadStages(costs.stages, stages);
    if (!costs.pairs.empty())
      result.pairs = spreadPairs(costs, result.stages);
  }
  if (!costs.links.empty())
    result.links = spreadLinks(costs.links, ranks);
  double part = costs.forward + costs.input + costs.weight > 0
                    ? costs.pair / (costs.forward + costs.input + costs.weight)
                    : 1;
  result.forward = result.input = result.weight = 0;
  double paired = 0, apart = 0;
  for (size_t s = 0; s < result.stages.size(); ++s) {
    const StageCosts &stage = result.stages[s];
    result.forward += stage.forward / ranks;
    result.input += stage.input / ranks;
    result.weight += stage.weight / ranks;
    apart += stage.forward + stage.input + stage.weight;
    if (!result.pairs.empty())
      paired += result.pairs[s * result.stages.size() + s];
  }
  if (!result.pairs.empty() && apart > 0)
    part = paired / apart;
  result.pair = part * (result.forward + result.input + result.weight);
  return result;
}

} // namespace dpc::schedule
