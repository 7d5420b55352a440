// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Interval maps of last touches, and what each stream knows; see Hazards.h.
#include "Hazards.h"

#include <algorithm>
#include <tuple>

namespace dpc::lowering {

void Hazards::splitAt(std::map<int64_t, Segment> &segments, int64_t offset) {
  auto it = segments.upper_bound(offset);
  if (it == segments.begin())
    return;
  --it;
  if (it->first == offset || it->second.end <= offset)
    return;
  Segment right = it->second;
  it->second.end = offset;
  segments.emplace(offset, std::move(right));
}

std::vector<Touch> Hazards::touch(unsigned arena, int64_t offset, int64_t bytes, bool write,
                                  Touch mine) {
  std::vector<Touch> before;
  if (bytes <= 0)
    return before;
  auto &segments = arenas[arena];
  int64_t end = offset + bytes;
  splitAt(segments, offset);
  splitAt(segments, end);

  auto add = [&](const std::vector<Touch> &touches) {
    for (const Touch &touch : touches)
      if (touch.stream != mine.stream && touch.item != mine.item)
        before.push_back(touch);
  };
  for (auto it = segments.lower_bound(offset); it != segments.end() && it->first < end; ++it) {
    add(it->second.writes);
    if (write)
      add(it->second.reads);
  }

  if (write) {
    segments.erase(segments.lower_bound(offset), segments.lower_bound(end));
    segments.emplace(offset, Segment{end, {mine}, {}});
  } else {
    int64_t at = offset;
    for (auto it = segments.lower_bound(offset); at < end;) {
      if (it == segments.end() || it->first > at) {
        int64_t gap = it == segments.end() ? end : std::min(end, it->first);
        segments.emplace(at, Segment{gap, {}, {mine}});
        at = gap;
        continue;
      }
      it->second.reads.push_back(mine);
      at = it->second.end;
      ++it;
    }
  }

  auto key = [](const Touch &t) { return std::tie(t.item, t.part, t.stream); };
  std::sort(before.begin(), before.end(),
            [&](const Touch &a, const Touch &b) { return key(a) < key(b); });
  before.erase(std::unique(before.begin(), before.end(),
                           [&](const Touch &a, const Touch &b) { return key(a) == key(b); }),
               before.end());
  return before;
}

bool Hazards::isOrdered(unsigned stream, const Touch &earlier) const {
  if (stream == earlier.stream)
    return true;
  auto it = known[stream].complete.find(earlier.stream);
  return it != known[stream].complete.end() && it->second >= (int64_t)earlier.item;
}

void Hazards::wait(unsigned stream, const Touch &earlier) {
  auto learn = [&](unsigned other, int64_t item) {
    if (other == stream)
      return;
    auto [it, isNew] = known[stream].complete.try_emplace(other, item);
    if (!isNew)
      it->second = std::max(it->second, item);
  };
  // A part of an item says that all before the item on its stream is complete;
  // only the whole item says it of the item itself. What that stream knew when it
  // came to the item holds here, too.
  learn(earlier.stream, earlier.part < 0 ? (int64_t)earlier.item : (int64_t)earlier.item - 1);
  auto at = atItem.find(earlier.item);
  if (at == atItem.end())
    return;
  auto knowledge = at->second.find(earlier.stream);
  if (knowledge == at->second.end())
    return;
  for (auto [other, item] : knowledge->second.complete)
    learn(other, item);
}

void Hazards::place(unsigned item, unsigned stream) { atItem[item][stream] = known[stream]; }

} // namespace dpc::lowering
