// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Constants, iota and parameters.
#include "Models.h"

using namespace mlir;
using namespace dpc;
using namespace dpc::nn;
using namespace dpc::reference;

namespace {

LogicalResult evaluateConstant(ConstantOp op, Operands, Results out) {
  out[0] = Tensor::fromAttribute(op.getValue());
  return success();
}

LogicalResult evaluateIota(IotaOp op, Operands, Results out) {
  int64_t axis = op.getAxis();
  forEachPlace(out[0].shape, [&](ArrayRef<int64_t> place, int64_t i) {
    if (out[0].isFloat())
      out[0].floats[i] = place[axis];
    else
      out[0].integers[i] = place[axis];
  });
  return success();
}

struct GetModel : ReferenceOpInterface::ExternalModel<GetModel, GetOp> {
  LogicalResult evaluate(Operation *op, Evaluator &evaluator,
                         MutableArrayRef<MemberValues> members) const {
    for (auto [m, member] : llvm::enumerate(members)) {
      FailureOr<Tensor> value = evaluator.getParameter(cast<GetOp>(op), m);
      if (failed(value))
        return failure();
      member.results[0] = std::move(*value);
    }
    return success();
  }
};

} // namespace

void reference::attachModel(MLIRContext *context) {
  attachLocal<ConstantOp, evaluateConstant>(context);
  attachLocal<IotaOp, evaluateIota>(context);
  GetOp::attachInterface<GetModel>(*context);
}
