// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The minimum cut of Residuals.h, and the search for the price of a flop.
#include "dpc/Autodiff/Residuals.h"
#include "dpc/Autodiff/MinCut.h"

#include <algorithm>
#include <cassert>

using namespace dpc::autodiff;

namespace {
// Prices are in 1/1024 of a unit of cost per flop, up to 64 units.
constexpr int64_t kPriceUnit = 1024;
constexpr int64_t kMaxPrice = 64 * kPriceUnit;
// Keeps sums of capacities far from overflow: 2^50 bytes and flops are beyond
// every machine's memory and every stage's work.
constexpr int64_t kMaxCapacity = int64_t(1) << 50;

int64_t scale(int64_t amount, int64_t factor) {
  if (amount > kMaxCapacity / std::max<int64_t>(factor, 1))
    return kMaxCapacity;
  return amount * factor;
}

ResidualChoice cutAtPrice(const ResidualGraph &graph, int64_t price) {
  FlowNetwork network;
  unsigned source = network.addNode(), sink = network.addNode();
  unsigned firstValue = 2, firstOperation = 2 + graph.values.size();
  for (size_t i = 0; i < graph.values.size() + graph.operations.size(); ++i)
    network.addNode();

  std::vector<bool> isResult(graph.values.size(), false);
  auto keepCapacity = [&](unsigned value) {
    return graph.values[value].keepable ? scale(graph.values[value].cost, kPriceUnit)
                                        : FlowNetwork::kUncuttable;
  };
  for (unsigned i = 0; i < graph.operations.size(); ++i) {
    const ResidualGraph::Operation &operation = graph.operations[i];
    unsigned node = firstOperation + i;
    network.addEdge(source, node,
                    operation.recomputable ? scale(operation.flops, price)
                                           : FlowNetwork::kUncuttable);
    for (unsigned result : operation.results) {
      isResult[result] = true;
      network.addEdge(node, firstValue + result, keepCapacity(result));
    }
    for (unsigned operand : operation.operands)
      network.addEdge(firstValue + operand, node, FlowNetwork::kUncuttable);
  }
  for (unsigned value = 0; value < graph.values.size(); ++value) {
    if (!isResult[value])
      network.addEdge(source, firstValue + value, keepCapacity(value));
    if (graph.values[value].needed)
      network.addEdge(firstValue + value, sink, FlowNetwork::kUncuttable);
  }

  [[maybe_unused]] int64_t flow = network.maximizeFlow(source, sink);
  assert(flow < FlowNetwork::kUncuttable && "a value can neither be kept nor computed again");
  std::vector<bool> sinkSide = network.getSinkSide(sink);

  ResidualChoice choice;
  choice.kept.assign(graph.values.size(), false);
  choice.recomputed.assign(graph.operations.size(), false);
  for (unsigned i = 0; i < graph.operations.size(); ++i)
    choice.recomputed[i] = sinkSide[firstOperation + i];
  // What is not read by anything is on no side that matters: kept values are
  // those that are needed or read by a recomputed operation, and not made by one.
  std::vector<bool> wanted(graph.values.size(), false), made(graph.values.size(), false);
  for (unsigned value = 0; value < graph.values.size(); ++value)
    wanted[value] = graph.values[value].needed;
  for (unsigned i = 0; i < graph.operations.size(); ++i) {
    if (!choice.recomputed[i])
      continue;
    choice.flops += graph.operations[i].flops;
    for (unsigned operand : graph.operations[i].operands)
      wanted[operand] = true;
    for (unsigned result : graph.operations[i].results)
      made[result] = true;
  }
  for (unsigned value = 0; value < graph.values.size(); ++value)
    if (wanted[value] && !made[value]) {
      choice.kept[value] = true;
      choice.cost += graph.values[value].cost;
    }
  return choice;
}
} // namespace

ResidualChoice dpc::autodiff::chooseResiduals(const ResidualGraph &graph, int64_t budget) {
  ResidualChoice best = cutAtPrice(graph, 0);
  if (budget < 0 || best.flops <= budget)
    return best;
  // What is computed again shrinks as the price grows, so the price is bisected.
  int64_t low = 0, high = kMaxPrice;
  best = cutAtPrice(graph, high);
  if (best.flops > budget) {
    // Even at the highest price: then nothing that counts is computed again.
    ResidualGraph none = graph;
    for (ResidualGraph::Operation &operation : none.operations)
      operation.recomputable &= operation.flops == 0;
    return cutAtPrice(none, 0);
  }
  while (high - low > 1) {
    int64_t middle = low + (high - low) / 2;
    ResidualChoice choice = cutAtPrice(graph, middle);
    if (choice.flops <= budget) {
      high = middle;
      best = std::move(choice);
    } else {
      low = middle;
    }
  }
  return best;
}
