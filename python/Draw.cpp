// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Pictures of schedules, for Python.
#include "dpc/Schedule/core/Spread.h"
#include "dpc/Schedule/draw/Render.h"

#include "Bindings.h"

using namespace dpc::schedule;

namespace {

// A page of more cells is of no use to a browser.
constexpr size_t kMaxCells = 2000000;

// With titles of the pictures; an empty one is the schedule's name.
Drawing drawTables(const std::vector<std::pair<std::string, Table>> &tables, const Costs &costs) {
  size_t cells = 0;
  for (auto &[title, table] : tables)
    for (const std::vector<Action> &row : table.actions)
      cells += row.size();
  if (cells > kMaxCells)
    throw py::value_error(std::to_string(cells) + " actions; " + std::to_string(kMaxCells) +
                          " can be drawn");
  std::vector<Picture> pictures;
  for (auto &[title, table] : tables) {
    pictures.push_back(
        makePicture(table, spread(costs, table.ranks, table.stages), timed(table, costs)));
    if (!title.empty())
      pictures.back().title = title;
  }
  return stack(std::move(pictures));
}

std::string renderText(const Drawing &drawing, unsigned width, bool colour) {
  TerminalOptions options;
  options.width = width;
  options.colour = options.trueColour = colour;
  return renderTerminal(drawing, options);
}

size_t countLanes(const Drawing &drawing) {
  size_t lanes = 0;
  for (const Picture &picture : drawing.pictures)
    lanes += picture.lanes.size();
  return lanes;
}

} // namespace

void bindDraw(py::module_ &module) {
  py::class_<Drawing>(module, "Drawing")
      .def_property_readonly("svg", &renderSvg)
      .def_property_readonly("html", &renderHtml)
      .def_property_readonly("csv", &renderCsv)
      .def_property_readonly("lanes", &countLanes)
      .def("text", &renderText, py::arg("width"), py::arg("colour"), Free());
  module.def("draw", drawTables, py::arg("tables"), py::arg("costs"), Free());
  module.def(
      "draw_trace",
      [](const std::string &path, std::optional<uint64_t> step) {
        return take(loadTrace(path, step));
      },
      py::arg("path"), py::arg("step"), Free());
}
