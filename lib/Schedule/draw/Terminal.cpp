// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A drawing in the columns of a terminal.
//
//      0         10        20
//    0│F F F ·····F I W F F3─F3─   two lines a rank while a task has a column: what
//     │0 1 2 ·····4 4 4 5 B5─B0─   it is, and under it its micro-batch
//    1│·FFF  ====IIWW              else one line, whose columns show what fills most
//                                  of their time
#include "dpc/Schedule/draw/Render.h"

#include "Labels.h"
#include "Palette.h"
#include "Rows.h"

#include "dpc/Schedule/core/Text.h"
#include "dpc/Schedule/core/Units.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

namespace dpc::schedule {
namespace {

constexpr unsigned kRight = 15;      // columns for idle time and peak
constexpr unsigned kBytes = 9;       // one more, for the peak in bytes,
constexpr unsigned kBytesWidth = 72; // where a line has room for it
constexpr const char *kMessage = "·", *kCore = "╱";

struct Glyph {
  std::string text = " ";
  std::optional<Colour> background, foreground;
  bool faint = false;
};
using Line = std::vector<Glyph>;

class TerminalRenderer {
public:
  TerminalRenderer(const Drawing &drawing, const TerminalOptions &options)
      : drawing(drawing), options(options), rows(rowsOf(drawing)) {
    width = std::max(options.width, kLeastWidth);
    unsigned last = 0;
    for (const Row &row : rows)
      last = std::max(last, row.lane->rank);
    label = std::max<unsigned>(4, std::to_string(last).size() + 1);
    if (drawing.interleaved)
      label = std::max(label, 9u);
    bytes = hasBytes(drawing) && width >= kBytesWidth;
    columns = width - label - 1 - kRight - (bytes ? kBytes : 0);
    chooseScale();
  }

  std::string run() {
    addWrapped(legend());
    addWrapped(key());
    addWrapped(laneKey(drawing));
    for (const Row &row : rows) {
      if (row.first && !drawing.interleaved)
        addHeading(*row.picture);
      else if (drawing.interleaved && &row == &rows.front())
        for (const Picture &picture : drawing.pictures)
          addHeading(picture, &picture == &drawing.pictures.back());
      if (detailed)
        addDetailed(row);
      else
        addOverview(row);
    }
    addAxis();
    for (const std::string &line : errorLines(drawing))
      addWrapped(line);
    return std::move(text);
  }

private:
  double span() const { return drawing.to - drawing.from; }
  bool shown(const Cell &cell) const { return cell.end > drawing.from && cell.start < drawing.to; }
  unsigned columnOf(double time) const {
    return (unsigned)std::clamp(std::lround((time - drawing.from) / step), 0l, (long)used);
  }
  unsigned widthOf(const Cell &cell) const { return columnOf(cell.end) - columnOf(cell.start); }

  // A whole number of columns for the shortest task where there is one, so that equal
  // tasks look equal; else whatever fills the width.
  void chooseScale() {
    double shortest = span();
    for (const Row &row : rows)
      for (const Cell &cell : row.lane->cells)
        if (cell.action && shown(cell) && cell.end > cell.start)
          shortest = std::min(shortest, cell.end - cell.start);
    step = span() > 0 ? span() / columns : 1;
    double each = std::floor(shortest / step + 1e-9);
    if (each >= 1 && span() > 0)
      step = shortest / each;
    used = std::min<unsigned>(columns, std::ceil(span() / step - 1e-6));
    size_t cells = 0, hidden = 0, cramped = 0;
    for (const Row &row : rows)
      for (const Cell &cell : row.lane->cells)
        if (cell.action && shown(cell)) {
          ++cells;
          unsigned room = widthOf(cell);
          hidden += room == 0;
          const Action &action = *cell.action;
          size_t need = std::to_string(action.first.microBatch).size();
          if (action.second)
            need = 1 + std::max(need, std::to_string(action.second->microBatch).size());
          // Numbers of several digits need a space between them.
          cramped += room < need + (need > 1 && !action.second);
        }
    // A few that are too short may be left out: a measured step has such tasks.
    detailed = hidden * 10 <= cells;
    coded = cramped * 10 > cells;
    missing = detailed ? hidden : 0;
  }

