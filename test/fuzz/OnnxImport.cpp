// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A model file, imported and closed as `dpc check` does; most are refused, none may
// crash, and what is accepted is valid IR. What begins as the tests' models in text do
// is read as text: there, what is damaged is still well-formed more often.
#include "../unit/Import/Model.h"
#include "MutateModel.h"

#include "google/protobuf/text_format.h"
#include "mlir/IR/Verifier.h"
#include "onnx-ml.pb.h"

#include <filesystem>
#include <fstream>

namespace {
// Where the model and a file of external data lie: an importer opens by name, and
// resolves links. Removed at the end.
struct Folder {
  std::filesystem::path path;
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "fuzz-onnx-XXXXXX").string();
    if (!mkdtemp(name.data()))
      __builtin_trap();
    path = name;
    std::ofstream(path / "w.data", std::ios::binary) << std::string(64, '?');
  }
  ~Folder() { std::filesystem::remove_all(path); }
};

bool isText(const uint8_t *data, size_t size) {
  return size && (data[0] == '#' || data[0] == 'i'); // "ir_version"
}
} // namespace

extern "C" size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t maximum);

// Bytes are mutated as well, now and then, for the parser's sake.
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t maximum,
                                          unsigned seed) {
  google::protobuf::LogSilencer silence;
  onnx::ModelProto model;
  std::string bytes(reinterpret_cast<const char *>(data), size);
  bool parsed = isText(data, size) ? google::protobuf::TextFormat::ParseFromString(bytes, &model)
                                   : model.ParseFromString(bytes);
  if (!parsed || seed % 8 == 0)
    return LLVMFuzzerMutate(data, size, maximum);
  dpc::test::mutate(model, seed);
  bytes = model.SerializeAsString();
  if (bytes.size() > maximum)
    return LLVMFuzzerMutate(data, size, maximum);
  std::copy(bytes.begin(), bytes.end(), data);
  return bytes.size();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const Folder folder;
  std::string path = folder.path / (isText(data, size) ? "model.onnxtxt" : "model.onnx");
  if (!std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char *>(data), size))
    __builtin_trap();
  dpc::test::Imported imported(path);
  if (imported.module ? failed(mlir::verify(*imported.module)) : imported.errors.empty())
    __builtin_trap();
  return 0;
}
