// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a program's declarations must say: the FlatBuffer form has no place for
// anything else, so what is wrong is refused here and not changed on the way.
#include "Replicas.h"

#include "dpc/Dialect/Prog/Prog.h"

#include "dpc/Dialect/NN/Element.h"

#include "program/format/Optimizers.h"

using namespace mlir;
using namespace dpc;
using namespace dpc::prog;

// Bytes of one element in memory; 0 for a type whose elements cannot lie there.
static int64_t getElementBytes(Type type) {
  std::optional<dpcrt::Element> element = nn::getElement(type);
  return element ? dpcrt::sizeOf(*element) : 0;
}
static constexpr StringLiteral kKnownElements =
    "known are floats and integers of whole bytes, and i1";

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

//===----------------------------------------------------------------------===//
// Slots
//===----------------------------------------------------------------------===//

LogicalResult SlotType::verify(function_ref<InFlightDiagnostic()> emitError, int64_t count,
                               Type elementType) {
  if (count < 0)
    return emitError() << "a slot cannot have " << count << " elements";
  int64_t bytes = getElementBytes(elementType);
  if (!bytes)
    return emitError() << "a slot cannot have elements of type " << elementType << "; "
                       << kKnownElements;
  if (__builtin_mul_overflow(bytes, count, &bytes))
    return emitError() << "a slot of " << count << " elements has more bytes than can be counted";
  return success();
}

int64_t SlotType::getBytes() const { return getCount() * getElementBytes(getElementType()); }

SlotType SlotType::getOfBytes(MLIRContext *context, int64_t bytes) {
  return get(bytes, IntegerType::get(context, 8, IntegerType::Unsigned));
}

Type SlotType::parse(AsmParser &parser) {
  SmallVector<int64_t> extents;
  Type element;
  SMLoc at;
  if (parser.parseLess() || parser.getCurrentLocation(&at) ||
      parser.parseDimensionList(extents, /*allowDynamic=*/false) || parser.parseType(element) ||
      parser.parseGreater())
    return {};
  if (extents.size() != 1) {
    parser.emitError(at) << "a slot has one number of elements, as in !prog.slot<16xf32>";
    return {};
  }
  return parser.getChecked<SlotType>(parser.getContext(), extents.front(), element);
}

void SlotType::print(AsmPrinter &printer) const {
  printer << "<" << getCount() << "x" << getElementType() << ">";
}

//===----------------------------------------------------------------------===//
// Declarations
//===----------------------------------------------------------------------===//

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
  if (getOver() && bitEnumContainsAny(*getOver(), Axes::Tp))
    return emitOpError() << "spans tp, along which no ranks are placed; groups span dp and ep";
  return success();
}

LogicalResult KernelOp::verify() {
  if (getBuffers().size() != getBufferAccess().size())
    return emitOpError() << "has " << getBuffers().size() << " buffers, but says how "
                         << getBufferAccess().size() << " are used";
  for (Type buffer : getBuffers().getAsValueRange<TypeAttr>())
    if (!isa<SlotType>(buffer))
      return emitOpError() << "has " << buffer
                           << " among its buffers; expected slots, as in !prog.slot<16xf32>";
  for (Attribute access : getBufferAccess())
    if (!isa<AccessAttr>(access))
      return emitOpError()
             << "has " << access
             << " among its accesses; expected #prog<access read>, write or read_write";
  return success();
}

LogicalResult prog::verifyReplicas(Operation *op, std::optional<ArrayRef<int64_t>> replicas) {
  if (!replicas)
    return success();
  if (replicas->empty())
    return op->emitOpError() << "is for no replica";
  for (auto [i, replica] : llvm::enumerate(*replicas))
    if (replica < 0 || (i && replica <= (*replicas)[i - 1]))
      return op->emitOpError() << "is for replica " << replica
                               << "; replicas are counted from 0 and stand in ascending order";
  return success();
}

