// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See SumFunctions.h. How many elements there are, and where they begin, is known when a
// sum is launched: threads stride by the whole grid, 16 bytes at a time while every address
// is a multiple of that, then an element at a time. A few sources are added one by one. The
// addresses of many are put in shared memory and walked: ptxas would read all of them at
// once, which takes more registers than there are.
#include "SumFunctions.h"

#include "dpc/Dialect/NN/Element.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

using namespace mlir;

namespace dpc::codegen {

static constexpr int64_t kBlock = 256, kAccessBytes = 16;
/// As many as the largest GPUs hold at once, and no more: threads beyond would only begin.
static constexpr int64_t kGrid = 2048;
/// Sources that are not too many to be read at once.
static constexpr size_t kFew = 8;

namespace {
class SumEmitter {
public:
  /// `addresses`: shared memory for as many numbers as there are sources, if these are many.
  SumEmitter(OpBuilder &builder, Location loc, Type element, ValueRange pointers, Value count,
             Value addresses)
      : b(loc, builder), element(element), pointers(pointers), count(count), addresses(addresses) {}

  void emit() {
    if (addresses)
      shareAddresses();
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

  // The first thread puts the addresses of all sources but the first where all threads find
  // them, behind how many sources there are.
  void shareAddresses() {
    Value thread = id<gpu::ThreadIdOp>();
    Value isFirst = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, thread, number(0));
    auto branch = scf::IfOp::create(b, isFirst, /*withElseRegion=*/false);
    {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(branch.thenBlock());
      auto put = [&](size_t at, Value value) {
        Value index = arith::ConstantOp::create(b, b.getIndexAttr(int64_t(at)));
        memref::StoreOp::create(b, value, addresses, ValueRange{index});
      };
      ValueRange sources = pointers.drop_front();
      put(0, number(int64_t(sources.size())));
      for (size_t i = 1; i < sources.size(); ++i)
        put(i, LLVM::PtrToIntOp::create(b, b.getI64Type(), sources[i]));
    }
    gpu::BarrierOp::create(b);
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

  uint64_t alignmentOf(Type type) {
    return isa<VectorType>(type) ? uint64_t(kAccessBytes) : element.getIntOrFloatBitWidth() / 8;
  }
  Value place(Value pointer, Value at) {
    return LLVM::GEPOp::create(b, pointer.getType(), element, pointer, ArrayRef<LLVM::GEPArg>{at});
  }
  Value read(Value pointer, Value at, Type type) {
    Value value = LLVM::LoadOp::create(b, type, place(pointer, at), alignmentOf(type));
    Type wide = sumType(type);
    return wide == type ? value : Value(arith::ExtFOp::create(b, wide, value));
  }
  Value addTo(Value sum, Value value) {
    if (isa<FloatType>(element))
      return arith::AddFOp::create(b, sum, value);
    return arith::AddIOp::create(b, sum, value);
  }

  Value sumOfMany(Value at, Type type, Value first) {
    auto index = [&](int64_t value) -> Value {
      return arith::ConstantOp::create(b, b.getIndexAttr(value));
    };
    // A number of rounds that is not known is not unrolled either.
    Value end = memref::LoadOp::create(b, addresses, ValueRange{index(0)});
    auto each =
        scf::ForOp::create(b, index(1), arith::IndexCastOp::create(b, b.getIndexType(), end),
                           index(1), ValueRange{first});
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(each.getBody());
    Value address = memref::LoadOp::create(b, addresses, ValueRange{each.getInductionVar()});
    // Memory of the device, as all sources are.
    Value source =
        LLVM::IntToPtrOp::create(b, LLVM::LLVMPointerType::get(b.getContext(), 1), address);
    scf::YieldOp::create(b, addTo(each.getRegionIterArg(0), read(source, at, type)));
    return each.getResult(0);
  }

  // All is read before dst, which may be a source, is written.
  void sumAt(Value at, Type type) {
    ValueRange sources = pointers.drop_front();
    Value sum = read(sources.front(), at, type);
    if (addresses)
      sum = sumOfMany(at, type, sum);
    else
      for (Value source : sources.drop_front())
        sum = addTo(sum, read(source, at, type));
    if (sum.getType() != type)
      sum = arith::TruncFOp::create(b, type, sum);
    LLVM::StoreOp::create(b, sum, place(pointers.front(), at), alignmentOf(type));
  }

  ImplicitLocOpBuilder b;
  Type element;
  ValueRange pointers; // dst, then the sources
  Value count, addresses;
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
  Value addresses;
  if (sum.sources > kFew) {
    auto space = gpu::AddressSpaceAttr::get(builder.getContext(), gpu::AddressSpace::Workgroup);
    addresses = function.addWorkgroupAttribution(
        MemRefType::get({sum.sources}, builder.getI64Type(), MemRefLayoutAttrInterface{}, space),
        loc);
    sum.launch.sharedBytes = sum.sources * sizeof(uint64_t);
  }
  ValueRange arguments = ValueRange(entry->getArguments()).take_front(types.size());
  SumEmitter(builder, loc, nn::getType(sum.element, builder.getContext()), arguments.drop_back(),
             arguments.back(), addresses)
      .emit();
}

} // namespace dpc::codegen
