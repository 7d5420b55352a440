// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A kernel from a group of operations, named by its content.
#include "dpc/Kernels/Passes.h"

#include "dpc/Dialect/DualPipe/Kernel.h"

#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace dpc::kernels {

namespace {

// Whether a value is read by anything but members, directly or through operations
// that are repeated in the kernel.
bool isNeededOutside(Value value, const llvm::SmallPtrSetImpl<Operation *> &members,
                     const llvm::SmallPtrSetImpl<Operation *> &repeated) {
  return llvm::any_of(value.getUsers(), [&](Operation *user) {
    if (members.contains(user))
      return false;
    if (!repeated.contains(user))
      return true;
    return llvm::any_of(user->getResults(),
                        [&](Value v) { return isNeededOutside(v, members, repeated); });
  });
}
} // namespace

Operation *outlineKernel(ModuleOp module, ArrayRef<Operation *> operations,
                         ArrayRef<Operation *> repeatedOperations,
                         llvm::function_ref<bool(Value, Value)> inplace) {
  llvm::SmallPtrSet<Operation *, 16> members(operations.begin(), operations.end()),
      repeated(repeatedOperations.begin(), repeatedOperations.end());
  SmallVector<Operation *> all(operations.begin(), operations.end());
  llvm::append_range(all, repeatedOperations);
  llvm::sort(all, [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });

  llvm::SetVector<Value> inputs, outputs;
  for (Operation *op : all)
    for (Value operand : op->getOperands())
      if (Operation *def = operand.getDefiningOp();
          !def || (!members.contains(def) && !repeated.contains(def)))
        inputs.insert(operand);
  for (Operation *op : operations)
    for (Value result : op->getResults())
      if (isNeededOutside(result, members, repeated))
        outputs.insert(result);

  MLIRContext *context = module.getContext();
  SmallVector<Location> locations;
  for (Operation *op : operations)
    locations.push_back(op->getLoc());
  Location loc = FusedLoc::get(context, locations);
  SmallVector<Type> inputTypes, outputTypes;
  for (Value v : inputs)
    inputTypes.push_back(v.getType());
  for (Value v : outputs)
    outputTypes.push_back(v.getType());

  OpBuilder builder(context);
  auto kernel =
      func::FuncOp::create(loc, "kernel", FunctionType::get(context, inputTypes, outputTypes));
  kernel.setPrivate();
  kernel->setAttr(dualpipe::kKernelAttr, builder.getUnitAttr());
  Block *entry = kernel.addEntryBlock();
  builder.setInsertionPointToEnd(entry);
  IRMapping map;
  for (auto [i, v] : llvm::enumerate(inputs))
    map.map(v, entry->getArgument(i));
  for (Operation *op : all)
    builder.clone(*op, map);
  SmallVector<Value> returned;
  for (Value v : outputs)
    returned.push_back(map.lookup(v));
  func::ReturnOp::create(builder, loc, returned);
  llvm::SmallDenseSet<unsigned> taken;
  for (auto [i, input] : llvm::enumerate(inputs))
    for (auto [r, output] : llvm::enumerate(outputs))
      if (input.getType() == output.getType() && inplace(input, output) && taken.insert(r).second) {
        kernel.setArgAttr(i, dualpipe::kInplaceAttr, builder.getI64IntegerAttr(r));
        break;
      }

  std::string name = dualpipe::getKernelName(kernel);
  kernel.setName(name);
  if (module.lookupSymbol(name)) {
    kernel.erase(); // the same content is one kernel
  } else {
    module.getBody()->push_back(kernel);
  }
  builder.setInsertionPoint(operations.back());
  auto launch = dualpipe::LaunchOp::create(
      builder, loc, outputTypes, FlatSymbolRefAttr::get(context, name), inputs.getArrayRef());
  for (auto [output, result] : llvm::zip(outputs, launch.getResults())) {
    Value replacement = result;
    Value(output).replaceUsesWithIf(
        replacement, [&](OpOperand &use) { return !members.contains(use.getOwner()); });
  }
  for (Operation *op : llvm::reverse(operations)) {
    op->dropAllUses();
    op->erase();
  }
  return launch;
}

} // namespace dpc::kernels
