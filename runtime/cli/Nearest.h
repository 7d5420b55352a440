// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// "Did you mean …?": the known word that a misspelt one is closest to.
#pragma once
#include <algorithm>
#include <string>
#include <vector>

namespace dpcrt {

// Letters to insert, remove, replace or swap with their neighbour (the restricted
// Damerau–Levenshtein distance).
inline size_t editDistance(const std::string &a, const std::string &b) {
  std::vector<std::vector<size_t>> d(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i)
    for (size_t j = 0; j <= b.size(); ++j) {
      if (!i || !j) {
        d[i][j] = i + j;
        continue;
      }
      d[i][j] =
          std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  return d[a.size()][b.size()];
}

// The nearest of `known`, the first of equals; "" if none is near: at most a third of
// the letters may differ, and one always may. A beginning of three letters counts too.
inline std::string nearest(const std::string &word, const std::vector<std::string> &known) {
  if (word.size() > 64)
    return "";
  std::string best;
  size_t least = std::max<size_t>(1, word.size() / 3) + 1;
  for (const std::string &candidate : known)
    if (size_t d = editDistance(word, candidate); d < least) {
      least = d;
      best = candidate;
    }
  for (const std::string &candidate : known)
    if (best.empty() && word.size() >= 3 && candidate.compare(0, word.size(), word) == 0)
      best = candidate;
  return best;
}

} // namespace dpcrt
