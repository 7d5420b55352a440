// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Parameters, constants, iota: where values come from.
#include "Folding.h"
#include "dpc/Dialect/NN/Sharding.h"

using namespace mlir;
using namespace dpc;
using namespace dpc::nn;

RankedTensorType ParameterOp::getMasterType() {
  auto type = cast<RankedTensorType>(getType());
  return getMaster() ? RankedTensorType(type.clone(*getMaster())) : type;
}

Type ParameterOp::getStorageElement() {
  return getStorage().value_or(getMasterType().getElementType());
}

// Values are kept in more bits than they are computed with, or there is no reason to.
static LogicalResult verifyRoles(ParameterOp op) {
  auto computed = dyn_cast<FloatType>(getElementTypeOrSelf(op.getType()));
  for (auto [what, type] :
       {std::pair("master", op.getMaster()), std::pair("storage", op.getStorage())})
    if (type && (!computed || !isa<Float32Type, Float64Type, Float16Type, BFloat16Type>(*type)))
      return op.emitOpError("has ") << what << " values of " << *type << " and is " << op.getType()
                                    << "; both must be floats";
  if (op.getMaster() && cast<FloatType>(*op.getMaster()).getWidth() <= computed.getWidth())
    return op.emitOpError("has a master of ")
           << *op.getMaster() << ", which has no more bits than " << computed;
  if (op.getStorage() && isa<InitAttr>(op.getSource()))
    return op.emitOpError("is drawn, but has a storage type, which is that of a file");
  return success();
}

LogicalResult ParameterOp::verify() {
  if (failed(verifyRoles(*this)))
    return failure();
  Type elementType = getElementTypeOrSelf(getType());
  if (getTrained() && !isa<FloatType>(elementType))
    return emitOpError("is trained but has elements of type ")
           << elementType << "; only floats can be trained";
  if (isa<InitAttr>(getSource()) && !isa<FloatType>(elementType))
    return emitOpError("is drawn at random but has elements of type ")
           << elementType << "; only floats can be drawn";
  if (auto file = dyn_cast<FileAttr>(getSource())) {
    uint64_t bytes = getByteSize(getStoredType(*this));
    if (file.getLength() != bytes)
      return emitOpError("has ") << bytes << " bytes, but its source has " << file.getLength();
    if (file.getOffset() > file.getSize() || file.getLength() > file.getSize() - file.getOffset())
      return emitOpError("has its values at bytes ")
             << file.getOffset() << " to "
             << static_cast<double>(file.getOffset()) + file.getLength() << " of a file of "
             << file.getSize() << " bytes";
  }
  return success();
}

LogicalResult GetOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto parameter = symbols.lookupNearestSymbolFrom<ParameterOp>(*this, getParameterAttr());
  if (!parameter)
    return emitOpError("reads '") << getParameter() << "', which is not a parameter";
  if (parameter.getType() != getType()) {
    InFlightDiagnostic diagnostic = emitOpError("reads parameter '")
                                    << getParameter() << "' as " << getType() << ", but it is "
                                    << parameter.getType();
    diagnostic.attachNote(parameter.getLoc()) << "the parameter is here";
    return diagnostic;
  }
  return success();
}

int64_t GetOp::getFlops() { return 0; }

OpFoldResult ConstantOp::fold(FoldAdaptor) { return getValue(); }
int64_t ConstantOp::getFlops() { return 0; }
KernelForm ConstantOp::getKernelForm() { return KernelForm::Move; }

LogicalResult IotaOp::verify() {
  int64_t rank = getType().getRank();
  int64_t axis = getAxis();
  if (axis < 0 || axis >= rank)
    return emitOpError("counts along dimension ")
           << axis << ", but the result has " << rank << " dimensions";
  return success();
}

OpFoldResult IotaOp::fold(FoldAdaptor) {
  if (!isFoldable(getType(), /*splat=*/false) || getType().getNumElements() == 0)
    return {};
  SmallVector<Attribute> values;
  SmallVector<int64_t> place;
  for (int64_t i = 0, e = getType().getNumElements(); i < e; ++i) {
    delinearize(i, getType().getShape(), place);
    values.push_back(getScalarAttr(getType().getElementType(), place[getAxis()]));
  }
  return DenseElementsAttr::get(cast<ShapedType>(getType()), values);
}

int64_t IotaOp::getFlops() { return 0; }
KernelForm IotaOp::getKernelForm() { return KernelForm::Move; }
