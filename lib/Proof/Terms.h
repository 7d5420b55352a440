// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Values as terms: how bytes came about, instead of what they are.
//
// A term is a leaf (a parameter before the step, an input of a micro-batch) or a
// function applied to terms: result k of a kernel, of a library call, of a sum over
// ranks. Equal terms are one number, so that comparing how two values came about is
// comparing two numbers. Bytes in memory are *pieces* of terms; a value that is several
// pieces, or a part of one, is a term as well, in one form only: whoever cuts and joins
// the same bytes in whatever way comes to the same number.
#ifndef DPC_LIB_PROOF_TERMS_H
#define DPC_LIB_PROOF_TERMS_H

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace dpc::proof {

using Term = uint32_t;
using Function = uint32_t;

/// Bytes [offset, offset + bytes) of a term.
struct Piece {
  Term term;
  uint64_t offset, bytes;

  bool operator==(const Piece &other) const {
    return term == other.term && offset == other.offset && bytes == other.bytes;
  }
};

/// Bytes one after the other; neighbours that are one piece are written as one.
using Pieces = std::vector<Piece>;

/// Where a term was first made, a number that Sites.h gives meaning to.
using Site = uint32_t;

class Terms {
public:
  Terms();

  /// The function of this name. Names are compared, `words` are what messages call it.
  Function function(std::string_view name, std::string_view words);

  /// A value that nothing in the step makes.
  Term leaf(std::string_view name, uint64_t bytes);
  /// Repeated four bytes, of any length: each part of it is the same term.
  Term fill(uint32_t pattern);
  /// Result `output` of a function.
  Term apply(Function function, unsigned output, const std::vector<Term> &arguments, uint64_t bytes,
             Site site);
  /// The bytes as one term: a term itself if they are all of it.
  Term join(const Pieces &pieces);

  /// Appends bytes [offset, offset + bytes) of `term`.
  void cut(Term term, uint64_t offset, uint64_t bytes, Pieces &to) const;
  Pieces whole(Term term) const;

  /// Element by element `function` of what the members hold, appended to `to`. All have
  /// the same number of bytes. A part of it is that function of the parts.
  void combine(Function function, const std::vector<Pieces> &members, Site site, Pieces &to);

  /// Forgets all terms made since there were `count`.
  void forget(uint64_t count);

  //===------------------------------------------------------------------===//
  // Looking into terms
  //===------------------------------------------------------------------===//
  uint64_t size() const { return nodes.size(); }
  Function functionOf(Term term) const { return nodes[term].function; }
  unsigned outputOf(Term term) const { return nodes[term].output; }
  uint64_t bytesOf(Term term) const { return nodes[term].bytes; }
  Site siteOf(Term term) const { return nodes[term].site; }
  /// Whether it is bytes joined, rather than made by a function.
  bool isJoined(Term term) const { return nodes[term].function == joined; }
  /// Whether it has no bytes of its own but repeats as long as it is asked for.
  bool isUniform(Term term) const { return nodes[term].bytes == 0; }
  bool isFill(Term term) const { return nodes[term].function == filled; }
  uint32_t patternOf(Term term) const { return arguments[nodes[term].first]; }
  std::vector<Term> argumentsOf(Term term) const;
  const std::string &wordsOf(Function function) const { return functions[function]; }

private:
  struct Node {
    uint64_t bytes;
    Function function;
    uint32_t first, count; ///< of `arguments`
    uint32_t output;
    Site site;
  };
  Term intern(Function function, unsigned output, const uint32_t *begin, size_t count,
              uint64_t bytes, Site site);
  void fillTable(size_t slots);

  std::vector<Node> nodes;
  std::vector<uint32_t> arguments;
  std::vector<uint32_t> table;        ///< term + 1, or 0; a power of two long
  std::vector<std::string> functions; ///< what messages call each
  std::unordered_map<std::string, Function> functionOfName;
  std::vector<uint32_t> scratch;
  Function joined, filled;
};

/// Appends a piece, joined with the last one where the two are one.
void append(const Terms &terms, Pieces &to, Piece piece);

uint64_t byteCount(const Pieces &pieces);

} // namespace dpc::proof

#endif // DPC_LIB_PROOF_TERMS_H
