// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the import of one node sees: its operands as values, its attributes, the
// emitter, and a place for its results. An operator form is one function over a
// NodeContext; the table (OperatorTable.h) checks the number and the element
// types of the operands before it calls that function.
//
// How to add an operator: write `LogicalResult importFoo(NodeContext &node)` in
// the family's file and a row in that family's table.
#ifndef DPC_LIB_IMPORT_NODECONTEXT_H
#define DPC_LIB_IMPORT_NODECONTEXT_H

#include "Emitter.h"
#include "Graph.h"
#include "Initializers.h"

namespace dpc::import {

/// A value of the graph: a tensor, or a sequence of tensors.
struct GraphValue {
  mlir::Value tensor;
  std::optional<llvm::SmallVector<mlir::Value>> sequence;
};

class NodeContext {
public:
  NodeContext(const Node &node, Emitter &b, TensorReader &reader,
              llvm::SmallVector<GraphValue, 4> operands)
      : b(b), node(node), reader(reader), operands(std::move(operands)),
        results(node.outputs.size()) {}

  Emitter &b;

  const Node &getNode() const { return node; }
  unsigned size() const { return operands.size(); }
  /// Whether the operand is given.
  bool has(unsigned i) const { return i < operands.size() && operands[i].tensor; }
  /// A given tensor operand.
  mlir::Value in(unsigned i) const { return operands[i].tensor; }
  llvm::SmallVector<mlir::Value> all() const;
  bool isSequence(unsigned i) const {
    return i < operands.size() && operands[i].sequence.has_value();
  }
  llvm::ArrayRef<mlir::Value> sequence(unsigned i) const { return *operands[i].sequence; }

  /// Whether anything can read the result.
  bool wants(unsigned i) const { return i < node.outputs.size() && !node.outputs[i].empty(); }
  mlir::LogicalResult set(unsigned i, mlir::Value value);
  mlir::LogicalResult setSequence(unsigned i, llvm::ArrayRef<mlir::Value> values);
  llvm::ArrayRef<GraphValue> getResults() const { return results; }

  /// Attributes. One of another type than asked for is reported, and
  /// `hasBadAttribute` is true from then on.
  bool hasAttr(llvm::StringRef name) const { return node.find(name); }
  int64_t getInt(llvm::StringRef name, int64_t otherwise);
  double getFloat(llvm::StringRef name, double otherwise);
  std::string getString(llvm::StringRef name, llvm::StringRef otherwise);
  std::optional<llvm::SmallVector<int64_t>> getInts(llvm::StringRef name);
  mlir::FailureOr<mlir::DenseElementsAttr> getTensor(llvm::StringRef name);
  bool hasBadAttribute() const { return badAttribute; }

  /// An operand that would have to be known at import: it is refused for that.
  mlir::InFlightDiagnostic unknown(unsigned i);
  std::optional<unsigned> getUnknown() const { return unknownOperand; }
  /// The operand's integers, which must be known at import.
  mlir::FailureOr<llvm::SmallVector<int64_t>> getConstantInts(unsigned i, llvm::StringRef what);
  /// An axis counted from 0; negative ones count from the end.
  mlir::FailureOr<int64_t> normalizeAxis(int64_t axis, int64_t rank);
  /// Ascending and distinct.
  mlir::FailureOr<llvm::SmallVector<int64_t>> normalizeAxes(llvm::ArrayRef<int64_t> axes,
                                                            int64_t rank);
  /// Fails if the shape has more than 2^40 elements.
  mlir::LogicalResult checkSize(Shape shape);
  mlir::LogicalResult checkBroadcast(mlir::Value a, mlir::Value b);
  mlir::LogicalResult checkSameType(mlir::Value a, mlir::Value b);

  /// "node 'x' (MatMul): ..."
  mlir::InFlightDiagnostic error();

private:
  const onnx::AttributeProto *find(llvm::StringRef name, onnx::AttributeProto::AttributeType type);

  const Node &node;
  TensorReader &reader;
  llvm::SmallVector<GraphValue, 4> operands;
  llvm::SmallVector<GraphValue, 4> results;
  bool badAttribute = false;
  std::optional<unsigned> unknownOperand;
};

} // namespace dpc::import

#endif // DPC_LIB_IMPORT_NODECONTEXT_H
