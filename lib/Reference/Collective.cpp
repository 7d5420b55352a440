// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Collectives: with all members' operands at hand, each is a few slices.
#include "Models.h"

using namespace mlir;
using namespace dpc;
using namespace dpc::nn;
using namespace dpc::reference;

namespace {

// The part of `from` whose coordinate on `axis` starts at `offset`, copied into
// `to` at `toOffset` of `toAxis`; `shape` is the part's.
void copyPart(const Tensor &from, int64_t axis, int64_t offset, Tensor &to, int64_t toAxis,
              int64_t toOffset, ArrayRef<int64_t> shape) {
  SmallVector<int64_t> source = getStrides(from.shape);
  SmallVector<int64_t> target = getStrides(to.shape);
  forEachPlace(shape, [&](ArrayRef<int64_t> place, int64_t) {
    int64_t s = offset * source[axis], t = toOffset * target[toAxis];
    for (size_t k = 0; k < place.size(); ++k) {
      s += place[k] * source[k];
      t += place[k] * target[k];
    }
    if (to.isFloat())
      to.floats[t] = from.floats[s];
    else
      to.integers[t] = from.integers[s];
  });
}

// What the op's types say about the group has to agree with the mesh.
LogicalResult checkGroup(Operation *op, int64_t members, int64_t whole, int64_t part) {
  if (whole == part * members)
    return success();
  return op->emitOpError("is evaluated by a group of ")
         << members << ", but its types divide " << whole << " into parts of " << part;
}

struct AllToAllModel : ReferenceOpInterface::ExternalModel<AllToAllModel, AllToAllOp> {
  LogicalResult evaluate(Operation *operation, Evaluator &evaluator,
                         MutableArrayRef<MemberValues> members) const {
    auto op = cast<AllToAllOp>(operation);
    int64_t split = op.getSplitAxis(), concat = op.getConcatAxis();
    for (int64_t m = 0; m < evaluator.getNumMembers(); ++m) {
      SmallVector<int64_t> group = evaluator.getGroup(op.getGroup(), m);
      int64_t self = llvm::find(group, m) - group.begin();
      int64_t size = group.size();
      SmallVector<int64_t> part(members[m].operands[0]->shape);
      if (part[split] % size != 0)
        return checkGroup(op, size, part[split], part[split] / size);
      part[split] /= size;
      Tensor &result = members[m].results[0];
      if (failed(checkGroup(op, size, result.shape[concat], part[concat])))
        return failure();
      for (int64_t i = 0; i < size; ++i)
        copyPart(*members[group[i]].operands[0], split, self * part[split], result, concat,
                 i * part[concat], part);
    }
    return success();
  }
};

struct AllGatherModel : ReferenceOpInterface::ExternalModel<AllGatherModel, AllGatherOp> {
  LogicalResult evaluate(Operation *operation, Evaluator &evaluator,
                         MutableArrayRef<MemberValues> members) const {
    auto op = cast<AllGatherOp>(operation);
    int64_t axis = op.getAxis();
    for (int64_t m = 0; m < evaluator.getNumMembers(); ++m) {
      SmallVector<int64_t> group = evaluator.getGroup(op.getGroup(), m);
      ArrayRef<int64_t> part = members[m].operands[0]->shape;
      Tensor &result = members[m].results[0];
      if (failed(checkGroup(op, group.size(), result.shape[axis], part[axis])))
        return failure();
      for (auto [i, other] : llvm::enumerate(group))
        copyPart(*members[other].operands[0], axis, 0, result, axis, i * part[axis], part);
    }
    return success();
  }
};

// The sum over the group, members in ascending order.
Tensor sumGroup(ArrayRef<int64_t> group, ArrayRef<MemberValues> members) {
  Tensor sum = *members[group[0]].operands[0];
  for (int64_t other : group.drop_front())
    for (size_t i = 0; i < sum.floats.size(); ++i)
      sum.floats[i] += members[other].operands[0]->floats[i];
  return sum;
}

struct ReduceScatterModel
    : ReferenceOpInterface::ExternalModel<ReduceScatterModel, ReduceScatterOp> {
  LogicalResult evaluate(Operation *operation, Evaluator &evaluator,
                         MutableArrayRef<MemberValues> members) const {
    auto op = cast<ReduceScatterOp>(operation);
    int64_t axis = op.getAxis();
    for (int64_t m = 0; m < evaluator.getNumMembers(); ++m) {
      SmallVector<int64_t> group = evaluator.getGroup(op.getGroup(), m);
      int64_t self = llvm::find(group, m) - group.begin();
      Tensor sum = sumGroup(group, members);
      Tensor &result = members[m].results[0];
      SmallVector<int64_t> part(result.shape);
      if (failed(checkGroup(op, group.size(), sum.shape[axis], part[axis])))
        return failure();
      copyPart(sum, axis, self * part[axis], result, axis, 0, part);
    }
    return success();
  }
};

struct AllReduceModel : ReferenceOpInterface::ExternalModel<AllReduceModel, AllReduceOp> {
  LogicalResult evaluate(Operation *operation, Evaluator &evaluator,
                         MutableArrayRef<MemberValues> members) const {
    auto op = cast<AllReduceOp>(operation);
    for (int64_t m = 0; m < evaluator.getNumMembers(); ++m)
      members[m].results[0] = sumGroup(evaluator.getGroup(op.getGroup(), m), members);
    return success();
  }
};

} // namespace

void reference::attachCollective(MLIRContext *context) {
  AllToAllOp::attachInterface<AllToAllModel>(*context);
  AllGatherOp::attachInterface<AllGatherModel>(*context);
  ReduceScatterOp::attachInterface<ReduceScatterModel>(*context);
  AllReduceOp::attachInterface<AllReduceModel>(*context);
}
