// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Is a second copy of the parameters worth it?
#include "Rankings.h"

#include "dpc/Schedule/core/Spread.h"

#include <algorithm>
#include <iomanip>
#include <sstream>

namespace dpc::schedule {
namespace {

constexpr double kSame = 1e-9; // of a makespan: differences of rounding only

bool isShorter(double a, double b) { return a < b - kSame * b; }

// Pairs that take a part of their forward and backward times.
Costs withPairs(Costs costs, double part) {
  costs.pairs.clear();
  costs.pair = part * (costs.forward + costs.input + costs.weight);
  return costs;
}

// The longest pair, in the unit of costs, with which a table with pairs is as short
// as `limit`. The makespan of a fixed order grows with every duration, so halving an
// interval finds it.
std::optional<double> findBreakEven(const Table &table, const Costs &costs, double limit) {
  double plain = costs.forward + costs.input + costs.weight;
  auto isShortEnough = [&](double part) {
    Result<Simulation> simulation = simulate(table, withPairs(costs, part));
    return simulation.ok() && !isShorter(limit, simulation->makespan);
  };
  if (isShortEnough(1))
    return plain;
  // A pair cannot be shorter than the longer one of its two.
  double low = plain > 0 ? std::max(costs.forward, costs.input + costs.weight) / plain : 1,
         high = 1;
  if (!isShortEnough(low))
    return std::nullopt;
  for (int i = 0; i < 40; ++i) {
    double middle = (low + high) / 2;
    (isShortEnough(middle) ? low : high) = middle;
  }
  return low * plain;
}

const Standing *findTitle(const std::vector<Standing> &standings, const std::string &title) {
  for (const Standing &standing : standings)
    if (standing.title == title && standing.pipelines == 1)
      return &standing;
  return nullptr;
}

std::string describe(const Standing &standing) {
  std::ostringstream text;
  text << standing.title << (standing.pipelines > 1 ? " in two pipelines" : "") << " ("
       << standing.figures.makespan << ", peak " << standing.figures.peak << ")";
  return text.str();
}

std::string describe(const SecondCopyVerdict &verdict, const SecondCopyVerdict::Rival &rival) {
  std::ostringstream text;
  text << "against " << describe(rival.standing) << " ";
  if (!rival.breakEven)
    text << "none, as a pair takes at least the longer of F and B";
  else if (*rival.breakEven >= verdict.plain * (1 - kSame))
    text << "F + B, no gain needed";
  else
    text << *rival.breakEven << ", a gain of " << std::setprecision(3)
         << 100 * (1 - *rival.breakEven / verdict.plain) << " %";
  return text.str();
}

} // namespace

std::optional<SecondCopyVerdict> judgeSecondCopy(const Variant &variant,
                                                 const std::vector<Standing> &sameDevices,
                                                 const std::vector<Standing> &sameMemory,
                                                 unsigned ranks, unsigned microBatches,
                                                 const Costs &costs) {
  const Standing *own = findTitle(sameDevices, variant.title);
  if (!own || own->copies < 2)
    return std::nullopt;
  Request request;
  request.ranks = ranks;
  request.microBatches = microBatches;
  request.options = variant.options;
  Result<Table> table = generate(variant.generator->name, request);
  if (!table.ok())
    return std::nullopt;
  Costs share = spread(costs, ranks, table->stages);

  SecondCopyVerdict verdict;
  verdict.title = variant.title;
  verdict.figures = own->figures;
  verdict.pair = share.pair;
  verdict.plain = share.forward + share.input + share.weight;
  auto challenge = [&](const Standing &standing) {
    SecondCopyVerdict::Rival rival;
    rival.standing = standing;
    rival.isFaster = isShorter(standing.figures.makespan, own->figures.makespan);
    if (own->figures.hasPairs)
      rival.breakEven = findBreakEven(*table, share, standing.figures.makespan);
    return rival;
  };
  auto keepsNoMore = [&](const Standing &standing) {
    return standing.figures.peak <= own->figures.peak + kSame;
  };
  auto dominates = [&](const Standing &standing) {
    return keepsNoMore(standing) && !isShorter(own->figures.makespan, standing.figures.makespan);
  };
  for (const Standing &standing : sameDevices) {
    if (standing.copies >= own->copies)
      continue;
    if (!verdict.fastest)
      verdict.fastest = standing;
    if (dominates(standing))
      verdict.dominators.push_back(standing);
    if (standing.figures.hasPairs)
      continue;
    if (!verdict.anyActivations)
      verdict.anyActivations = challenge(standing);
    if (!verdict.sameDevices && keepsNoMore(standing))
      verdict.sameDevices = challenge(standing);
  }
  for (const Standing &standing : sameMemory) {
    if (standing.pipelines != 2)
      continue;
    if (dominates(standing))
      verdict.dominators.push_back(standing);
    if (!verdict.sameMemory && !standing.figures.hasPairs && keepsNoMore(standing))
      verdict.sameMemory = challenge(standing);
  }
  return verdict;
}

std::string inWords(const SecondCopyVerdict &verdict) {
  std::ostringstream text;
  text << verdict.title << " (" << verdict.figures.makespan << ", peak " << verdict.figures.peak
       << ") holds the parameters twice. ";
  if (verdict.dominators.empty()) {
    text << "Of those simulated, none with one copy is as fast and keeps as little, nor does any "
            "in two pipelines of half the stages.";
  } else {
    const Standing &first = verdict.dominators.front();
    text << "It is not worth its second copy here: it is dominated by " << describe(first)
         << (first.pipelines == 1 ? ", which holds one copy,"
                                  : ", which holds as much on each device,")
         << " is no slower and keeps no more activations.";
  }
  if (verdict.fastest && isShorter(verdict.fastest->figures.makespan, verdict.figures.makespan) &&
      (verdict.dominators.empty() || verdict.dominators.front().title != verdict.fastest->title))
    text << " The fastest with one copy is " << describe(*verdict.fastest) << ".";
  if (!verdict.figures.hasPairs)
    return text.str();
  text << " F&B = " << verdict.pair;
  if (verdict.pair >= verdict.plain * (1 - kSame))
    text << " gains nothing over F + B";
  else
    text << " gains " << std::setprecision(3) << 100 * (1 - verdict.pair / verdict.plain)
         << " % over F + B" << std::setprecision(6);
  const char *separator = "; break-even on the same devices: ";
  for (const auto *rival : {&verdict.sameDevices, &verdict.anyActivations})
    if (*rival && (rival == &verdict.sameDevices || !verdict.sameDevices ||
                   (*rival)->standing.title != verdict.sameDevices->standing.title)) {
      text << separator << describe(verdict, **rival);
      separator = "; ";
    }
  if (verdict.sameMemory)
    text << "; on the same devices and memory: " << describe(verdict, *verdict.sameMemory);
  text << ".";
  return text.str();
}

} // namespace dpc::schedule
