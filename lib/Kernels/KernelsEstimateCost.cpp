// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Costs of stages from what their bodies launch and call.
#include "Grouping.h"
#include "dpc/Dialect/NN/Collectives.h"
#include "dpc/Dialect/NN/Element.h"
#include "dpc/Kernels/Passes.h"
#include "dpc/Machine/Machine.h"

using namespace mlir;

namespace dpc::kernels {
#define GEN_PASS_DEF_KERNELSESTIMATECOST
#include "dpc/Kernels/Passes.h.inc"

namespace {
struct Seconds {
  double total = 0, communication = 0;
};

struct KernelsEstimateCostPass : impl::KernelsEstimateCostBase<KernelsEstimateCostPass> {
  using Base::Base;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    llvm::Expected<Machine> rates = getMachine(machine);
    if (!rates) {
      module.emitError() << llvm::toString(rates.takeError());
      return signalPassFailure();
    }
    SymbolTable symbols(module);
    for (auto stage : module.getOps<dualpipe::StageOp>()) {
      auto body = symbols.lookup<dualpipe::BodyOp>(stage.getBody());
      Seconds forward = measure(*rates, symbols, body.getForward()),
              input = measure(*rates, symbols, body.getInputHalf()),
              weight = measure(*rates, symbols, body.getWeightHalf());
      uint64_t in = 0, out = 0;
      func::FuncOp function = body.getForward();
      for (unsigned i = 0; i < function.getNumArguments(); ++i)
        if (dualpipe::RoleAttr role = dualpipe::getArgRole(function, i);
            role && role.getKind() == dualpipe::RoleKind::Input)
          in += nn::getByteSize(function.getArgument(i).getType());
      for (unsigned i = 0; i < function.getNumResults(); ++i)
        if (dualpipe::RoleAttr role = dualpipe::getResultRole(function, i);
            role && role.getKind() == dualpipe::RoleKind::Output)
          out += nn::getByteSize(function.getResultTypes()[i]);
      Builder b(&getContext());
      stage.setCostAttr(dualpipe::CostAttr::get(
          &getContext(), b.getF64FloatAttr(forward.total), b.getF64FloatAttr(input.total),
          b.getF64FloatAttr(weight.total),
          b.getF64FloatAttr(forward.communication + input.communication + weight.communication), in,
          out));
    }
  }

  // Seconds of one run of a half; 0 where a body has none.
  Seconds measure(const Machine &rates, SymbolTable &symbols, func::FuncOp function) {
    Seconds seconds;
    if (!function)
      return seconds;
    for (Operation &op : function.getBody().front().without_terminator()) {
      if (auto launch = dyn_cast<dualpipe::LaunchOp>(op)) {
        auto kernel = symbols.lookup<func::FuncOp>(launch.getKernel());
        double flops = 0, bytes = nn::getOperandAndResultBytes(launch);
        for (Operation &inner : kernel.getBody().front().without_terminator())
          flops += cast<nn::CostOpInterface>(inner).getFlops();
        seconds.total += rates.getKernelSeconds(flops, bytes) + rates.launchOverhead;
        continue;
      }
      auto cost = cast<nn::CostOpInterface>(op);
      if (nn::isCollective(&op)) {
        double time = rates.getTrafficSeconds(nn::getTraffic(&op));
        seconds.total += time;
        seconds.communication += time;
      } else if (cost.isLibraryCall()) {
        seconds.total +=
            rates.getCallSeconds(cost.getFlops(), cost.getBytes(), nn::getOperandBits(op)) +
            rates.launchOverhead;
      }
    }
    return seconds;
  }
};
} // namespace
} // namespace dpc::kernels
