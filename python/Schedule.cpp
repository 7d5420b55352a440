// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The schedule library for Python: `dpc._schedule`, which `dpc/schedule.py` wraps
// in words and defaults. Everything the library refuses becomes a ValueError with
// the library's words.
#include "dpc/Driver/Schedule/Command.h"
#include "dpc/Driver/Schedule/CostsFile.h"
#include "dpc/Schedule/core/Check.h"
#include "dpc/Schedule/core/Csv.h"
#include "dpc/Schedule/core/Spread.h"
#include "dpc/Schedule/core/Text.h"
#include "dpc/Schedule/generators/Source.h"

#include "Bindings.h"

#include <cmath>
#include <sstream>

using namespace dpc::schedule;

double atLeastZero(double value, const char *what) {
  if (!std::isfinite(value) || value < 0) {
    std::ostringstream message;
    message << what << " = " << value << ": expected a number of at least 0";
    throw py::value_error(message.str());
  }
  return value;
}

Simulation timed(const Table &table, const Costs &costs) {
  // The simulator presumes that nothing is wrong with a table.
  if (std::vector<std::string> errors = check(table); !errors.empty())
    throw py::value_error(errors.front());
  return take(simulate(table, spread(costs, table.ranks, table.stages)));
}

namespace {

Table make(const std::string &name, unsigned ranks, unsigned microBatches,
           const std::map<std::string, unsigned> &options) {
  const Generator *generator = findGenerator(name);
  if (!generator)
    throw py::value_error(noSuchSchedule(name));
  Request request;
  request.ranks = ranks;
  request.microBatches = microBatches;
  request.options = options;
  return take(generate(generator->name, request));
}

StageCosts stageOf(const std::map<std::string, double> &values) {
  StageCosts stage;
  for (auto &[name, value] : values) {
    double *target = name == "F"                  ? &stage.forward
                     : name == "I"                ? &stage.input
                     : name == "W"                ? &stage.weight
                     : name == "output_bytes"     ? &stage.outputBytes
                     : name == "gradient_bytes"   ? &stage.gradientBytes
                     : name == "activation_bytes" ? &stage.activationBytes
                     : name == "weight_bytes"     ? &stage.weightBytes
                                                  : nullptr;
    if (!target)
      throw py::value_error("a stage has no cost '" + name +
                            "'; its costs are F, I, W, output_bytes, gradient_bytes, "
                            "activation_bytes and weight_bytes");
    *target = atLeastZero(value, name.c_str());
  }
  return stage;
}

Costs costsOf(double F, double I, double W, std::optional<double> FB, double comm,
              const std::vector<std::map<std::string, double>> &stages) {
  Costs costs;
  costs.forward = atLeastZero(F, "F");
  costs.input = atLeastZero(I, "I");
  costs.weight = atLeastZero(W, "W");
  costs.pair = FB ? atLeastZero(*FB, "FB") : F + I + W;
  costs.comm = atLeastZero(comm, "comm");
  for (const auto &stage : stages)
    costs.stages.push_back(stageOf(stage));
  return costs;
}

py::list describeAll() {
  py::list all;
  for (const Generator &generator : generators()) {
    py::dict options;
    for (const Option &option : generator.options)
      options[option.name] =
          py::dict(py::arg("default") = option.fallback, py::arg("least") = option.least,
                   py::arg("most") = option.most, py::arg("summary") = option.summary);
    py::dict row(py::arg("name") = generator.name,
                 py::arg("alias") =
                     generator.alias ? py::object(py::str(generator.alias)) : py::none(),
                 py::arg("summary") = generator.summary, py::arg("source") = generator.source,
                 py::arg("precondition") = generator.precondition,
                 py::arg("copies") = generator.replicas(), py::arg("options") = options);
    all.append(row);
  }
  return all;
}

std::vector<std::vector<std::string>> actionsOf(const Table &table) {
  std::vector<std::vector<std::string>> rows(table.ranks);
  for (unsigned rank = 0; rank < table.ranks; ++rank)
    for (const Action &action : table.actions[rank])
      rows[rank].push_back(printAction(action));
  return rows;
}

std::string nameOf(const Table &table) {
  return "<schedule " + table.name + ": " + std::to_string(table.ranks) + " ranks, " +
         std::to_string(table.stages) + " stages, " + std::to_string(table.microBatches) +
         " micro-batches>";
}

std::string nameOf(const Simulation &simulation) {
  std::ostringstream text;
  text << "<simulation: makespan " << simulation.makespan << ", lower bound "
       << simulation.lowerBound << ">";
  return text.str();
}

} // namespace

