// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// All schedules side by side.
#include "dpc/Schedule/compare/Compare.h"

#include "Rankings.h"

#include "dpc/Schedule/core/Spread.h"

#include <algorithm>
#include <tuple>

namespace dpc::schedule {
namespace {

void sort(std::vector<Standing> &standings) {
  std::sort(standings.begin(), standings.end(), [](const Standing &a, const Standing &b) {
    auto key = [](const Standing &s) {
      return std::tie(s.figures.makespan, s.copies, s.figures.peak, s.title, s.pipelines);
    };
    return key(a) < key(b);
  });
}

Row makeRow(const Variant &variant, unsigned ranks, unsigned microBatches, const Costs &costs) {
  Row row;
  row.variant = variant;
  row.legality = findLegality(variant, ranks, microBatches);
  if (!row.legality.isLegal && !row.legality.nearest)
    return row;
  Request used;
  used.ranks = row.legality.isLegal ? ranks : row.legality.nearest->ranks;
  used.microBatches = row.legality.isLegal ? microBatches : row.legality.nearest->microBatches;
  used.options = variant.options;
  row.ranks = used.ranks;
  row.microBatches = used.microBatches;
  const Generator &generator = *variant.generator;
  Costs share = spread(costs, used.ranks, generator.stages(used));
  if (generator.bubble.value)
    row.bubble = generator.bubble.value(used, share);
  if (generator.activations.value)
    row.activations = generator.activations.value(used, share);
  if (Result<Figures> figures = measure(variant, used.ranks, used.microBatches, costs);
      figures.ok())
    row.figures = *figures;
  else
    row.unmeasured = figures.error();
  return row;
}

std::vector<Standing> rankRows(const std::vector<Row> &rows) {
  std::vector<Standing> standings;
  for (const Row &row : rows)
    if (row.legality.isLegal && row.figures)
      standings.push_back({row.variant.title, row.variant.generator->replicas(), 1, *row.figures});
  sort(standings);
  return standings;
}

// Schedules that hold the parameters twice, and beside them two pipelines in
// parallel of half the ranks, stages twice as long and half the micro-batches each.
std::vector<Standing> rankSameMemory(const std::vector<Standing> &sameDevices, unsigned ranks,
                                     unsigned microBatches, const Costs &costs, unsigned chunks) {
  std::vector<Standing> standings;
  for (const Standing &standing : sameDevices)
    if (standing.copies == 2)
      standings.push_back(standing);
  if (ranks % 2 == 0 && microBatches > 1) {
    // A device's share of the model is twice as long. Costs with stages are of the whole
    // model and need no change. The pipeline with the odd micro-batch ends last.
    Costs twice = costs;
    for (double *cost : {&twice.forward, &twice.input, &twice.weight, &twice.pair})
      *cost *= 2;
    for (const Variant &variant : variants(chunks)) {
      if (variant.generator->replicas() != 1)
        continue;
      Result<Figures> figures = measure(variant, ranks / 2, (microBatches + 1) / 2, twice);
      if (!figures.ok())
        continue;
      figures->peak *= 2;
      standings.push_back({variant.title, 2, 2, *figures});
    }
  }
  sort(standings);
  return standings;
}

} // namespace

std::vector<Standing> rankSameDevices(unsigned ranks, unsigned microBatches, const Costs &costs) {
  std::vector<Standing> standings;
  for (const Variant &variant : variants())
    if (Result<Figures> figures = measure(variant, ranks, microBatches, costs); figures.ok())
      standings.push_back({variant.title, variant.generator->replicas(), 1, *figures});
  sort(standings);
  return standings;
}

Comparison compare(unsigned ranks, unsigned microBatches, const Costs &costs, unsigned chunks) {
  Comparison comparison;
  comparison.ranks = ranks;
  comparison.microBatches = microBatches;
  comparison.costs = spread(costs, ranks, costs.stages.empty() ? ranks : costs.stages.size());
  for (const Variant &variant : variants(chunks))
    comparison.rows.push_back(makeRow(variant, ranks, microBatches, costs));
  comparison.sameDevices = rankRows(comparison.rows);
  comparison.sameMemory =
      rankSameMemory(comparison.sameDevices, ranks, microBatches, costs, chunks);
  for (const Row &row : comparison.rows)
    if (auto verdict = judgeSecondCopy(row.variant, comparison.sameDevices, comparison.sameMemory,
                                       ranks, microBatches, costs))
      comparison.secondCopies.push_back(*verdict);
  comparison.chimeraCases = compareChimera(ranks, microBatches, costs);
  return comparison;
}

} // namespace dpc::schedule
