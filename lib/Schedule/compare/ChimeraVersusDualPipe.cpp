// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Has Chimera fewer bubbles than DualPipe?
#include "Rankings.h"

#include "dpc/Schedule/core/Spread.h"

#include <algorithm>
#include <iomanip>
#include <sstream>

namespace dpc::schedule {
namespace {

constexpr double kSame = 1e-9; // of a makespan: differences of rounding only

// Whether a schedule is legal with all its variants, or with its defaults.
bool isLegal(const Generator &generator, unsigned ranks, unsigned microBatches, bool withAll) {
  for (const Variant &variant : variantsOf(generator)) {
    Request request;
    request.ranks = ranks;
    request.microBatches = microBatches;
    request.options = variant.options;
    if ((withAll || variant.options.empty()) && !findFault(generator, request).empty())
      return false;
  }
  return true;
}

// The nearest number of micro-batches from `from` on that both take, a few units on.
std::optional<unsigned> findCommon(const Generator &a, const Generator &b, unsigned ranks,
                                   unsigned from) {
  for (bool withAll : {true, false})
    for (unsigned M = from; M <= from + 8 * ranks && M <= kMaxMicroBatches; ++M)
      if (isLegal(a, ranks, M, withAll) && isLegal(b, ranks, M, withAll))
        return M;
  return std::nullopt;
}

std::optional<Standing> findBest(const Generator &generator, unsigned ranks, unsigned microBatches,
                                 const Costs &costs) {
  std::optional<Standing> best;
  for (const Variant &variant : variantsOf(generator))
    if (Result<Figures> figures = measure(variant, ranks, microBatches, costs); figures.ok())
      if (!best || figures->makespan < best->figures.makespan)
        best = Standing{variant.title, generator.replicas(), 1, *figures};
  return best;
}

// Backward halving is forward doubling over halves of micro-batches: forwards go over
// both halves, backwards over each. Whoever halves gains, as bubbles are as long as
// its micro-batches; so both are halved.
std::optional<Standing> findBestHalved(const Generator &generator, unsigned ranks,
                                       unsigned microBatches, Costs costs) {
  for (double *cost : {&costs.forward, &costs.input, &costs.weight, &costs.pair})
    *cost /= 2;
  std::optional<Standing> best = findBest(generator, ranks, 2 * microBatches, costs);
  if (best)
    best->figures.peak /= 2;
  return best;
}

} // namespace

std::vector<ChimeraVersusDualPipe> compareChimera(unsigned ranks, unsigned microBatches,
                                                  const Costs &costs) {
  const Generator *chimera = findGenerator("chimera"), *dualpipe = findGenerator("dualpipe");
  std::vector<ChimeraVersusDualPipe> chimeraCases;
  if (!chimera || !dualpipe)
    return chimeraCases;
  unsigned P = ranks;
  std::optional<unsigned> M = findCommon(*chimera, *dualpipe, P, microBatches);
  if (!M && (M = findCommon(*chimera, *dualpipe, ranks + 1, microBatches)))
    ++P;
  if (!M)
    return chimeraCases;
  Costs share = spread(costs, P, P);
  double plain = share.forward + share.input + share.weight,
         gain = plain > 0 ? share.pair / plain : 1;
  for (double backward : {1.0, 2.0}) {
    Costs equal;
    equal.forward = share.forward > 0 ? share.forward : 1;
    equal.input = equal.weight = backward / 2 * equal.forward;
    equal.pair = gain * (1 + backward) * equal.forward;
    equal.comm = share.comm;
    auto one = findBest(*chimera, P, *M, equal), other = findBest(*dualpipe, P, *M, equal);
    if (!one || !other)
      continue;
    ChimeraVersusDualPipe versus;
    versus.backward = backward;
    versus.gain = gain;
    versus.ranks = P;
    versus.microBatches = *M;
    versus.chimera = *one;
    versus.dualpipe = *other;
    versus.halvedChimera = findBestHalved(*chimera, P, *M, equal);
    versus.halvedDualpipe = findBestHalved(*dualpipe, P, *M, equal);
    versus.shortest = rankSameDevices(P, *M, equal).front();
    chimeraCases.push_back(versus);
  }
  return chimeraCases;
}

std::string inWords(const std::vector<ChimeraVersusDualPipe> &chimeraCases) {
  if (chimeraCases.empty())
    return "Has Chimera fewer bubbles than DualPipe? There is no size near this one that is legal "
           "for both.";
  std::ostringstream text;
  text << "Has Chimera fewer bubbles than DualPipe? At P = " << chimeraCases[0].ranks
       << ", M = " << chimeraCases[0].microBatches;
  if (chimeraCases[0].gain < 1 - kSame)
    text << ", pairs gaining " << std::setprecision(3) << 100 * (1 - chimeraCases[0].gain)
         << " % over F + B" << std::setprecision(6);
  for (size_t i = 0; i < chimeraCases.size(); ++i) {
    const ChimeraVersusDualPipe &versus = chimeraCases[i];
    const Figures &chimera = versus.chimera.figures, &dualpipe = versus.dualpipe.figures;
    double difference = chimera.makespan - dualpipe.makespan, noise = kSame * dualpipe.makespan;
    text << (i ? "; " : ": ") << (difference < -noise ? "yes" : "no")
         << " with B = " << (versus.backward == 1 ? "F" : "2F") << ", where it has "
         << (difference < -noise  ? "fewer"
             : difference > noise ? "more"
                                  : "as many")
         << " (" << versus.chimera.title << " idles " << chimera.mostIdle << " of "
         << chimera.makespan << ", " << versus.dualpipe.title << " " << dualpipe.mostIdle << " of "
         << dualpipe.makespan;
    if (versus.halvedChimera && versus.halvedDualpipe)
      text << "; over halves of micro-batches, as backward halving takes them, "
           << versus.halvedChimera->figures.mostIdle << " and "
           << versus.halvedDualpipe->figures.mostIdle;
    if (versus.shortest.figures.makespan < std::min(chimera.makespan, dualpipe.makespan) - noise)
      text << "; the shortest of all is " << versus.shortest.title << ", "
           << versus.shortest.figures.mostIdle << " of " << versus.shortest.figures.makespan
           << (versus.shortest.copies == 1 ? ", with one copy of the parameters" : "");
    text << ")";
  }
  text << ".";
  return text.str();
}

} // namespace dpc::schedule
