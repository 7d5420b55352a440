// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The import phase: an ONNX file becomes a module of nn operations. One entry
// point, plain options in, plain summary out; the driver maps flags to the
// options and prints the summary.
//
//   file -> proto without payloads -> flat graph (functions inlined) -> loss,
//   parameters, ties -> nn operations, folded as they are made -> weighting
//
// The result holds one function, `@forward`, whose arguments are the graph
// inputs that the loss depends on and whose results are the loss and its
// denominator, and one `nn.parameter` per stored tensor that the loss depends on.
#ifndef DPC_IMPORT_IMPORT_H
#define DPC_IMPORT_IMPORT_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace dpc::import {

enum class LossOp { None, SoftmaxCrossEntropy, CausalLM, MSE, BCE };

/// How micro-batches join into the batch's loss.
enum class LossReduction { Auto, TokenMean, Mean, Sum };

/// `--init seed:N[,normal:S]`: values are drawn when the program is loaded.
struct InitOptions {
  uint64_t seed = 0;
  double stddev = 0.02;
};

/// `--train GLOB` or `--freeze GLOB`, or `--train auto`: what the rules choose.
struct Selection {
  bool train = true;
  std::string glob; ///< of initializers' or the framework's names
};

/// What the command line says about the model. Strings are the user's.
struct ImportOptions {
  std::map<std::string, int64_t> dims;                ///< --dim NAME=N
  std::map<std::string, std::vector<int64_t>> shapes; ///< --shape INPUT=2x128
  std::vector<Selection> selections;                  ///< --train and --freeze, in the order given
  /// --strict, for the driver: what the summary only lists is refused.
  bool strict = false;
  std::vector<std::string> tied; ///< --tied NAME: sharing is meant
  /// --padding-row TABLE=N: looking row N up adds nothing to its gradient
  std::vector<std::pair<std::string, int64_t>> paddingRows;
  /// The graph has no loss: all of its outputs are computed, whatever their shapes, and
  /// nothing is trained. What tests of operators are compiled with.
  bool evaluationOnly = false;
  std::string loss; ///< --loss OUTPUT, empty: find it
  LossOp lossOp = LossOp::None;
  std::string logits, labels; ///< of --loss-op; empty: the only candidate
  std::optional<int64_t> ignoreIndex;
  std::optional<int64_t> classAxis;
  double labelSmoothing = 0;
  LossReduction reduction = LossReduction::Auto;
  std::optional<InitOptions> init;
  /// Constants above this many bytes stay in the file, as untrained parameters.
  int64_t constantLimitBytes = 1 << 20;
};

/// Whose fault a failed import is: the exit status.
enum class ImportError { None = 0, Usage = 2, Model = 3, Internal = 70 };

struct ParameterInfo {
  std::string name;      ///< the initializer, or the framework's name if a map is stored
  std::string storage;   ///< the initializer
  std::string framework; ///< the framework's name if it is known and differs
  std::vector<int64_t> shape;
  bool trained = false;
  std::string reason; ///< which rule decided
};

/// Initializers that are one parameter: `copies` hold the same values as `name`.
struct TieInfo {
  std::string name;
  struct Copy {
    std::string name;
    bool transposed;
  };
  std::vector<Copy> copies;
};

/// A stored tensor that stays constant, although it could be a parameter as well:
/// nothing in the file tells.
struct CandidateInfo {
  std::string name;
  std::vector<int64_t> shape;
  std::string reason; ///< how it takes part: "added to an embedding, in node 'add_1'"
};

struct ImportSummary {
  ImportError error = ImportError::None;
  std::vector<ParameterInfo> parameters; ///< those the loss depends on
  std::vector<TieInfo> ties;
  /// Floating constants from which a differentiable path leads to the loss.
  std::vector<std::string> constants;
  /// Those of them that could be parameters, for the user to decide.
  std::vector<CandidateInfo> candidates;
  /// If nothing is trained: why. The import itself does not mind.
  std::string nothingTrained;
  /// Initializers that look like parameters but that the loss does not depend on.
  std::vector<std::string> unused;
  std::vector<std::string> outputs; ///< of the graph
  std::string loss;                 ///< the output, or the loss operator
  std::vector<std::string> further; ///< outputs that evaluation reports beside it
  std::string weighting;            ///< "denominator", "mean" or "sum"
  std::vector<std::string> notes;   ///< one line each
  /// What the exporter recorded and the graph does not do, one line each.
  std::vector<std::string> warnings;
  /// Inputs of the graph by whose values shapes would be known: why nodes were refused.
  std::vector<std::string> unknownInputs;
  /// Whether all outputs that evaluation reports are constants.
  bool folded = false;
  int64_t nodes = 0;      ///< ONNX nodes after inlining that the loss depends on
  uint64_t bytesRead = 0; ///< of initializers of more than 1,024 elements
};

/// Reads the model at `path` (binary, or the text format if it ends in .onnxtxt,
/// .textproto or .txtpb). On failure diagnostics were emitted and
/// `summary.error` says whose fault it is.
mlir::FailureOr<mlir::OwningOpRef<mlir::ModuleOp>> importModel(llvm::StringRef path,
                                                               const ImportOptions &options,
                                                               mlir::MLIRContext *context,
                                                               ImportSummary &summary);

} // namespace dpc::import

#endif // DPC_IMPORT_IMPORT_H
