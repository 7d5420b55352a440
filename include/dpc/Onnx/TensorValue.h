// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The values of an ONNX tensor as bytes: those that its message spells out element by
// element, and those of a tensor that is a file by itself.
#ifndef DPC_ONNX_TENSORVALUE_H
#define DPC_ONNX_TENSORVALUE_H

#include "onnx-ml.pb.h"
#include "program/format/Element.h"

#include <string>
#include <vector>

namespace dpc::onnxwire {

/// Appends the elements of the message's typed fields, little-endian and row-major. False
/// for types that have no such field, or whose elements share bytes.
bool appendTyped(const onnx::TensorProto &tensor, std::vector<char> &bytes);

struct TensorValue {
  std::string name;
  dpcrt::Element type = dpcrt::Element::F32;
  std::vector<uint64_t> shape;
  std::vector<char> bytes; ///< little-endian, row-major
};

/// Reads a message that holds its values itself. False, with the reason, if it has other
/// elements than numbers of whole bytes, or not as many as its shape says.
bool readTensor(const onnx::TensorProto &tensor, TensorValue &value, std::string &reason);

} // namespace dpc::onnxwire

#endif // DPC_ONNX_TENSORVALUE_H
