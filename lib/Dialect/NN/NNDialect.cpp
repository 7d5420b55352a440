// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The dialect itself: registration, the mesh attribute, and the few questions
// about types that every family asks.
#include "dpc/Dialect/NN/ModelAttrs.h"
#include "dpc/Dialect/NN/NN.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;
using namespace dpc;
using namespace dpc::nn;

#include "dpc/Dialect/NN/NNDialect.cpp.inc"

void NNDialect::initialize() {
  registerAttributes();
  addOperations<
#define GET_OP_LIST
#include "dpc/Dialect/NN/NNOps.cpp.inc"
      >();
}

Operation *NNDialect::materializeConstant(OpBuilder &builder, Attribute value, Type type,
                                          Location loc) {
  auto elements = dyn_cast<ElementsAttr>(value);
  if (!elements || elements.getType() != type)
    return nullptr;
  return ConstantOp::create(builder, loc, elements);
}

static LogicalResult verifyPipelineStage(Operation *op, Attribute value) {
  auto number = dyn_cast<IntegerAttr>(value);
  if (!number || !number.getType().isSignlessInteger() || number.getValue().isNegative() ||
      number.getValue().getActiveBits() > 31)
    return op->emitOpError() << "has '" << kPipelineStageAttr << "' = " << value
                             << ", expected a stage's number from 0";
  return success();
}

static LogicalResult verifyBounds(Operation *op, Attribute value) {
  auto inputs = dyn_cast<DictionaryAttr>(value);
  bool valid = isa<func::FuncOp>(op) && inputs;
  for (NamedAttribute input : valid ? inputs.getValue() : ArrayRef<NamedAttribute>()) {
    auto bounds = dyn_cast<DictionaryAttr>(input.getValue());
    valid &= bounds && llvm::all_of(bounds, [](NamedAttribute bound) {
               if (bound.getName() == kMinimumAttr)
                 return isa<IntegerAttr>(bound.getValue());
               return bound.getName() == kIgnoredAttr && isa<DenseI64ArrayAttr>(bound.getValue());
             });
  }
  if (valid)
    return success();
  return op->emitOpError("has '")
         << kBoundsAttr << "' = " << value
         << ", expected, on a function, a dictionary by input of 'minimum', an "
            "integer, and 'ignored', an array of i64";
}

static LogicalResult verifySharded(Operation *op, Attribute value) {
  if (!isa<ParameterOp>(op))
    return op->emitOpError() << "has '" << kShardedAttr << "', which belongs on a parameter";
  auto axis = dyn_cast<StringAttr>(value);
  if (!axis || axis.getValue() != "ep")
    return op->emitOpError() << "has '" << kShardedAttr << "' = " << value
                             << ", expected \"ep\", the axis whose members "
                                "can have values of their own";
  return success();
}

static LogicalResult verifyDivisions(Operation *op, Attribute value) {
  auto list = dyn_cast<ArrayAttr>(value);
  bool valid = isa<ModuleOp>(op) && list && !list.empty();
  if (valid)
    valid = llvm::all_of(list, [](Attribute entry) {
      auto division = dyn_cast<DictionaryAttr>(entry);
      auto shape = division ? division.getAs<DenseI64ArrayAttr>("shape") : DenseI64ArrayAttr();
      return shape && division.getAs<StringAttr>("node") &&
             llvm::all_of(shape.asArrayRef(), [](int64_t extent) { return extent >= 0; });
    });
  if (valid)
    return success();
  return op->emitOpError("has '")
         << kDivisionsAttr << "' = " << value
         << ", expected, on a module, a list of {node = \"name\", shape = array<i64: ...>}";
}

