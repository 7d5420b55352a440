// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// An ONNX file in memory: its structure as a protobuf message without payloads,
// and its payloads as byte ranges of the mapped file. Weights are never copied,
// and pages of tensors that nobody asks for are never touched.
#ifndef DPC_LIB_IMPORT_MODELFILE_H
#define DPC_LIB_IMPORT_MODELFILE_H

#include "Onnx.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Location.h"
#include "llvm/Support/MemoryBuffer.h"

#include <memory>

namespace dpc::import {

/// A tensor's values as stored: little-endian, row-major, at `offset` of the
/// model file.
struct Payload {
  uint64_t offset;
  uint64_t length;
};

/// Size and modification time of a file: what tells whether it was changed.
struct FileStamp {
  uint64_t size = 0;
  uint64_t time = 0; ///< nanoseconds since the epoch
};

/// Null if there is no such regular file.
std::optional<FileStamp> getFileStamp(llvm::StringRef path);

class ModelFile {
public:
  static mlir::FailureOr<std::unique_ptr<ModelFile>> open(llvm::StringRef path, mlir::Location loc);

  const onnx::ModelProto &getProto() const { return *proto; }
  /// Absolute, with symbolic links resolved.
  llvm::StringRef getPath() const { return path; }
  FileStamp getStamp() const { return stamp; }

  /// The bytes of a tensor that is stored inside the model file, or nullopt if
  /// they stand in typed fields of the message instead.
  std::optional<Payload> getPayload(const onnx::TensorProto &tensor) const;
  llvm::ArrayRef<char> getBytes(Payload payload) const;

private:
  std::string path;
  FileStamp stamp;
  bool text = false;
  std::unique_ptr<llvm::MemoryBuffer> buffer;
  std::unique_ptr<onnx::ModelProto> proto;
  std::vector<Payload> payloads;
};

/// Copies a serialized model without the payloads of its tensors: each
/// `raw_data` (and packed `float_data` or `double_data`, which have the same
/// layout) is replaced by its index in `payloads`. Fails with a message if the
/// bytes are not a well-formed message.
bool scanModel(llvm::StringRef bytes, std::string &stripped, std::vector<Payload> &payloads,
               std::string &error);

} // namespace dpc::import

#endif // DPC_LIB_IMPORT_MODELFILE_H