LogicalResult PartOp::verify() {
  ParameterOp parameter;
  for (Operation *before = getOperation(); before && !parameter; before = before->getPrevNode())
    if (auto op = dyn_cast<ParameterOp>(before); op && op.getName() == getParameter())
      parameter = op;
  if (!parameter)
    return emitOpError() << "is of parameter '" << getParameter()
                         << "', which the program does not declare before it";
  constexpr int64_t block = dpcrt::kSquareBlock;
  const auto whole = cast<SlotType>(parameter.getWeight().getType());
  const int64_t begin = getBegin(), count = getElements(), elements = whole.getCount();
  if (begin < 0 || begin > elements || count > elements - begin)
    return emitOpError() << "has " << count << " elements from element " << begin
                         << " on, but its parameter has " << elements;
  const int64_t end = begin + count;
  if (count == 0 && begin == 0 && getMoments().empty() && !getMaster() && !getReplicas())
    return success(); // of a rank that keeps nothing
  if (count <= 0 || begin % block || (end % block && end != elements))
    return emitOpError() << "has elements [" << begin << ".." << end << ") of " << elements
                         << "; a part begins and ends at a multiple of " << block
                         << " or at the parameter's end, and is not empty";
  if (parameter.getMaster() || !parameter.getMoments().empty())
    return emitOpError() << "is of a parameter that has a master or moments of the whole";
  if (getMoments().size() != parameter.getMomentNames().size())
    return emitOpError() << "has " << getMoments().size() << " moments; its parameter names "
                         << parameter.getMomentNames().size();
  Type element = whole.getElementType();
  if (getMaster()) {
    if (!element.isBF16() && !element.isF16())
      return emitOpError() << "has a master, but its parameter is of " << element
                           << "; only those of 16-bit floats have one";
    element = Float32Type::get(getContext());
  }
  auto check = [&](Value slot, StringRef what) -> LogicalResult {
    auto expected = SlotType::get(count, element);
    if (slot.getType() != expected)
      return emitOpError() << "has a " << what << " in " << slot.getType() << "; its elements take "
                           << expected;
    return success();
  };
  if (getMaster() && failed(check(getMaster(), "master")))
    return failure();
  for (Value moment : getMoments())
    if (failed(check(moment, "moment")))
      return failure();
  return verifyReplicas(*this, getReplicas());
}

LogicalResult ParameterOp::verify() {
  if (failed(getTensorBytes(*this, getType())))
    return failure();
  // Parts may have those that are named here.
  if (!getMoments().empty() && getMoments().size() != getMomentNames().size())
    return emitOpError() << "has " << getMoments().size() << " moments and "
                         << getMomentNames().size() << " names of moments";
  if (!getMoments().empty() && !getGradient())
    return emitOpError() << "has moments, but no gradient";
  if (std::optional<int64_t> entry = getRecordEntry(); entry && *entry < 0)
    return emitOpError() << "has entry " << *entry
                         << " of the step record; entries are counted from 0";
  if (getGradient() && !getRecordEntry())
    return emitOpError() << "has a gradient, but no entry in the step record";
  auto whole = SlotType::get(cast<ShapedType>(getType()));
  auto check = [&](Value slot, StringRef what) -> LogicalResult {
    if (slot.getType() != whole)
      return emitOpError() << "has a " << what << " in " << slot.getType() << ", but is of type "
                           << getType() << ", which takes " << whole;
    return success();
  };
  if (failed(check(getWeight(), "weight")))
    return failure();
  if (getMaster()) {
    Type element = whole.getElementType();
    if (!element.isBF16() && !element.isF16())
      return emitOpError() << "has a master, but is of type " << getType()
                           << "; only parameters of 16-bit floats have one";
    whole = SlotType::get(whole.getCount(), Float32Type::get(getContext()));
    if (failed(check(getMaster(), "master")))
      return failure();
  }
  // Masters in parts are declared by these.
  const Type own = whole.getElementType();
  if (auto wide = SlotType::get(whole.getCount(), Float32Type::get(getContext()));
      getGradient() && getGradient().getType() == wide && (own.isBF16() || own.isF16()) &&
      getMoments().empty())
    whole = wide;
  if (getGradient() && failed(check(getGradient(), "gradient")))
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
  if (failed(getTensorBytes(*this, getValue().getType())))
    return failure();
  auto whole = SlotType::get(getValue().getShapedType());
  if (getSlot().getType() != whole)
    return emitOpError() << "has the type " << getValue().getType() << ", which takes " << whole
                         << ", but its slot is " << getSlot().getType();
  return success();
}
