// List scheduling over two resources; see PairSchedule.h.
#include "PairSchedule.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <numeric>

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
std::vector<double> tails(const std::vector<PairCommand> &commands, const std::function<double(const PairCommand &)> &weight) {
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
std::vector<unsigned> listOrder(const std::vector<PairCommand> &commands, const std::vector<double> &priority) {
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
        if (!placed[i] && !missing[i] && commands[i].communication == (resource == 1) && ready[i] <= earliest &&
            (pick[resource] < 0 || priority[i] > priority[pick[resource]]))
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

PairSchedule placeInOrder(const std::vector<PairCommand> &commands, const std::vector<unsigned> &order) {
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
  double compute = 0, communication = 0, chain = 0;
  for (const PairCommand &command : commands)
    (command.communication ? communication : compute) += command.seconds;
  for (double tail : tails(commands, [](const PairCommand &c) { return c.seconds; }))
    chain = std::max(chain, tail);
  return std::max({compute, communication, chain});
}

PairSchedule schedulePair(const std::vector<PairCommand> &commands) {
  std::vector<unsigned> plain(commands.size());
  std::iota(plain.begin(), plain.end(), 0);
  PairSchedule best = placeInOrder(commands, plain);
  // Without communication there is nothing to hide; keep the tasks whole, so that
  // their results come as early as they would alone.
  if (std::none_of(commands.begin(), commands.end(), [](const PairCommand &c) { return c.communication; }))
    return best;

  auto seconds = [](const PairCommand &c) { return c.seconds; };
  std::vector<double> chain = tails(commands, seconds);
  std::vector<double> link = tails(commands, [](const PairCommand &c) { return c.communication ? c.seconds : 0.0; });
  // Chains that still have communication ahead come first, by how much of it.
  std::vector<std::vector<double>> rules = {chain, link};
  for (double bias : {0.25, 1.0, 4.0}) {
    std::vector<double> mixed(commands.size());
    for (unsigned i = 0; i < commands.size(); ++i)
      mixed[i] = chain[i] + bias * link[i];
    rules.push_back(mixed);
  }
  for (auto &rule : rules) {
    PairSchedule candidate = placeInOrder(commands, listOrder(commands, rule));
    if (candidate.makespan < best.makespan)
      best = candidate;
  }
  // Local search: move one command forward to where it can first stand. Bounded,
  // and only while it shortens the pair.
  bool better = true;
  for (int round = 0; better && round < 16; ++round) {
    better = false;
    for (unsigned at = 1; at < best.order.size(); ++at)
      for (unsigned to = at; to-- > 0;) {
        unsigned mover = best.order[at];
        const auto &after = commands[mover].after;
        if (std::find(after.begin(), after.end(), best.order[to]) != after.end())
          break;
        std::vector<unsigned> order = best.order;
        order.erase(order.begin() + at);
        order.insert(order.begin() + to, mover);
        PairSchedule candidate = placeInOrder(commands, order);
        if (candidate.makespan < best.makespan * (1 - 1e-9)) {
          best = candidate;
          better = true;
          break;
        }
      }
  }
  return best;
}

} // namespace dpc::lowering
