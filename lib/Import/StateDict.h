// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The framework's state dict, as the exporter recorded it: which of its keys is
// which initializer, in whose layout. With it trained weights go back under the
// framework's names; without it two parameters of equal value cannot be told from
// one that is tied.
#ifndef DPC_LIB_IMPORT_STATEDICT_H
#define DPC_LIB_IMPORT_STATEDICT_H

#include "Parameters.h"

namespace dpc::import {

struct StateKey {
  std::string key;
  std::string initializer; ///< "": not known
  bool buffer = false;
  bool trained = false;    ///< the framework trains it
  bool transposed = false; ///< the initializer is the transpose
};

struct StateDict {
  std::vector<StateKey> keys; ///< in the framework's order
  /// Whether `dpc.state_dict` was read, as python -m dpc.export writes it: then
  /// every key has its initializer. Else the keys are the signature's.
  bool recorded = false;
};

/// Fails with a diagnostic if the record contradicts itself or the graph.
mlir::FailureOr<StateDict> readStateDict(const onnx::ModelProto &model, const Graph &graph,
                                         mlir::Location loc);

/// Rule 2 for files with a record: what it says is trained is, and nothing else.
void applyStateDict(const StateDict &state, StoredTensors &tensors);

/// What the recorded calls tell of files without a record: which tensors are stored
/// as the framework's transpose, and which further names one is read under.
void resolveLayouts(StateDict &state, StoredTensors &tensors, const Graph &graph);

/// Attributes of a tensor's nn.parameter: its names elsewhere.
void setNames(nn::ParameterOp op, const StoredTensor &tensor, const StateDict &state,
              const StoredTensors &tensors);

/// The module's record of the state dict and of the file it came from.
/// `initializers` are those of the whole graph.
void setStateDict(mlir::ModuleOp module, const StateDict &state, const StoredTensors &tensors,
                  const Graph &graph, const Graph &whole, const ModelFile &file,
                  TensorReader &reader);

} // namespace dpc::import

#endif // DPC_LIB_IMPORT_STATEDICT_H
