// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Every edge of a legal program matters.
//
// Takes each wait, `after`, operand event and signal out of a legal program,
// one at a time. The checker must object, unless the edge says nothing: it is
// provably redundant if the order of all nodes of the rank is the same without
// it. This is how we know that the checker looks at every kind of edge.

#include "Builder.h"

#include "program/check/RankGraph.h"

#include <functional>
#include <gtest/gtest.h>
#include <iostream>

using namespace dpcrt;
using namespace dpcrt::test;

namespace {

struct Mutation {
  std::string words;
  std::function<void(fb::ProgramT &)> apply;
};

struct Tally {
  unsigned killed = 0, redundant = 0, survived = 0;
};

} // namespace

static void mutateWaits(std::vector<Mutation> &mutations, const std::string &where, size_t count,
                        std::function<std::vector<uint32_t> &(fb::ProgramT &)> waits) {
  for (size_t k = 0; k < count; ++k)
    mutations.push_back({where + " wait " + std::to_string(k), [=](fb::ProgramT &program) {
                           std::vector<uint32_t> &list = waits(program);
                           list.erase(list.begin() + long(k));
                         }});
}

/// All ways of taking one edge out of `program`.
static std::vector<Mutation> mutationsOf(fb::ProgramT &program) {
  std::vector<Mutation> all;
  for (size_t at = 0; at < program.order.size(); ++at) {
    fb::CommandT &command = *program.order[at];
    std::string where = "order #" + std::to_string(at);
    mutateWaits(all, where, command.waits.size(),
                [=](fb::ProgramT &p) -> std::vector<uint32_t> & { return p.order[at]->waits; });
    if (command.signal >= 0)
      all.push_back({where + " signal", [=](fb::ProgramT &p) { p.order[at]->signal = -1; }});
    if (fb::RunT *run = command.action.AsRun()) {
      for (size_t k = 0; k < run->operand_events.size(); ++k)
        if (run->operand_events[k] >= 0)
          all.push_back({where + " operand event " + std::to_string(k), [=](fb::ProgramT &p) {
                           p.order[at]->action.AsRun()->operand_events[k] = -1;
                         }});
      for (size_t k = 0; k < run->result_events.size(); ++k)
        if (run->result_events[k] >= 0)
          all.push_back({where + " result event " + std::to_string(k), [=](fb::ProgramT &p) {
                           p.order[at]->action.AsRun()->result_events[k] = -1;
                         }});
    }
    if (fb::ExchangeT *exchange = command.action.AsExchange()) {
      for (size_t t = 0; t < exchange->transfers.size(); ++t) {
        mutateWaits(all, where + " transfer " + std::to_string(t),
                    exchange->transfers[t]->after.size(),
                    [=](fb::ProgramT &p) -> std::vector<uint32_t> & {
                      return p.order[at]->action.AsExchange()->transfers[t]->after;
                    });
        if (exchange->transfers[t]->signal >= 0)
          all.push_back({where + " transfer signal " + std::to_string(t), [=](fb::ProgramT &p) {
                           p.order[at]->action.AsExchange()->transfers[t]->signal = -1;
                         }});
      }
    }
  }
  for (size_t b = 0; b < program.blocks.size(); ++b) {
    for (size_t at = 0; at < program.blocks[b]->commands.size(); ++at) {
      fb::CommandT &command = *program.blocks[b]->commands[at];
      std::string where = "block " + std::to_string(b) + " #" + std::to_string(at);
      mutateWaits(all, where, command.waits.size(),
                  [=](fb::ProgramT &p) -> std::vector<uint32_t> & {
                    return p.blocks[b]->commands[at]->waits;
                  });
      if (command.signal >= 0)
        all.push_back(
            {where + " signal", [=](fb::ProgramT &p) { p.blocks[b]->commands[at]->signal = -1; }});
    }
  }
  return all;
}

/// For every node and axis, the command that is the last one known to have
/// ended: the order between commands, whatever the cut of blocks into segments.
static std::vector<std::vector<uint32_t>> orderOf(const std::vector<uint8_t> &bytes) {
  const fb::Program &program = *flatbuffers::GetRoot<fb::Program>(bytes.data());
  Diagnostics diagnostics;
  RankGraph rank = buildRankGraph(program, diagnostics);
  EXPECT_TRUE(diagnostics.empty());
  Clocks clocks(rank.graph, topologicalOrder(rank.graph.size(), rank.graph.edges));
  std::vector<std::vector<uint32_t>> order;
  for (uint32_t node = 0; node < rank.graph.size(); ++node) {
    order.emplace_back();
    for (uint32_t axis = 0; axis < rank.graph.axes(); ++axis)
      order.back().push_back(clocks.at(node, axis));
  }
  return order;
}

TEST(Mutation, EveryEdgeIsNeededOrRedundant) {
  for (uint32_t ranks : {2u, 4u}) {
    Programs legal = pipeline(ranks, 4);
    ASSERT_TRUE(check(legal).ok()) << check(legal).message();
    Tally tally;
    for (uint32_t rank = 0; rank < ranks; ++rank) {
      std::vector<uint8_t> original = pack(*legal[rank]);
      for (const Mutation &mutation : mutationsOf(*legal[rank])) {
        ProgramPtr intact = std::move(legal[rank]);
        legal[rank] = fb::UnPackProgram(original.data());
        mutation.apply(*legal[rank]);
        if (!check(legal).ok()) {
          ++tally.killed;
        } else if (orderOf(pack(*legal[rank])) == orderOf(original)) {
          ++tally.redundant;
        } else {
          ++tally.survived;
          ADD_FAILURE() << "rank " << rank << " of " << ranks << ": nobody misses "
                        << mutation.words;
        }
        legal[rank] = std::move(intact);
      }
    }
    std::cout << ranks << " ranks: " << tally.killed << " edges missed, " << tally.redundant
              << " redundant, " << tally.survived << " survived\n";
    EXPECT_EQ(tally.survived, 0u);
    // The programs are tight: hardly an edge is there for nothing.
    EXPECT_GE(tally.killed * 100, 85 * (tally.killed + tally.redundant));
  }
}
