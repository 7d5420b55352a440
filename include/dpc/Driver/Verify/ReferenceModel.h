// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A model's step in double precision: the interpreter over the nn module that an
// artifact carries, cut into no stages and lowered to no kernels. What it shares
// with the compiler is the import and the derivative rules; the latter are checked
// against finite differences of the forward alone (Derivative.h).
#ifndef DPC_DRIVER_VERIFY_REFERENCEMODEL_H
#define DPC_DRIVER_VERIFY_REFERENCEMODEL_H

#include "dpc/Dialect/DualPipe/DualPipe.h"
#include "dpc/Reference/Reference.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <map>
#include <string>
#include <vector>

namespace dpc::verify {

/// Values of parameters or gradients by the parameter's name.
using NamedTensors = std::map<std::string, reference::Tensor>;

/// Elements of parameters, by the parameter's name.
using HeldElements = std::map<std::string, std::vector<int64_t>>;

/// A micro-batch through the model, per expert rank.
struct MicroBatchResult {
  std::vector<double> losses, dens;
  /// Gradients of den times loss, summed over expert ranks, or of each where the
  /// parameter is sharded; frozen parameters have none.
  NamedTensors gradients;
};

class ReferenceModel {
public:
  /// Reads the bytecode of an nn module and differentiates it as one stage. Errors
  /// have been emitted in the context.
  static mlir::FailureOr<ReferenceModel> load(llvm::StringRef bytecode, int64_t experts,
                                              mlir::MLIRContext *context);

  /// Runs one micro-batch: `inputs[name]` has the bytes of one micro-batch of each
  /// expert rank, one rank after the other.
  /// `decisions` are made by the forward, or followed where they have been made; doubles
  /// make them then, and not the graph's types: it is a function to be differentiated.
  mlir::FailureOr<MicroBatchResult>
  run(const std::map<std::string, std::string> &inputs, const NamedTensors &parameters,
      bool gradients, reference::Precision precision = reference::Precision::Double,
      std::shared_ptr<reference::Decisions> decisions = {}) const;

  /// Elements of padding rows, whose lookups add nothing to their gradient.
  const HeldElements &getHeld() const { return held; }

  /// The type of a parameter's stored tensor, which NamedTensors hold.
  mlir::Type getType(llvm::StringRef parameter) const;

private:
  nn::ParameterOp lookup(llvm::StringRef parameter) const;

  mlir::OwningOpRef<mlir::ModuleOp> module;
  dualpipe::BodyOp body;
  dualpipe::StageOp stage;
  reference::Options options;
  HeldElements held;
  /// By function: results by which a later function decides something.
  std::map<std::string, llvm::SmallVector<bool>> decisive;
};

} // namespace dpc::verify

#endif // DPC_DRIVER_VERIFY_REFERENCEMODEL_H