  // A micro-batch in one column: 0-9, a-z, A-Z.
  static std::string code(unsigned microBatch) {
    static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    return microBatch < 62 ? std::string(1, digits[microBatch]) : "+";
  }
  std::string numberIn(unsigned microBatch, unsigned room) const {
    std::string number = coded ? code(microBatch) : std::to_string(microBatch);
    return number.size() <= room ? number : std::string(room ? "+" : "");
  }

  void put(Line &line, unsigned begin, unsigned end, const std::string &word,
           const Colour &colour) {
    for (unsigned i = begin; i < end && i < line.size(); ++i) {
      Glyph &glyph = line[i];
      size_t at = i - begin;
      glyph.text = at < word.size() ? std::string(1, word[at]) : options.colour ? " " : "─";
      glyph.background = colour;
      glyph.faint = false;
    }
  }

  void putWaits(const Lane &lane, std::vector<Line *> lines) {
    for (Cause cause : {Cause::Message, Cause::Core})
      for (const Wait &wait : lane.waits)
        if (wait.cause == cause)
          for (unsigned i = columnOf(wait.start); i < columnOf(wait.end); ++i)
            for (Line *line : lines) {
              (*line)[i].text = cause == Cause::Core ? kCore : kMessage;
              (*line)[i].faint = cause == Cause::Message;
            }
  }

  void addDetailed(const Row &row) {
    Line upper(used), lower(used);
    const Picture &picture = *row.picture;
    putWaits(*row.lane, {&upper, &lower});
    for (const Cell &cell : row.lane->cells) {
      if (!shown(cell))
        continue;
      unsigned begin = columnOf(cell.start), end = columnOf(cell.end), room = end - begin;
      if (!cell.action) {
        Colour grey = colourOf(std::nullopt, 0, 1);
        put(upper, begin, end, "#", grey);
        put(lower, begin, end, "", grey);
        continue;
      }
      const Task &first = cell.action->first;
      Colour colour = colourOf(first.kind, cell.shade, picture.shades);
      if (!cell.action->second) {
        put(upper, begin, end, std::string(1, letterOf(first.kind)), colour);
        put(lower, begin, end, numberIn(first.microBatch, room), colour);
        continue;
      }
      const Task &second = *cell.action->second;
      put(upper, begin, end, "F" + numberIn(first.microBatch, room ? room - 1 : 0), colour);
      put(lower, begin, end, "B" + numberIn(second.microBatch, room ? room - 1 : 0),
          colourOf(second.kind, cell.pairShade, picture.shades));
    }
    // Over the tasks: where they stood still for a core. Numbers stay readable.
    for (const Wait &wait : row.lane->waits)
      if (wait.cause == Cause::Core)
        for (unsigned i = columnOf(wait.start); i < columnOf(wait.end); ++i)
          if (lower[i].text == " " || lower[i].text == "─")
            lower[i].text = kCore;
    addLane(row, upper, true);
    addLane(row, lower, false);
  }

  // What a column of an overview can show, in the order of the letters.
  enum Fill {
    kFillF,
    kFillB,
    kFillI,
    kFillW,
    kFillPair,
    kFillOther,
    kFillMessage,
    kFillCore,
    kFills
  };

