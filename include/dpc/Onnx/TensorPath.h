// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Where tensors are in a model file: which fields of which messages lead to one. Who
// reads the wire format before protobuf does (the importer, to find weights without
// copying them), and who copies a file with other weights, follow the same way.
#ifndef DPC_ONNX_TENSORPATH_H
#define DPC_ONNX_TENSORPATH_H

#include "onnx-ml.pb.h"

#include <cstdint>
#include <optional>

namespace dpc::onnxwire {

/// Messages nest no deeper than this in a file that is read.
inline constexpr int depthLimit = 100;

enum class Message { Model, MainGraph, Graph, Node, Attribute, Function, Training, Tensor };

/// The submessages on the way to tensors, by field number.
inline std::optional<Message> submessage(Message message, uint64_t field) {
  switch (message) {
  case Message::Model:
    if (field == onnx::ModelProto::kGraphFieldNumber)
      return Message::MainGraph;
    if (field == onnx::ModelProto::kFunctionsFieldNumber)
      return Message::Function;
    if (field == onnx::ModelProto::kTrainingInfoFieldNumber)
      return Message::Training;
    break;
  case Message::MainGraph:
  case Message::Graph:
    if (field == onnx::GraphProto::kNodeFieldNumber)
      return Message::Node;
    if (field == onnx::GraphProto::kInitializerFieldNumber)
      return Message::Tensor;
    break;
  case Message::Node:
    if (field == onnx::NodeProto::kAttributeFieldNumber)
      return Message::Attribute;
    break;
  case Message::Attribute:
    if (field == onnx::AttributeProto::kTFieldNumber ||
        field == onnx::AttributeProto::kTensorsFieldNumber)
      return Message::Tensor;
    if (field == onnx::AttributeProto::kGFieldNumber ||
        field == onnx::AttributeProto::kGraphsFieldNumber)
      return Message::Graph;
    break;
  case Message::Function:
    if (field == onnx::FunctionProto::kNodeFieldNumber)
      return Message::Node;
    if (field == onnx::FunctionProto::kAttributeProtoFieldNumber)
      return Message::Attribute;
    break;
  case Message::Training:
    if (field == onnx::TrainingInfoProto::kInitializationFieldNumber ||
        field == onnx::TrainingInfoProto::kAlgorithmFieldNumber)
      return Message::Graph;
    break;
  case Message::Tensor:
    break;
  }
  return std::nullopt;
}

} // namespace dpc::onnxwire

#endif // DPC_ONNX_TENSORPATH_H
