// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See Program.h.

#include "program/format/Program.h"

#include <algorithm>

using namespace dpcrt;

std::vector<Extent> dpcrt::gapsBetween(std::vector<Extent> extents, uint64_t elements) {
  std::sort(extents.begin(), extents.end(),
            [](const Extent &a, const Extent &b) { return a.begin < b.begin; });
  extents.push_back({elements, 0});
  std::vector<Extent> gaps;
  uint64_t covered = 0;
  for (const Extent &extent : extents) {
    if (extent.begin > covered)
      gaps.push_back({covered, extent.begin - covered});
    covered = std::max(covered, extent.end());
  }
  return gaps;
}

uint64_t dpcrt::elementsOf(const fb::Parameter &parameter) {
  return parameter.weight()->bytes() / sizeOf(elementOf(*parameter.weight()));
}

Kept dpcrt::keptBy(const fb::Parameter &parameter, uint32_t replica) {
  if (count(parameter.parts()) == 0)
    return {{0, elementsOf(parameter)}, parameter.master(), parameter.moments()};
  for (const fb::Part *part : items(parameter.parts()))
    if (isOf(part->replicas(), replica))
      return {{part->begin(), part->elements()}, part->master(), part->moments()};
  return {};
}

bool dpcrt::hasMaster(const fb::Parameter &parameter) {
  if (count(parameter.parts()) == 0)
    return parameter.master();
  // A gradient is of the type that is updated.
  return elementOf(*parameter.gradient()) != elementOf(*parameter.weight());
}

Element dpcrt::keptElement(const fb::Parameter &parameter) {
  return hasMaster(parameter) ? Element::F32 : elementOf(*parameter.weight());
}
