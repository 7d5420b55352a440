// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The colours of tasks, the same in every rendering.
//
// Hues are those of Okabe and Ito, which stay apart in the common forms of colour
// blindness: forwards blue, full backwards vermilion, input halves orange, weight
// halves green. Shades of one hue tell copies of the model apart, or the stages of a
// rank: the first is light, the last dark, and the lightness of the hues differs too.
#ifndef DPC_LIB_SCHEDULE_DRAW_PALETTE_H
#define DPC_LIB_SCHEDULE_DRAW_PALETTE_H

#include "dpc/Schedule/core/Table.h"

#include <optional>
#include <string>

namespace dpc::schedule {

struct Colour {
  unsigned red, green, blue;
};

/// Of a task; none: of work that is no task.
Colour colourOf(std::optional<Kind> kind, unsigned shade, unsigned shades);
/// Black or white, whichever is easier to read on it.
bool wantsWhiteText(const Colour &colour);
/// `#56b4e9`.
std::string hex(const Colour &colour);
/// `forward`, `full backward`, `input half`, `weight half`.
const char *wordOf(Kind kind);

} // namespace dpc::schedule

#endif // DPC_LIB_SCHEDULE_DRAW_PALETTE_H