LogicalResult NNDialect::verifyOperationAttribute(Operation *op, NamedAttribute attribute) {
  if (attribute.getName() == "nn.weighting") {
    auto weighting = dyn_cast<StringAttr>(attribute.getValue());
    if (!isa<func::FuncOp>(op) || !weighting ||
        !llvm::is_contained({"denominator", "mean", "sum"}, weighting.getValue()))
      return op->emitOpError("has 'nn.weighting' = ")
             << attribute.getValue()
             << ", expected \"denominator\", \"mean\" or \"sum\" on a function";
    return success();
  }
  if (attribute.getName() == kEvaluationOnlyAttr) {
    if (!isa<func::FuncOp>(op) || !isa<UnitAttr>(attribute.getValue()))
      return op->emitOpError() << "has '" << kEvaluationOnlyAttr << "' = " << attribute.getValue()
                               << ", expected, on a function, nothing but the name";
    return success();
  }
  if (attribute.getName() == kBoundsAttr)
    return verifyBounds(op, attribute.getValue());
  if (attribute.getName() == kPipelineStageAttr)
    return verifyPipelineStage(op, attribute.getValue());
  if (attribute.getName() == kShardedAttr)
    return verifySharded(op, attribute.getValue());
  if (attribute.getName() == kDivisionsAttr)
    return verifyDivisions(op, attribute.getValue());
  if (attribute.getName() != "nn.mesh")
    return op->emitOpError() << "has the unknown attribute '" << attribute.getName().getValue()
                             << "'; the nn dialect knows 'nn.mesh', "
                                "'nn.bounds', 'nn.divisions', 'nn.evaluation_only', "
                                "'nn.pipeline_stage', 'nn.sharded' and "
                                "'nn.weighting'";
  if (!isa<ModuleOp>(op))
    return op->emitOpError("has 'nn.mesh', which belongs on a module");
  auto axes = dyn_cast<DictionaryAttr>(attribute.getValue());
  if (!axes)
    return op->emitOpError("has 'nn.mesh' = ")
           << attribute.getValue() << ", expected a dictionary of axis sizes";
  for (NamedAttribute axis : axes) {
    StringRef name = axis.getName().getValue();
    if (!llvm::is_contained({"pp", "mirror", "dp", "ep", "tp"}, name))
      return op->emitOpError("has the axis '")
             << name << "' in 'nn.mesh', expected one of pp, mirror, dp, ep, tp";
    auto size = dyn_cast<IntegerAttr>(axis.getValue());
    if (!size || !size.getType().isSignlessInteger(64) || size.getInt() < 1)
      return op->emitOpError("has 'nn.mesh' axis '")
             << name << "' = " << axis.getValue() << ", expected a positive i64";
  }
  return success();
}

std::optional<int64_t> nn::getMeshSize(Operation *op, StringRef axis) {
  auto module = dyn_cast<ModuleOp>(op);
  if (!module)
    module = op->getParentOfType<ModuleOp>();
  auto mesh = module ? module->getAttrOfType<DictionaryAttr>("nn.mesh") : nullptr;
  if (!mesh)
    return std::nullopt;
  auto size = mesh.getAs<IntegerAttr>(axis);
  return size ? size.getInt() : 1;
}

int64_t nn::getElementCount(Value value) {
  return cast<ShapedType>(value.getType()).getNumElements();
}

bool nn::isLibraryCall(Operation *op) {
  auto cost = dyn_cast<CostOpInterface>(op);
  return cost && cost.isLibraryCall();
}

bool nn::isLibraryElement(Type element) {
  return element.isF32() || element.isBF16() || element.isF16();
}

int64_t nn::getByteSize(Type type) {
  auto shaped = cast<ShapedType>(type);
  int64_t bits = shaped.getElementTypeBitWidth();
  return shaped.getNumElements() * ((bits + 7) / 8);
}

int64_t nn::getOperandAndResultBytes(Operation *op) {
  int64_t bytes = 0;
  for (Type type : op->getOperandTypes())
    bytes += getByteSize(type);
  for (Type type : op->getResultTypes())
    bytes += getByteSize(type);
  return bytes;
}

Type nn::getBoolType(Type type) {
  return cast<ShapedType>(type).clone(IntegerType::get(type.getContext(), 1));
}