  void addOverview(const Row &row) {
    struct Share {
      std::array<double, kFills> time{};
      std::array<const Cell *, kFills> cell{};
    };
    std::vector<Share> shares(used);
    auto add = [&](double start, double end, Fill fill, const Cell *cell) {
      start = std::max(start, drawing.from), end = std::min(end, drawing.to);
      if (end <= start)
        return;
      size_t first = std::min<size_t>((start - drawing.from) / step, used - 1),
             last = std::min<size_t>((end - drawing.from) / step, used - 1);
      for (size_t i = first; i <= last; ++i) {
        double from = drawing.from + i * step;
        shares[i].time[fill] += std::max(0.0, std::min(end, from + step) - std::max(start, from));
        if (!shares[i].cell[fill])
          shares[i].cell[fill] = cell;
      }
    };
    for (const Cell &cell : row.lane->cells)
      add(cell.start, cell.end,
          !cell.action          ? kFillOther
          : cell.action->second ? kFillPair
                                : (Fill)cell.action->first.kind,
          &cell);
    for (const Wait &wait : row.lane->waits)
      add(wait.start, wait.end, wait.cause == Cause::Core ? kFillCore : kFillMessage, nullptr);
    Line line(used);
    for (unsigned i = 0; i < used; ++i) {
      size_t fill =
          std::max_element(shares[i].time.begin(), shares[i].time.end()) - shares[i].time.begin();
      double time = shares[i].time[fill];
      if (time <= 0)
        continue;
      static const char *const glyphs[kFills] = {"F", "B", "I", "W", "=", "#", kMessage, kCore};
      Glyph &glyph = line[i];
      glyph.text = glyphs[fill];
      glyph.faint = fill == kFillMessage;
      const Cell *cell = shares[i].cell[fill];
      if (!cell)
        continue;
      glyph.background = cell->action
                             ? colourOf(cell->action->first.kind, cell->shade, row.picture->shades)
                             : colourOf(std::nullopt, 0, 1);
      if (fill == kFillPair && options.colour) {
        glyph.text = "▀";
        glyph.foreground = glyph.background;
        glyph.background =
            colourOf(cell->action->second->kind, cell->pairShade, row.picture->shades);
      }
    }
    addLane(row, line, true);
  }

  void addLane(const Row &row, const Line &line, bool first) {
    std::string name = !first                ? ""
                       : drawing.interleaved ? row.name()
                                             : std::to_string(row.lane->rank);
    text += std::string(label - name.size(), ' ') + name + "│";
    for (size_t begin = 0; begin < line.size();) {
      size_t end = begin + 1;
      auto same = [](const Glyph &a, const Glyph &b) { return styleOf(a) == styleOf(b); };
      while (end < line.size() && same(line[end], line[begin]))
        ++end;
      std::string word;
      for (size_t i = begin; i < end; ++i)
        word += line[i].text;
      text += paint(word, line[begin]);
      begin = end;
    }
    if (first) {
      std::string idle = printIdle(row), peak = printTime(row.lane->peak);
      if (size_t space = idle.find(' '); space != std::string::npos)
        idle.resize(space);
      text += std::string(columns - line.size(), ' ') + "│" + padded(idle, 8) + padded(peak, 6);
      if (bytes)
        text += padded(row.picture->stageBytes.empty() ? "" : inWords(row.lane->peakBytes, "B"),
                       kBytes);
    } else {
      text += std::string(columns - line.size(), ' ') + "│";
    }
    text += "\n";
  }
  static std::string padded(const std::string &word, size_t size) {
    return word.size() < size ? std::string(size - word.size(), ' ') + word : word;
  }

  static std::array<long, 3> styleOf(const Glyph &glyph) {
    auto number = [](const std::optional<Colour> &c) {
      return c ? (long)(c->red << 16 | c->green << 8 | c->blue) : -1;
    };
    return {number(glyph.background), number(glyph.foreground), glyph.faint};
  }

  std::string escape(const Colour &colour, bool background) const {
    std::string code = background ? "48;" : "38;";
    if (options.trueColour)
      return code + "2;" + std::to_string(colour.red) + ";" + std::to_string(colour.green) + ";" +
             std::to_string(colour.blue);
    auto level = [](unsigned channel) {
      return channel < 48 ? 0u : channel < 115 ? 1u : (channel - 35) / 40;
    }; // of 0, 95, 135 … 255
    return code + "5;" +
           std::to_string(16 + 36 * level(colour.red) + 6 * level(colour.green) +
                          level(colour.blue));
  }

