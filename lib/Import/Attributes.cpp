// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Typed access to a node's attributes.
#include "NodeContext.h"

using namespace mlir;
using namespace dpc::import;

const onnx::AttributeProto *NodeContext::find(StringRef name,
                                              onnx::AttributeProto::AttributeType type) {
  const onnx::AttributeProto *attribute = node.find(name);
  if (!attribute || attribute->type() == type)
    return attribute;
  // Files older than IR version 2 leave the type out.
  if (attribute->type() == onnx::AttributeProto::UNDEFINED)
    return attribute;
  error() << "attribute '" << name << "' has the wrong type ("
          << onnx::AttributeProto::AttributeType_Name(attribute->type()) << " instead of "
          << onnx::AttributeProto::AttributeType_Name(type) << ")";
  badAttribute = true;
  return nullptr;
}

int64_t NodeContext::getInt(StringRef name, int64_t otherwise) {
  auto *attribute = find(name, onnx::AttributeProto::INT);
  return attribute ? attribute->i() : otherwise;
}

double NodeContext::getFloat(StringRef name, double otherwise) {
  auto *attribute = find(name, onnx::AttributeProto::FLOAT);
  return attribute ? attribute->f() : otherwise;
}

std::string NodeContext::getString(StringRef name, StringRef otherwise) {
  auto *attribute = find(name, onnx::AttributeProto::STRING);
  return attribute ? attribute->s() : otherwise.str();
}

std::optional<SmallVector<int64_t>> NodeContext::getInts(StringRef name) {
  auto *attribute = find(name, onnx::AttributeProto::INTS);
  if (!attribute)
    return std::nullopt;
  return SmallVector<int64_t>(attribute->ints().begin(), attribute->ints().end());
}

FailureOr<DenseElementsAttr> NodeContext::getTensor(StringRef name) {
  auto *attribute = find(name, onnx::AttributeProto::TENSOR);
  if (!attribute)
    return failure();
  return reader.read(attribute->t(), node.name);
}
