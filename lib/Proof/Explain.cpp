// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See Explain.h.
#include "Explain.h"

namespace dpc::proof {
namespace {

std::string rangeOf(const Terms &terms, const Piece &piece) {
  if (terms.isUniform(piece.term) ||
      (piece.offset == 0 && piece.bytes == terms.bytesOf(piece.term)))
    return "";
  return "bytes [" + std::to_string(piece.offset) + ".." +
         std::to_string(piece.offset + piece.bytes) + ") of ";
}

// What stands at the first byte at which two joined values differ.
std::pair<Piece, Piece> firstDifference(const Pieces &wanted, const Pieces &found) {
  size_t i = 0;
  while (i + 1 < wanted.size() && i + 1 < found.size() && wanted[i] == found[i])
    ++i;
  return {wanted[i], found[i]};
}

} // namespace

std::string describe(const Terms &terms, const Sites &sites, Term term) {
  if (terms.isFill(term)) {
    uint32_t pattern = terms.patternOf(term);
    return pattern == 0 ? "zero" : "the constant " + std::to_string(pattern);
  }
  if (terms.isJoined(term)) {
    Pieces pieces = terms.whole(term);
    std::string first =
        rangeOf(terms, pieces.front()) + describe(terms, sites, pieces.front().term);
    return pieces.size() == 1
               ? first
               : first + " and " + std::to_string(pieces.size() - 1) + " more pieces";
  }
  std::string site = sites.describe(terms.siteOf(term));
  const std::string &words = terms.wordsOf(terms.functionOf(term));
  std::vector<Term> arguments = terms.argumentsOf(term);
  if (arguments.empty())
    return words;
  if (!site.empty())
    return "the result of " + site;
  return words + " of " + describe(terms, sites, arguments.front()) +
         (arguments.size() > 1 ? ", ..." : "");
}

std::string explain(const Terms &terms, const Sites &sites, Term wanted, Term found) {
  std::string where = "it";
  for (;;) {
    if (terms.isJoined(wanted) || terms.isJoined(found)) {
      auto piecesOf = [&](Term term) {
        return terms.isUniform(term) ? Pieces{{term, 0, 1}} : terms.whole(term);
      };
      auto [w, f] = firstDifference(piecesOf(wanted), piecesOf(found));
      if (w.term != f.term && w.offset == f.offset && w.bytes == f.bytes) {
        wanted = w.term;
        found = f.term;
        continue;
      }
      return where + " must be " + rangeOf(terms, w) + describe(terms, sites, w.term) +
             ", and the program has " + rangeOf(terms, f) + describe(terms, sites, f.term);
    }
    std::vector<Term> ours = terms.argumentsOf(wanted), theirs = terms.argumentsOf(found);
    bool isSame = terms.functionOf(wanted) == terms.functionOf(found) &&
                  terms.outputOf(wanted) == terms.outputOf(found) && ours.size() == theirs.size();
    size_t differing = 0;
    while (isSame && differing < ours.size() && ours[differing] == theirs[differing])
      ++differing;
    if (!isSame || differing == ours.size()) {
      // Two calls of one node say little; what is called differs.
      auto called = [&](Term term) {
        return sites.describe(terms.siteOf(term)).empty()
                   ? ""
                   : " (" + terms.wordsOf(terms.functionOf(term)) + ")";
      };
      return where + " must be " + describe(terms, sites, wanted) + called(wanted) +
             ", and the program has " + describe(terms, sites, found) + called(found);
    }
    std::string site = sites.describe(terms.siteOf(wanted));
    where = "argument " + std::to_string(differing + 1) + " of " +
            (site.empty() ? terms.wordsOf(terms.functionOf(wanted)) : site);
    wanted = ours[differing];
    found = theirs[differing];
  }
}

} // namespace dpc::proof
