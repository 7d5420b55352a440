// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once
#include <cstdint>

namespace mutants {

/// A number drawn from a few, in their order.
template <typename... Numbers> uint64_t mix(Numbers... numbers) {
  uint64_t mixed = 0x9e3779b97f4a7c15;
  auto add = [&](uint64_t number) {
    mixed = (mixed ^ number) * 0xbf58476d1ce4e5b9;
    mixed ^= mixed >> 29;
  };
  (add(uint64_t(numbers)), ...);
  return mixed;
}

} // namespace mutants
