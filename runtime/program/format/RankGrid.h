// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Where the ranks of a run stand on the mesh: the one formula, of compiler and runtime.
//
// A rank is (pp, dp, ep), linearised with pp slowest. A program belongs to a coordinate of
// pp; the ranks that stand there, its replicas, run it on different data: those that differ
// in dp on other micro-batches, those that differ in ep on their slices of the same ones.

#ifndef DPCRT_PROGRAM_FORMAT_RANKGRID_H
#define DPCRT_PROGRAM_FORMAT_RANKGRID_H

#include <cstdint>

namespace dpcrt {

/// A rank's coordinates.
struct RankPlace {
  uint32_t pp = 0, dp = 0, ep = 0;
};

/// The mesh's sizes. Their product fits 32 bits, which readers of files see to.
struct RankGrid {
  uint32_t pp = 1, dp = 1, ep = 1;

  /// Ranks at each coordinate of pp.
  uint32_t replicas() const { return dp * ep; }
  uint32_t ranks() const { return pp * replicas(); }

  /// The number of a place among those at its coordinate of pp.
  uint32_t replicaOf(const RankPlace &place) const { return place.dp * ep + place.ep; }
  uint32_t rankOf(const RankPlace &place) const { return place.pp * replicas() + replicaOf(place); }
  RankPlace placeOf(uint32_t rank) const { return {rank / replicas(), rank / ep % dp, rank % ep}; }
};

} // namespace dpcrt

#endif // DPCRT_PROGRAM_FORMAT_RANKGRID_H
