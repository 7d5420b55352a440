// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See Touched.h.
#include "Touched.h"

#include <algorithm>

namespace dpc::emulator {

Touched::Page &Touched::pageOf(uint64_t number) {
  if (last && number == lastNumber)
    return *last;
  std::unique_ptr<Page> &page = pages[number];
  if (!page)
    page = std::make_unique<Page>();
  lastNumber = number;
  last = page.get();
  return *page;
}

void Touched::add(const void *address, uint64_t bytes, bool write) {
  uint64_t begin = reinterpret_cast<uint64_t>(address), end = begin + bytes;
  // Word by word of the bits.
  for (uint64_t at = begin; at < end;) {
    uint64_t until = std::min(end, at / 64 * 64 + 64), count = until - at;
    uint64_t mask = (count == 64 ? UINT64_MAX : (uint64_t(1) << count) - 1) << at % 64;
    pageOf(at / kPage).bits[write][at % kPage / 64] |= mask;
    at = until;
  }
}

void Touched::append(std::vector<Range> &ranges, const std::vector<uint64_t> &order,
                     bool written) const {
  size_t first = ranges.size();
  auto extend = [&](uint64_t begin, uint64_t bytes) {
    if (ranges.size() > first && ranges.back().begin + ranges.back().bytes == begin)
      ranges.back().bytes += bytes;
    else
      ranges.push_back({begin, bytes, written});
  };
  for (uint64_t number : order) {
    const uint64_t *bits = pages.at(number)->bits[written];
    for (uint64_t word = 0; word < kPage / 64; ++word) {
      uint64_t begin = number * kPage + word * 64;
      if (bits[word] == UINT64_MAX) {
        extend(begin, 64);
        continue;
      }
      for (uint64_t i = 0; i < 64; ++i)
        if (bits[word] >> i & 1)
          extend(begin + i, 1);
    }
  }
}

std::vector<Touched::Range> Touched::take() {
  std::vector<uint64_t> order;
  for (auto &[number, page] : pages)
    order.push_back(number);
  std::sort(order.begin(), order.end());
  std::vector<Range> ranges;
  append(ranges, order, false);
  append(ranges, order, true);
  pages.clear();
  last = nullptr;
  return ranges;
}

} // namespace dpc::emulator
