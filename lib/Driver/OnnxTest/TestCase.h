// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A test of ONNX's backend suite: a folder with model.onnx and, in test_data_set_N, the
// values of its inputs and outputs (onnx/backend/test in the onnx package).
#ifndef DPC_LIB_DRIVER_ONNXTEST_TESTCASE_H
#define DPC_LIB_DRIVER_ONNXTEST_TESTCASE_H

#include "dpc/Onnx/TensorValue.h"

#include <map>
#include <string>
#include <vector>

namespace dpc::driver {

/// A value as its file has it, and read.
struct TestValue {
  onnx::TensorProto proto;
  onnxwire::TensorValue value;
};

struct TestCase {
  onnx::ModelProto model;
  /// Of one data set, by input and output of the graph. An input may have none: it has a
  /// default.
  std::map<std::string, TestValue> inputs, outputs;
};

/// What a test came to.
struct Outcome {
  enum Kind { Passed, Folded, Failed, Skipped } kind = Passed; ///< Folded: passed, but …
  std::string reason;                                          ///< of the last two
};

/// Folders under `folder`, and itself, that hold a test, by name.
std::vector<std::string> findTests(const std::string &folder);
/// The data sets of a test's folder, by number.
std::vector<std::string> findDataSets(const std::string &folder);

/// Reads a test with one of its data sets. The outcome says why not: skipped if a value is
/// no tensor of numbers, failed if a file cannot be read, or an output has none.
bool readTest(const std::string &folder, const std::string &dataSet, TestCase &test,
              Outcome &outcome);

bool readTensorFile(const std::string &path, onnx::TensorProto &tensor);

} // namespace dpc::driver

#endif // DPC_LIB_DRIVER_ONNXTEST_TESTCASE_H
