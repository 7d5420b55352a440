// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See StepFunctions.h.
#include "StepFunctions.h"

#include "dpc/Dialect/DualPipe/Kernel.h"
#include "dpc/Dialect/NN/Builders.h"
#include "dpc/Optimizer/MirrorHash.h"
#include "dpc/Optimizer/Update.h"

using namespace mlir;
using namespace dpc::dualpipe;

namespace dpc::proof {

static func::FuncOp buildSum(ModuleOp module, unsigned count, RankedTensorType type) {
  auto flat = RankedTensorType::get({type.getNumElements()}, type.getElementType());
  return createKernel(module, SmallVector<Type>(count, flat), {},
                      [&](OpBuilder &builder, ValueRange values, SmallVectorImpl<Value> &results) {
                        Value sum = values[0];
                        for (Value value : values.drop_front())
                          sum = nn::AddOp::create(builder, module.getLoc(), flat, sum, value);
                        results.push_back(sum);
                      });
}

// Of all micro-batches' denominators.
static func::FuncOp buildTotal(ModuleOp module, int64_t count) {
  auto f32 = Float32Type::get(module.getContext());
  return createKernel(module, {RankedTensorType::get({count}, f32)}, {},
                      [&](OpBuilder &builder, ValueRange values, SmallVectorImpl<Value> &results) {
                        results.push_back(nn::ReduceSumOp::create(
                            builder, module.getLoc(), RankedTensorType::get({}, f32), values[0],
                            builder.getDenseI64ArrayAttr({0})));
                      });
}

// 1 where any micro-batch's loss is not finite, or it divided an integer by 0.
static func::FuncOp buildFlag(ModuleOp module, int64_t count, bool hasFaults) {
  auto f32 = Float32Type::get(module.getContext());
  SmallVector<Type> types = {RankedTensorType::get({count}, f32)};
  if (hasFaults)
    types.push_back(RankedTensorType::get({count}, IntegerType::get(module.getContext(), 64)));
  return createKernel(
      module, types, {},
      [&](OpBuilder &builder, ValueRange values, SmallVectorImpl<Value> &results) {
        Location loc = module.getLoc();
        auto dim = builder.getDenseI64ArrayAttr({0});
        Value spread = nn::SubOp::create(builder, loc, values[0].getType(), values[0], values[0]);
        Value sum =
            nn::ReduceSumOp::create(builder, loc, RankedTensorType::get({}, f32), spread, dim);
        Value flag = nn::CompareOp::create(builder, loc, nn::Predicate::NE, sum, sum);
        if (hasFaults) {
          Value worst = nn::ReduceMaxOp::create(builder, loc, values[1], dim);
          Value none = nn::createSplat(builder, loc, worst.getType(), 0);
          Value isFault = nn::CompareOp::create(builder, loc, nn::Predicate::NE, worst, none);
          flag = nn::OrOp::create(builder, loc, flag.getType(), flag, isFault);
        }
        results.push_back(nn::createCast(builder, loc, flag, f32));
      });
}

Function StepFunctions::find(const Key &key, llvm::function_ref<func::FuncOp(ModuleOp)> build,
                             bool comparesMirrors) {
  auto [it, isNew] = known.try_emplace(key, 0);
  if (isNew) {
    it->second = words.kernel(build(*kernels));
    if (comparesMirrors)
      it->second = words.ifComparing(it->second);
  }
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

Function StepFunctions::flag(int64_t count, bool hasFaults) {
  return find({"flag", nullptr, nullptr, count, hasFaults, 0},
              [&](ModuleOp module) { return buildFlag(module, count, hasFaults); });
}

Function StepFunctions::finalize(StringRef weighting, int64_t mirrors) {
  return find({weighting, nullptr, nullptr, mirrors, 0, 0}, [&](ModuleOp module) {
    return optimizer::buildFinalize(module, weighting, mirrors);
  });
}

Function StepFunctions::rowHashes(int64_t rows, int64_t length, Type word) {
  return find(
      {"row hashes", word.getAsOpaquePointer(), nullptr, rows, length, 0},
      [&](ModuleOp module) { return optimizer::buildRowHashes(module, rows, length, word); },
      /*comparesMirrors=*/true);
}

Function StepFunctions::hashTotal(int64_t count) {
  return find(
      {"hash total", nullptr, nullptr, count, 0, 0},
      [&](ModuleOp module) { return optimizer::buildHashTotal(module, count); },
      /*comparesMirrors=*/true);
}

Function StepFunctions::mirrorDigits(unsigned bits, int64_t times) {
  return find(
      {"mirror digits", nullptr, nullptr, bits, times, 0},
      [&](ModuleOp module) { return optimizer::buildMirrorDigits(module, bits, times); },
      /*comparesMirrors=*/true);
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
