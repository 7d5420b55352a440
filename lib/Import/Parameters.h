// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
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
  /// If only what was folded from the framework's tensor, how (nn::kPartialAttr).
  llvm::StringRef partial;
  bool byRules = false; ///< trained, had the user said nothing
  /// Untrained for certain (the exporter's record, the name of a buffer, the
  /// user's word): not listed as something that could be a parameter.
  bool constant = false;
  /// The recorded parameters that this was computed from by the exporter, in a way
  /// that training it as stored would not be training them. On a way to the loss
  /// this is refused, unless the user froze it.
  std::vector<std::string> computedFrom;
  /// The recorded parameter that this holds, rearranged; others may hold it, too.
  std::string holds;
  /// The recorded parameter that this is or holds: two of them are never one.
  std::string identity;
  std::vector<std::string> otherNames; ///< of the framework, for a tied parameter
  /// If this is a copy of another parameter: that one, and how it is stored. The
  /// elements may be in another shape as well.
  StoredTensor *original = nullptr;
  bool transposed = false;

  /// For messages: the framework's name where it is known.
  llvm::StringRef getShownName() const { return framework.empty() ? symbol : framework; }
  bool isFrameworkName(llvm::StringRef text) const {
    return text == framework || llvm::is_contained(otherNames, text);
  }
};

using StoredTensors = llvm::MapVector<llvm::StringRef, StoredTensor>;

/// A reader of a stored tensor, found through operators that only rearrange it.
struct Reader {
  const Node *node;
  unsigned operand;
  bool rearranged; ///< an Identity, Transpose, Reshape, … is in between
};
llvm::SmallVector<Reader> findReaders(const Graph &graph, llvm::StringRef value,
                                      bool throughExpand = false);

/// Whether this operand of the operator is what layers keep their weights in: a
/// factor of a product, a table, a filter, a norm's scale or bias.
bool isWeightPosition(const Reader &reader);

/// Whether the name is a path of modules (`h.0.ln.weight`) and not one of the
/// usual names of buffers.
bool isModulePath(llvm::StringRef name);

/// Whether the last part of the name is one of the usual names of buffers.
bool isBufferName(llvm::StringRef name);

/// An initializer of which nothing is decided but its type.
mlir::FailureOr<StoredTensor> describeTensor(llvm::StringRef name, const onnx::TensorProto &proto,
                                             TensorReader &reader);

/// Types all initializers that the graph reads and decides which are trained.
/// `whole` is the graph before anything was dropped from it.
mlir::FailureOr<StoredTensors> classifyTensors(const ModelFile &file, const Graph &graph,
                                               const Graph &whole, TensorReader &reader,
                                               const StateDict &state, const ImportOptions &options,
                                               mlir::Location loc, ImportSummary &summary);

/// What the user said, over what the rules chose; in the order of the flags.
mlir::LogicalResult applySelection(StoredTensors &tensors, TensorReader &reader,
                                   const ImportOptions &options, mlir::Location loc,
                                   ImportSummary &summary);
/// Whether the user chose what is trained, so that nothing else is looked for.
bool isRestricted(const ImportOptions &options);

/// Refuses ties that an exporter made by accident; joins copies of one parameter.
mlir::LogicalResult resolveTies(StoredTensors &tensors, const Graph &graph, TensorReader &reader,
                                const ImportOptions &options, mlir::Location loc,
                                ImportError &blame);

/// How `--init` draws a parameter: by its role in the graph.
class Roles;
nn::InitKind chooseInit(const StoredTensor &tensor, const Graph &graph, const Roles &roles);

} // namespace dpc::import

#endif // DPC_LIB_IMPORT_PARAMETERS_H
