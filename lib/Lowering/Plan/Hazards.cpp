// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Interval maps of last touches, and what each stream knows; see Hazards.h.
#include "Hazards.h"

#include <algorithm>
#include <limits>
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

std::vector<Touch> Hazards::conflicts(unsigned arena, int64_t offset, int64_t bytes, bool write,
                                      const Touch &mine) const {
  std::vector<Touch> before;
  if (bytes <= 0)
    return before;
  const auto &segments = arenas[arena];
  auto add = [&](const std::vector<Touch> &touches) {
    for (const Touch &touch : touches)
      if (touch.stream != mine.stream && touch.item != mine.item) {
        before.push_back(touch);
        if (write)
          before.back().written = touch.place;
      }
  };
  auto it = segments.upper_bound(offset);
  if (it != segments.begin() && std::prev(it)->second.end > offset)
    --it;
  for (; it != segments.end() && it->first < offset + bytes; ++it) {
    add(it->second.writes);
    if (write)
      add(it->second.reads);
  }
  // Of a part that has touched several times the latest counts; where no order is known, none
  // is later.
  auto key = [](const Touch &t) { return std::tie(t.item, t.part, t.stream); };
  auto later = [](unsigned a, unsigned b) { return a && b ? std::max(a, b) : 0; };
  std::sort(before.begin(), before.end(),
            [&](const Touch &a, const Touch &b) { return key(a) < key(b); });
  std::vector<Touch> each;
  for (const Touch &touch : before)
    if (each.empty() || key(each.back()) != key(touch)) {
      each.push_back(touch);
    } else {
      each.back().place = later(each.back().place, touch.place);
      each.back().written = later(each.back().written, touch.written);
    }
  return each;
}

void Hazards::touch(unsigned arena, int64_t offset, int64_t bytes, bool write, const Touch &mine) {
  if (bytes <= 0)
    return;
  auto &segments = arenas[arena];
  int64_t end = offset + bytes;
  splitAt(segments, offset);
  splitAt(segments, end);
  auto ofOthers = [&](const Touch &touch) { return touch.item != mine.item; };
  auto drop = [&](std::vector<Touch> &touches) {
    touches.erase(std::remove_if(touches.begin(), touches.end(), ofOthers), touches.end());
  };
  int64_t at = offset;
  for (auto it = segments.lower_bound(offset); at < end;) {
    if (it == segments.end() || it->first > at) {
      int64_t gap = it == segments.end() ? end : std::min(end, it->first);
      it = segments.emplace_hint(it, at, Segment{gap, {}, {}});
    }
    Segment &segment = it->second;
    if (write) {
      drop(segment.writes);
      drop(segment.reads);
    }
    (write ? segment.writes : segment.reads).push_back(mine);
    at = segment.end;
    ++it;
  }
  if (!write)
    return;
  // What was written in one piece is one piece again, if nothing else is beside it.
  auto first = segments.lower_bound(offset);
  auto isPlain = [](const Segment &segment) {
    return segment.writes.size() == 1 && segment.reads.empty();
  };
  for (auto it = std::next(first); it != segments.end() && it->first < end;) {
    auto before = std::prev(it);
    if (isPlain(before->second) && isPlain(it->second)) {
      before->second.end = it->second.end;
      it = segments.erase(it);
    } else {
      ++it;
    }
  }
}

// The whole of an item is reached with its last place, a part that is in no order with
// others says only that the items before it have ended.
Hazards::Reached Hazards::reachedBy(const Touch &touch) {
  constexpr unsigned end = std::numeric_limits<unsigned>::max();
  if (touch.part < 0)
    return {touch.item, end};
  return touch.place ? Reached(touch.item, touch.place) : Reached(int64_t(touch.item) - 1, end);
}

// How far its stream must have come, for the bytes to be as the touch leaves them.
Hazards::Reached Hazards::neededBy(const Touch &touch) {
  Touch needed = touch;
  needed.place = touch.written;
  if (!touch.place)
    needed.part = -1;
  return reachedBy(needed);
}

std::optional<size_t> Hazards::numberOf(const Touch &touch) const {
  if (touch.part < 0 || touch.place)
    return std::nullopt;
  auto it = partNumbers.find({touch.item, touch.part});
  return it != partNumbers.end() ? std::optional(it->second) : std::nullopt;
}

bool Hazards::covers(const Knowledge &knowledge, const Touch &touch) const {
  if (auto number = numberOf(touch); number && *number < knowledge.parts.size())
    if (knowledge.parts[*number])
      return true;
  auto it = knowledge.reached.find(touch.stream);
  return it != knowledge.reached.end() && it->second >= neededBy(touch);
}

