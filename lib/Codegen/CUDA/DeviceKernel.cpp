// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See DeviceKernel.h.
#include "DeviceKernel.h"

#include "program/format/Program.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace dpc::codegen {

/// What a driver promises of memory that it allocates.
static constexpr int64_t kScratchAlignment = 256;
/// Elements computed at once. More than these take too many registers: fewer where one
/// takes more work than reading it.
static constexpr int64_t kMaxLanes = 8, kMaxDearLanes = 4;
/// Elements of all buffers that a thread has at once; each may be in a register.
static constexpr int64_t kMaxHeld = 256;
/// Operations on an element, above which it is dear.
static constexpr int64_t kDear = 16;
/// Shared memory of a block that does not ask for more when it is launched.
static constexpr uint64_t kMaxShared = 48 * 1024;
/// Most blocks of a grid's first dimension.
static constexpr int64_t kMaxGrid = (int64_t(1) << 31) - 1;

DeviceFunction::DeviceFunction(KernelEmitter &e, gpu::GPUFuncOp function, DeviceLaunch &launch)
    : e(e), block(gpu::BlockIdOp::create(e.b, gpu::Dimension::x)),
      thread(gpu::ThreadIdOp::create(e.b, gpu::Dimension::x)), function(function), launch(launch) {}

Value DeviceFunction::addShared(int64_t elements, Type element) {
  auto space = gpu::AddressSpaceAttr::get(e.b.getContext(), gpu::AddressSpace::Workgroup);
  auto type = MemRefType::get({elements}, element, MemRefLayoutAttrInterface{}, space);
  unsigned number = function.getNumWorkgroupAttributions();
  Value shared = function.addWorkgroupAttribution(type, e.b.getLoc());
  function.setWorkgroupAttributionAttr(number, LLVM::LLVMDialect::getAlignAttrName(),
                                       e.b.getI64IntegerAttr(kAccessBytes));
  launch.sharedBytes += llvm::alignTo(elements * element.getIntOrFloatBitWidth() / 8, kAccessBytes);
  return shared;
}

Value DeviceFunction::viewScratch(int64_t byteOffset, int64_t elements, Type element) {
  return memref::ViewOp::create(e.b, MemRefType::get({elements}, element), scratch,
                                e.constantIndex(byteOffset), ValueRange{});
}

Value DeviceFunction::compare(arith::CmpIPredicate predicate, Value x, Value y) {
  return arith::CmpIOp::create(e.b, predicate, x, y);
}

Value DeviceFunction::div(Value x, int64_t y) {
  return y == 1 ? x : Value(arith::DivUIOp::create(e.b, x, e.constantIndex(y)));
}

Value DeviceFunction::rem(Value x, int64_t y) {
  return y == 1 ? e.constantIndex(0) : Value(arith::RemUIOp::create(e.b, x, e.constantIndex(y)));
}

LogicalResult DeviceFunction::emitIf(Value condition, llvm::function_ref<LogicalResult()> body) {
  if (!condition)
    return body();
  auto branch = scf::IfOp::create(e.b, condition, /*withElseRegion=*/false);
  KernelEmitter::Scope scope(e);
  e.b.setInsertionPointToStart(branch.thenBlock());
  return body();
}

void DeviceFunction::emitBarrier() { gpu::BarrierOp::create(e.b); }

Value DeviceFunction::exchange(Value value, int64_t distance) {
  ImplicitLocOpBuilder &b = e.b;
  auto i32 = [&](int64_t v) { return e.constant(b.getI32IntegerAttr(v)); };
  auto shuffle = [&](Value v) {
    return gpu::ShuffleOp::create(b, v, i32(distance), i32(kWarp), gpu::ShuffleMode::XOR)
        .getShuffleResult();
  };
  // The hardware exchanges 32 bits.
  Type type = value.getType(), word = b.getI32Type();
  unsigned width = type.getIntOrFloatBitWidth();
  if (width == 32)
    return shuffle(value);
  Type bits = b.getIntegerType(width);
  Value whole = type == bits ? value : Value(arith::BitcastOp::create(b, bits, value));
  if (width < 32) {
    whole = arith::TruncIOp::create(b, bits, shuffle(arith::ExtUIOp::create(b, word, whole)));
  } else {
    Value half = e.constant(b.getIntegerAttr(bits, 32));
    Value low = arith::TruncIOp::create(b, word, whole);
    Value high = arith::TruncIOp::create(b, word, arith::ShRUIOp::create(b, whole, half));
    low = arith::ExtUIOp::create(b, bits, shuffle(low));
    high = arith::ExtUIOp::create(b, bits, shuffle(high));
    whole = arith::OrIOp::create(b, low, arith::ShLIOp::create(b, high, half));
  }
  return type == bits ? whole : Value(arith::BitcastOp::create(b, type, whole));
}

DeviceKernel::DeviceKernel(func::FuncOp lowered, KernelForm form, KernelBuffers buffers,
                           gpu::GPUModuleOp module, CudaKernel &info)
    : lowered(lowered), form(std::move(form)), buffers(std::move(buffers)), module(module),
      info(info) {}