PYBIND11_MODULE(_schedule, module) {
  py::class_<Table>(module, "Schedule")
      .def_readonly("name", &Table::name)
      .def_readonly("ranks", &Table::ranks)
      .def_readonly("stages", &Table::stages)
      .def_readonly("micro_batches", &Table::microBatches)
      .def_property_readonly(
          "replicas",
          [](const Table &table) {
            std::vector<std::tuple<unsigned, unsigned, std::vector<unsigned>>> all;
            for (const Replica &replica : table.replicas)
              all.push_back({replica.firstMicroBatch, replica.endMicroBatch, replica.rankOfStage});
            return all;
          })
      .def_property_readonly("actions", actionsOf)
      .def_property_readonly("text", &printText)
      .def_property_readonly("csv", &printCsv)
      .def(py::pickle([](const Table &table) { return py::str(printText(table)); },
                      [](const py::str &text) { return take(parseText(text)); }))
      .def(
          "__eq__", [](const Table &a, const Table &b) { return a == b; }, py::is_operator())
      .def("__repr__", [](const Table &table) { return nameOf(table); });
  py::class_<Costs>(module, "Costs")
      .def(py::init(&costsOf), py::arg("F"), py::arg("I"), py::arg("W"), py::arg("FB"),
           py::arg("comm"), py::arg("stages"))
      .def_readonly("F", &Costs::forward)
      .def_readonly("I", &Costs::input)
      .def_readonly("W", &Costs::weight)
      .def_readonly("FB", &Costs::pair)
      .def_readonly("comm", &Costs::comm)
      .def_property_readonly("stages", [](const Costs &costs) {
        std::vector<std::map<std::string, double>> all;
        for (const StageCosts &stage : costs.stages)
          all.push_back({{"F", stage.forward},
                         {"I", stage.input},
                         {"W", stage.weight},
                         {"output_bytes", stage.outputBytes},
                         {"gradient_bytes", stage.gradientBytes},
                         {"activation_bytes", stage.activationBytes},
                         {"weight_bytes", stage.weightBytes}});
        return all;
      });
  py::class_<Simulation>(module, "Simulation")
      .def_readonly("makespan", &Simulation::makespan)
      .def_readonly("idle", &Simulation::idle)
      .def_readonly("span_idle", &Simulation::spanIdle)
      .def_readonly("peaks", &Simulation::peakActivations)
      .def_readonly("peak_bytes", &Simulation::peakBytes)
      .def_readonly("start", &Simulation::start)
      .def_readonly("end", &Simulation::end)
      .def_readonly("lower_bound", &Simulation::lowerBound)
      .def_readonly("critical_path", &Simulation::criticalPath)
      .def("__repr__", [](const Simulation &simulation) { return nameOf(simulation); });

  module.def("describe_all", describeAll);
  module.def("generate", make, py::arg("name"), py::arg("ranks"), py::arg("micro_batches"),
             py::arg("options"), Free());
  module.def(
      "parse", [](const std::string &text) { return take(parseText(text)); }, py::arg("text"),
      Free());
  module.def(
      "parse_csv",
      [](const std::string &text, const std::string &name) { return take(parseCsv(text, name)); },
      py::arg("text"), py::arg("name"), Free());
  module.def(
      "load", [](const std::string &path) { return take(loadFile(path)); }, py::arg("path"),
      Free());
  module.def(
      "check",
      [](const Table &table, double cap) {
        return check(table, CheckOptions{atLeastZero(cap, "activation_cap"), 20});
      },
      py::arg("table"), py::arg("activation_cap"), Free());
  module.def("simulate", timed, py::arg("table"), py::arg("costs"), Free());
  module.def(
      "model_costs", [](const std::string &path) { return take(readModelCosts(path)); },
      py::arg("path"), Free());
  module.def(
      "command",
      [](const std::vector<std::string> &arguments) {
        std::ostringstream out, err;
        int status = scheduleCommand(arguments, out, err);
        return std::make_tuple(status, out.str(), err.str());
      },
      py::arg("arguments"), Free());
  bindSearch(module);
  bindDraw(module);
}
