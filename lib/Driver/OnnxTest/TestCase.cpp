// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See TestCase.h.
#include "TestCase.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace fs = std::filesystem;

namespace dpc::driver {

namespace {

// Folders in a folder, by name; none if it cannot be read.
std::vector<fs::path> subfolders(const fs::path &folder) {
  std::vector<fs::path> found;
  std::error_code error;
  for (auto it = fs::directory_iterator(folder, error); !error && it != fs::directory_iterator();
       it.increment(error))
    if (it->is_directory(error))
      found.push_back(it->path());
  std::sort(found.begin(), found.end());
  return found;
}

bool isTest(const fs::path &folder) { return fs::exists(folder / "model.onnx"); }

template <typename Message> bool readMessage(const fs::path &path, Message &message) {
  std::ifstream file(path, std::ios::binary);
  return file && message.ParseFromIstream(&file);
}

} // namespace

std::vector<std::string> findTests(const std::string &folder) {
  std::vector<std::string> found;
  if (isTest(folder)) {
    found.push_back(folder);
    return found;
  }
  for (const fs::path &path : subfolders(folder))
    if (isTest(path))
      found.push_back(path.string());
    else // as in the onnx package: node, simple, …
      for (const fs::path &inner : subfolders(path))
        if (isTest(inner))
          found.push_back(inner.string());
  return found;
}

std::vector<std::string> findDataSets(const std::string &folder) {
  std::vector<std::string> found;
  for (const fs::path &path : subfolders(folder))
    if (path.filename().string().rfind("test_data_set_", 0) == 0)
      found.push_back(path.string());
  return found;
}

bool readTensorFile(const std::string &path, onnx::TensorProto &tensor) {
  return readMessage(path, tensor);
}

bool readTest(const std::string &folder, const std::string &dataSet, TestCase &test,
              Outcome &outcome) {
  auto end = [&](Outcome::Kind kind, const std::string &reason) {
    outcome = {kind, reason};
    return false;
  };
  if (!readMessage(fs::path(folder) / "model.onnx", test.model))
    return end(Outcome::Failed, "model.onnx is no ONNX model");
  // Several values of one kind are numbered as the graph lists them.
  auto read = [&](const auto &infos, const std::string &kind, auto &values) {
    int number = 0;
    for (const onnx::ValueInfoProto &info : infos) {
      fs::path path = fs::path(dataSet) / (kind + "_" + std::to_string(number++) + ".pb");
      if (!fs::exists(path)) {
        if (&values == &test.outputs)
          return end(Outcome::Failed, "output '" + info.name() + "' has no " + path.string());
        continue;
      }
      if (!info.type().has_tensor_type())
        return end(Outcome::Skipped, kind + " '" + info.name() + "' is no tensor");
      TestValue &value = values[info.name()];
      if (!readMessage(path, value.proto))
        return end(Outcome::Failed, path.string() + " is no tensor of ONNX");
      std::string reason;
      if (!onnxwire::readTensor(value.proto, value.value, reason))
        return end(Outcome::Skipped, kind + " '" + info.name() + "' " + reason);
    }
    return true;
  };
  return read(test.model.graph().input(), "input", test.inputs) &&
         read(test.model.graph().output(), "output", test.outputs);
}

} // namespace dpc::driver
