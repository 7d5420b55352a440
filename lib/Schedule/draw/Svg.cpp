// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A drawing as one SVG document: a group per cell with its words as a title, which
// viewers show where one points. No colour of the page is presumed: text and lines
// are a grey that is readable on white and on black.
#include "dpc/Schedule/draw/Render.h"

#include "Labels.h"
#include "Palette.h"
#include "Rows.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <set>

namespace dpc::schedule {
namespace {

constexpr double kLeft = 76, kMargin = 8, kCurve = 11;
constexpr const char *kInk = "#767676", *kCritical = "#d0418f";

std::string number(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.2f", value);
  std::string result = text;
  result.erase(result.find_last_not_of('0') + 1);
  if (result.back() == '.')
    result.pop_back();
  return result == "-0" ? "0" : result;
}

class SvgRenderer {
public:
  explicit SvgRenderer(const Drawing &drawing) : drawing(drawing), rows(rowsOf(drawing)) {
    double shortest = span();
    for (const Row &row : rows)
      for (const Cell &cell : row.lane->cells)
        if (cell.action && cell.end > cell.start)
          shortest = std::min(shortest, cell.end - cell.start);
    width = std::clamp(span() > 0 ? 16 * span() / shortest : 0, 960.0, 4000.0);
    lane = rows.size() <= 40 ? 24 : rows.size() <= 160 ? 16 : 10;
    right = hasBytes(drawing) ? 176 : 118;
    lastKept = 0;
    for (const Row &row : rows)
      lastKept = std::max(lastKept, row.lane->peak);
  }

  std::string run() {
    y = kMargin;
    addLegend();
    for (const Row &row : rows) {
      if (row.first && !drawing.interleaved)
        addHeading({row.picture});
      else if (drawing.interleaved && &row == &rows.front())
        addHeading(everyPicture());
      addRow(row);
    }
    y += 10;
    for (const std::string &line : errorLines(drawing))
      body += textAt(kMargin, y += 15, 11, escapeMarkup(line));
    double height = y + kMargin, whole = kLeft + width + right;
    std::string size = " width=\"" + number(whole) + "\" height=\"" + number(height) +
                       "\" viewBox=\"0 0 " + number(whole) + " " + number(height) + "\"";
    std::string name;
    for (const Picture &picture : drawing.pictures)
      name += (name.empty() ? "" : "; ") + escapeMarkup(headingOf(picture));
    return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\"" +
           size + " font-family=\"system-ui, sans-serif\" role=\"img\">\n<title>" + name +
           "</title>\n<defs><pattern id=\"core\" width=\"5\" height=\"5\" "
           "patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">"
           "<rect width=\"5\" height=\"5\" fill=\"#fff\" fill-opacity=\".6\"/><rect width=\"2\" "
           "height=\"5\" fill=\"#444\"/></pattern></defs>\n" +
           body + "</svg>\n";
  }

private:
  double span() const { return drawing.to - drawing.from; }
  double xOf(double time) const {
    return kLeft + (span() > 0 ? (std::clamp(time, drawing.from, drawing.to) - drawing.from) /
                                     span() * width
                               : 0);
  }

  static std::string textAt(double x, double y, double size, const std::string &words,
                            const std::string &more = "") {
    return "<text x=\"" + number(x) + "\" y=\"" + number(y) + "\" font-size=\"" + number(size) +
           "\" fill=\"" + kInk + "\"" + more + ">" + words + "</text>\n";
  }
  static std::string box(double x, double y, double w, double h, const std::string &more) {
    return "<rect x=\"" + number(x) + "\" y=\"" + number(y) + "\" width=\"" + number(w) +
           "\" height=\"" + number(h) + "\"" + more + "/>";
  }
  static std::string fill(const std::string &colour) { return " fill=\"" + colour + "\""; }

  std::vector<const Picture *> everyPicture() const {
    std::vector<const Picture *> all;
    for (const Picture &picture : drawing.pictures)
      all.push_back(&picture);
    return all;
  }

  void addHeading(const std::vector<const Picture *> &pictures) {
    y += 6;
    for (const Picture *picture : pictures)
      body +=
          textAt(kMargin, y += 16, 14, escapeMarkup(headingOf(*picture)), " font-weight=\"600\"");
    y += 16;
    for (double tick : ticksOf(drawing.from, drawing.to, width / 70))
      body += textAt(xOf(tick), y, 10, printTime(tick), " text-anchor=\"middle\"");
    body += textAt(kLeft + width + 8, y, 10, "idle") + textAt(kLeft + width + 78, y, 10, "peak");
    y += 4;
  }

