// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reductions, running sums, softmax: what works along axes.
#include "OperatorTable.h"

using namespace mlir;
using namespace dpc;
using namespace dpc::import;

enum class Reduction { Sum, Mean, Max, Min, SumSquare, L1, L2, LogSumExp };

// The extents that are reduced, as a factor.
static double countReduced(Value x, Shape axes) {
  double count = 1;
  for (int64_t axis : axes)
    count *= getShape(x)[axis];
  return count;
}

static Value reduce(NodeContext &node, Reduction kind, Value x, Shape axes, bool keep) {
  Emitter &b = node.b;
  switch (kind) {
  case Reduction::Sum:
    return b.reduceSum(x, axes, keep);
  case Reduction::Mean:
    if (axes.empty())
      return x;
    return b.binary<nn::DivOp>(b.reduceSum(x, axes, keep), countReduced(x, axes));
  case Reduction::Max:
    return b.reduceMax(x, axes, keep);
  case Reduction::Min:
    return b.unary<nn::NegOp>(b.reduceMax(b.unary<nn::NegOp>(x), axes, keep));
  case Reduction::SumSquare:
    return b.reduceSum(b.binary<nn::MulOp>(x, x), axes, keep);
  case Reduction::L1:
    return b.reduceSum(b.unary<nn::AbsOp>(x), axes, keep);
  case Reduction::L2:
    return b.unary<nn::SqrtOp>(b.reduceSum(b.binary<nn::MulOp>(x, x), axes, keep));
  case Reduction::LogSumExp: {
    // The maximum is taken out; it is a constant shift of what follows.
    Value top = b.reduceMax(x, axes, /*keep=*/true);
    Value shifted = b.unary<nn::ExpOp>(b.binary<nn::SubOp>(x, top));
    Value sum = b.unary<nn::LogOp>(b.reduceSum(shifted, axes, /*keep=*/true));
    Value result = b.binary<nn::AddOp>(sum, top);
    if (keep)
      return result;
    SmallVector<int64_t> shape;
    for (auto [i, extent] : llvm::enumerate(getShape(x)))
      if (!llvm::is_contained(axes, static_cast<int64_t>(i)))
        shape.push_back(extent);
    return b.reshape(result, shape);
  }
  }
  llvm_unreachable("all reductions are handled");
}

// Axes are an attribute at first, an operand later (since 13 for ReduceSum, 18
// for the others).
template <Reduction kind, bool fromOperand> static LogicalResult importReduce(NodeContext &node) {
  Value x = node.in(0);
  int64_t rank = getRank(x);
  bool keep = node.getInt("keepdims", 1);
  std::optional<SmallVector<int64_t>> given;
  if (!fromOperand) {
    given = node.getInts("axes");
  } else if (node.has(1)) {
    auto ints = node.getConstantInts(1, "axes");
    if (failed(ints))
      return failure();
    given = *ints;
  }
  SmallVector<int64_t> axes;
  if (given && !given->empty()) {
    auto normal = node.normalizeAxes(*given, rank);
    if (failed(normal))
      return failure();
    axes = *normal;
  } else if (!node.getInt("noop_with_empty_axes", 0)) {
    axes = llvm::to_vector(llvm::seq<int64_t>(0, rank));
  }
  bool sums = kind == Reduction::Sum || kind == Reduction::Max;
  if (!sums && !isFloat(x))
    return node.error() << "is computed for floating types only";
  // Sums of no terms are 0; a mean or a largest element of none is no number.
  bool ofNone = countElements(getShape(x)) == 0;
  bool adds = kind == Reduction::Sum || kind == Reduction::L1 || kind == Reduction::L2 ||
              kind == Reduction::SumSquare;
  if (ofNone && !adds && countReduced(x, axes) == 0)
    return node.error() << "reduces " << toString(getShape(x))
                        << ", a tensor without elements, to what has no value";
  return node.set(0, reduce(node, kind, x, axes, keep));
}

