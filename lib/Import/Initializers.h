// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Stored tensors: their types, where their bytes are, and the bytes themselves
// when somebody really needs them. Parameters only ever ask where.
#ifndef DPC_LIB_IMPORT_INITIALIZERS_H
#define DPC_LIB_IMPORT_INITIALIZERS_H

#include "ModelFile.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/StringMap.h"

namespace dpc::import {

/// The element type dpc computes with for a type of ONNX; null if it does not.
mlir::Type getStorageType(int64_t onnxType, mlir::MLIRContext *context);
/// ONNX's name of an element type.
std::string getTypeName(int64_t onnxType);

/// A byte range of the model file or of an external file.
struct FileRange {
  std::string path; ///< absolute
  uint64_t offset = 0, length = 0;
  FileStamp stamp;
  bool exists = true;
  std::string checksum; ///< SHA-1 of the whole file by the model; empty: none
};

/// Resolves a tensor's external data against the model's folder. Fails with a
/// message if the location is absolute, leaves the folder (also through
/// symbolic links) or the range is not inside the file. A file that does not
/// exist is no failure here: `exists` is false.
mlir::FailureOr<FileRange> resolveExternal(const onnx::TensorProto &tensor,
                                           llvm::StringRef modelPath, uint64_t length,
                                           std::string &error);

class TensorReader {
public:
  TensorReader(const ModelFile &file, mlir::Location loc, mlir::MLIRContext *context)
      : file(file), loc(loc), context(context) {}

  /// All of these emit a diagnostic that names `name` when they fail.
  mlir::FailureOr<mlir::RankedTensorType> getType(const onnx::TensorProto &tensor,
                                                  llvm::StringRef name);
  /// Where the values are; nullopt if they are written in the message itself,
  /// not as plain bytes.
  mlir::FailureOr<std::optional<FileRange>> locate(const onnx::TensorProto &tensor,
                                                   llvm::StringRef name);
  /// Whether the values can be read: false if their file is not there.
  bool isPresent(const onnx::TensorProto &tensor, llvm::StringRef name);
  /// The values as little-endian bytes.
  mlir::FailureOr<std::vector<char>> readBytes(const onnx::TensorProto &tensor,
                                               llvm::StringRef name);
  mlir::FailureOr<mlir::DenseElementsAttr> read(const onnx::TensorProto &tensor,
                                                llvm::StringRef name);

  /// Bytes read so far of tensors with more than 1,024 elements.
  uint64_t getLargeBytesRead() const { return largeBytesRead; }

private:
  /// Files with a recorded checksum are read once.
  mlir::LogicalResult checkDigest(const FileRange &range, llvm::StringRef name);

  const ModelFile &file;
  mlir::Location loc;
  mlir::MLIRContext *context;
  uint64_t largeBytesRead = 0;
  llvm::StringMap<std::string> digests; ///< by path
};

} // namespace dpc::import

#endif // DPC_LIB_IMPORT_INITIALIZERS_H
