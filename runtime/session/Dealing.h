// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Who gives what, where several have the same: of every byte that anybody has, one gives
// it. All processes compute it from the same numbers and get the same.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace dpcrt {

// [begin, end)
struct ByteRange {
  uint64_t begin = 0, end = 0;
  uint64_t bytes() const { return end - begin; }
  friend bool operator==(const ByteRange &a, const ByteRange &b) {
    return a.begin == b.begin && a.end == b.end;
  }
};
using ByteRanges = std::vector<ByteRange>;

// What each gives of what each has; what one has may come in any order and overlap. What
// one gives is in order, and in as few ranges as it can be. Bytes that several have are
// given by the lowest of them, or, with `load`, by the one that gives least so far, the
// lowest of such; `load`, the bytes that each gives already, then grows by what is dealt.
std::vector<ByteRanges> deal(const std::vector<ByteRanges> &held,
                             std::vector<uint64_t> *load = nullptr);

// Lists of ranges as a message between processes; false if it does not hold `lists` of them.
std::string packRanges(const std::vector<ByteRanges> &lists);
bool unpackRanges(const std::string &packed, size_t lists, std::vector<ByteRanges> &out);

} // namespace dpcrt
