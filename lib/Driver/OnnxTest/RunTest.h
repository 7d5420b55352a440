// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One test, from its model to its outputs: imported as a graph without a loss, compiled
// like any model, and its eval_step run.
#ifndef DPC_LIB_DRIVER_ONNXTEST_RUNTEST_H
#define DPC_LIB_DRIVER_ONNXTEST_RUNTEST_H

#include "TestCase.h"

namespace dpc::driver {

/// `bound`: values of inputs that become constants of the model. So do inputs without which
/// a shape is not known, with the test's values. `scratch` is an empty folder.
Outcome runTest(TestCase &test, const std::map<std::string, onnx::TensorProto> &bound,
                const std::string &scratch);

} // namespace dpc::driver

#endif // DPC_LIB_DRIVER_ONNXTEST_RUNTEST_H
