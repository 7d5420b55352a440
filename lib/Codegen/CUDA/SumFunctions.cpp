// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See SumFunctions.h. How many elements there are, and where they begin, is known when a
// sum is launched: threads stride by the whole grid, 16 bytes at a time while every address
// is a multiple of that, then an element at a time.
#include "SumFunctions.h"

#include "dpc/Dialect/NN/Element.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

using namespace mlir;

namespace dpc::codegen {

static constexpr int64_t kBlock = 256, kAccessBytes = 16;
/// As many as the largest GPUs hold at once, and no more: threads beyond would only begin.
static constexpr int64_t kGrid = 2048;

namespace {
class SumEmitter {
public:
  SumEmitter(OpBuilder &builder, Location loc, Type element, ValueRange pointers, Value count)
      : b(loc, builder), element(element), pointers(pointers), count(count) {}

  void emit() {
    int64_t lanes = kAccessBytes * 8 / element.getIntOrFloatBitWidth();
    Value thread = add(mul(id<gpu::BlockIdOp>(), id<gpu::BlockDimOp>()), id<gpu::ThreadIdOp>());
    Value threads = mul(id<gpu::GridDimOp>(), id<gpu::BlockDimOp>());
    Value vectors = arith::SelectOp::create(
        b, areAligned(), arith::DivUIOp::create(b, count, number(lanes)), number(0));
    loop(thread, vectors, threads,
         [&](Value at) { sumAt(mul(at, number(lanes)), VectorType::get({lanes}, element)); });
    loop(add(mul(vectors, number(lanes)), thread), count, threads,
         [&](Value at) { sumAt(at, element); });
  }

private:
  Value number(int64_t value) { return arith::ConstantOp::create(b, b.getI64IntegerAttr(value)); }
  Value add(Value x, Value y) { return arith::AddIOp::create(b, x, y); }
  Value mul(Value x, Value y) { return arith::MulIOp::create(b, x, y); }
  template <typename IdOp> Value id() {
    return arith::IndexCastOp::create(b, b.getI64Type(), IdOp::create(b, gpu::Dimension::x));
  }

  Value areAligned() {
    Value all = number(0);
    for (Value pointer : pointers)
      all = arith::OrIOp::create(b, all, LLVM::PtrToIntOp::create(b, b.getI64Type(), pointer));
    Value rest = arith::AndIOp::create(b, all, number(kAccessBytes - 1));
    return arith::CmpIOp::create(b, arith::CmpIPredicate::eq, rest, number(0));
  }

  void loop(Value low, Value high, Value step, llvm::function_ref<void(Value)> body) {
    auto each = scf::ForOp::create(b, low, high, step);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(each.getBody());
    body(each.getInductionVar());
  }

  // Elements of 16 bits are added with more.
  Type sumType(Type type) {
    Type sum = element.getIntOrFloatBitWidth() < 32 ? b.getF32Type() : element;
    auto vector = dyn_cast<VectorType>(type);
    return vector ? Type(vector.clone(sum)) : sum;
  }

  // All is read before dst, which may be a source, is written.
  void sumAt(Value at, Type type) {
    uint64_t alignment =
        isa<VectorType>(type) ? uint64_t(kAccessBytes) : element.getIntOrFloatBitWidth() / 8;
    auto place = [&](Value pointer) {
      return LLVM::GEPOp::create(b, pointer.getType(), element, pointer,
                                 ArrayRef<LLVM::GEPArg>{at});
    };
    Type wide = sumType(type);
    Value sum;
    for (Value source : pointers.drop_front()) {
      Value value = LLVM::LoadOp::create(b, type, place(source), alignment);
      if (wide != type)
        value = arith::ExtFOp::create(b, wide, value);
      if (!sum)
        sum = value;
      else if (isa<FloatType>(element))
        sum = arith::AddFOp::create(b, sum, value);
      else
        sum = arith::AddIOp::create(b, sum, value);
    }
    if (wide != type)
      sum = arith::TruncFOp::create(b, type, sum);
    LLVM::StoreOp::create(b, sum, place(pointers.front()), alignment);
  }

  ImplicitLocOpBuilder b;
  Type element;
  ValueRange pointers; // dst, then the sources
  Value count;
};
} // namespace

void addSumFunction(CudaSum &sum, gpu::GPUModuleOp module) {
  OpBuilder builder(module.getContext());
  Location loc = module.getLoc();
  sum.launch.symbol =
      std::string("sum_") + dpcrt::nameOf(sum.element) + "_" + std::to_string(sum.sources);
  sum.launch.grid = kGrid;
  sum.launch.block = kBlock;
  sum.launch.mapping = "sum: threads stride by the grid";
  SmallVector<Type> types(sum.sources + 1, LLVM::LLVMPointerType::get(builder.getContext()));
  types.push_back(builder.getI64Type());
  builder.setInsertionPointToEnd(module.getBody());
  auto function =
      gpu::GPUFuncOp::create(builder, loc, sum.launch.symbol, builder.getFunctionType(types, {}));
  function->setAttr(gpu::GPUDialect::getKernelFuncAttrName(), builder.getUnitAttr());
  function.setKnownBlockSizeAttr(builder.getDenseI32ArrayAttr({int32_t(kBlock), 1, 1}));
  Block *entry = &function.getBody().front();
  builder.setInsertionPointToEnd(entry);
  gpu::ReturnOp::create(builder, loc);
  builder.setInsertionPointToStart(entry);
  ValueRange arguments = entry->getArguments();
  SumEmitter(builder, loc, nn::getType(sum.element, builder.getContext()), arguments.drop_back(),
             arguments.back())
      .emit();
}

} // namespace dpc::codegen
