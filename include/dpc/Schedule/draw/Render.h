// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A drawing for a terminal, for a document, for a browser, and as a table.
#ifndef DPC_SCHEDULE_DRAW_RENDER_H
#define DPC_SCHEDULE_DRAW_RENDER_H

#include "dpc/Schedule/draw/Picture.h"

namespace dpc::schedule {

struct TerminalOptions {
  unsigned width = 100; ///< columns
  bool colour = false;
  bool trueColour = false; ///< 24 bits a colour, else the 256 that every terminal has
};

/// UTF-8, lines of at most `width` columns; narrower than kLeastWidth counts as that.
std::string renderTerminal(const Drawing &drawing, const TerminalOptions &options);
inline constexpr unsigned kLeastWidth = 40;

/// One SVG document without scripts, fonts or links.
std::string renderSvg(const Drawing &drawing);

/// One HTML page that needs nothing else.
std::string renderHtml(const Drawing &drawing);

/// A line per cell with its times, what it waited for and its forecast.
std::string renderCsv(const Drawing &drawing);

} // namespace dpc::schedule

#endif // DPC_SCHEDULE_DRAW_RENDER_H
