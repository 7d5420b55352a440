// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Schedules made for given costs, for Python.
#include "dpc/Schedule/search/Search.h"

#include "Bindings.h"

#include <sstream>

using namespace dpc::schedule;

namespace {

SearchResult find(unsigned ranks, unsigned microBatches, const Costs &costs,
                  const std::optional<std::string> &placement, unsigned chunks,
                  const std::vector<double> &caps, uint64_t seed, uint64_t iterations,
                  double timeLimit) {
  SearchOptions options;
  options.ranks = ranks;
  options.microBatches = microBatches;
  options.costs = costs;
  options.spreads = true; // as in `simulate`
  options.chunks = chunks;
  options.seed = seed;
  options.iterations = iterations;
  options.timeLimit = atLeastZero(timeLimit, "time_limit");
  if (placement && *placement != "any") {
    options.placement = findPlacement(*placement);
    if (!options.placement)
      throw py::value_error("there is no placement '" + *placement +
                            "'; known are linear, loop, v, mirrored and any");
  }
  for (double cap : caps)
    atLeastZero(cap, "activation_cap");
  if (caps.size() == 1)
    options.activationCap = caps[0];
  else
    options.activationCaps = caps;
  return take(search(options));
}

} // namespace

void bindSearch(py::module_ &module) {
  py::class_<SearchResult>(module, "SearchResult")
      .def_readonly("schedule", &SearchResult::table)
      .def_readonly("simulation", &SearchResult::simulation)
      .def_readonly("origin", &SearchResult::origin)
      .def_readonly("lower_bound", &SearchResult::lowerBound)
      .def_readonly("iterations", &SearchResult::iterations)
      .def_readonly("stopped_by_time", &SearchResult::stoppedByTime)
      .def_property_readonly("gap", &SearchResult::gap)
      .def("__repr__", [](const SearchResult &result) {
        std::ostringstream text;
        text << "<found: makespan " << result.simulation.makespan << ", lower bound "
             << result.lowerBound << ", from " << result.origin << ">";
        return text.str();
      });
  module.def("search", find, py::arg("ranks"), py::arg("micro_batches"), py::arg("costs"),
             py::arg("placement"), py::arg("chunks"), py::arg("activation_caps"), py::arg("seed"),
             py::arg("iterations"), py::arg("time_limit"), Free());
}
