// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Axes by name, and groups as ranks.

#include "program/format/Axes.h"

using namespace dpcrt;

static constexpr std::pair<const char *, fb::Axes> axisNames[] = {
    {"dp", fb::Axes::Dp}, {"ep", fb::Axes::Ep}, {"tp", fb::Axes::Tp}};

std::optional<fb::Axes> dpcrt::axisNamed(std::string_view name) {
  for (auto &[known, axis] : axisNames)
    if (name == known)
      return axis;
  return std::nullopt;
}

std::vector<std::string> dpcrt::namesOf(fb::Axes axes) {
  std::vector<std::string> names;
  for (auto &[name, axis] : axisNames)
    if (contains(axes, axis))
      names.emplace_back(name);
  return names;
}

std::string dpcrt::inWords(fb::Axes axes) {
  std::string words;
  for (const std::string &name : namesOf(axes))
    words += (words.empty() ? "" : " and ") + name;
  return words;
}

std::vector<uint32_t> dpcrt::membersOf(const fb::Group &group, const RankGrid &grid,
                                       const RankPlace &own) {
  std::vector<uint32_t> members;
  const bool allDp = contains(group.over(), fb::Axes::Dp),
             allEp = contains(group.over(), fb::Axes::Ep);
  for (uint32_t pp : items(group.pp())) // ascending, which the reader has seen to
    for (uint32_t dp = allDp ? 0 : own.dp; dp < (allDp ? grid.dp : own.dp + 1); ++dp)
      for (uint32_t ep = allEp ? 0 : own.ep; ep < (allEp ? grid.ep : own.ep + 1); ++ep)
        members.push_back(grid.rankOf({pp, dp, ep}));
  return members;
}
