// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See the pass's description.
#include "../LowerKernel.h"
#include "EmitKernel.h"
#include "dpc/Codegen/CPU/Passes.h"
#include "dpc/Dialect/DualPipe/DualPipe.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace dpc::codegen {
#define GEN_PASS_DEF_CODEGENSHOWKERNELS
#include "dpc/Codegen/CPU/Passes.h.inc"

namespace {
struct CodegenShowKernelsPass : impl::CodegenShowKernelsBase<CodegenShowKernelsPass> {
  using Base::Base;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    llvm::Expected<Target> machine = Target::get(target);
    if (!machine) {
      module.emitError() << llvm::toString(machine.takeError());
      return signalPassFailure();
    }
    if (form != "linalg" && form != "loops") {
      module.emitError() << "form is '" << form << "'; known are linalg and loops";
      return signalPassFailure();
    }
    // What launches kernels would not find them again.
    module->setDiscardableAttrs(DictionaryAttr::get(&getContext()));
    for (Operation &op : llvm::make_early_inc_range(*module.getBody()))
      if (!op.hasAttr(dualpipe::kKernelAttr))
        op.erase();
    for (auto kernel : llvm::make_early_inc_range(module.getOps<func::FuncOp>())) {
      CompiledKernel info;
      FailureOr<nn::KernelForm> asked = lowerToLinalg(kernel);
      if (failed(asked) ||
          (form == "loops" && failed(emitKernelLoops(kernel, *asked, *machine, info))))
        return signalPassFailure();
    }
  }
};
} // namespace
} // namespace dpc::codegen
