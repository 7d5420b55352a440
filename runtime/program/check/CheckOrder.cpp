// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Can every rank always go on, on every device?
//
// A rank's list is an order of issue. Devices differ in what they wait for
// beyond what is asked: one issues the list from one thread, so that nothing
// may wait for what comes later in it; one signals the transfers of an exchange
// all at once, to both their ends, when the last one is done; one runs the communications of a rank
// one after another (a captured graph of NCCL's). The program must end on each.
//
// What ends on the most demanding device ends on all, so that most programs
// need one look; of a program that does not, the least that is wrong is told.

#include "program/check/WaitGraph.h"

#include "program/format/Naming.h"

using namespace dpcrt;

/// Calls `visit(event)` for everything that holds back some part of a command.
template <typename Visit> static void forEachWait(const fb::Command &command, Visit visit) {
  for (uint32_t event : items(command.waits()))
    visit(event);
  if (const fb::Exchange *exchange = command.action_as_Exchange()) {
    for (const fb::Transfer *transfer : items(exchange->transfers()))
      for (uint32_t event : items(transfer->after()))
        visit(event);
  } else if (const fb::Run *run = command.action_as_Run()) {
    for (int32_t event : items(run->operand_events()))
      if (event >= 0)
        visit(static_cast<uint32_t>(event));
  }
}

template <typename Visit> static void forEachSignal(const fb::Command &command, Visit visit) {
  auto maybe = [&](int32_t event) {
    if (event >= 0)
      visit(static_cast<uint32_t>(event));
  };
  maybe(command.signal());
  if (const fb::Exchange *exchange = command.action_as_Exchange()) {
    for (const fb::Transfer *transfer : items(exchange->transfers()))
      maybe(transfer->signal());
  } else if (const fb::Run *run = command.action_as_Run()) {
    for (int32_t event : items(run->result_events()))
      maybe(event);
  }
}

/// Nothing waits for what comes later in the list. (Of a block's list, its
/// summary has seen to that.)
static void checkList(const fb::Program &program, Diagnostics &diagnostics) {
  std::vector<uint32_t> firedBy(program.events(), RankGraph::none);
  uint32_t index = 0;
  for (const fb::Command *command : items(program.order())) {
    forEachSignal(*command, [&](uint32_t event) { firedBy[event] = index; });
    ++index;
  }
  index = 0;
  for (const fb::Command *command : items(program.order())) {
    uint32_t told = RankGraph::none;
    forEachWait(*command, [&](uint32_t event) {
      uint32_t other = firedBy[event];
      if (other < index || other == told)
        return;
      told = other;
      diagnostics.error("rank ", program.coordinate(), ": ", commandName(program, nullptr, index),
                        " on stream ", streamName(program, command->stream()),
                        " waits for an event of ", commandName(program, nullptr, other),
                        " on stream ", streamName(program, program.order()->Get(other)->stream()),
                        ", which does not stand before it in the list: a list is an order of "
                        "issue, and nothing may wait for what comes later in it");
    });
    ++index;
  }
}

void dpcrt::checkOrder(const std::vector<RankGraph> &ranks, const std::vector<Match> &matches,
                       const std::vector<CollectiveMatch> &collectives, Diagnostics &diagnostics) {
  // True if everything comes to an end.
  auto ends = [&](Execution execution, const char *otherwise) {
    WaitGraph graph(ranks, matches, collectives, execution);
    std::vector<uint32_t> cycle = graph.cycle();
    if (!cycle.empty() && otherwise)
      diagnostics.error(otherwise, graph.describe(cycle));
    return cycle.empty();
  };
  bool endsEverywhere = ends(Execution::OneByOne, nullptr);
  if (!endsEverywhere && !ends(Execution::AsAsked, "deadlock: these commands wait for each other"))
    return;
  for (const RankGraph &rank : ranks)
    checkList(*rank.program, diagnostics);
  if (endsEverywhere || !diagnostics.empty())
    return;
  if (ends(Execution::WholeExchanges,
           "these transfers cannot complete together with the others of their exchange: a device "
           "that signals all of them only when the last one is done would wait for ever"))
    ends(Execution::OneByOne,
         "these communications have no order that all ranks share: a device that runs each rank's "
         "communications one after another, as its list has them, would wait for ever");
}