void Hazards::learn(Knowledge &knowledge, const Touch &touch) {
  auto [it, isNew] = knowledge.reached.try_emplace(touch.stream, reachedBy(touch));
  if (!isNew)
    it->second = std::max(it->second, reachedBy(touch));
  if (touch.part < 0 || touch.place)
    return;
  size_t number =
      partNumbers.try_emplace({touch.item, touch.part}, partNumbers.size()).first->second;
  knowledge.parts.resize(std::max(knowledge.parts.size(), number + 1));
  knowledge.parts[number] = true;
}

const Hazards::Knowledge *Hazards::knownAt(const Touch &touch) const {
  auto it = atItem.find({touch.item, touch.stream});
  if (it == atItem.end())
    return nullptr;
  const Knowledge *result = nullptr;
  for (auto &[place, knowledge] : it->second)
    if (touch.part < 0 || !touch.place || place <= touch.place)
      result = &knowledge;
  return result;
}

bool Hazards::isOrdered(unsigned stream, const Touch &earlier) const {
  return stream == earlier.stream || covers(known[stream], earlier);
}

bool Hazards::isOrderedAt(unsigned place, unsigned stream, const Touch &earlier) const {
  const Snapshots &snapshots = underWay[stream];
  return stream == earlier.stream || (snapshots.empty() && covers(known[stream], earlier)) ||
         std::any_of(snapshots.begin(), snapshots.end(), [&](auto &snapshot) {
           return snapshot.first <= place && covers(snapshot.second, earlier);
         });
}

void Hazards::wait(unsigned stream, const Touch &earlier) {
  Knowledge &own = known[stream];
  if (earlier.stream != stream)
    learn(own, earlier);
  // What that stream knew when it came there holds here, too.
  const Knowledge *there = knownAt(earlier);
  if (!there)
    return;
  for (auto [other, reached] : there->reached) {
    if (other == stream)
      continue;
    auto [it, isNew] = own.reached.try_emplace(other, reached);
    if (!isNew)
      it->second = std::max(it->second, reached);
  }
  own.parts.resize(std::max(own.parts.size(), there->parts.size()));
  for (size_t number = 0; number < there->parts.size(); ++number)
    if (there->parts[number])
      own.parts[number] = true;
}

bool Hazards::implies(const Touch &later, const Touch &earlier) const {
  if (later.stream == earlier.stream)
    return reachedBy(later) >= neededBy(earlier) ||
           (later.item == earlier.item && later.part == earlier.part);
  const Knowledge *there = knownAt(later);
  return there && covers(*there, earlier);
}

std::vector<Hazards::Awaited> Hazards::reduce(unsigned stream, std::vector<Awaited> awaited) const {
  // The latest tell most of the others.
  std::stable_sort(awaited.begin(), awaited.end(), [](const Awaited &a, const Awaited &b) {
    return std::make_tuple(reachedBy(b.earlier), b.earlier.item, a.at) <
           std::make_tuple(reachedBy(a.earlier), a.earlier.item, b.at);
  });
  std::vector<Awaited> kept;
  for (const Awaited &each : awaited) {
    bool isTold = isOrdered(stream, each.earlier) ||
                  std::any_of(kept.begin(), kept.end(), [&](const Awaited &other) {
                    return other.at <= each.at && implies(other.earlier, each.earlier);
                  });
    if (!isTold)
      kept.push_back(each);
  }
  std::stable_sort(kept.begin(), kept.end(), [](const Awaited &a, const Awaited &b) {
    return std::tie(a.by, a.earlier.item, a.earlier.part) <
           std::tie(b.by, b.earlier.item, b.earlier.part);
  });
  return kept;
}

void Hazards::waitForAll(unsigned stream, std::vector<Awaited> awaited) {
  // What the stream knows grows from place to place.
  std::stable_sort(awaited.begin(), awaited.end(),
                   [](const Awaited &a, const Awaited &b) { return a.at < b.at; });
  Snapshots &snapshots = underWay[stream];
  snapshots.assign(1, {0, known[stream]});
  for (const Awaited &each : awaited) {
    wait(stream, each.earlier);
    if (each.at != snapshots.back().first)
      snapshots.push_back({each.at, {}});
    snapshots.back().second = known[stream];
  }
}

void Hazards::place(unsigned item, unsigned stream) {
  Snapshots &snapshots = underWay[stream];
  if (snapshots.empty())
    snapshots.push_back({0, known[stream]});
  atItem[{item, stream}] = std::move(snapshots);
  snapshots.clear();
}

} // namespace dpc::lowering
