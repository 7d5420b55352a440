// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One rank's step as a graph.
//
// What the checks look at instead of the file: everything that happens on one
// rank in one step as nodes, with the order that this rank's own streams and
// events give, the byte ranges each node touches, and the places where other
// ranks come in. Runs are expanded into the segments of their block's summary.
//
// An exchange is three kinds of nodes: its start, its transfers (which progress
// together, hence each on an axis of its own), and its end. A collective is a
// start and an end. Axes: the program's streams, then the transfers by their
// position in an exchange.

#ifndef DPCRT_PROGRAM_CHECK_RANKGRAPH_H
#define DPCRT_PROGRAM_CHECK_RANKGRAPH_H

#include "program/check/BlockSummary.h"

namespace dpcrt {

struct RankGraph {
  static constexpr uint32_t none = UINT32_MAX;

  enum class Kind : uint8_t { Command, Start, Transfer, Segment };
  /// What a node is, for messages: part of command `command` of the order.
  struct Origin {
    uint32_t command;
    uint32_t part; ///< transfer, or segment of the run's block
    Kind kind;
  };
  struct TransferSite {
    uint32_t start, node; ///< the exchange's start; the transfer itself
    uint32_t command, transfer;
  };
  struct CollectiveSite {
    uint32_t start, end;
    uint32_t command;
    uint32_t blockCommand; ///< none: `command` itself is the collective
  };
  /// An exchange or a collective.
  struct Communication {
    uint32_t start, end;
  };

  RankGraph(const fb::Program &program, uint32_t axes) : program(&program), graph(axes) {}

  const fb::Program *program;
  EventGraph graph;
  std::vector<Origin> origins; ///< per node
  std::vector<MemoryUse> uses; ///< spaces: arenas; in the order of nodes
  std::vector<TransferSite> transfers;
  std::vector<CollectiveSite> collectives;
  /// All of both kinds in the order of the list, those of a block where it is run.
  std::vector<Communication> communications;
  std::vector<BlockSummary> blocks;
  std::vector<uint32_t> lastNodes; ///< where the last command of the order ends

  const fb::Command &command(uint32_t index) const { return *program->order()->Get(index); }
  const fb::Transfer &transfer(const TransferSite &site) const;
  const fb::Collective &collective(const CollectiveSite &site) const;

  /// "run #12 (F s1 m3)", with the command of the block where there is one.
  std::string describe(const CollectiveSite &site) const;
  /// Names the command behind a use, down to the command of a block, and says
  /// on which stream it is.
  std::string describe(const MemoryUse &use) const;
  /// The stream a node is on.
  std::string stream(uint32_t node) const;
};

/// Builds the graph of one program, its blocks checked and summarised on the
/// way (errors go to `diagnostics`, and the graph is then without meaning).
RankGraph buildRankGraph(const fb::Program &program, Diagnostics &diagnostics);

} // namespace dpcrt

#endif // DPCRT_PROGRAM_CHECK_RANKGRAPH_H
