// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a stored tensor is, by the nodes that read it: a weight, a bias, a norm's
// scale or shift, or something that could be a parameter or a constant. This is
// all that is known of files whose exporters recorded nothing.
#ifndef DPC_LIB_IMPORT_ROLES_H
#define DPC_LIB_IMPORT_ROLES_H

#include "Parameters.h"
#include "llvm/ADT/StringSet.h"

namespace dpc::import {

class Roles {
public:
  Roles(const Graph &graph, const StoredTensors &tensors, TensorReader &reader);

  /// A vector of the output's width, added to a product with a trained weight:
  /// the node that adds it, or null. Reshapes and transposes may lie between.
  const Node *findBiased(const StoredTensor &tensor) const;
  /// The scale or the shift of a norm, also of one that is written out in element
  /// operators: the node that scales or shifts, or null. `isLessOne` is set if
  /// what is stored is the scale less 1.
  const Node *findScaled(const StoredTensor &tensor, bool *isLessOne = nullptr) const;
  const Node *findShifted(const StoredTensor &tensor) const;

  /// How the tensor takes part in the computation, for the user: "added to an
  /// embedding, in node 'add_1'".
  std::string describeUse(const StoredTensor &tensor) const;

private:
  using Extents = llvm::SmallVector<int64_t>;

  /// How many operators a norm may be written with, one behind the other; a file
  /// may have chains of any length.
  static constexpr int kDepthLimit = 16;

  static bool isAny(llvm::StringRef op, std::initializer_list<llvm::StringRef> names) {
    return llvm::is_contained(names, op);
  }
  static bool isElementwiseCopy(const Node &node);
  const Node *getProducer(llvm::StringRef value) const;
  bool isStored(llvm::StringRef value) const;
  bool isActivation(llvm::StringRef value) const { return activations.contains(value); }
  std::optional<Extents> getInts(llvm::StringRef value) const;
  /// Of a value that is a stored tensor, rearranged; before it is broadcast.
  std::optional<Extents> getShape(llvm::StringRef value, int depth = 0) const;
  const StoredTensor *findWeight(llvm::StringRef value) const;
  llvm::StringRef skipCasts(llvm::StringRef value) const;
  llvm::StringRef skipRearranging(llvm::StringRef value) const;
  std::string describeOperand(llvm::StringRef value, int depth = 0) const;

  // RolesBias.cpp
  bool isProduct(const Node &node) const;
  bool isOutputWide(Extents shape, llvm::StringRef value) const;
  bool isOutputWide(const Extents &shape, const Node &product) const;

  // RolesNorm.cpp
  bool isVector(const StoredTensor &tensor) const;
  bool isSquare(llvm::StringRef value) const;
  bool isVariance(llvm::StringRef value, int depth = 0) const;
  bool isDeviation(llvm::StringRef value, int depth = 0) const;
  bool isInverseDeviation(llvm::StringRef value) const;
  bool isNormalized(llvm::StringRef value) const;

  const Graph &graph;
  const StoredTensors &tensors;
  TensorReader &reader;
  llvm::StringSet<> activations; ///< values that depend on inputs of the graph
  llvm::StringSet<> varying;     ///< or on trained tensors
};

/// Whether the operand only sets what its operator does: running statistics, a
/// ratio, limits, class weights. Such tensors are no parameters.
bool isSetting(const Node &node, unsigned operand);

/// Whether the values are those of a mask: 0 and large negative numbers, or 0 and 1.
bool isMask(mlir::Type element, llvm::ArrayRef<char> bytes);

} // namespace dpc::import

#endif // DPC_LIB_IMPORT_ROLES_H