  void addRow(const Row &row) {
    if (row.first && drawing.interleaved)
      y += 6;
    double tall = row.isForecast ? lane * 0.6 : lane,
           curve = row.isForecast ? 0 : std::min(kCurve, lane * 0.5);
    std::string size = number(std::min(11.0, tall * 0.75));
    body += "<g class=\"lane\">\n";
    body += "<text x=\"" + number(kMargin) + "\" y=\"" + number(y + tall * 0.7) +
            "\" font-size=\"" + size + "\" fill=\"" + kInk + "\">" + row.name() + "</text>\n";
    for (double tick : ticksOf(drawing.from, drawing.to, width / 70))
      body +=
          box(xOf(tick) - 0.25, y, 0.5, tall + curve, fill(kInk) + " fill-opacity=\".4\"") + "\n";
    for (const Wait &wait : row.lane->waits)
      if (wait.cause == Cause::Message)
        addWait(row, wait, tall);
    for (const Cell &cell : row.lane->cells)
      addCell(row, cell, tall);
    for (const Wait &wait : row.lane->waits)
      if (wait.cause == Cause::Core)
        addWait(row, wait, tall);
    body += labels; // over everything else of the lane
    labels.clear();
    if (curve > 0)
      addCurve(row, y + tall, curve);
    body += textAt(kLeft + width + 8, y + tall * 0.7, std::min(11.0, tall * 0.75), printIdle(row));
    body += textAt(kLeft + width + 78, y + tall * 0.7, std::min(11.0, tall * 0.75),
                   printKept(*row.picture, row.lane->peak, row.lane->peakBytes));
    body += "</g>\n";
    y += tall + curve + 2;
  }

  void addWait(const Row &row, const Wait &wait, double tall) {
    double x = xOf(wait.start), w = xOf(wait.end) - x;
    if (w < 0.05)
      return;
    bool core = wait.cause == Cause::Core;
    // Inside a task a band along its foot, so that the task stays to be seen.
    bool inside = false;
    if (core) {
      const std::vector<Cell> &cells = row.lane->cells;
      auto cell = std::partition_point(cells.begin(), cells.end(),
                                       [&](const Cell &cell) { return cell.end <= wait.start; });
      inside = cell != cells.end() && cell->start < wait.end;
    }
    std::string words = std::string(core ? "waits for a core, " : "waits for a message, ") +
                        timesOf(wait.start, wait.end, row.picture->unit);
    if (std::string awaited = printAwaited(wait); !awaited.empty())
      words += ", " + awaited;
    body += std::string("<g class=\"wait ") + (core ? "core" : "message") + "\"><title>" +
            escapeMarkup(words) + "</title>" +
            box(x, inside ? y + tall * 0.8 : y, w, inside ? tall * 0.2 : tall,
                core ? fill("url(#core)") : fill("#808080") + " fill-opacity=\".22\"") +
            "</g>\n";
  }

  static std::string timesOf(double start, double end, const std::string &unit) {
    return printTime(start, unit) + " to " + printTime(end, unit) + " (" +
           printTime(end - start, unit) + ")";
  }

  void addCell(const Row &row, const Cell &cell, double tall) {
    if (cell.end < drawing.from || cell.start > drawing.to)
      return;
    const Picture &picture = *row.picture;
    double x = xOf(cell.start), w = xOf(cell.end) - x;
    std::string words = printCell(cell) + ", rank " + std::to_string(row.lane->rank) +
                        (row.isForecast ? ", " + picture.laneName : "") + ": " +
                        timesOf(cell.start, cell.end, picture.unit);
    for (const Picture *forecast : forecastsOf(drawing))
      if (cell.expected) {
        Expected expected = expectedBy(*forecast, *cell.expected);
        words +=
            "; " + forecast->laneName + " " + timesOf(expected.start, expected.end, picture.unit);
      }
    body += "<g class=\"cell\" data-rank=\"" + std::to_string(row.lane->rank) +
            "\" data-action=\"" + escapeMarkup(printCell(cell)) + "\"" +
            (row.isForecast ? " data-lane=\"" + picture.laneName + "\" opacity=\".6\"" : "") +
            "><title>" + escapeMarkup(words) + "</title>";
    // A hair of the page's colour between cells.
    double inner = std::max(w - 0.6, std::min(w, 0.4));
    if (!cell.action) {
      body += box(x, y, inner, tall, fill(hex(colourOf(std::nullopt, 0, 1)))) + "</g>\n";
      return;
    }
    const Action &action = *cell.action;
    double part = action.second ? tall / 2 : tall;
    addTask(action.first, cell.shade, picture.shades, x, y, inner, part);
    if (action.second)
      addTask(*action.second, cell.pairShade, picture.shades, x, y + part, inner, part);
    if (cell.critical && w <= 6) // a frame would hide the colour
      body += box(x, y, w, std::max(1.5, tall * 0.15),
                  std::string(" class=\"critical\"") + fill(kCritical));
    else if (cell.critical)
      body += box(x + 0.5, y + 0.75, std::max(inner - 1, 0.1), tall - 1.5,
                  std::string(" class=\"critical\" fill=\"none\" stroke-width=\"1.5\" stroke=\"") +
                      kCritical + "\"");
    body += "</g>\n";
  }

