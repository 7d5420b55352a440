// Which stored tensors are trained, under which name, and which are the same
// parameter. Everything is decided on the flat graph, before any operation is
// built: what a tensor is follows from who reads it.
#ifndef DPC_LIB_IMPORT_PARAMETERS_H
#define DPC_LIB_IMPORT_PARAMETERS_H

#include "Graph.h"
#include "Initializers.h"
#include "dpc/Dialect/NN/NN.h"

namespace dpc::import {

struct StateDict;

/// One stored tensor of the graph.
struct StoredTensor {
  std::string name;      ///< the initializer
  std::string symbol;    ///< the parameter's name for the user
  std::string framework; ///< the framework's name where known, else ""
  const onnx::TensorProto *proto = nullptr;
  mlir::RankedTensorType type;
  bool floating = false;
  bool trained = false;
  std::string reason; ///< the rule that decided
  /// The exporter's state dict says which parameter or buffer this is.
  bool recorded = false;
  bool frameworkTransposed = false; ///< the framework's layout is the transpose
  bool partial = false; ///< only what was folded from the framework's tensor
  /// If this is a copy of another parameter: that one, and how it is stored.
  StoredTensor *original = nullptr;
  bool transposed = false;
};

using StoredTensors = llvm::MapVector<llvm::StringRef, StoredTensor>;

/// A reader of a stored tensor, found through operators that only rearrange it.
struct Reader {
  const Node *node;
  unsigned operand;
  bool rearranged; ///< an Identity, Transpose, Reshape, … is in between
};
llvm::SmallVector<Reader> findReaders(const Graph &graph, llvm::StringRef value);

/// Whether this operand of the operator is what layers keep their weights in: a
/// factor of a product, a table, a filter, a norm's scale or bias.
bool isWeightPosition(const Reader &reader);

/// Whether the name is a path of modules (`h.0.ln.weight`) and not one of the
/// usual names of buffers.
bool isModulePath(llvm::StringRef name);

/// Types all initializers that the graph reads and decides which are trained.
mlir::FailureOr<StoredTensors>
classifyTensors(const ModelFile &file, const Graph &graph, TensorReader &reader,
                const StateDict &state, const ImportOptions &options,
                mlir::Location loc, ImportError &blame);

/// Refuses ties that an exporter made by accident; joins copies of one parameter.
mlir::LogicalResult resolveTies(StoredTensors &tensors, const Graph &graph,
                                TensorReader &reader,
                                const ImportOptions &options,
                                mlir::Location loc, ImportError &blame);

/// How `--init` draws a parameter: by its role in the graph.
nn::InitKind chooseInit(const StoredTensor &tensor, const Graph &graph);

/// Shell patterns with `*`, `?` and `[...]`; a name matches as a whole.
bool matchesAny(llvm::ArrayRef<std::string> globs, const StoredTensor &tensor,
                std::vector<bool> *used = nullptr);

} // namespace dpc::import

#endif // DPC_LIB_IMPORT_PARAMETERS_H
