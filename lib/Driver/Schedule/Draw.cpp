// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// `draw`: schedules, or a measured step beside its forecast, as pictures.
#include "Subcommands.h"

#include "dpc/Schedule/core/Check.h"
#include "dpc/Schedule/draw/Render.h"

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sys/ioctl.h>
#include <unistd.h>

namespace dpc::schedule {
namespace {

constexpr size_t kMaxCells = 2000000;

bool toTerminal(const Flags &flags, const std::ostream &out) {
  return flags.draw.output.empty() && &out == &std::cout && isatty(STDOUT_FILENO);
}

unsigned terminalWidth(const Flags &flags, bool isTerminal) {
  if (flags.draw.width)
    return flags.draw.width;
  const char *columns = std::getenv("COLUMNS");
  if (unsigned long value = columns ? std::strtoul(columns, nullptr, 10) : 0;
      value > 0 && value <= 10000)
    return value;
  winsize size{};
  if (isTerminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    return size.ws_col;
  return 120;
}

TerminalOptions terminalOptions(const Flags &flags, const std::ostream &out) {
  TerminalOptions options;
  bool isTerminal = toTerminal(flags, out);
  options.width = terminalWidth(flags, isTerminal);
  const char *off = std::getenv("NO_COLOR"), *depth = std::getenv("COLORTERM"),
             *kind = std::getenv("TERM");
  bool dumb = kind && !std::strcmp(kind, "dumb");
  options.colour = flags.draw.colour == "always" ||
                   (flags.draw.colour == "auto" && isTerminal && !dumb && !(off && *off));
  options.trueColour = depth && (!std::strcmp(depth, "truecolor") || !std::strcmp(depth, "24bit"));
  return options;
}

Result<Picture> drawSchedule(const Flags &flags, const std::string &name, int &status) {
  using R = Result<Picture>;
  Flags one = flags;
  one.source.name = name;
  status = 3;
  Result<Table> table = load(one.source);
  if (!table.ok())
    return R::failure(table.error());
  size_t actions = 0;
  for (const std::vector<Action> &row : table->actions)
    actions += row.size();
  if (actions > kMaxCells)
    return R::failure("'" + name + "' has " + std::to_string(actions) + " actions; " +
                      std::to_string(kMaxCells) + " can be drawn");
  if (std::vector<std::string> errors = check(*table); !errors.empty())
    return R::failure(errors.front());
  Result<Costs> costs = costsOf(one, *table);
  if (!costs.ok()) {
    status = costsStatus(one);
    return R::failure(costs.error());
  }
  Result<Simulation> simulation = simulate(*table, *costs);
  if (!simulation.ok())
    return R::failure(simulation.error());
  Picture picture = makePicture(*table, *costs, *simulation);
  // Named as it was asked for, so that `interleaved,v=2` is told from `v=4`.
  if (!isFile(name))
    picture.title = name;
  return picture;
}

std::string render(const Flags &flags, const Drawing &drawing, const std::ostream &out) {
  if (flags.format == "svg")
    return renderSvg(drawing);
  if (flags.format == "html")
    return renderHtml(drawing);
  if (flags.format == "csv")
    return renderCsv(drawing);
  return renderTerminal(drawing, terminalOptions(flags, out));
}

} // namespace

int drawCommand(const Flags &flags, std::ostream &out, std::ostream &err) {
  const DrawFlags &draw = flags.draw;
  if (draw.schedules.empty() == draw.trace.empty())
    return fail(
        err,
        draw.trace.empty()
            ? "draw what? Name schedules, or a measured trace with --trace FILE.json"
            : "--trace draws a measured step beside its own forecast; leave the schedules away",
        2);
  if (draw.step && draw.trace.empty())
    return fail(err, "--step is of a trace; there is no --trace", 2);
  if (!draw.output.empty() && !draw.force &&
      std::filesystem::exists(std::filesystem::symlink_status(draw.output)))
    return fail(err, "'" + draw.output + "' exists; --force replaces it", 2);

  Drawing drawing;
  if (!draw.trace.empty()) {
    Result<Drawing> loaded = loadTrace(draw.trace, draw.step);
    if (!loaded.ok())
      return fail(err, loaded.error(), 3);
    drawing = std::move(*loaded);
  } else {
    std::vector<Picture> pictures;
    size_t cells = 0;
    for (const std::string &name : draw.schedules) {
      int status = 0;
      Result<Picture> picture = drawSchedule(flags, name, status);
      if (!picture.ok())
        return fail(err, picture.error(), status);
      for (const Lane &lane : picture->lanes)
        cells += lane.cells.size();
      if (cells > kMaxCells)
        return fail(err,
                    "these schedules have " + std::to_string(cells) + " actions; " +
                        std::to_string(kMaxCells) + " can be drawn together",
                    3);
      pictures.push_back(std::move(*picture));
    }
    drawing = stack(std::move(pictures));
  }
  if (draw.to && *draw.to <= draw.from.value_or(0))
    return fail(err,
                "--from and --to are the begin and the end of what is shown; the end must be later",
                2);
  if (draw.from && *draw.from >= drawing.to)
    return fail(err, "--from " + printTime(*draw.from) + ": all ends at " + printTime(drawing.to),
                2);
  drawing.from = draw.from.value_or(drawing.from);
  drawing.to = std::min(drawing.to, draw.to.value_or(drawing.to));

  std::string text = render(flags, drawing, out);
  if (draw.output.empty()) {
    out << text;
    return 0;
  }
  std::ofstream file(draw.output, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (!file)
    return fail(err, "cannot write '" + draw.output + "': " + std::strerror(errno), 11);
  return 0;
}

} // namespace dpc::schedule
