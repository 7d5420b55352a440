// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Equal kernels have equal names, whichever stage or phase makes them.
#include "dpc/Dialect/DualPipe/Kernel.h"

#include "dpc/Dialect/DualPipe/DualPipe.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;

namespace dpc::dualpipe {

std::string getKernelName(func::FuncOp kernel) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  kernel->print(stream, OpPrintingFlags().useLocalScope());
  // The content without the name.
  std::string name = ("@" + kernel.getName()).str();
  if (size_t at = text.find(name); at != std::string::npos)
    text.erase(at, name.size());
  return "k_" + llvm::utohexstr(llvm::xxh3_64bits(text), /*LowerCase=*/true, /*Width=*/16);
}

// A kernel at the module's begin, not named yet.
static func::FuncOp
buildKernel(ModuleOp module, ArrayRef<Type> arguments,
            llvm::function_ref<void(OpBuilder &, ValueRange, SmallVectorImpl<Value> &)> build) {
  OpBuilder builder = OpBuilder::atBlockBegin(module.getBody());
  Location loc = module.getLoc();
  auto kernel = func::FuncOp::create(builder, loc, "k", builder.getFunctionType(arguments, {}));
  kernel.setPrivate();
  kernel->setAttr(kKernelAttr, builder.getUnitAttr());
  Block *body = kernel.addEntryBlock();
  builder.setInsertionPointToEnd(body);
  SmallVector<Value> results;
  build(builder, body->getArguments(), results);
  func::ReturnOp::create(builder, loc, results);
  kernel.setType(builder.getFunctionType(arguments, ValueRange(results).getTypes()));
  return kernel;
}

func::FuncOp
createKernel(ModuleOp module, ArrayRef<Type> arguments, ArrayRef<int> inplace,
             llvm::function_ref<void(OpBuilder &, ValueRange, SmallVectorImpl<Value> &)> build) {
  func::FuncOp kernel = buildKernel(module, arguments, build);
  for (auto [i, result] : llvm::enumerate(inplace))
    if (result >= 0)
      kernel.setArgAttr(i, kInplaceAttr, Builder(kernel).getI64IntegerAttr(result));
  std::string name = getKernelName(kernel);
  if (auto known = module.lookupSymbol<func::FuncOp>(name)) {
    kernel.erase();
    return known;
  }
  kernel.setName(name);
  return kernel;
}

func::FuncOp createNamedKernel(ModuleOp module, StringRef name, ArrayRef<Type> arguments,
                               llvm::function_ref<Value(OpBuilder &, ValueRange)> build) {
  if (auto known = module.lookupSymbol<func::FuncOp>(name))
    return known;
  func::FuncOp kernel =
      buildKernel(module, arguments,
                  [&](OpBuilder &builder, ValueRange values, SmallVectorImpl<Value> &results) {
                    results.push_back(build(builder, values));
                  });
  kernel.setName(name);
  return kernel;
}

} // namespace dpc::dualpipe
