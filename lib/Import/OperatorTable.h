// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which operator forms dpc knows: one row per form, valid from the operator set
// `since` until the next row of the same name. Families keep their rows beside
// their functions.
#ifndef DPC_LIB_IMPORT_OPERATORTABLE_H
#define DPC_LIB_IMPORT_OPERATORTABLE_H

#include "NodeContext.h"

namespace dpc::import {

/// The versions of the standard operator set that the rows were written for.
constexpr int64_t kOldestOpset = 11, kNewestOpset = 28;

struct OperatorForm {
  llvm::StringRef name;
  int64_t since;
  /// One letter per operand: F float, N float or integer, I integer index,
  /// B boolean, T any tensor, S sequence; small letters are optional operands;
  /// a last `*` repeats the letter before it.
  llvm::StringRef operands;
  mlir::LogicalResult (*import)(NodeContext &);
};

/// The row for the node's operator and version. If there is none, `reason` says
/// why: "" for an unknown operator, else what is wrong with the version.
const OperatorForm *findOperator(const Node &node, std::string &reason);

/// One diagnostic for all nodes of the graph that have no row, with counts.
mlir::LogicalResult checkOperators(const Graph &graph, const ImportOptions &options,
                                   mlir::Location loc);

/// Checks the operands against the row, imports the node.
mlir::LogicalResult importNode(const OperatorForm &form, NodeContext &context);

/// The families.
llvm::ArrayRef<OperatorForm> getElementwiseOperators();
llvm::ArrayRef<OperatorForm> getShapeOperators();
llvm::ArrayRef<OperatorForm> getJoinOperators();
llvm::ArrayRef<OperatorForm> getReductionOperators();
llvm::ArrayRef<OperatorForm> getMatmulOperators();
llvm::ArrayRef<OperatorForm> getConvolutionOperators();
llvm::ArrayRef<OperatorForm> getIndexingOperators();
llvm::ArrayRef<OperatorForm> getScatterOperators();
llvm::ArrayRef<OperatorForm> getNormalizationOperators();
llvm::ArrayRef<OperatorForm> getLossOperators();
llvm::ArrayRef<OperatorForm> getControlOperators();

} // namespace dpc::import

#endif // DPC_LIB_IMPORT_OPERATORTABLE_H
