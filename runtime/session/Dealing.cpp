// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// From one place where a range begins or ends to the next, who has the bytes is the same.
#include "session/Dealing.h"
#include <cstring>
#include <map>

namespace dpcrt {

std::vector<ByteRanges> deal(const std::vector<ByteRanges> &held, std::vector<uint64_t> *load) {
  // Where who begins (so many ranges) and ends, per place and process.
  std::map<uint64_t, std::map<size_t, int64_t>> changes;
  for (size_t who = 0; who < held.size(); ++who)
    for (const ByteRange &range : held[who])
      if (range.begin < range.end) {
        ++changes[range.begin][who];
        --changes[range.end][who];
      }
  std::vector<ByteRanges> given(held.size());
  std::map<size_t, int64_t> holders; // of the bytes before `place`: how many of their ranges
  uint64_t begin = 0;
  for (const auto &[place, here] : changes) {
    if (!holders.empty()) {
      size_t who = holders.begin()->first;
      if (load)
        for (auto &[other, count] : holders)
          if ((*load)[other] < (*load)[who])
            who = other;
      ByteRanges &to = given[who];
      if (!to.empty() && to.back().end == begin)
        to.back().end = place;
      else
        to.push_back({begin, place});
      if (load)
        (*load)[who] += place - begin;
    }
    begin = place;
    for (const auto &[who, change] : here)
      if ((holders[who] += change) == 0)
        holders.erase(who);
  }
  return given;
}

// For each list, how many ranges, and these.
std::string packRanges(const std::vector<ByteRanges> &lists) {
  std::vector<uint64_t> numbers;
  for (const ByteRanges &list : lists) {
    numbers.push_back(list.size());
    for (const ByteRange &range : list)
      numbers.insert(numbers.end(), {range.begin, range.end});
  }
  return std::string(reinterpret_cast<const char *>(numbers.data()),
                     numbers.size() * sizeof(uint64_t));
}

bool unpackRanges(const std::string &packed, size_t lists, std::vector<ByteRanges> &out) {
  size_t at = 0;
  bool isWhole = true;
  auto number = [&] {
    uint64_t value = 0;
    isWhole &= packed.size() - at >= sizeof(value);
    if (!isWhole)
      return uint64_t(0);
    std::memcpy(&value, packed.data() + at, sizeof(value));
    at += sizeof(value);
    return value;
  };
  out.assign(lists, {});
  for (ByteRanges &list : out)
    for (uint64_t left = number(); left && isWhole; --left) {
      ByteRange range;
      range.begin = number();
      range.end = number();
      isWhole &= range.begin <= range.end;
      list.push_back(range);
    }
  return isWhole && at == packed.size();
}

} // namespace dpcrt
