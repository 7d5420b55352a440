// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// LLVM makes calls of a support library wherever a processor without instructions for
// bf16 moves, selects or masks values of that type, though none of it is arithmetic. So
// once conversions are expanded to operations on bits, everything else that has the type
// is given the bits' type.
#include "MachineCode.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace dpc::codegen {
namespace {

Type bitsOf(Type type) {
  Type bits = IntegerType::get(type.getContext(), 16);
  if (type.isBF16())
    return bits;
  auto shaped = dyn_cast<ShapedType>(type);
  return shaped && shaped.getElementType().isBF16() ? Type(shaped.clone(bits)) : type;
}

bool isBFloat(Type type) { return bitsOf(type) != type; }

// What only passes values on.
bool isMove(Operation *op) {
  return isa<arith::ConstantOp, arith::SelectOp, arith::BitcastOp>(op) ||
         isa<memref::MemRefDialect, scf::SCFDialect, vector::VectorDialect, func::FuncDialect>(
             op->getDialect());
}

TypedAttr bitsOf(TypedAttr value) {
  Type type = bitsOf(value.getType());
  if (type == value.getType())
    return value;
  if (auto number = dyn_cast<FloatAttr>(value))
    return IntegerAttr::get(type, number.getValue().bitcastToAPInt());
  return cast<DenseElementsAttr>(value).bitcast(cast<ShapedType>(type).getElementType());
}

} // namespace

LogicalResult storeBFloatAsBits(ModuleOp module) {
  SmallVector<arith::BitcastOp> casts;
  WalkResult result = module.walk([&](Operation *op) -> WalkResult {
    bool concerned = llvm::any_of(op->getOperandTypes(), isBFloat) ||
                     llvm::any_of(op->getResultTypes(), isBFloat);
    if (concerned && !isMove(op)) {
      op->emitError() << "'" << op->getName() << "' computes in bf16 in a kernel for a processor";
      return WalkResult::interrupt();
    }
    if (auto constant = dyn_cast<arith::ConstantOp>(op))
      constant.setValueAttr(bitsOf(constant.getValue()));
    if (auto function = dyn_cast<func::FuncOp>(op)) {
      auto bits = [](TypeRange types) {
        return llvm::map_to_vector(types, [](Type type) { return bitsOf(type); });
      };
      FunctionType type = function.getFunctionType();
      function.setType(
          FunctionType::get(type.getContext(), bits(type.getInputs()), bits(type.getResults())));
    }
    if (auto cast = dyn_cast<arith::BitcastOp>(op); cast && concerned)
      casts.push_back(cast);
    return WalkResult::advance();
  });
  if (result.wasInterrupted())
    return failure();
  // All at once: in between nothing would be valid.
  module.walk([](Operation *op) {
    for (Value value : op->getResults())
      value.setType(bitsOf(value.getType()));
    for (Region &region : op->getRegions())
      for (Block &block : region)
        for (BlockArgument argument : block.getArguments())
          argument.setType(bitsOf(argument.getType()));
  });
  for (arith::BitcastOp cast : casts) {
    cast.replaceAllUsesWith(cast.getIn());
    cast.erase();
  }
  return success();
}

} // namespace dpc::codegen