  std::string paint(const std::string &word, const Glyph &style) const {
    if (!options.colour || (!style.background && !style.faint))
      return word;
    std::string codes;
    if (style.background) {
      Colour ink = style.foreground                    ? *style.foreground
                   : wantsWhiteText(*style.background) ? Colour{255, 255, 255}
                                                       : Colour{0, 0, 0};
      codes = escape(*style.background, true) + ";" + escape(ink, false);
    } else {
      codes = "2";
    }
    return "\x1b[" + codes + "m" + word + "\x1b[0m";
  }

  void addWrapped(const std::string &line) { text += wrapWords(line, width); }

  void addHeading(const Picture &picture, bool axis = true) {
    text += "\n";
    addWrapped(printable(headingOf(picture)));
    if (!axis)
      return;
    addAxis();
  }

  void addAxis() {
    std::string line(columns, ' ');
    for (double tick : ticksOf(drawing.from, drawing.to, columns / 9.0)) {
      std::string word = printTime(tick);
      unsigned at = columnOf(tick);
      if (at + word.size() < columns)
        line.replace(at, word.size(), word);
    }
    text += std::string(label + 1, ' ') + line + " " + padded("idle", 8) + padded("peak", 6) +
            (bytes ? padded("bytes", kBytes) : "") + "\n";
  }

  std::string legend() const {
    std::set<Kind> kinds;
    bool pairs = false, others = false;
    for (const Row &row : rows)
      for (const Cell &cell : row.lane->cells) {
        if (cell.action && cell.action->second)
          pairs = true;
        else if (cell.action)
          kinds.insert(cell.action->first.kind);
        others |= !cell.action;
      }
    std::string line;
    auto add = [&](const std::string &part) { line += (line.empty() ? "" : ", ") + part; };
    for (Kind kind : kinds)
      add(std::string(1, letterOf(kind)) + " " + wordOf(kind));
    if (pairs)
      add(detailed         ? "F over B an overlapped pair"
          : options.colour ? "blue over vermilion an overlapped pair"
                           : "= an overlapped pair");
    if (others)
      add("# other work");
    if (hasWaits(drawing, Cause::Message))
      add(std::string(kMessage) + " waits for a message");
    if (hasWaits(drawing, Cause::Core))
      add(std::string(kCore) + " waits for a core");
    if (options.colour)
      for (const Picture &picture : drawing.pictures)
        if (picture.shades > 1) {
          add(picture.shadesAreReplicas ? "dark is the other copy of the model"
                                        : "the darker, the later a rank's stage");
          break;
        }
    return line;
  }

  // How to read the numbers and the columns.
  std::string key() const {
    std::string unit = drawing.pictures.front().unit;
    if (!detailed)
      return "One column is " + printTime(step, unit) +
             ", and shows what fills most of it: tasks are too short for columns of their own. "
             "More columns (--width) "
             "or a part of the time (--from, --to) show each.";
    std::string line = "Under a letter is its micro-batch";
    if (coded)
      line += " in one column: 0-9, then a-z, A-Z, and + beyond";
    line += ".";
    if (missing)
      line += " " + std::to_string(missing) + " tasks are shorter than half a column and left out.";
    return line;
  }

  const Drawing &drawing;
  const TerminalOptions &options;
  std::vector<Row> rows;
  unsigned width, label, columns, used = 1;
  double step = 1; // time of a column
  bool detailed = true, coded = false, bytes = false;
  size_t missing = 0;
  std::string text;
};

} // namespace

std::string renderTerminal(const Drawing &drawing, const TerminalOptions &options) {
  return TerminalRenderer(drawing, options).run();
}

} // namespace dpc::schedule
