// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What an exporter recorded about parameters beside the graph: the graph's
// signature, a name map, the call that a node was made from, and what a value was
// folded from. Only facts are read here; Parameters.cpp draws the conclusions.
#ifndef DPC_LIB_IMPORT_RECORD_H
#define DPC_LIB_IMPORT_RECORD_H

#include "Graph.h"
#include "mlir/IR/Location.h"
#include "llvm/ADT/StringSet.h"

#include <set>

namespace dpc::import {

struct Record {
  llvm::StringMap<std::string> names;      ///< initializer -> framework's name
  llvm::StringMap<std::string> parameters; ///< p_… -> framework's name
  llvm::StringSet<> targets;               ///< the framework's parameters
  llvm::StringSet<> others;                ///< its buffers and constants
  /// Value -> all values it was folded from, directly and indirectly.
  llvm::StringMap<std::set<std::string>> folded;

  bool hasSignature() const { return !targets.empty(); }
  /// The recorded parameters among what the value was folded from.
  llvm::SmallVector<std::string> getFoldedParameters(llvm::StringRef value) const;
};

mlir::FailureOr<Record> readRecord(const onnx::ModelProto &model, mlir::Location loc);

/// A recorded call:
///   %linear : [num_users=1] = call_function[target=torch.ops.aten.linear.default]
///   (args = (%x, %p_fc_weight, %p_fc_bias), kwargs = {})
struct RecordedCall {
  llvm::StringRef target;                       ///< aten.linear.default
  llvm::SmallVector<llvm::StringRef> arguments; ///< x, p_fc_weight, p_fc_bias
};
RecordedCall parseCall(llvm::StringRef call);

/// How the exporter's constant folding made a value, as far as the names of the
/// values on the way tell: torch names the results of calls after the operator,
/// and what an operator is decomposed into val_0, val_1, ….
enum class Folding {
  Rearranged,       ///< the elements of the parameter in another order or shape
  Lookup,           ///< rows of the parameter
  LookupTransposed, ///< rows of the parameter, along any dimension
  Slice,            ///< a part of the parameter
  Expanded,         ///< copies of the parameter along other dimensions
  Other,            ///< anything else
};
/// Of `value`, folded from the recorded parameter `target` and others. `calls` are
/// the recorded calls of the nodes that read it.
Folding classifyFolding(const Record &record, llvm::StringRef value, llvm::StringRef target,
                        llvm::ArrayRef<RecordedCall> calls);

/// Whether the values of a lookup or an expansion have no row, or no copy, twice.
bool holdsEachOnce(Folding folding, llvm::ArrayRef<int64_t> shape, int64_t elementBytes,
                   llvm::ArrayRef<char> bytes);

} // namespace dpc::import

#endif // DPC_LIB_IMPORT_RECORD_H