  void addTask(const Task &task, unsigned shade, unsigned shades, double x, double y, double w,
               double h) {
    Colour colour = colourOf(task.kind, shade, shades);
    body += box(x, y, w, h, fill(hex(colour)));
    std::string label = std::to_string(task.microBatch);
    double size = std::min(11.0, h * 0.85);
    if (w < 0.6 * size * label.size() + 1 || size < 5)
      return;
    labels += "<text x=\"" + number(x + w / 2) + "\" y=\"" + number(y + h / 2 + size * 0.36) +
              "\" font-size=\"" + number(size) +
              "\" text-anchor=\"middle\" pointer-events=\"none\" fill=\"" +
              (wantsWhiteText(colour) ? "#fff" : "#000") + "\">" + label + "</text>\n";
  }

  // A staircase of what the rank keeps, on one scale for all ranks.
  void addCurve(const Row &row, double top, double tall) {
    if (lastKept <= 0)
      return;
    const Lane &lane = *row.lane;
    auto level = [&](double value) {
      return number(top + tall - std::clamp(value / lastKept, 0.0, 1.0) * (tall - 1));
    };
    std::string path = "M" + number(kLeft) + " " + number(top + tall);
    double before = 0;
    for (const Kept &kept : lane.kept) {
      if (kept.time > drawing.to)
        break;
      if (kept.time >= drawing.from)
        path += "H" + number(xOf(kept.time)) + "V" + level(kept.value);
      else
        before = kept.value;
      if (kept.time < drawing.from)
        path = "M" + number(kLeft) + " " + number(top + tall) + "V" + level(before);
    }
    path += "H" + number(kLeft + width) + "V" + number(top + tall) + "Z";
    body += "<path class=\"kept\" d=\"" + path +
            "\" fill=\"#7d6bb0\" fill-opacity=\".55\"><title>activations kept by rank " +
            std::to_string(lane.rank) + ", at most " +
            printKept(*row.picture, lane.peak, lane.peakBytes) + "</title></path>\n";
  }

  void addLegend() {
    double x = kMargin;
    auto words = [&](const std::string &text) {
      body += textAt(x + 18, y + 11, 11, text);
      x += 18 + 6.2 * text.size() + 16;
    };
    auto swatch = [&](const Colour &colour, double top, double tall) {
      body += box(x, y + top, 14, tall, fill(hex(colour))) + "\n";
    };
    unsigned shades = 1;
    bool replicas = false, pairs = false, others = false, critical = false;
    std::set<Kind> kinds;
    for (const Row &row : rows) {
      shades = std::max(shades, row.picture->shades);
      replicas |= row.picture->shadesAreReplicas;
      for (const Cell &cell : row.lane->cells) {
        others |= !cell.action;
        critical |= cell.critical;
        if (!cell.action)
          continue;
        pairs |= cell.action->second.has_value();
        if (!cell.action->second)
          kinds.insert(cell.action->first.kind);
      }
    }
    for (Kind kind : kinds) {
      swatch(colourOf(kind, 0, shades), 0, 14);
      if (shades > 1) {
        x += 14;
        swatch(colourOf(kind, shades - 1, shades), 0, 14);
      }
      words(wordOf(kind));
    }
    if (pairs) {
      swatch(colourOf(Kind::Forward, 0, shades), 0, 7);
      swatch(colourOf(Kind::Backward, shades - 1, shades), 7, 7);
      words("forward & backward, overlapped");
      size_t at = body.rfind("forward & backward");
      body.replace(at, 9, "forward &amp;");
    }
    if (others) {
      swatch(colourOf(std::nullopt, 0, 1), 0, 14);
      words("other work");
    }
    if (hasWaits(drawing, Cause::Message)) {
      body += box(x, y, 14, 14, fill("#808080") + " fill-opacity=\".22\"") + "\n";
      words("waits for a message");
    }
    if (hasWaits(drawing, Cause::Core)) {
      body += box(x, y, 14, 14, fill("url(#core)")) + "\n";
      words("waits for a core");
    }
    if (critical) {
      body += box(x + 1, y + 1, 12, 12,
                  std::string(" fill=\"none\" stroke-width=\"1.5\" stroke=\"") + kCritical + "\"") +
              "\n";
      words("critical path");
    }
    body += box(x, y + 4, 14, 10, " fill=\"#7d6bb0\" fill-opacity=\".55\"") + "\n";
    words("activations kept");
    y += 20;
    if (shades > 1)
      body += textAt(kMargin, y + 9, 11,
                     std::string("Numbers are micro-batches; ") +
                         (replicas ? "light and dark are the copies of the model."
                                   : "the darker, the later a rank's stage."));
    else
      body += textAt(kMargin, y + 9, 11, "Numbers are micro-batches.");
    y += 14;
    if (std::string key = laneKey(drawing); !key.empty()) {
      body += textAt(kMargin, y + 9, 11, escapeMarkup(key));
      y += 14;
    }
  }

  const Drawing &drawing;
  std::vector<Row> rows;
  double width, right, lane, lastKept, y = 0;
  std::string body, labels;
};

} // namespace

std::string renderSvg(const Drawing &drawing) { return SvgRenderer(drawing).run(); }

} // namespace dpc::schedule
