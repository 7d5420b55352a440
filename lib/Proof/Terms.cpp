// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Hash-consed terms, and the one form of joined bytes; see Terms.h.
#include "Terms.h"

#include <algorithm>
#include <cassert>

namespace dpc::proof {

Terms::Terms() : table(1 << 16) {
  joined = function("joined", "bytes joined");
  filled = function("filled", "a constant");
}

Function Terms::function(std::string_view name, std::string_view words) {
  auto [it, isNew] = functionOfName.try_emplace(std::string(name), Function(functions.size()));
  if (isNew)
    functions.emplace_back(words);
  return it->second;
}

Term Terms::leaf(std::string_view name, uint64_t bytes) {
  // A leaf's name is a function's that takes nothing.
  return intern(function("leaf " + std::string(name), name), 0, nullptr, 0, bytes, 0);
}

Term Terms::fill(uint32_t pattern) { return intern(filled, 0, &pattern, 1, 0, 0); }

Term Terms::apply(Function function, unsigned output, const std::vector<Term> &given,
                  uint64_t bytes, Site site) {
  return intern(function, output, given.data(), given.size(), bytes, site);
}

static uint64_t mix(uint64_t hash, uint64_t value) {
  hash = (hash ^ value) * 0x9E3779B97F4A7C15u;
  return hash ^ (hash >> 29);
}

Term Terms::intern(Function function, unsigned output, const uint32_t *begin, size_t count,
                   uint64_t bytes, Site site) {
  uint64_t hash = mix(mix(mix(function, output), bytes), count);
  for (size_t i = 0; i < count; ++i)
    hash = mix(hash, begin[i]);
  const size_t mask = table.size() - 1;
  size_t slot = hash & mask;
  for (; table[slot]; slot = (slot + 1) & mask) {
    const Node &known = nodes[table[slot] - 1];
    if (known.function == function && known.output == output && known.bytes == bytes &&
        known.count == count && std::equal(begin, begin + count, arguments.begin() + known.first))
      return table[slot] - 1;
  }
  nodes.push_back({bytes, function, uint32_t(arguments.size()), uint32_t(count), output, site});
  arguments.insert(arguments.end(), begin, begin + count);
  table[slot] = uint32_t(nodes.size());
  if (nodes.size() * 2 > table.size())
    fillTable(table.size() * 2);
  return uint32_t(nodes.size() - 1);
}

void Terms::fillTable(size_t slots) {
  table.assign(slots, 0);
  const size_t mask = slots - 1;
  for (uint32_t number = 1; number <= nodes.size(); ++number) {
    const Node &node = nodes[number - 1];
    uint64_t hash = mix(mix(mix(node.function, node.output), node.bytes), node.count);
    for (uint32_t i = 0; i < node.count; ++i)
      hash = mix(hash, arguments[node.first + i]);
    size_t slot = hash & mask;
    while (table[slot])
      slot = (slot + 1) & mask;
    table[slot] = number;
  }
}

void Terms::forget(uint64_t count) {
  if (count == nodes.size())
    return;
  arguments.resize(nodes[count].first);
  nodes.resize(count);
  fillTable(table.size());
}

std::vector<Term> Terms::argumentsOf(Term term) const {
  const Node &node = nodes[term];
  if (node.function == filled)
    return {};
  auto begin = arguments.begin() + node.first;
  if (node.function != joined)
    return {begin, begin + node.count};
  std::vector<Term> result;
  for (const Piece &piece : whole(term))
    result.push_back(piece.term);
  return result;
}

//===----------------------------------------------------------------------===//
// Pieces
//===----------------------------------------------------------------------===//

uint64_t byteCount(const Pieces &pieces) {
  uint64_t bytes = 0;
  for (const Piece &piece : pieces)
    bytes += piece.bytes;
  return bytes;
}

void append(const Terms &terms, Pieces &to, Piece piece) {
  if (piece.bytes == 0)
    return;
  if (!to.empty() && to.back().term == piece.term) {
    if (terms.isUniform(piece.term) || to.back().offset + to.back().bytes == piece.offset) {
      to.back().bytes += piece.bytes;
      return;
    }
  }
  to.push_back(piece);
}

// A joined term's arguments are its pieces, five words each: term, offset, bytes.
Term Terms::join(const Pieces &pieces) {
  if (pieces.size() == 1 && pieces[0].offset == 0 && pieces[0].bytes == nodes[pieces[0].term].bytes)
    return pieces[0].term;
  scratch.clear();
  for (const Piece &piece : pieces) {
    assert(!isJoined(piece.term) && "pieces are of what functions make");
    scratch.insert(scratch.end(), {piece.term, uint32_t(piece.offset), uint32_t(piece.offset >> 32),
                                   uint32_t(piece.bytes), uint32_t(piece.bytes >> 32)});
  }
  return intern(joined, 0, scratch.data(), scratch.size(), byteCount(pieces), 0);
}

Pieces Terms::whole(Term term) const {
  Pieces result;
  cut(term, 0, nodes[term].bytes, result);
  return result;
}

void Terms::cut(Term term, uint64_t offset, uint64_t bytes, Pieces &to) const {
  const Node &node = nodes[term];
  if (node.function != joined) {
    append(*this, to, {term, isUniform(term) ? 0 : offset, bytes});
    return;
  }
  const uint32_t *word = arguments.data() + node.first, *end = word + node.count;
  for (uint64_t begin = 0; word != end && bytes; word += 5) {
    uint64_t from = word[1] | uint64_t(word[2]) << 32, length = word[3] | uint64_t(word[4]) << 32;
    if (offset < begin + length) {
      uint64_t skipped = offset - begin, taken = std::min(length - skipped, bytes);
      append(*this, to, {word[0], isUniform(word[0]) ? 0 : from + skipped, taken});
      offset += taken;
      bytes -= taken;
    }
    begin += length;
  }
  assert(bytes == 0 && "a term has the bytes that are cut from it");
}

// Cut where any member's pieces end. Where all members hold the same part of terms of
// one size, it is that part of the combination of the whole terms: a sum over ranks does
// not know where messages were cut.
void Terms::combine(Function function, const std::vector<Pieces> &members, Site site, Pieces &to) {
  std::vector<size_t> at(members.size(), 0);
  std::vector<uint64_t> used(members.size(), 0);
  std::vector<Term> taken(members.size());
  for (;;) {
    uint64_t length = UINT64_MAX;
    for (size_t m = 0; m < members.size(); ++m) {
      if (at[m] == members[m].size())
        return; // all end together
      length = std::min(length, members[m][at[m]].bytes - used[m]);
    }
    bool areUniform = true, areAligned = true;
    uint64_t offset = 0, bytes = 0; // of those that are not uniform
    for (size_t m = 0; m < members.size(); ++m) {
      const Piece &piece = members[m][at[m]];
      taken[m] = piece.term;
      if (isUniform(piece.term))
        continue;
      if (!areUniform)
        areAligned &= piece.offset + used[m] == offset && bytesOf(piece.term) == bytes;
      areUniform = false;
      offset = piece.offset + used[m];
      bytes = bytesOf(piece.term);
    }
    if (areUniform) {
      append(*this, to, {apply(function, 0, taken, 0, site), 0, length});
    } else if (areAligned) {
      append(*this, to, {apply(function, 0, taken, bytes, site), offset, length});
    } else {
      for (size_t m = 0; m < members.size(); ++m) {
        const Piece &piece = members[m][at[m]];
        taken[m] = join({{piece.term, isUniform(piece.term) ? 0 : piece.offset + used[m], length}});
      }
      append(*this, to, {apply(function, 0, taken, length, site), 0, length});
    }
    for (size_t m = 0; m < members.size(); ++m)
      if ((used[m] += length) == members[m][at[m]].bytes) {
        ++at[m];
        used[m] = 0;
      }
  }
}

} // namespace dpc::proof
