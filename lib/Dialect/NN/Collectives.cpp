// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Traffic and contiguous form of collectives; see Collectives.h.
#include "dpc/Dialect/NN/Collectives.h"
#include "dpc/Dialect/NN/Builders.h"

using namespace mlir;

namespace dpc::nn {
namespace {

// Dimension `axis` of the shape as `members` parts: a dimension more.
SmallVector<int64_t> divide(ArrayRef<int64_t> shape, int64_t axis, int64_t members) {
  SmallVector<int64_t> result(shape);
  result[axis] /= members;
  result.insert(result.begin() + axis, members);
  return result;
}

// A transpose, or a view where only dimensions of extent 1 move.
Value permute(OpBuilder &builder, Location loc, Value value, ArrayRef<int64_t> perm) {
  ArrayRef<int64_t> shape = getTensorType(value).getShape();
  SmallVector<int64_t> moved, permuted;
  for (int64_t dim : perm) {
    permuted.push_back(shape[dim]);
    if (shape[dim] != 1)
      moved.push_back(dim);
  }
  if (llvm::is_sorted(moved))
    return createReshape(builder, loc, value, permuted);
  return createTranspose(builder, loc, value, perm);
}

// The parts of dimension `axis` one after the other: [members, part...].
Value moveToFront(OpBuilder &builder, Location loc, Value value, int64_t axis, int64_t members) {
  SmallVector<int64_t> shape = divide(getTensorType(value).getShape(), axis, members);
  value = createReshape(builder, loc, value, shape);
  SmallVector<int64_t> perm = identityPermutation(shape.size());
  perm.erase(perm.begin() + axis);
  perm.insert(perm.begin(), axis);
  return permute(builder, loc, value, perm);
}

// From [members, part...] to the parts joined along dimension `axis` of a part.
Value joinAlong(OpBuilder &builder, Location loc, Value value, int64_t axis,
                ArrayRef<int64_t> shape) {
  SmallVector<int64_t> perm = identityPermutation(getTensorType(value).getRank());
  perm.erase(perm.begin());
  perm.insert(perm.begin() + axis, 0);
  return createReshape(builder, loc, permute(builder, loc, value, perm), shape);
}

RankedTensorType withShape(Value like, ArrayRef<int64_t> shape) {
  return RankedTensorType::get(shape, getTensorType(like).getElementType());
}

} // namespace

bool isCollective(Operation *op) { return op->hasTrait<CollectiveOp>(); }

StringRef getGroup(Operation *collective) {
  return collective->getAttrOfType<StringAttr>("group").getValue();
}

int64_t getMembers(Operation *collective) {
  return getMeshSize(collective, getGroup(collective)).value_or(1);
}

SmallVector<Traffic, 2> getAllReduceTraffic(int64_t members, double bytes) {
  if (members < 2)
    return {};
  double others = members - 1;
  // Each member adds up a part and the parts are gathered; or everybody sends
  // everything to everybody.
  return {{2, 2 * others / members * bytes}, {1, others * bytes}};
}

SmallVector<Traffic, 2> getTraffic(Operation *collective) {
  int64_t members = getMembers(collective);
  double bytes = getByteSize(collective->getOperand(0).getType()), others = members - 1;
  if (members < 2)
    return {};
  if (isa<AllReduceOp>(collective))
    return getAllReduceTraffic(members, bytes);
  return {{1, isa<AllGatherOp>(collective) ? others * bytes : others / members * bytes}};
}

LogicalResult verifyPlacement(Operation *collective) {
  StringRef group = getGroup(collective);
  if (group != "ep")
    return collective->emitOpError("communicates over '")
           << group << "'; inside a stage ranks communicate over ep only";
  if (!getMeshSize(collective, group))
    return collective->emitOpError("communicates over '")
           << group << "', whose size no 'nn.mesh' of the module says, as in `nn.mesh = {ep = 2}`";
  return success();
}

bool isContiguous(Operation *collective) {
  if (auto op = dyn_cast<AllToAllOp>(collective))
    return op.getSplitAxis() == 0 && op.getConcatAxis() == 0;
  if (auto op = dyn_cast<AllGatherOp>(collective))
    return op.getAxis() == 0;
  if (auto op = dyn_cast<ReduceScatterOp>(collective))
    return op.getAxis() == 0;
  return true;
}

void makeContiguous(Operation *collective) {
  if (isContiguous(collective))
    return;
  OpBuilder builder(collective);
  Location loc = collective->getLoc();
  int64_t members = getMembers(collective);
  Value operand = collective->getOperand(0), result = collective->getResult(0);
  ArrayRef<int64_t> shape = getTensorType(result).getShape();
  StringRef group = getGroup(collective);
  Value replacement;
  if (auto op = dyn_cast<AllToAllOp>(collective)) {
    Value parts = moveToFront(builder, loc, operand, op.getSplitAxis(), members);
    Value arrived = AllToAllOp::create(builder, loc, parts.getType(), parts, group, 0, 0);
    replacement = joinAlong(builder, loc, arrived, op.getConcatAxis(), shape);
  } else if (auto op = dyn_cast<AllGatherOp>(collective)) {
    SmallVector<int64_t> part(getTensorType(operand).getShape());
    part.insert(part.begin(), 1);
    Value own = createReshape(builder, loc, operand, part);
    part.front() = members;
    Value arrived = AllGatherOp::create(builder, loc, withShape(operand, part), own, group, 0);
    replacement = joinAlong(builder, loc, arrived, op.getAxis(), shape);
  } else {
    auto scatter = cast<ReduceScatterOp>(collective);
    Value parts = moveToFront(builder, loc, operand, scatter.getAxis(), members);
    SmallVector<int64_t> part(getTensorType(parts).getShape());
    part.front() = 1;
    Value own = ReduceScatterOp::create(builder, loc, withShape(operand, part), parts, group, 0);
    replacement = createReshape(builder, loc, own, shape);
  }
  result.replaceAllUsesWith(replacement);
  collective->erase();
}

} // namespace dpc::nn