// What is promised of the buffers' addresses, and that they do not overlap.
static void describeParameters(gpu::GPUFuncOp function, const KernelBuffers &buffers) {
  OpBuilder builder(function.getContext());
  auto set = [&](unsigned parameter, int64_t alignment, bool readOnly) {
    function.setArgAttr(parameter, LLVM::LLVMDialect::getNoAliasAttrName(), builder.getUnitAttr());
    function.setArgAttr(parameter, LLVM::LLVMDialect::getAlignAttrName(),
                        builder.getI64IntegerAttr(alignment));
    if (readOnly)
      function.setArgAttr(parameter, LLVM::LLVMDialect::getReadonlyAttrName(),
                          builder.getUnitAttr());
  };
  unsigned count = buffers.types.size();
  for (unsigned i = 0; i < count; ++i)
    set(i, std::max<int64_t>(1, dpcrt::alignmentOf(buffers.bytesOf(i))),
        buffers.access[i] == Access::Read);
  if (function.getNumArguments() > count)
    set(count, kScratchAlignment, false);
}

LogicalResult DeviceKernel::addFunction(StringRef mapping, int64_t grid, int64_t block,
                                        int64_t lanes, Body body) {
  if (grid == 0)
    return success();
  if (grid > kMaxGrid)
    return lowered.emitOpError() << "has work for " << grid << " blocks of threads; a launch has "
                                 << kMaxGrid << " at most";
  OpBuilder builder(lowered.getContext());
  SmallVector<Type> types = buffers.types;
  if (info.scratchBytes > 0)
    types.push_back(
        MemRefType::get({static_cast<int64_t>(info.scratchBytes)}, builder.getI8Type()));
  DeviceLaunch launch;
  launch.symbol = info.symbol;
  if (!info.launches.empty())
    launch.symbol += "__" + std::to_string(info.launches.size());
  launch.grid = grid;
  launch.block = block;
  launch.mapping = mapping.str();

  builder.setInsertionPointToEnd(module.getBody());
  auto function = gpu::GPUFuncOp::create(builder, lowered.getLoc(), launch.symbol,
                                         FunctionType::get(lowered.getContext(), types, {}));
  function->setAttr(gpu::GPUDialect::getKernelFuncAttrName(), builder.getUnitAttr());
  function.setKnownBlockSizeAttr(builder.getDenseI32ArrayAttr({static_cast<int32_t>(block), 1, 1}));
  function.setKnownGridSizeAttr(builder.getDenseI32ArrayAttr({static_cast<int32_t>(grid), 1, 1}));
  describeParameters(function, buffers);
  Block *entry = &function.getBody().front();
  builder.setInsertionPointToEnd(entry);
  gpu::ReturnOp::create(builder, lowered.getLoc());
  builder.setInsertionPointToStart(entry);
  KernelEmitter e(lowered, builder,
                  ValueRange(entry->getArguments()).take_front(lowered.getNumArguments()), lanes);
  e.b.setInsertionPoint(entry->getTerminator());
  DeviceFunction code(e, function, launch);
  code.outputs.values = buffers.results;
  for (unsigned i : buffers.resultBuffers)
    code.outputs.buffers.push_back(entry->getArgument(i));
  if (info.scratchBytes > 0)
    code.scratch = entry->getArgument(buffers.types.size());
  if (failed(body(code)))
    return failure();
  if (launch.sharedBytes > kMaxShared)
    return lowered.emitOpError() << "needs " << launch.sharedBytes
                                 << " bytes of shared memory; a block has " << kMaxShared;
  info.launches.push_back(std::move(launch));
  return success();
}

// Whether the kernel computes much of each element.
static bool isDear(const KernelBuffers &buffers) {
  int64_t work = 0;
  for (Operation *op : getReached(buffers.results))
    if (auto generic = dyn_cast<linalg::GenericOp>(op))
      for (Operation &inner : generic.getBody()->without_terminator()) {
        if (isa<math::MathDialect>(inner.getDialect()) || isa<arith::DivFOp>(inner))
          return true;
        work += !isa<arith::ConstantOp>(inner);
      }
  return work > kDear;
}

int64_t DeviceKernel::chooseLanes(int64_t extent, int64_t elements) const {
  int64_t widest = 0;
  for (Type type : buffers.types) {
    auto buffer = cast<MemRefType>(type);
    if (buffer.getNumElements() == elements)
      widest = std::max<int64_t>(widest, buffer.getElementTypeBitWidth() / 8);
  }
  int64_t lanes = isDear(buffers) ? kMaxDearLanes : kMaxLanes;
  if (widest > 0)
    lanes = std::min(lanes, kAccessBytes / widest);
  while (lanes > 1 && lanes * int64_t(buffers.types.size()) > kMaxHeld)
    lanes /= 2;
  while (extent % lanes != 0)
    lanes /= 2;
  return lanes;
}

SmallVector<linalg::GenericOp> DeviceKernel::getReductions() const {
  SmallVector<linalg::GenericOp> reductions;
  for (Operation *op : getReached(buffers.results))
    if (auto generic = dyn_cast<linalg::GenericOp>(op); generic && isReduction(generic))
      reductions.push_back(generic);
  return reductions;
}

} // namespace dpc::codegen