static LogicalResult importCumSum(NodeContext &node) {
  auto given = node.getConstantInts(1, "axis");
  if (failed(given))
    return failure();
  if (given->size() != 1)
    return node.error() << "its axis must be a scalar";
  auto axis = node.normalizeAxis(given->front(), getRank(node.in(0)));
  if (failed(axis))
    return failure();
  Builder &builder = node.b.getBuilder();
  UnitAttr yes = builder.getUnitAttr();
  return node.set(0, node.b.make<nn::CumSumOp>(node.in(0).getType(), node.in(0),
                                               builder.getI64IntegerAttr(*axis),
                                               node.getInt("exclusive", 0) ? yes : UnitAttr(),
                                               node.getInt("reverse", 0) ? yes : UnitAttr()));
}

// Over the last dimension; other axes are moved there and back.
template <typename OpTy>
static LogicalResult importSoftmax(NodeContext &node, int64_t defaultAxis, bool coerced) {
  Emitter &b = node.b;
  Value x = node.in(0);
  int64_t rank = getRank(x);
  if (rank == 0)
    return node.error() << "needs a tensor of rank 1 at least";
  auto axis = node.normalizeAxis(node.getInt("axis", defaultAxis), rank);
  if (failed(axis))
    return failure();
  if (coerced && *axis != rank - 1) {
    // Before operator set 13 all dimensions from the axis on are one row.
    SmallVector<int64_t> shape(getShape(x));
    Value rows = b.reshape(x, {*countElements(Shape(shape).take_front(*axis)),
                               *countElements(Shape(shape).drop_front(*axis))});
    return node.set(0, b.reshape(b.unary<OpTy>(rows), shape));
  }
  return node.set(0, b.moveFromEnd(b.unary<OpTy>(b.moveToEnd(x, *axis)), *axis));
}

template <typename OpTy> static LogicalResult importSoftmax1(NodeContext &node) {
  return importSoftmax<OpTy>(node, 1, /*coerced=*/true);
}
template <typename OpTy> static LogicalResult importSoftmax13(NodeContext &node) {
  return importSoftmax<OpTy>(node, -1, /*coerced=*/false);
}

ArrayRef<OperatorForm> dpc::import::getReductionOperators() {
  static const OperatorForm forms[] = {
      {"CumSum", 11, "NI", importCumSum},
      {"LogSoftmax", 1, "F", importSoftmax1<nn::LogSoftmaxOp>},
      {"LogSoftmax", 13, "F", importSoftmax13<nn::LogSoftmaxOp>},
      {"ReduceL1", 1, "F", importReduce<Reduction::L1, false>},
      {"ReduceL1", 18, "Fi", importReduce<Reduction::L1, true>},
      {"ReduceL2", 1, "F", importReduce<Reduction::L2, false>},
      {"ReduceL2", 18, "Fi", importReduce<Reduction::L2, true>},
      {"ReduceLogSumExp", 1, "F", importReduce<Reduction::LogSumExp, false>},
      {"ReduceLogSumExp", 18, "Fi", importReduce<Reduction::LogSumExp, true>},
      {"ReduceMax", 1, "N", importReduce<Reduction::Max, false>},
      {"ReduceMax", 18, "Ni", importReduce<Reduction::Max, true>},
      {"ReduceMean", 1, "F", importReduce<Reduction::Mean, false>},
      {"ReduceMean", 18, "Fi", importReduce<Reduction::Mean, true>},
      {"ReduceMin", 1, "F", importReduce<Reduction::Min, false>},
      {"ReduceMin", 18, "Fi", importReduce<Reduction::Min, true>},
      {"ReduceSum", 1, "N", importReduce<Reduction::Sum, false>},
      {"ReduceSum", 13, "Ni", importReduce<Reduction::Sum, true>},
      {"ReduceSumSquare", 1, "F", importReduce<Reduction::SumSquare, false>},
      {"ReduceSumSquare", 18, "Fi", importReduce<Reduction::SumSquare, true>},
      {"Softmax", 1, "F", importSoftmax1<nn::SoftmaxOp>},
      {"Softmax", 13, "F", importSoftmax13<nn::SoftmaxOp>},
  };
  return forms;
}
