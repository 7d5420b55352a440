// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dpc/Dialect/NN/GraphOutputs.h"
#include "dpc/Dialect/NN/ModelAttrs.h"
#include "dpc/Dialect/NN/NN.h"
#include "dpc/Import/Passes.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/StringSet.h"

namespace dpc::import {
#define GEN_PASS_DEF_NNVERIFYIMPORTED
#include "dpc/Import/Passes.h.inc"
} // namespace dpc::import

using namespace mlir;
using namespace dpc;

namespace {

// What the loss depends on differentiably. An operation on the way that has no
// derivative, and does not say that gradients end there, is an error if a
// trained parameter lies behind it.
class VerifyImported : public dpc::import::impl::NNVerifyImportedBase<VerifyImported> {
  void runOnOperation() override {
    if (failed(check(getOperation())))
      signalPassFailure();
    markAllAnalysesPreserved();
  }

  LogicalResult check(ModuleOp module) {
    func::FuncOp forward;
    for (Operation &op : *module.getBody()) {
      if (isa<nn::ParameterOp>(op))
        continue;
      auto function = dyn_cast<func::FuncOp>(op);
      if (!function || forward || function.getName() != "forward" ||
          !function.getBody().hasOneBlock())
        return op.emitOpError("is not expected: an imported module holds "
                              "parameters and one function @forward");
      forward = function;
    }
    if (!forward)
      return module.emitOpError("has no function @forward");
    return success(succeeded(checkSignature(forward)) && succeeded(checkBody(forward)) &&
                   succeeded(checkParameters(module, forward)));
  }

  LogicalResult checkSignature(func::FuncOp forward) {
    auto weighting = forward->getAttrOfType<StringAttr>("nn.weighting");
    if (!weighting || !llvm::is_contained({"denominator", "mean", "sum"}, weighting.getValue()))
      return forward.emitOpError("needs nn.weighting = \"denominator\", \"mean\" or \"sum\"");
    bool hasFault = forward->getParentOfType<ModuleOp>()->hasAttr(nn::kDivisionsAttr);
    unsigned own = 2u + hasFault;
    if (nn::countTrainingResults(forward.front()) != own)
      return forward.emitOpError("must return the loss and its denominator")
             << (hasFault ? ", and where an integer was divided by 0" : "");
    for (Type type : forward.getResultTypes().take_front(2)) {
      auto tensor = dyn_cast<RankedTensorType>(type);
      if (!tensor || tensor.getRank() != 0 || !isa<FloatType>(tensor.getElementType()))
        return forward.emitOpError("must return floating scalars, not ") << type;
    }
    if (hasFault && forward.getResultTypes()[2] !=
                        RankedTensorType::get({}, IntegerType::get(&getContext(), 64)))
      return forward.emitOpError("must return where an integer was divided by 0 as an i64, not ")
             << forward.getResultTypes()[2];
    llvm::StringSet<> outputs;
    for (unsigned i = own; i < forward.getNumResults(); ++i) {
      auto name = forward.getResultAttrOfType<StringAttr>(i, nn::kNameAttr);
      if (!name || !outputs.insert(name.getValue()).second)
        return forward.emitOpError("result ") << i << " needs a name of its own (nn.name)";
    }
    llvm::StringSet<> names;
    for (unsigned i = 0; i < forward.getNumArguments(); ++i) {
      auto name = forward.getArgAttrOfType<StringAttr>(i, "nn.name");
      if (!name || !names.insert(name.getValue()).second)
        return forward.emitOpError("argument ") << i << " needs a name of its own (nn.name)";
    }
    return success();
  }

  LogicalResult checkBody(func::FuncOp forward) {
    WalkResult result = forward.getBody().walk([](Operation *op) {
      if (isa<func::ReturnOp>(op))
        return WalkResult::advance();
      if (!isa_and_nonnull<nn::NNDialect>(op->getDialect())) {
        op->emitOpError("is no nn operation");
        return WalkResult::interrupt();
      }
      for (Type type : op->getResultTypes()) {
        auto tensor = dyn_cast<RankedTensorType>(type);
        if (!tensor || !tensor.hasStaticShape()) {
          op->emitOpError("has a result that is no static tensor: ") << type;
          return WalkResult::interrupt();
        }
        if (tensor.getNumElements() == 0) {
          op->emitOpError("has a result without elements: ")
              << type << "; nn-drop-empty removes such tensors";
          return WalkResult::interrupt();
        }
      }
      return WalkResult::advance();
    });
    return failure(result.wasInterrupted());
  }

  // Values that depend on a trained parameter, in order of the function.
  llvm::DenseSet<Value> findTrained(ModuleOp module, func::FuncOp forward) {
    llvm::DenseSet<Value> values;
    for (Operation &op : forward.getBody().front()) {
      bool trained = false;
      if (auto get = dyn_cast<nn::GetOp>(op)) {
        auto parameter = module.lookupSymbol<nn::ParameterOp>(get.getParameter());
        trained = parameter && parameter.getTrained();
      }
      for (Value operand : op.getOperands())
        trained |= values.contains(operand);
      if (trained)
        values.insert(op.result_begin(), op.result_end());
    }
    return values;
  }

  LogicalResult checkParameters(ModuleOp module, func::FuncOp forward) {
    llvm::DenseSet<Value> trained = findTrained(module, forward);
    llvm::DenseSet<Value> reached;
    llvm::StringSet<> read, differentiable;
    Block &body = forward.getBody().front();
    reached.insert(body.getTerminator()->getOperand(0));
    for (Operation &op : llvm::reverse(body)) {
      bool active =
          llvm::any_of(op.getResults(), [&](Value result) { return reached.contains(result); });
      if (auto get = dyn_cast<nn::GetOp>(op)) {
        read.insert(get.getParameter());
        if (active)
          differentiable.insert(get.getParameter());
        continue;
      }
      if (!active || op.hasTrait<nn::InactiveOp>())
        continue;
      auto rule = dyn_cast<nn::DifferentiableOpInterface>(op);
      for (OpOperand &operand : op.getOpOperands()) {
        if (!rule) {
          if (trained.contains(operand.get()))
            return op.emitOpError("has no derivative, but the loss depends on "
                                  "trained parameters through it");
        } else if (rule.isDifferentiableOperand(operand.getOperandNumber())) {
          reached.insert(operand.get());
        }
      }
    }
    for (auto parameter : module.getOps<nn::ParameterOp>()) {
      if (!read.contains(parameter.getSymName()))
        return parameter.emitOpError("is read by nothing");
      if (parameter.getTrained() && !differentiable.contains(parameter.getSymName()))
        return parameter.emitOpError("is trained, but no differentiable path "
                                     "leads from it to the loss");
    }
    return success();
  }
};

} // namespace
