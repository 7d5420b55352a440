// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The model as one flat list of nodes in dependence order: local functions are
// inlined, attributes resolved, unnamed nodes named, opset versions attached.
// Later steps see this form only. Values are still names: `Graph` is what the
// exporter wrote, made uniform, and nothing is computed yet.
#ifndef DPC_LIB_IMPORT_GRAPH_H
#define DPC_LIB_IMPORT_GRAPH_H

#include "ModelFile.h"
#include "dpc/Import/Import.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

namespace dpc::import {

struct Node {
  std::string name; ///< as the user knows it; never empty
  std::string domain, op;
  int64_t version = 0; ///< of the operator set that the node was written for
  llvm::SmallVector<std::string, 4> inputs, outputs;
  /// By the name the node uses; the value may be an attribute of a call.
  llvm::SmallVector<std::pair<std::string, const onnx::AttributeProto *>, 4> attributes;
  /// The module of the framework that the node comes from, if recorded:
  /// `transformer.h.0.attn`.
  std::string module;
  /// The pipeline stage that the model asks for, if it does.
  std::optional<int64_t> stage;
  /// The exporter's record of the call the node was made from, if there is one.
  llvm::StringRef call;

  /// Null if the node has no such attribute.
  const onnx::AttributeProto *find(llvm::StringRef name) const;
};

/// "MatMul", or "com.microsoft::FusedMatMul" outside the standard domain.
std::string getOperatorName(const Node &node);

struct Graph {
  std::vector<Node> nodes; ///< producers before consumers
  llvm::MapVector<llvm::StringRef, const onnx::TensorProto *> initializers;
  /// Those of them that the file holds in Constant nodes: some exporters write all
  /// weights so. Only floating ones of more than one element are taken out.
  llvm::StringSet<> fromNodes;
  /// Inputs that have no initializer of the same name.
  std::vector<const onnx::ValueInfoProto *> inputs;
  std::vector<std::string> outputs;
  llvm::StringMap<unsigned> producers; ///< value name -> index in `nodes`

  /// Readers of a value: (node, operand).
  using Uses = llvm::SmallVector<std::pair<unsigned, unsigned>, 2>;
  llvm::StringMap<Uses> uses;

  /// One line about the pipeline stages that nodes ask for, or "".
  std::string stagesNote;

  /// Drops all nodes that none of the values depends on.
  void prune(llvm::ArrayRef<std::string> values);
  void index();
};

/// Flattens the model's main graph. Emits diagnostics for unknown names, values
/// defined twice, cycles and runaway functions.
mlir::FailureOr<Graph> buildGraph(const ModelFile &file, mlir::Location loc);

/// The parts of buildGraph: appends the nodes of the graph with calls of local
/// functions replaced by their bodies (Functions.cpp) …
struct ConfigurationChoice;
mlir::LogicalResult appendNodes(const onnx::ModelProto &model,
                                const ConfigurationChoice &configuration, std::vector<Node> &nodes,
                                mlir::Location loc);
/// … and orders them, keeping the given order where it is possible.
mlir::LogicalResult orderNodes(Graph &graph, mlir::Location loc);

/// The module path that the exporter recorded for a node, or "".
std::string
getRecordedModule(const google::protobuf::RepeatedPtrField<onnx::StringStringEntryProto> &metadata);
llvm::StringRef
findMetadata(const google::protobuf::RepeatedPtrField<onnx::StringStringEntryProto> &metadata,
             llvm::StringRef key);

/// Which of the model's device configurations says what stages nodes ask for: the
/// first for which any node does.
struct ConfigurationChoice {
  std::string name;
  std::string note; ///< for the summary; "" if no node asks for a stage
};
ConfigurationChoice chooseConfiguration(const onnx::ModelProto &model);

/// The stage that a node asks for in that configuration; emits an error if it is
/// none, or asks for two.
mlir::FailureOr<std::optional<int64_t>> getPipelineStage(const onnx::NodeProto &node,
                                                         llvm::StringRef name,
                                                         const ConfigurationChoice &choice,
                                                         mlir::Location loc);

/// NameLoc of the node, fused with its module path where known.
mlir::Location getNodeLoc(const Node &node, mlir::MLIRContext *context);

} // namespace dpc::import

#endif // DPC_LIB_IMPORT_GRAPH_H
