// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See Conflicts.h.
#include "Conflicts.h"

namespace dpc::emulator {

uint32_t Conflicts::numberOf(const std::string &who) {
  auto [at, isNew] = numbers.try_emplace(who, names.size());
  if (isNew)
    names.push_back(who);
  return at->second;
}

void Conflicts::cut(uint64_t at) {
  auto after = parts.upper_bound(at);
  if (after == parts.begin())
    return;
  auto [begin, part] = *std::prev(after);
  if (begin == at || part.end <= at)
    return;
  std::prev(after)->second.end = at;
  parts.emplace_hint(after, at, part);
}

void Conflicts::forget(uint64_t begin, uint64_t bytes) {
  cut(begin);
  cut(begin + bytes);
  parts.erase(parts.lower_bound(begin), parts.lower_bound(begin + bytes));
}

std::optional<Conflicts::Found> Conflicts::use(const Access &access, const std::string &who,
                                               const Moment &moment, const Clock &clock) {
  std::optional<Found> found;
  if (access.bytes == 0)
    return found;
  uint64_t end = access.begin + access.bytes;
  Use now{moment, numberOf(who)};
  cut(access.begin);
  cut(end);
  auto check = [&](uint64_t begin, uint64_t until, const Use &use, bool wrote) {
    if (use.moment.time != 0 && !isBefore(use.moment, clock) && !found)
      found = Found{begin, until - begin, names[use.who], wrote};
  };
  auto part = parts.lower_bound(access.begin);
  for (auto each = part; each != parts.end() && each->first < end; ++each) {
    check(each->first, each->second.end, each->second.written, true);
    if (access.writes)
      for (const Use &read : each->second.read)
        check(each->first, each->second.end, read, false);
  }
  if (access.writes) {
    // All of it is one part from now on.
    parts.erase(part, parts.lower_bound(end));
    parts[access.begin] = Part{end, now, {}};
    return found;
  }
  for (uint64_t at = access.begin; at < end;) {
    if (part == parts.end() || part->first > at) {
      // Nobody has used what lies before the next part.
      uint64_t until = part == parts.end() ? end : std::min(end, part->first);
      parts.emplace_hint(part, at, Part{until, {}, {now}});
      at = until;
      continue;
    }
    std::vector<Use> &read = part->second.read;
    read.erase(std::remove_if(read.begin(), read.end(),
                              [&](const Use &use) { return isBefore(use.moment, clock); }),
               read.end());
    read.push_back(now);
    at = part->second.end;
    ++part;
  }
  return found;
}

} // namespace dpc::emulator
