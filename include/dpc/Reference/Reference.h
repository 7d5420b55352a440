// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The interpreter: the slow, obvious meaning of nn. It evaluates functions of nn
// operations in double precision, or rounded to each value's own type after
// every operation, for one member of a mesh or for all members in lock step
// (collectives then see everyone's operands). It is the oracle of the numeric
// tests and of `dpc verify`.
#ifndef DPC_REFERENCE_REFERENCE_H
#define DPC_REFERENCE_REFERENCE_H

#include "dpc/Dialect/NN/NN.h"
#include "dpc/Reference/Tensor.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

#include "llvm/ADT/SmallPtrSet.h"

#include <functional>
#include <memory>

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace dpc::reference {

enum class Precision {
  /// No rounding: every float is a double throughout. But what a float decides, an
  /// integer or a predicate, is decided by the value that the graph's own types
  /// give, which is computed beside it: where a bucket begins or an expert is
  /// chosen, another precision is another function.
  Double,
  Typed, ///< Each result is rounded to its element type (sums inside one
         ///< operation still run in double).
};

/// An axis of the mesh and its size. Members are numbered with the first axis
/// slowest.
struct MeshAxis {
  std::string name;
  int64_t size = 1;
};

/// What was decided in one evaluation of a function, in the order of its
/// operations. Given again, other values of the same function are decided alike: a
/// derivative is of the branch that was taken.
struct Decisions {
  bool isComplete = false;
  std::vector<llvm::SmallVector<llvm::SmallVector<Tensor>>> made; ///< by operation, member, result
};

struct Options {
  Precision precision = Precision::Double;
  /// In double precision: whether the graph's types decide, as said there. If not, the
  /// doubles do, and the function is differentiable wherever it is decided in one way:
  /// what relu and max decide within themselves is of one mind with their derivatives.
  bool decidesByTypes = true;
  /// Filled by the first evaluation in double precision that completes, followed by
  /// later ones; null: every evaluation decides for itself.
  std::shared_ptr<Decisions> decisions;
  /// Axes that communicate; one not named here has size 1.
  llvm::SmallVector<MeshAxis> mesh;
  /// Threads that large matmuls are dealt to; results do not depend on it.
  /// 0: as many as there are cores.
  unsigned threads = 0;
  /// Results of the function, in order, whose typed value is wanted, too, because
  /// another function decides something by them; absent ones are not.
  llvm::SmallVector<bool> decisiveResults;
};

/// Values of the block by which something in it is decided, or by which `results`
/// of it are computed that decide something elsewhere.
llvm::DenseSet<mlir::Value> findDecisive(mlir::Block &block, llvm::ArrayRef<bool> results);

/// Gives the value of a parameter for a member of the mesh; of a sharded one
/// (dpc/Dialect/NN/Sharding.h) the stored tensor, all members' values. On failure it
/// has emitted an error.
using ParameterSource =
    std::function<mlir::FailureOr<Tensor>(nn::ParameterOp parameter, int64_t member)>;

using TensorPtr = std::shared_ptr<const Tensor>;

/// One member's operands and results of one operation.
struct MemberValues {
  llvm::SmallVector<TensorPtr> operands;
  llvm::SmallVector<Tensor> results;
};

/// Evaluates blocks for all members in lock step. Operations reach it through
/// ReferenceOpInterface; each value is freed after its last use.
class Evaluator {
public:
  Evaluator(ParameterSource parameters, const Options &options);

  /// `arguments[m]` are member m's arguments; `results[m]` are written with what
  /// the terminator's operands are.
  llvm::LogicalResult evaluateBlock(mlir::Block &block,
                                    llvm::ArrayRef<llvm::SmallVector<TensorPtr>> arguments,
                                    llvm::MutableArrayRef<llvm::SmallVector<TensorPtr>> results,
                                    llvm::ArrayRef<bool> decisiveResults = {});

  const Options &getOptions() const { return options; }
  int64_t getNumMembers() const { return numMembers; }
  unsigned getNumThreads() const { return numThreads; }
  mlir::FailureOr<Tensor> getParameter(nn::GetOp op, int64_t member);
  /// The function a call names; null (with an error) if it has no body or calls
  /// itself.
  mlir::func::FuncOp getCallee(mlir::func::CallOp call);
  /// The members that differ from `member` in this axis only, `member` included,
  /// by ascending coordinate.
  llvm::SmallVector<int64_t> getGroup(llvm::StringRef axis, int64_t member) const;

private:
  llvm::LogicalResult evaluateOp(mlir::Operation &op, bool isDecisive,
                                 llvm::MutableArrayRef<MemberValues> members);

  ParameterSource parameters;
  Options options;
  int64_t numMembers = 1;
  unsigned numThreads = 1;
  size_t numDecided = 0;
  mlir::SymbolTableCollection symbols;
  llvm::SmallPtrSet<mlir::Block *, 4> active;
};

/// Evaluates a function for one member of a mesh without communication.
/// Arguments must have the shapes and kinds of the function's inputs.
mlir::FailureOr<llvm::SmallVector<Tensor>> evaluate(mlir::func::FuncOp function,
                                                    llvm::ArrayRef<Tensor> inputs,
                                                    ParameterSource parameters = {},
                                                    const Options &options = {});

/// Evaluates a function for all members of `options.mesh`: inputs[m] and
/// result[m] are member m's.
mlir::FailureOr<llvm::SmallVector<llvm::SmallVector<Tensor>>>
evaluateMembers(mlir::func::FuncOp function, llvm::ArrayRef<llvm::SmallVector<Tensor>> inputs,
                ParameterSource parameters = {}, const Options &options = {});

/// Attaches the semantics of nn and of func.call.
void registerReferenceModels(mlir::DialectRegistry &registry);

} // namespace dpc::reference

#include "dpc/Reference/ReferenceInterface.h.inc"

#endif // DPC_REFERENCE_REFERENCE_H
