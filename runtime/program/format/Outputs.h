// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the outputs of a program are called, and what their values mean.
#pragma once
#include <cstdint>
#include <string_view>

namespace dpcrt {

// Of a micro-batch: its loss and the loss's denominator, f32, and where an integer was
// divided by 0, i64.
inline constexpr const char *kLossOutput = "loss";
inline constexpr const char *kDenOutput = "den";
inline constexpr const char *kFaultOutput = "fault";

// Before the name of an output of the graph, which may be called anything.
inline constexpr std::string_view kGraphOutputPrefix = "output/";

// A fault is 0, or says of n divisions which met a 0 first, and at which element in
// row-major order: (n - division) * kDivisionUnit + (kDivisionUnit - 1 - element), so that
// the largest of several such numbers is the first fault.
inline constexpr int64_t kDivisionUnit = int64_t(1) << 40;

} // namespace dpcrt
