// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See TensorValue.h.
#include "dpc/Onnx/TensorValue.h"

namespace dpc::onnxwire {

bool appendTyped(const onnx::TensorProto &tensor, std::vector<char> &bytes) {
  auto append = [&](auto element, const auto &values) {
    for (auto value : values) {
      element = static_cast<decltype(element)>(value);
      const char *at = reinterpret_cast<const char *>(&element);
      bytes.insert(bytes.end(), at, at + sizeof(element));
    }
    return true;
  };
  switch (tensor.data_type()) {
  case onnx::TensorProto::FLOAT:
    return append(float(), tensor.float_data());
  case onnx::TensorProto::DOUBLE:
    return append(double(), tensor.double_data());
  case onnx::TensorProto::INT64:
    return append(int64_t(), tensor.int64_data());
  case onnx::TensorProto::INT32:
    return append(int32_t(), tensor.int32_data());
  case onnx::TensorProto::UINT32:
    return append(uint32_t(), tensor.uint64_data());
  case onnx::TensorProto::UINT64:
    return append(uint64_t(), tensor.uint64_data());
  case onnx::TensorProto::FLOAT16:
  case onnx::TensorProto::BFLOAT16:
  case onnx::TensorProto::INT16:
  case onnx::TensorProto::UINT16:
    return append(uint16_t(), tensor.int32_data());
  case onnx::TensorProto::INT8:
  case onnx::TensorProto::UINT8:
  case onnx::TensorProto::BOOL:
  case onnx::TensorProto::FLOAT8E4M3FN:
  case onnx::TensorProto::FLOAT8E4M3FNUZ:
  case onnx::TensorProto::FLOAT8E5M2:
  case onnx::TensorProto::FLOAT8E5M2FNUZ:
  case onnx::TensorProto::FLOAT8E8M0:
    return append(uint8_t(), tensor.int32_data());
  default:
    return false;
  }
}

bool readTensor(const onnx::TensorProto &tensor, TensorValue &value, std::string &reason) {
  std::optional<dpcrt::Element> type = dpcrt::elementOfOnnx(tensor.data_type());
  if (!type || !dpcrt::sizeOf(*type)) {
    reason = "holds no numbers of whole bytes (element type " + std::to_string(tensor.data_type()) +
             " of ONNX)";
    return false;
  }
  value.name = tensor.name();
  value.type = *type;
  value.shape.clear();
  uint64_t bytes = dpcrt::sizeOf(*type);
  for (int64_t extent : tensor.dims()) {
    if (extent < 0 || __builtin_mul_overflow(bytes, uint64_t(extent), &bytes)) {
      reason = "has an impossible shape";
      return false;
    }
    value.shape.push_back(uint64_t(extent));
  }
  value.bytes.clear();
  if (tensor.has_raw_data())
    value.bytes.assign(tensor.raw_data().begin(), tensor.raw_data().end());
  else
    appendTyped(tensor, value.bytes);
  if (value.bytes.size() == bytes)
    return true;
  reason = "has " + std::to_string(value.bytes.size()) + " bytes of values, its shape needs " +
           std::to_string(bytes);
  return false;
}

} // namespace dpc::onnxwire
