// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the parts of `dpc._schedule` share.
#ifndef DPC_PYTHON_BINDINGS_H
#define DPC_PYTHON_BINDINGS_H

#include "dpc/Schedule/core/Result.h"
#include "dpc/Schedule/core/Simulate.h"

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

namespace py = pybind11;

/// Other threads run meanwhile.
using Free = py::call_guard<py::gil_scoped_release>;

/// The value, or the error for Python.
template <typename T> T take(dpc::schedule::Result<T> result) {
  if (!result.ok())
    throw py::value_error(result.error());
  return std::move(*result);
}

/// What is no time or number of bytes is refused; `what` names it.
double atLeastZero(double value, const char *what);

/// Checks and simulates; costs with stages are spread over the table's.
dpc::schedule::Simulation timed(const dpc::schedule::Table &table,
                                const dpc::schedule::Costs &costs);

void bindSearch(py::module_ &module);
void bindDraw(py::module_ &module);

#endif // DPC_PYTHON_BINDINGS_H
