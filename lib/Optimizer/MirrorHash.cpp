// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See MirrorHash.h.
#include "dpc/Optimizer/MirrorHash.h"

#include "dpc/Dialect/DualPipe/Kernel.h"
#include "dpc/Dialect/NN/Builders.h"

using namespace mlir;

namespace dpc::optimizer {
namespace {

// The sum along the last dimension of each value times 1, 3, 5, ...
Value sumTimesOdd(OpBuilder &builder, Location loc, Value values) {
  auto type = cast<RankedTensorType>(values.getType());
  const int64_t last = type.getRank() - 1;
  Value position = nn::IotaOp::create(builder, loc, type, builder.getI64IntegerAttr(last));
  Value odd = nn::AddOp::create(builder, loc, type,
                                nn::AddOp::create(builder, loc, type, position, position),
                                nn::createSplat(builder, loc, type, 1));
  return nn::ReduceSumOp::create(
      builder, loc, RankedTensorType::get(type.getShape().drop_back(), type.getElementType()),
      nn::MulOp::create(builder, loc, type, values, odd), builder.getDenseI64ArrayAttr({last}));
}

} // namespace

HashedWords hashedWords(Type element, int64_t elements) {
  MLIRContext *context = element.getContext();
  const unsigned bits = element.isInteger(1) ? 8 : element.getIntOrFloatBitWidth();
  if (bits < 32)
    return {IntegerType::get(context, bits, IntegerType::Unsigned), elements};
  return {IntegerType::get(context, 32), elements * (bits / 32)};
}

// Digits below 2^bits of so many ranks add up to less than 2^24 in every order.
unsigned mirrorDigitBits(uint64_t ranks) {
  assert(ranks <= 65536 && "a mesh has fewer ranks");
  return ranks <= 256 ? 16 : 8;
}

func::FuncOp buildRowHashes(ModuleOp module, int64_t rows, int64_t length, Type word) {
  auto type = RankedTensorType::get({rows, length}, word);
  return dualpipe::createKernel(
      module, {type}, {-1},
      [&](OpBuilder &builder, ValueRange values, SmallVectorImpl<Value> &results) {
        Value words = nn::createCast(builder, module.getLoc(), values[0], builder.getI32Type());
        results.assign({sumTimesOdd(builder, module.getLoc(), words)});
      });
}

func::FuncOp buildHashTotal(ModuleOp module, int64_t count) {
  auto i32 = IntegerType::get(module.getContext(), 32);
  return dualpipe::createKernel(
      module, {RankedTensorType::get({1, count}, i32)}, {-1},
      [&](OpBuilder &builder, ValueRange values, SmallVectorImpl<Value> &results) {
        results.assign({sumTimesOdd(builder, module.getLoc(), values[0])});
      });
}

func::FuncOp buildMirrorDigits(ModuleOp module, unsigned bits, int64_t times) {
  auto digit = IntegerType::get(module.getContext(), bits, IntegerType::Unsigned);
  return dualpipe::createKernel(
      module, {RankedTensorType::get({mirrorDigits(bits)}, digit)}, {-1},
      [&](OpBuilder &builder, ValueRange values, SmallVectorImpl<Value> &results) {
        Location loc = module.getLoc();
        Value digits = nn::createCast(builder, loc, values[0], builder.getF32Type());
        auto type = cast<RankedTensorType>(digits.getType());
        results.assign({nn::MulOp::create(builder, loc, type, digits,
                                          nn::createSplat(builder, loc, type, double(times)))});
      });
}

} // namespace dpc::optimizer
