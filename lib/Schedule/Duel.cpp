// Has Chimera fewer bubbles than DualPipe?
#include "Rankings.h"

#include "dpc/Schedule/Spread.h"

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
std::optional<unsigned> findCommon(const Generator &a, const Generator &b, unsigned ranks, unsigned from) {
  for (bool withAll : {true, false})
    for (unsigned M = from; M <= from + 8 * ranks && M <= kMaxMicroBatches; ++M)
      if (isLegal(a, ranks, M, withAll) && isLegal(b, ranks, M, withAll))
        return M;
  return std::nullopt;
}

std::optional<Standing> findBest(const Generator &generator, unsigned ranks, unsigned microBatches, const Costs &costs) {
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
std::optional<Standing> findBestHalved(const Generator &generator, unsigned ranks, unsigned microBatches, Costs costs) {
  for (double *cost : {&costs.forward, &costs.input, &costs.weight, &costs.pair})
    *cost /= 2;
  std::optional<Standing> best = findBest(generator, ranks, 2 * microBatches, costs);
  if (best)
    best->figures.peak /= 2;
  return best;
}

} // namespace

std::vector<Duel> findDuels(unsigned ranks, unsigned microBatches, const Costs &costs) {
  const Generator *chimera = findGenerator("chimera"), *dualpipe = findGenerator("dualpipe");
  std::vector<Duel> duels;
  if (!chimera || !dualpipe)
    return duels;
  unsigned P = ranks;
  std::optional<unsigned> M = findCommon(*chimera, *dualpipe, P, microBatches);
  if (!M && (M = findCommon(*chimera, *dualpipe, ranks + 1, microBatches)))
    ++P;
  if (!M)
    return duels;
  Costs share = spread(costs, P, P);
  double plain = share.forward + share.input + share.weight, gain = plain > 0 ? share.pair / plain : 1;
  for (double backward : {1.0, 2.0}) {
    Costs equal;
    equal.forward = share.forward > 0 ? share.forward : 1;
    equal.input = equal.weight = backward / 2 * equal.forward;
    equal.pair = gain * (1 + backward) * equal.forward;
    equal.comm = share.comm;
    auto one = findBest(*chimera, P, *M, equal), other = findBest(*dualpipe, P, *M, equal);
    if (!one || !other)
      continue;
    Duel duel;
    duel.backward = backward;
    duel.gain = gain;
    duel.ranks = P;
    duel.microBatches = *M;
    duel.chimera = *one;
    duel.dualpipe = *other;
    duel.halvedChimera = findBestHalved(*chimera, P, *M, equal);
    duel.halvedDualpipe = findBestHalved(*dualpipe, P, *M, equal);
    duel.shortest = rankSameDevices(P, *M, equal).front();
    duels.push_back(duel);
  }
  return duels;
}

std::string inWords(const std::vector<Duel> &duels) {
  if (duels.empty())
    return "Has Chimera fewer bubbles than DualPipe? There is no size near this one that is legal for both.";
  std::ostringstream text;
  text << "Has Chimera fewer bubbles than DualPipe? At P = " << duels[0].ranks << ", M = " << duels[0].microBatches;
  if (duels[0].gain < 1 - kSame)
    text << ", pairs gaining " << std::setprecision(3) << 100 * (1 - duels[0].gain) << " % over F + B" << std::setprecision(6);
  for (size_t i = 0; i < duels.size(); ++i) {
    const Duel &duel = duels[i];
    const Figures &chimera = duel.chimera.figures, &dualpipe = duel.dualpipe.figures;
    double difference = chimera.makespan - dualpipe.makespan, noise = kSame * dualpipe.makespan;
    text << (i ? "; " : ": ") << (difference < -noise ? "yes" : "no") << " with B = " << (duel.backward == 1 ? "F" : "2F") << ", where it has "
         << (difference < -noise ? "fewer" : difference > noise ? "more" : "as many") << " (" << duel.chimera.title << " idles " << chimera.mostIdle << " of "
         << chimera.makespan << ", " << duel.dualpipe.title << " " << dualpipe.mostIdle << " of " << dualpipe.makespan;
    if (duel.halvedChimera && duel.halvedDualpipe)
      text << "; over halves of micro-batches, as backward halving takes them, " << duel.halvedChimera->figures.mostIdle << " and "
           << duel.halvedDualpipe->figures.mostIdle;
    if (duel.shortest.figures.makespan < std::min(chimera.makespan, dualpipe.makespan) - noise)
      text << "; the shortest of all is " << duel.shortest.title << ", " << duel.shortest.figures.mostIdle << " of " << duel.shortest.figures.makespan
           << (duel.shortest.copies == 1 ? ", with one copy of the parameters" : "");
    text << ")";
  }
  text << ".";
  return text.str();
}

} // namespace dpc::schedule
