// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See StepFunctions.h.
#include "StepFunctions.h"

#include "dpc/Dialect/NN/Builders.h"
#include "dpc/Optimizer/Update.h"

using namespace mlir;
using namespace dpc::dualpipe;

namespace dpc::proof {

static func::FuncOp buildKernel(ModuleOp module, ArrayRef<Type> arguments, Type result,
                                llvm::function_ref<Value(OpBuilder &, ValueRange)> build) {
  OpBuilder builder = OpBuilder::atBlockEnd(module.getBody());
  std::string name = "k_proof" + std::to_string(module.getBody()->getOperations().size());
  auto kernel = func::FuncOp::create(builder, module.getLoc(), name,
                                     builder.getFunctionType(arguments, {result}));
  kernel.setPrivate();
  kernel->setAttr(kKernelAttr, builder.getUnitAttr());
  Block *body = kernel.addEntryBlock();
  builder.setInsertionPointToEnd(body);
  func::ReturnOp::create(builder, module.getLoc(), build(builder, body->getArguments()));
  return kernel;
}

static func::FuncOp buildSum(ModuleOp module, unsigned count, RankedTensorType type) {
  auto flat = RankedTensorType::get({type.getNumElements()}, type.getElementType());
  return buildKernel(module, SmallVector<Type>(count, flat), flat,
                     [&](OpBuilder &builder, ValueRange values) {
                       Value sum = values[0];
                       for (Value value : values.drop_front())
                         sum = nn::AddOp::create(builder, module.getLoc(), flat, sum, value);
                       return sum;
                     });
}

// Of all micro-batches' denominators.
static func::FuncOp buildTotal(ModuleOp module, int64_t count) {
  auto f32 = Float32Type::get(module.getContext());
  auto scalar = RankedTensorType::get({}, f32);
  return buildKernel(module, {RankedTensorType::get({count}, f32)}, scalar,
                     [&](OpBuilder &builder, ValueRange values) -> Value {
                       return nn::ReduceSumOp::create(builder, module.getLoc(), scalar, values[0],
                                                      builder.getDenseI64ArrayAttr({0}));
                     });
}

// 1 where any micro-batch divided an integer by 0.
static func::FuncOp buildFaultFlag(ModuleOp module, int64_t count) {
  Builder types(module.getContext());
  return buildKernel(module, {RankedTensorType::get({count}, types.getI64Type())},
                     RankedTensorType::get({}, types.getF32Type()),
                     [&](OpBuilder &builder, ValueRange values) -> Value {
                       Location loc = module.getLoc();
                       Value worst = nn::ReduceMaxOp::create(builder, loc, values[0],
                                                             builder.getDenseI64ArrayAttr({0}));
                       Value none = nn::createSplat(builder, loc, worst.getType(), 0);
                       Value isFault =
                           nn::CompareOp::create(builder, loc, nn::Predicate::NE, worst, none);
                       return nn::createCast(builder, loc, isFault, builder.getF32Type());
                     });
}

Function StepFunctions::find(const Key &key, llvm::function_ref<func::FuncOp(ModuleOp)> build) {
  auto [it, isNew] = known.try_emplace(key, 0);
  if (isNew)
    it->second = words.kernel(build(*kernels));
  return it->second;
}

Function StepFunctions::sum(unsigned count, RankedTensorType type) {
  return find({"sum", type.getAsOpaquePointer(), nullptr, count, 0, 0},
              [&](ModuleOp module) { return buildSum(module, count, type); });
}

Function StepFunctions::total(int64_t count) {
  return find({"total", nullptr, nullptr, count, 0, 0},
              [&](ModuleOp module) { return buildTotal(module, count); });
}

Function StepFunctions::faultFlag(int64_t count) {
  return find({"fault", nullptr, nullptr, count, 0, 0},
              [&](ModuleOp module) { return buildFaultFlag(module, count); });
}

Function StepFunctions::finalize(StringRef weighting) {
  return find({weighting, nullptr, nullptr, 0, 0, 0},
              [&](ModuleOp module) { return optimizer::buildFinalize(module, weighting); });
}

Function StepFunctions::update(const dpcrt::Optimizer &optimizer, RankedTensorType type,
                               Type computed) {
  return find(
      {"update", type.getAsOpaquePointer(), computed.getAsOpaquePointer(), int64_t(optimizer.kind),
       0, 0},
      [&](ModuleOp module) { return optimizer::buildUpdate(module, optimizer, type, computed); });
}

Function StepFunctions::blockSquares(int64_t blocks, int64_t length, Type element,
                                     int64_t counters) {
  return find({"squares", element.getAsOpaquePointer(), nullptr, blocks, length, counters},
              [&](ModuleOp module) {
                return optimizer::buildBlockSquares(module, blocks, length, element, counters);
              });
}

Function StepFunctions::runningSum(int64_t count) {
  return find({"running sum", nullptr, nullptr, count, 0, 0},
              [&](ModuleOp module) { return optimizer::buildRunningSum(module, count); });
}

} // namespace dpc::proof
