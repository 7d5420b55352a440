// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Running sums and selections by a warp for each line, and what a thread for each point
// serves well enough: running sums of lines that lie beside each other, and products that
// no library computes.
#include "../LinalgBuilder.h"
#include "../LoopBuilder.h"
#include "DeviceLoops.h"
#include "Team.h"
#include "dpc/Dialect/NN/NN.h"

using namespace mlir;

namespace dpc::codegen {
namespace {

// The sums of what threads of lower numbers have, and of what all have, in a tree; in the
// first `busy` threads, which alone have anything.
std::pair<Value, Value> sumBefore(DeviceFunction &f, int64_t busy, Value lane, Value zero,
                                  Value value) {
  KernelEmitter &e = f.e;
  Value before = zero, total = value;
  for (int64_t distance = 1; distance < roundUpInWarp(busy); distance *= 2) {
    Value other = f.exchange(total, distance);
    Value bit = arith::AndIOp::create(e.b, lane, e.constantIndex(distance));
    Value isUpper = f.compare(arith::CmpIPredicate::ne, bit, e.constantIndex(0));
    before = arith::SelectOp::create(e.b, isUpper, addElements(e, other, before), before);
    total = addElements(e, total, other);
  }
  return {before, total};
}

struct CumSum : DeviceLoopsOpInterface::ExternalModel<CumSum, nn::CumSumOp> {
  // A warp goes along a line 32 elements at a time.
  static LogicalResult emitLine(DeviceFunction &f, nn::CumSumOp op, Value line, Value lane) {
    KernelEmitter &e = f.e;
    ArrayRef<int64_t> shape = shapeOf(op.getResult());
    int64_t size = shape[op.getAxis()];
    Value zero = wideZeroOf(e, op.getResult());
    auto loop = scf::ForOp::create(e.b, e.constantIndex(0), e.constantIndex(size),
                                   e.constantIndex(kWarp), ValueRange{zero});
    KernelEmitter::Scope scope(e);
    e.b.setInsertionPointToStart(loop.getBody());
    Value step = e.add(loop.getInductionVar(), lane), last = e.constantIndex(size - 1);
    Value exists = f.compare(arith::CmpIPredicate::ule, step, last);
    Value place = arith::MinUIOp::create(e.b, step, last);
    if (op.getReverse())
      place = arith::SubIOp::create(e.b, last, place);
    Value linear = e.add(e.mul(line, size), place);
    Value element = e.evaluate(op.getOperand(), e.delinearize({linear, 0, {}}, shape, 1), {});
    if (!element)
      return failure();
    element = arith::SelectOp::create(e.b, exists, widen(e, element), zero);
    auto [inWarp, total] = sumBefore(f, size, lane, zero, element);
    Value carried = loop.getRegionIterArgs()[0], before = addElements(e, carried, inWarp);
    Value result = op.getExclusive() ? before : addElements(e, before, element);
    (void)f.emitIf(exists, [&] {
      e.store(e.getOutput(op.getResult()), {linear, 0, {}}, narrow(e, result, op.getResult()), {});
      return success();
    });
    scf::YieldOp::create(e.b, addElements(e, carried, total));
    return success();
  }

  LogicalResult mapToDevice(Operation *generic, DeviceKernel &kernel) const {
    auto op = cast<nn::CumSumOp>(generic);
    ArrayRef<int64_t> shape = shapeOf(op.getResult());
    int64_t axis = op.getAxis();
    if (product(shape.drop_front(axis + 1)) > 1 || product(shape) == 0)
      return mapPoints(kernel); // neighbours' elements are neighbours
    return mapTasks(
        kernel, "running sums: a warp per line", product(shape.take_front(axis)), 1,
        [&](DeviceFunction &f, Value line, Value lane) { return emitLine(f, op, line, lane); });
  }
};

// As the loops of other targets do: the next element in order after the last one taken, k
// times. A thread looks at every 32nd element, then the threads' findings are compared.
class TopKRow {
public:
  TopKRow(DeviceFunction &f, nn::TopKOp op, Value row, Value lane)
      : f(f), e(f.e), op(op), row(row), lane(lane), none(e.constantIndex(-1)),
        zero(wideZeroOf(e, op.getOperand())) {}

  LogicalResult run() {
    int64_t k = op.getK();
    auto taken = scf::ForOp::create(e.b, e.constantIndex(0), e.constantIndex(k), e.constantIndex(1),
                                    ValueRange{zero, none});
    KernelEmitter::Scope scope(e);
    e.b.setInsertionPointToStart(taken.getBody());
    FailureOr<Element> found =
        findInThread({taken.getRegionIterArgs()[0], taken.getRegionIterArgs()[1]});
    if (failed(found))
      return failure();
    Element best = findInWarp(*found);
    store(e.add(e.mul(row, k), taken.getInductionVar()), best);
    scf::YieldOp::create(e.b, ValueRange{best.value, best.index});
    return success();
  }

private:
  struct Element {
    Value value, index; // index -1: none
  };

