// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// List scheduling over two resources; see PairSchedule.h.
#include "PairSchedule.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <numeric>
#include <random>

namespace dpc::lowering {
namespace {

std::vector<std::vector<unsigned>> successors(const std::vector<PairCommand> &commands) {
  std::vector<std::vector<unsigned>> result(commands.size());
  for (unsigned i = 0; i < commands.size(); ++i)
    for (unsigned p : commands[i].after)
      result[p].push_back(i);
  return result;
}

// Longest chain from a command's start to the end, each command weighed by `weight`.
std::vector<double> tails(const std::vector<PairCommand> &commands,
                          const std::function<double(const PairCommand &)> &weight) {
  auto next = successors(commands);
  std::vector<double> tail(commands.size());
  for (unsigned i = commands.size(); i-- > 0;) {
    double rest = 0;
    for (unsigned s : next[i])
      rest = std::max(rest, tail[s]);
    tail[i] = weight(commands[i]) + rest;
  }
  return tail;
}

// The order in which a list scheduler with these priorities starts the commands.
// Each resource, when it falls idle, takes the ready command of highest
// priority, the lowest number among equals.
std::vector<unsigned> listOrder(const std::vector<PairCommand> &commands,
                                const std::vector<double> &priority) {
  size_t n = commands.size();
  auto next = successors(commands);
  std::vector<unsigned> missing(n), order;
  std::vector<double> ready(n, 0);
  std::vector<bool> placed(n, false);
  for (unsigned i = 0; i < n; ++i)
    missing[i] = commands[i].after.size();
  double free[2] = {0, 0};
  while (order.size() < n) {
    // The resource that can start something first takes its best command.
    double when[2];
    int pick[2] = {-1, -1};
    for (int resource = 0; resource < 2; ++resource) {
      double earliest = std::numeric_limits<double>::infinity();
      for (unsigned i = 0; i < n; ++i)
        if (!placed[i] && !missing[i] && commands[i].communication == (resource == 1))
          earliest = std::min(earliest, std::max(ready[i], free[resource]));
      when[resource] = earliest;
      for (unsigned i = 0; i < n; ++i)
        if (!placed[i] && !missing[i] && commands[i].communication == (resource == 1) &&
            ready[i] <= earliest && (pick[resource] < 0 || priority[i] > priority[pick[resource]]))
          pick[resource] = i;
    }
    int resource = when[1] <= when[0] ? 1 : 0; // communication first: it costs the cores nothing
    unsigned i = pick[resource];
    double end = when[resource] + commands[i].seconds;
    free[resource] = end;
    placed[i] = true;
    order.push_back(i);
    for (unsigned s : next[i]) {
      --missing[s];
      ready[s] = std::max(ready[s], end);
    }
  }
  return order;
}

} // namespace

PairSchedule placeInOrder(const std::vector<PairCommand> &commands,
                          const std::vector<unsigned> &order) {
  PairSchedule result;
  result.order = order;
  result.start.resize(commands.size());
  result.end.resize(commands.size());
  double free[2] = {0, 0};
  for (unsigned i : order) {
    double &resource = free[commands[i].communication ? 1 : 0];
    double start = resource;
    for (unsigned p : commands[i].after)
      start = std::max(start, result.end[p]);
    result.start[i] = start;
    result.end[i] = resource = start + commands[i].seconds;
    result.makespan = std::max(result.makespan, result.end[i]);
  }
  return result;
}

double pairLowerBound(const std::vector<PairCommand> &commands) {
  std::vector<double> tail = tails(commands, [](const PairCommand &c) { return c.seconds; });
  std::vector<double> head(commands.size(), 0);
  double bound = 0;
  for (unsigned i = 0; i < commands.size(); ++i) {
    for (unsigned p : commands[i].after)
      head[i] = std::max(head[i], head[p] + commands[p].seconds);
    bound = std::max(bound, head[i] + tail[i]);
  }
  for (bool communication : {false, true}) {
    double sum = 0, least = std::numeric_limits<double>::infinity(), last = least;
    for (unsigned i = 0; i < commands.size(); ++i)
      if (commands[i].communication == communication) {
        sum += commands[i].seconds;
        least = std::min(least, head[i]);
        last = std::min(last, tail[i] - commands[i].seconds);
      }
    if (sum > 0)
      bound = std::max(bound, least + sum + last);
  }
  return bound;
}

namespace {

// The same problem with time running backwards.
std::vector<PairCommand> mirror(const std::vector<PairCommand> &commands) {
  unsigned n = commands.size();
  std::vector<PairCommand> mirrored(n);
  for (unsigned i = 0; i < n; ++i) {
    mirrored[n - 1 - i].seconds = commands[i].seconds;
    mirrored[n - 1 - i].communication = commands[i].communication;
    for (unsigned p : commands[i].after)
      mirrored[n - 1 - p].after.push_back(n - 1 - i);
  }
  return mirrored;
}

// Tries orders and keeps the best. All of it is bounded by counts that depend on
// the number of commands alone, so the result does not depend on the clock.
class Search {
public:
  Search(const std::vector<PairCommand> &commands, PairSchedule &best)
      : commands(commands), mirrored(mirror(commands)), best(best), size(commands.size()),
        bound(pairLowerBound(commands) * (1 + 1e-9)) {}

