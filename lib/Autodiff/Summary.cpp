// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a body keeps, read from its functions' signatures, and what its halves
// compute again, found as operations equal to those of earlier functions.
#include "Equivalence.h"
#include "dpc/Autodiff/Autodiff.h"

using namespace mlir;
using namespace dpc;
using namespace dpc::autodiff;
using dualpipe::RoleAttr;
using dualpipe::RoleKind;

static void addSignature(dualpipe::BodyOp body, BodySummary &summary) {
  func::FuncOp input = body.getInputHalf(), weight = body.getWeightHalf();
  auto bytesOfKept = [&](func::FuncOp function, auto count) {
    for (unsigned i = 0; function && i < function.getNumResults(); ++i)
      if (RoleAttr role = dualpipe::getResultRole(function, i); role.getKind() == RoleKind::Kept)
        count(role, nn::getByteSize(function.getResultTypes()[i]));
  };
  bytesOfKept(body.getForward(), [&](RoleAttr role, int64_t bytes) {
    bool readByWeight = weight && dualpipe::findArg(weight, RoleKind::Kept, role.getIndex()) >= 0;
    (readByWeight ? summary.forwardToWeight : summary.forwardToInput) += bytes;
  });
  bytesOfKept(input, [&](RoleAttr, int64_t bytes) { summary.inputToWeight += bytes; });

  llvm::SmallVector<RoleAttr> counted;
  for (func::FuncOp half : {input, weight})
    for (unsigned i = 0; half && i < half.getNumArguments(); ++i) {
      RoleAttr role = dualpipe::getArgRole(half, i);
      RoleKind kind = role.getKind();
      // An output gradient is retained only from the input half to the weight half.
      bool retained = kind == RoleKind::Input || kind == RoleKind::Feed ||
                      kind == RoleKind::Output ||
                      (kind == RoleKind::OutputGrad && half == weight && input);
      if (!retained || llvm::is_contained(counted, role))
        continue;
      counted.push_back(role);
      summary.retained += nn::getByteSize(half.getArgument(i).getType());
    }
}

BodySummary dpc::autodiff::summarize(dualpipe::BodyOp body) {
  BodySummary summary;
  summary.name = body.getSymName().str();
  addSignature(body, summary);
  Joint joint = join(body);
  llvm::DenseMap<Operation *, Operation *> leaders = findLeaders(joint.getBlock());
  for (Operation &op : joint.getBlock().without_terminator()) {
    Part part = joint.parts.lookup(&op);
    int64_t flops = getFlops(&op);
    if (part == Part::Forward)
      summary.forwardFlops += flops;
    else if (joint.parts.lookup(leaders.lookup(&op)) < part)
      (part == Part::Input ? summary.recomputedInInput : summary.recomputedInWeight) += flops;
  }
  return summary;
}