  Value isNone(Value index) {
    return f.compare(arith::CmpIPredicate::slt, index, e.constantIndex(0));
  }
  Value precedes(const Element &x, const Element &y) {
    return codegen::precedes(e, op.getSmallest(), x.value, x.index, y.value, y.index);
  }
  Element select(Value condition, const Element &x, const Element &y) {
    return {arith::SelectOp::create(e.b, condition, x.value, y.value),
            arith::SelectOp::create(e.b, condition, x.index, y.index)};
  }

  // The first after `last` of the thread's own elements.
  FailureOr<Element> findInThread(const Element &last) {
    ArrayRef<int64_t> shape = shapeOf(op.getOperand());
    SmallVector<Index> at = e.delinearize({row, 0, {}}, shape.drop_back(), 1);
    auto scan = scf::ForOp::create(e.b, lane, e.constantIndex(shape.back()), e.constantIndex(kWarp),
                                   ValueRange{zero, none});
    KernelEmitter::Scope scope(e);
    e.b.setInsertionPointToStart(scan.getBody());
    Element best{scan.getRegionIterArgs()[0], scan.getRegionIterArgs()[1]};
    at.push_back({scan.getInductionVar(), 0, {}});
    Value value = e.evaluate(op.getOperand(), at, {});
    if (!value)
      return failure();
    Element here{widen(e, value), scan.getInductionVar()};
    Value isLeft = arith::OrIOp::create(e.b, isNone(last.index), precedes(last, here));
    Value isBetter = arith::OrIOp::create(e.b, isNone(best.index), precedes(here, best));
    Element next = select(arith::AndIOp::create(e.b, isLeft, isBetter), here, best);
    scf::YieldOp::create(e.b, ValueRange{next.value, next.index});
    return Element{scan.getResult(0), scan.getResult(1)};
  }

  Element findInWarp(Element best) {
    // What threads without elements have is none.
    int64_t size = shapeOf(op.getOperand()).back();
    Type index = e.b.getIndexType(),
         narrow = llvm::isInt<32>(size) ? e.b.getI32Type() : e.b.getI64Type();
    for (int64_t distance = roundUpInWarp(size) / 2; distance > 0; distance /= 2) {
      Value number = arith::IndexCastOp::create(e.b, narrow, best.index);
      Element other{f.exchange(best.value, distance),
                    arith::IndexCastOp::create(e.b, index, f.exchange(number, distance))};
      Value isBetter = arith::OrIOp::create(e.b, isNone(best.index), precedes(other, best));
      Value exists = f.compare(arith::CmpIPredicate::sge, other.index, e.constantIndex(0));
      best = select(arith::AndIOp::create(e.b, exists, isBetter), other, best);
    }
    return best;
  }

  void store(Value at, const Element &element) {
    Value isFirst = f.compare(arith::CmpIPredicate::eq, lane, e.constantIndex(0));
    (void)f.emitIf(isFirst, [&] {
      if (Value values = e.getOutput(op.getValues()))
        e.store(values, {at, 0, {}}, narrow(e, element.value, op.getValues()), {});
      if (Value indices = e.getOutput(op.getIndices())) {
        Type type = tensorType(op.getIndices()).getElementType();
        e.store(indices, {at, 0, {}}, arith::IndexCastOp::create(e.b, type, element.index), {});
      }
      return success();
    });
  }

  DeviceFunction &f;
  KernelEmitter &e;
  nn::TopKOp op;
  Value row, lane, none, zero;
};

struct TopK : DeviceLoopsOpInterface::ExternalModel<TopK, nn::TopKOp> {
  LogicalResult mapToDevice(Operation *generic, DeviceKernel &kernel) const {
    auto op = cast<nn::TopKOp>(generic);
    return mapTasks(
        kernel, "top_k: a warp per line", product(shapeOf(op.getOperand()).drop_back()), 1,
        [&](DeviceFunction &f, Value row, Value lane) { return TopKRow(f, op, row, lane).run(); });
  }
};

struct Matmul : DeviceLoopsOpInterface::ExternalModel<Matmul, nn::MatmulOp> {
  LogicalResult mapToDevice(Operation *, DeviceKernel &kernel) const { return mapPoints(kernel); }
};

} // namespace

void attachLineLoops(MLIRContext *context) {
  nn::CumSumOp::attachInterface<CumSum>(*context);
  nn::TopKOp::attachInterface<TopK>(*context);
  nn::MatmulOp::attachInterface<Matmul>(*context);
}

} // namespace dpc::codegen