  void run() {
    std::vector<double> chain = tails(commands, [](const PairCommand &c) { return c.seconds; });
    std::vector<double> link =
        tails(commands, [](const PairCommand &c) { return c.communication ? c.seconds : 0.0; });
    // Chains that still have communication ahead come first, by how much of it.
    improve(chain);
    improve(link);
    std::vector<double> mixed(size);
    for (double bias : {0.25, 1.0, 4.0}) {
      for (unsigned i = 0; i < size; ++i)
        mixed[i] = chain[i] + bias * link[i];
      improve(mixed);
    }
    // The same with priorities shaken, by a generator whose numbers are fixed.
    std::mt19937 random(1);
    unsigned shakes = std::min<size_t>(64, 4'000'000 / (size * size + 1));
    for (unsigned k = 0; k < shakes; ++k) {
      for (unsigned i = 0; i < size; ++i)
        mixed[i] = (chain[i] + link[i] * (k % 3)) * (0.4 + 1.2 * (random() % 4096) / 4096);
      improve(mixed);
    }
    if (!isOptimal())
      anneal();
  }

private:
  bool isOptimal() const { return best.makespan <= bound; }

  bool keep(const PairSchedule &candidate) {
    if (candidate.makespan >= best.makespan * (1 - 1e-9))
      return false;
    best = candidate;
    return true;
  }

  // List scheduling, then to and fro: what ended last is placed first from the end,
  // what then starts first is placed first from the start. Neither makes the pair
  // longer, and together they close gaps that one direction leaves.
  void improve(const std::vector<double> &priority) {
    if (isOptimal())
      return;
    PairSchedule schedule = placeInOrder(commands, listOrder(commands, priority));
    keep(schedule);
    std::vector<double> ends(size), starts(size);
    for (int round = 0; round < 4; ++round) {
      for (unsigned i = 0; i < size; ++i)
        ends[size - 1 - i] = schedule.end[i];
      PairSchedule fro = placeInOrder(mirrored, listOrder(mirrored, ends));
      for (unsigned i = 0; i < size; ++i)
        starts[i] = fro.end[size - 1 - i];
      PairSchedule to = placeInOrder(commands, listOrder(commands, starts));
      keep(to);
      if (to.makespan >= schedule.makespan * (1 - 1e-9))
        return;
      schedule = std::move(to);
    }
  }

  // Annealing from the best order so far: a command moves to another place between
  // its predecessors and its successors. List scheduling never lets a resource wait
  // while something is ready, which the shortest order sometimes has to.
  void anneal() {
    std::vector<std::vector<unsigned>> next = successors(commands);
    std::vector<unsigned> order = best.order, place(size), shortest = order;
    for (unsigned i = 0; i < size; ++i)
      place[order[i]] = i;
    double current = best.makespan, least = current;
    std::vector<double> end(size);
    std::mt19937 random(2);
    size_t rounds = std::min<size_t>(20'000, 8'000'000 / (size + 1));
    double length = 0; // of a command, about what a move costs
    for (const PairCommand &command : commands)
      length += command.seconds / size;
    for (size_t round = 0; round < rounds && least > bound; ++round) {
      unsigned mover = random() % size, low = 0, high = size - 1;
      for (unsigned p : commands[mover].after)
        low = std::max(low, place[p] + 1);
      for (unsigned s : next[mover])
        high = std::min(high, place[s] - 1);
      if (low >= high)
        continue;
      unsigned from = place[mover], to = low + random() % (high - low + 1);
      if (to == from)
        continue;
      move(order, place, from, to);
      double candidate = measure(order, end);
      // What a move may cost falls to nothing. Plain arithmetic, which has the same
      // bits on every processor, and so has the program.
      double left = 1 - double(round) / rounds, most = length * left * left;
      if (candidate - current <= most * (random() % 4096) / 4096) {
        current = candidate;
        if (current < least * (1 - 1e-9)) {
          least = current;
          shortest = order;
        }
      } else {
        move(order, place, to, from);
      }
    }
    keep(placeInOrder(commands, shortest));
  }

  static void move(std::vector<unsigned> &order, std::vector<unsigned> &place, unsigned from,
                   unsigned to) {
    auto at = order.begin();
    if (from < to)
      std::rotate(at + from, at + from + 1, at + to + 1);
    else
      std::rotate(at + to, at + from, at + from + 1);
    for (unsigned i = std::min(from, to); i <= std::max(from, to); ++i)
      place[order[i]] = i;
  }

  // The makespan of an order.
  double measure(const std::vector<unsigned> &order, std::vector<double> &end) const {
    double free[2] = {0, 0};
    for (unsigned i : order) {
      double &resource = free[commands[i].communication ? 1 : 0];
      for (unsigned p : commands[i].after)
        resource = std::max(resource, end[p]);
      end[i] = resource += commands[i].seconds;
    }
    return std::max(free[0], free[1]);
  }

  const std::vector<PairCommand> &commands;
  std::vector<PairCommand> mirrored;
  PairSchedule &best;
  size_t size;
  double bound;
};

} // namespace

PairSchedule schedulePair(const std::vector<PairCommand> &commands) {
  std::vector<unsigned> plain(commands.size());
  std::iota(plain.begin(), plain.end(), 0);
  PairSchedule best = placeInOrder(commands, plain);
  // Without communication there is nothing to hide; keep the tasks whole, so that
  // their results come as early as they would alone.
  if (std::none_of(commands.begin(), commands.end(),
                   [](const PairCommand &c) { return c.communication; }))
    return best;
  Search(commands, best).run();
  return best;
}

} // namespace dpc::lowering
