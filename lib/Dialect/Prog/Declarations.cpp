// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a program's declarations must say: the FlatBuffer form has no place for
// anything else, so what is wrong is refused here and not changed on the way.
#include "dpc/Dialect/Prog/Prog.h"

#include "Elements.h"

using namespace mlir;
using namespace dpc::prog;

int64_t dpc::prog::getElementBytes(Type type) {
  if (type.isF64() || type.isInteger(64))
    return 8;
  if (type.isF32() || type.isInteger(32))
    return 4;
  if (type.isF16() || type.isBF16())
    return 2;
  if (type.isInteger(8) || type.isInteger(1))
    return 1;
  return 0;
}

// The bytes of a tensor in memory; none, with an error, if it cannot lie there.
static FailureOr<int64_t> getTensorBytes(Operation *op, Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor || !tensor.hasStaticShape())
    return op->emitOpError() << "is of type " << type << "; expected a tensor of static shape";
  int64_t bytes = getElementBytes(tensor.getElementType());
  if (!bytes)
    return op->emitOpError() << "has elements of type " << tensor.getElementType() << "; "
                             << kKnownElements;
  for (int64_t extent : tensor.getShape())
    if (__builtin_mul_overflow(bytes, extent, &bytes))
      return op->emitOpError() << "is of type " << type << ", whose bytes cannot be counted";
  return bytes;
}

LogicalResult SlotType::verify(function_ref<InFlightDiagnostic()> emitError, int64_t bytes) {
  if (bytes < 0)
    return emitError() << "a slot cannot have " << bytes << " bytes";
  return success();
}

LogicalResult MatmulAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                 ArrayRef<int64_t> batch, int64_t m, int64_t n, int64_t k,
                                 ArrayRef<int64_t> lhsStrides, ArrayRef<int64_t> rhsStrides,
                                 ArrayRef<int64_t> dstStrides, bool accumulate, int64_t blockRows,
                                 int64_t blockColumns) {
  auto isPositive = [](int64_t extent) { return extent > 0; };
  if (!llvm::all_of(batch, isPositive) || m < 1 || n < 1 || k < 1)
    return emitError() << "a matmul's extents must be at least 1";
  if (blockRows < 1 || blockColumns < 1)
    return emitError() << "a matmul's blocks must be at least 1 x 1, got " << blockRows << " x "
                       << blockColumns;
  std::pair<StringRef, ArrayRef<int64_t>> sides[] = {
      {"lhs", lhsStrides}, {"rhs", rhsStrides}, {"dst", dstStrides}};
  for (auto [side, strides] : sides) {
    if (strides.size() != batch.size() + 2)
      return emitError() << side << " has " << strides.size() << " strides; " << batch.size()
                         << " batch dimensions and two of the matrix need " << batch.size() + 2;
    for (int64_t stride : strides)
      if (stride < 0)
        return emitError() << side << " has the stride " << stride << "; strides are at least 0";
  }
  return success();
}

LogicalResult ArenaOp::verify() {
  if (int64_t bytes = getBytes(); bytes < 0)
    return emitOpError() << "cannot have " << bytes << " bytes";
  return success();
}

LogicalResult GroupOp::verify() {
  if (getMembers().empty())
    return emitOpError() << "has no members";
  for (auto [i, member] : llvm::enumerate(getMembers())) {
    if (member < 0)
      return emitOpError() << "has the member " << member << "; coordinates are counted from 0";
    if (i && member <= getMembers()[i - 1])
      return emitOpError() << "has member " << member << " after " << getMembers()[i - 1]
                           << "; members stand in ascending order";
  }
  return success();
}

LogicalResult KernelOp::verify() {
  if (getBufferBytes().size() != getBufferAccess().size())
    return emitOpError() << "has " << getBufferBytes().size() << " buffers, but says how "
                         << getBufferAccess().size() << " are used";
  for (int64_t bytes : getBufferBytes())
    if (bytes < 0)
      return emitOpError() << "has a buffer of " << bytes << " bytes";
  for (Attribute access : getBufferAccess())
    if (!isa<AccessAttr>(access))
      return emitOpError()
             << "has " << access
             << " among its accesses; expected #prog<access read>, write or read_write";
  return success();
}

LogicalResult ParameterOp::verify() {
  FailureOr<int64_t> bytes = getTensorBytes(*this, getType());
  if (failed(bytes))
    return failure();
  if (getMoments().size() != getMomentNames().size())
    return emitOpError() << "has " << getMoments().size() << " moments and "
                         << getMomentNames().size() << " names of moments";
  if (!getMoments().empty() && !getGradient())
    return emitOpError() << "has moments, but no gradient";
  if (int64_t entry = getRecordEntry(); entry < 0)
    return emitOpError() << "has entry " << entry
                         << " of the step record; entries are counted from 0";
  auto check = [&](Value slot, StringRef what) -> LogicalResult {
    int64_t own = cast<SlotType>(slot.getType()).getBytes();
    if (own != *bytes)
      return emitOpError() << "has a " << what << " of " << own << " bytes, but is of type "
                           << getType() << " with " << *bytes;
    return success();
  };
  if (failed(check(getWeight(), "weight")) ||
      (getGradient() && failed(check(getGradient(), "gradient"))))
    return failure();
  for (Value moment : getMoments())
    if (failed(check(moment, "moment")))
      return failure();
  return success();
}

LogicalResult TensorOp::verify() { return failure(failed(getTensorBytes(*this, getType()))); }

LogicalResult ConstantOp::verify() {
  if (!isa<DenseElementsAttr>(getValue()))
    return emitOpError() << "has a value that is not dense";
  FailureOr<int64_t> bytes = getTensorBytes(*this, getValue().getType());
  if (failed(bytes))
    return failure();
  int64_t own = getSlot().getType().getBytes();
  if (own != *bytes)
    return emitOpError() << "has " << *bytes << " bytes, but its slot has " << own;
  return success();
}
