// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Initializers.h"

#include "Emitter.h"
#include "dpc/Dialect/NN/Element.h"
#include "dpc/Onnx/TensorValue.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SHA1.h"

using namespace mlir;
using namespace dpc::import;

Type dpc::import::getStorageType(int64_t onnxType, MLIRContext *context) {
  std::optional<dpcrt::Element> element = dpcrt::elementOfOnnx(onnxType);
  if (!element)
    return {};
  switch (*element) {
  case dpcrt::Element::F32:
  case dpcrt::Element::F64:
  case dpcrt::Element::F16:
  case dpcrt::Element::BF16:
  case dpcrt::Element::I64:
  case dpcrt::Element::I32:
  case dpcrt::Element::I16:
  case dpcrt::Element::U16:
  case dpcrt::Element::I8:
  case dpcrt::Element::U8:
  case dpcrt::Element::Bool:
    return nn::getType(*element, context);
  default:
    return {}; // files have it, no operation computes with it
  }
}

std::string dpc::import::getTypeName(int64_t onnxType) {
  if (onnxType == static_cast<int>(onnxType) && onnx::TensorProto::DataType_IsValid(onnxType))
    return llvm::StringRef(
               onnx::TensorProto::DataType_Name(static_cast<onnx::TensorProto::DataType>(onnxType)))
        .lower();
  return "type " + std::to_string(onnxType);
}

// Bytes of one element as ONNX stores it.
static int64_t getElementBytes(Type type) { return std::max(1u, type.getIntOrFloatBitWidth() / 8); }

FailureOr<RankedTensorType> TensorReader::getType(const onnx::TensorProto &tensor, StringRef name) {
  Type element = getStorageType(tensor.data_type(), context);
  if (!element)
    return emitError(loc) << "tensor '" << name << "' holds " << getTypeName(tensor.data_type())
                          << ", which dpc does not compute with";
  Shape shape(tensor.dims().data(), tensor.dims_size());
  if (shape.size() > 64 || !countElements(shape))
    return emitError(loc) << "tensor '" << name << "' has the shape " << toString(shape)
                          << ", which is not possible";
  if (tensor.has_segment())
    return emitError(loc) << "tensor '" << name << "' is stored in segments; store it whole";
  return RankedTensorType::get(shape, element);
}

FailureOr<std::optional<FileRange>> TensorReader::locate(const onnx::TensorProto &tensor,
                                                         StringRef name) {
  FailureOr<RankedTensorType> type = getType(tensor, name);
  if (failed(type))
    return failure();
  uint64_t length = type->getNumElements() * getElementBytes(type->getElementType());
  if (tensor.data_location() == onnx::TensorProto::EXTERNAL) {
    std::string error;
    FailureOr<FileRange> range = resolveExternal(tensor, file.getPath(), length, error);
    if (failed(range))
      return emitError(loc) << "tensor '" << name << "': " << error;
    if (failed(checkDigest(*range, name)))
      return failure();
    return std::optional(*range);
  }
  std::optional<Payload> payload = file.getPayload(tensor);
  if (!payload)
    return std::optional<FileRange>();
  if (payload->length != length)
    return emitError(loc) << "tensor '" << name << "' has " << payload->length
                          << " bytes, its type needs " << length;
  FileRange range;
  range.path = file.getPath().str();
  range.offset = payload->offset;
  range.length = length;
  range.stamp = file.getStamp();
  return std::optional(range);
}

LogicalResult TensorReader::checkDigest(const FileRange &range, StringRef name) {
  if (range.checksum.empty() || !range.exists)
    return success();
  auto [it, fresh] = digests.try_emplace(range.path);
  if (fresh) {
    auto buffer =
        llvm::MemoryBuffer::getFile(range.path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
    if (!buffer)
      return emitError(loc) << "tensor '" << name << "': cannot read '" << range.path
                            << "': " << buffer.getError().message();
    llvm::SHA1 hash;
    hash.update((*buffer)->getBuffer());
    it->second = llvm::toHex(hash.final(), /*LowerCase=*/true);
  }
  if (StringRef(it->second).equals_insensitive(range.checksum))
    return success();
  return emitError(loc) << "tensor '" << name << "': its external file '" << range.path
                        << "' has the checksum " << it->second << ", the model records "
                        << range.checksum << ": the file is damaged, or of another model";
}

bool TensorReader::isPresent(const onnx::TensorProto &tensor, StringRef name) {
  FailureOr<std::optional<FileRange>> range = locate(tensor, name);
  return succeeded(range) && (!*range || (*range)->exists);
}

FailureOr<std::vector<char>> TensorReader::readBytes(const onnx::TensorProto &tensor,
                                                     StringRef name) {
  FailureOr<RankedTensorType> type = getType(tensor, name);
  FailureOr<std::optional<FileRange>> range = locate(tensor, name);
  if (failed(type) || failed(range))
    return failure();
  std::vector<char> bytes;
  uint64_t length = type->getNumElements() * getElementBytes(type->getElementType());
  if (!*range) {
    if (tensor.has_raw_data())
      bytes.assign(tensor.raw_data().begin(), tensor.raw_data().end());
    else
      onnxwire::appendTyped(tensor, bytes);
    if (bytes.size() != length)
      return emitError(loc) << "tensor '" << name << "' has " << bytes.size()
                            << " bytes, its type needs " << length;
    return bytes;
  }
  if (!(*range)->exists)
    return emitError(loc) << "tensor '" << name << "' is in '" << (*range)->path
                          << "', which does not exist";
  if (type->getNumElements() > 1024)
    largeBytesRead += length;
  if (tensor.data_location() != onnx::TensorProto::EXTERNAL) {
    ArrayRef<char> view = file.getBytes({(*range)->offset, length});
    bytes.assign(view.begin(), view.end());
    return bytes;
  }
  auto buffer = llvm::MemoryBuffer::getFileSlice((*range)->path, length, (*range)->offset);
  if (!buffer || (*buffer)->getBufferSize() != length)
    return emitError(loc) << "tensor '" << name << "': cannot read '" << (*range)->path << "'";
  bytes.assign((*buffer)->getBufferStart(), (*buffer)->getBufferEnd());
  return bytes;
}

FailureOr<DenseElementsAttr> TensorReader::read(const onnx::TensorProto &tensor, StringRef name) {
  FailureOr<RankedTensorType> type = getType(tensor, name);
  FailureOr<std::vector<char>> bytes = readBytes(tensor, name);
  if (failed(type) || failed(bytes))
    return failure();
  if (type->getNumElements() == 0)
    return DenseElementsAttr::get(*type, ArrayRef<Attribute>());
  if (type->getElementType().isInteger(1)) {
    SmallVector<bool> values;
    for (char byte : *bytes)
      values.push_back(byte != 0);
    return DenseElementsAttr::get(*type, ArrayRef<bool>(values));
  }
  return DenseElementsAttr::getFromRawBuffer(*type, *bytes);
}
