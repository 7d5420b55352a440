// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the tests of nn's semantics and derivatives share: parsing a function,
// random inputs from a fixed seed, reverse mode over a straight-line function
// through DifferentiableOpInterface, and the comparison of its gradients with
// central finite differences in double precision.
#ifndef DPC_TEST_UNIT_REFERENCE_HARNESS_H
#define DPC_TEST_UNIT_REFERENCE_HARNESS_H

#include "dpc/Reference/Reference.h"
#include "mlir/IR/OwningOpRef.h"

#include <ostream>
#include <random>
#include <string>
#include <vector>

namespace dpc::test {

/// A context with nn, func and their reference semantics.
std::unique_ptr<mlir::MLIRContext> makeContext();

/// Parses a module (the test fails if it does not parse or verify).
mlir::OwningOpRef<mlir::ModuleOp> parse(mlir::MLIRContext &context, llvm::StringRef text);

mlir::func::FuncOp getFunction(mlir::ModuleOp module, llvm::StringRef name);

/// Where random inputs of a case lie.
enum class Domain {
  Signed,   ///< -1.5 to 1.5, but at least 0.2 away from 0
  Positive, ///< 0.3 to 1.8
};

struct GradientCase {
  std::string name;
  /// A module with a function @f.
  std::string text;
  Domain domain = Domain::Signed;
  /// Values of the integer and boolean inputs, in order, all members' alike.
  std::vector<std::vector<int64_t>> integers = {};
  /// Sizes of the mesh axes; empty: one member.
  std::vector<std::pair<std::string, int64_t>> mesh = {};
};

/// GoogleTest's name of a case in messages.
inline void PrintTo(const GradientCase &test, std::ostream *stream) { *stream << test.name; }

/// Compares the gradient of every float input of @f with finite differences, for
/// the loss that is the sum over all members and results of a random linear
/// function of each result.
void checkGradients(const GradientCase &test);

/// Builds @g from @f beside it: takes f's inputs and one gradient per float
/// result, gives one gradient per float input (zeros where none arrives).
mlir::FailureOr<mlir::func::FuncOp> buildGradient(mlir::func::FuncOp f);

reference::Tensor randomTensor(mlir::Type type, Domain domain, std::mt19937 &random);

/// Evaluates @f of the module on the inputs, in double precision.
llvm::SmallVector<reference::Tensor> run(mlir::ModuleOp module,
                                         llvm::ArrayRef<reference::Tensor> inputs,
                                         reference::Options options = {});

} // namespace dpc::test

#endif // DPC_TEST_UNIT_REFERENCE_HARNESS_H
