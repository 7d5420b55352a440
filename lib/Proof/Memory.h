// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A rank's arenas as terms: which piece of which term lies where.
#ifndef DPC_LIB_PROOF_MEMORY_H
#define DPC_LIB_PROOF_MEMORY_H

#include "Terms.h"

#include <map>

namespace dpc::proof {

class Memory {
public:
  explicit Memory(const Terms &terms) : terms(terms) {}

  /// The next arena, filled with one term of its size.
  void addArena(Term content, uint64_t bytes) {
    arenas.emplace_back();
    if (bytes)
      arenas.back()[0] = {content, 0, bytes};
  }

  /// Appends what lies in [offset, offset + bytes).
  void read(uint32_t arena, uint64_t offset, uint64_t bytes, Pieces &to) const {
    for (auto at = before(arenas[arena], offset); bytes; ++at) {
      const Piece &piece = at->second;
      uint64_t skipped = offset - at->first, taken = std::min(piece.bytes - skipped, bytes);
      append(terms, to, part(piece, skipped, taken));
      offset += taken;
      bytes -= taken;
    }
  }

  /// Puts pieces one after the other from `offset` on.
  void write(uint32_t arena, uint64_t offset, const Pieces &pieces) {
    Arena &places = arenas[arena];
    uint64_t bytes = byteCount(pieces);
    if (bytes == 0)
      return;
    // Most slots are taken by what is as large as what was there.
    if (auto there = places.find(offset);
        pieces.size() == 1 && there != places.end() && there->second.bytes == bytes) {
      there->second = pieces.front();
      return;
    }
    makeRoom(places, offset, offset + bytes);
    for (const Piece &piece : pieces) {
      places[offset] = piece;
      offset += piece.bytes;
    }
  }

private:
  using Arena = std::map<uint64_t, Piece>; // by where the piece begins; without gaps

  static Arena::const_iterator before(const Arena &places, uint64_t offset) {
    return std::prev(places.upper_bound(offset));
  }
  Piece part(const Piece &piece, uint64_t skipped, uint64_t bytes) const {
    return {piece.term, terms.isUniform(piece.term) ? 0 : piece.offset + skipped, bytes};
  }

  // Nothing begins in [begin, end) any more, and what reaches into it ends before.
  void makeRoom(Arena &places, uint64_t begin, uint64_t end) {
    auto first = places.upper_bound(begin);
    --first;
    const uint64_t at = first->first;
    const Piece piece = first->second;
    if (at < begin) {
      first->second = part(piece, 0, begin - at);
      ++first;
      if (at + piece.bytes > end)
        places[end] = part(piece, end - at, at + piece.bytes - end);
    }
    while (first != places.end() && first->first < end) {
      const uint64_t from = first->first;
      const Piece covered = first->second;
      first = places.erase(first);
      if (from + covered.bytes > end)
        places[end] = part(covered, end - from, from + covered.bytes - end);
    }
  }

  const Terms &terms;
  std::vector<Arena> arenas;
};

} // namespace dpc::proof

#endif // DPC_LIB_PROOF_MEMORY_H
