// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Operators that move the elements of one tensor: reshapes, transposes, slices,
// pads, and the shape arithmetic around them, which is gone after folding.
#include "Initializers.h"
#include "OperatorTable.h"

using namespace mlir;
using namespace dpc;
using namespace dpc::import;

static LogicalResult importReshape(NodeContext &node) {
  FailureOr<SmallVector<int64_t>> target = node.getConstantInts(1, "shape");
  if (failed(target))
    return failure();
  Shape from = getShape(node.in(0));
  bool allowZero = node.getInt("allowzero", 0);
  SmallVector<int64_t> shape(*target);
  int64_t wildcard = -1, known = 1;
  for (auto [i, extent] : llvm::enumerate(shape)) {
    if (extent == 0 && !allowZero) {
      if (i >= from.size())
        return node.error() << "copies dimension " << i << " of a tensor " << toString(from);
      extent = from[i];
    }
    if (extent == -1 && wildcard < 0)
      wildcard = i;
    else if (extent < 0)
      return node.error() << "cannot reshape to " << toString(*target);
    else if (!countElements({known, extent}))
      return node.checkSize({known, extent});
    else
      known *= extent;
  }
  int64_t count = *countElements(from);
  if (wildcard >= 0 && known != 0)
    shape[wildcard] = count / known;
  if (!countElements(shape) || *countElements(shape) != count)
    return node.error() << "cannot reshape " << toString(from) << " to " << toString(*target)
                        << (allowZero && known == 0 && count != 0
                                ? ": with allowzero an extent of 0 is meant, "
                                  "not a copied one"
                                : "");
  return node.set(0, node.b.reshape(node.in(0), shape));
}

static LogicalResult importTranspose(NodeContext &node) {
  int64_t rank = getRank(node.in(0));
  SmallVector<int64_t> perm;
  if (auto given = node.getInts("perm"))
    perm = *given;
  else
    for (int64_t i = rank - 1; i >= 0; --i)
      perm.push_back(i);
  SmallVector<int64_t> sorted(perm);
  llvm::sort(sorted);
  if (!llvm::equal(sorted, llvm::seq<int64_t>(0, rank)))
    return node.error() << "perm is no permutation of " << rank << " dimensions";
  return node.set(0, node.b.transpose(node.in(0), perm));
}

// The axes, from operand `i` (newer form) or from the attribute (older form).
static FailureOr<std::optional<SmallVector<int64_t>>> getAxes(NodeContext &node, unsigned i,
                                                              bool fromOperand) {
  if (!fromOperand)
    return node.getInts("axes");
  if (!node.has(i))
    return std::optional<SmallVector<int64_t>>();
  FailureOr<SmallVector<int64_t>> axes = node.getConstantInts(i, "axes");
  if (failed(axes))
    return failure();
  return std::optional(*axes);
}

template <bool fromOperand> static LogicalResult importSqueeze(NodeContext &node) {
  auto given = getAxes(node, 1, fromOperand);
  if (failed(given))
    return failure();
  Shape shape = getShape(node.in(0));
  SmallVector<int64_t> axes, result;
  if (*given) {
    auto normal = node.normalizeAxes(**given, shape.size());
    if (failed(normal))
      return failure();
    axes = *normal;
  } else {
    for (auto [i, extent] : llvm::enumerate(shape))
      if (extent == 1)
        axes.push_back(i);
  }
  for (auto [i, extent] : llvm::enumerate(shape)) {
    if (!llvm::is_contained(axes, static_cast<int64_t>(i)))
      result.push_back(extent);
    else if (extent != 1)
      return node.error() << "dimension " << i << " of " << toString(shape) << " is not 1";
  }
  return node.set(0, node.b.reshape(node.in(0), result));
}

template <bool fromOperand> static LogicalResult importUnsqueeze(NodeContext &node) {
  auto given = getAxes(node, 1, fromOperand);
  if (failed(given))
    return failure();
  if (!*given)
    return node.error() << "has no axes";
  Shape shape = getShape(node.in(0));
  int64_t rank = shape.size() + (*given)->size();
  auto axes = node.normalizeAxes(**given, rank);
  if (failed(axes))
    return failure();
  SmallVector<int64_t> result;
  const int64_t *next = shape.begin();
  for (int64_t i = 0; i < rank; ++i)
    result.push_back(llvm::is_contained(*axes, i) ? 1 : *next++);
  return node.set(0, node.b.reshape(node.in(0), result));
}

static LogicalResult importFlatten(NodeContext &node) {
  Shape shape = getShape(node.in(0));
  int64_t rank = shape.size(), axis = node.getInt("axis", 1);
  if (axis < -rank || axis > rank)
    return node.error() << "axis " << axis << " is outside a tensor of rank " << rank;
  if (axis < 0)
    axis += rank;
  return node.set(0, node.b.reshape(node.in(0), {*countElements(shape.take_front(axis)),
                                                 *countElements(shape.drop_front(axis))}));
}

static LogicalResult importSlice(NodeContext &node) {
  Shape shape = getShape(node.in(0));
  int64_t rank = shape.size();
  auto starts = node.getConstantInts(1, "starts");
  auto ends = node.getConstantInts(2, "ends");
  if (failed(starts) || failed(ends))
    return failure();
  auto axes = llvm::to_vector(llvm::seq<int64_t>(0, starts->size()));
  SmallVector<int64_t> steps(starts->size(), 1);
  if (node.has(3)) {
    auto given = node.getConstantInts(3, "axes");
    if (failed(given))
      return failure();
    axes = *given;
  }
  if (node.has(4)) {
    auto given = node.getConstantInts(4, "steps");
    if (failed(given))
      return failure();
    steps = *given;
  }
  if (ends->size() != starts->size() || axes.size() != starts->size() ||
      steps.size() != starts->size())
    return node.error() << "starts, ends, axes and steps differ in length";
  if (failed(node.normalizeAxes(axes, rank)))
    return failure();
  SmallVector<int64_t> from(rank, 0), to(shape), by(rank, 1);
  for (auto [axis, start, end, step] : llvm::zip(axes, *starts, *ends, steps)) {
    int64_t d = axis < 0 ? axis + rank : axis, extent = shape[d];
    if (step <= 0)
      return node.error() << "has step " << step << "; dpc slices with positive steps only";
    auto clamp = [&](int64_t at) {
      return std::clamp<int64_t>(at < 0 ? at + extent : at, 0, extent);
    };
    from[d] = clamp(start);
    to[d] = std::max(clamp(end), from[d]);
    by[d] = std::min(step, std::max<int64_t>(extent, 1));
  }
  return node.set(0, node.b.slice(node.in(0), from, to, by));
}

static LogicalResult importExpand(NodeContext &node) {
  auto target = node.getConstantInts(1, "shape");
  if (failed(target))
    return failure();
  auto shape = broadcastShapes(getShape(node.in(0)), *target);
  if (!shape)
    return node.error() << "cannot expand " << toString(getShape(node.in(0))) << " to "
                        << toString(*target);
  return node.set(0, node.b.broadcast(node.in(0), *shape));
}

// [a, b] repeated [m, n]: broadcast to [m, a, n, b], viewed as [m*a, n*b].
static LogicalResult importTile(NodeContext &node) {
  auto repeats = node.getConstantInts(1, "repeats");
  if (failed(repeats))
    return failure();
  Shape shape = getShape(node.in(0));
  if (repeats->size() != shape.size())
    return node.error() << "has " << repeats->size() << " repeats for rank " << shape.size();
  SmallVector<int64_t> wide, dims, result;
  for (auto [extent, repeat] : llvm::zip(shape, *repeats)) {
    if (repeat < 0 || !countElements({extent, repeat}))
      return node.error() << "cannot repeat " << repeat << " times";
    dims.push_back(wide.size() + 1);
    wide.append({repeat, extent});
    result.push_back(extent * repeat);
  }
  if (failed(node.checkSize(result)) || failed(node.checkSize(wide)))
    return failure();
  return node.set(0, node.b.reshape(node.b.broadcast(node.in(0), wide, dims), result));
}

// pads: all beginnings, then all ends; negative ones cut off.
static LogicalResult pad(NodeContext &node, ArrayRef<int64_t> pads, ArrayRef<int64_t> axes,
                         Value value) {
  Emitter &b = node.b;
  Value x = node.in(0);
  int64_t rank = getRank(x), count = axes.size();
  if (static_cast<int64_t>(pads.size()) != 2 * count)
    return node.error() << "has " << pads.size() << " pads for " << count << " axes";
  std::string mode = node.getString("mode", "constant");
  if (mode != "constant")
    return node.error() << "mode '" << mode << "' is not supported; dpc pads with constants";
  SmallVector<int64_t> low(rank, 0), high(rank, 0), shape(getShape(x)), from(rank, 0), to(shape);
  for (auto [i, axis] : llvm::enumerate(axes)) {
    int64_t before = pads[i], after = pads[count + i], d = axis;
    constexpr int64_t limit = int64_t(1) << 40;
    if (std::max(before, after) > limit || std::min(before, after) < -limit)
      return node.error() << "pads dimension " << d << " by more than 2^40";
    low[d] = std::max<int64_t>(before, 0);
    high[d] = std::max<int64_t>(after, 0);
    from[d] = std::max<int64_t>(-before, 0);
    to[d] = shape[d] - std::max<int64_t>(-after, 0);
    if (from[d] > to[d])
      return node.error() << "cuts off more than dimension " << d << " has";
    shape[d] += before + after;
  }
  if (failed(node.checkSize(shape)))
    return failure();
  x = b.slice(x, from, to, SmallVector<int64_t>(rank, 1));
  Type element = getElementType(x);
  TypedAttr fill = cast<TypedAttr>(b.getBuilder().getZeroAttr(element));
  if (value) {
    DenseElementsAttr constant = getConstant(value);
    if (failed(node.checkSameType(node.in(0), value)))
      return failure();
    if (!constant || constant.getNumElements() != 1)
      return node.unknown(2) << "its constant_value must be a constant scalar";
    fill = cast<TypedAttr>(constant.getSplatValue<Attribute>());
  }
  if (llvm::all_of(low, [](int64_t n) { return n == 0; }) &&
      llvm::all_of(high, [](int64_t n) { return n == 0; }))
    return node.set(0, x);
  return node.set(0, b.make<nn::PadOp>(getTensorType(x).clone(Shape(shape)), x, low, high,
                                       SmallVector<int64_t>(rank, 0), fill));
}

static LogicalResult importPad(NodeContext &node) {
  auto pads = node.getConstantInts(1, "pads");
  if (failed(pads))
    return failure();
  int64_t rank = getRank(node.in(0));
  auto axes = llvm::to_vector(llvm::seq<int64_t>(0, rank));
  if (node.has(3)) {
    auto given = node.getConstantInts(3, "axes");
    if (failed(given) || failed(node.normalizeAxes(*given, rank)))
      return failure();
    axes = *given;
    for (int64_t &axis : axes)
      axis += axis < 0 ? rank : 0;
  }
  return pad(node, *pads, axes, node.has(2) ? node.in(2) : Value());
}

static LogicalResult importShape(NodeContext &node) {
  Shape shape = getShape(node.in(0));
  int64_t rank = shape.size();
  auto clamp = [&](int64_t at) { return std::clamp<int64_t>(at < 0 ? at + rank : at, 0, rank); };
  int64_t start = clamp(node.getInt("start", 0));
  int64_t end = clamp(node.getInt("end", rank));
  return node.set(0, node.b.ints(start < end ? shape.slice(start, end - start) : Shape()));
}

static LogicalResult importSize(NodeContext &node) {
  Value count = node.b.ints({*countElements(getShape(node.in(0)))});
  return node.set(0, node.b.reshape(count, {}));
}

static LogicalResult importConstantOfShape(NodeContext &node) {
  auto shape = node.getConstantInts(0, "shape");
  if (failed(shape) || failed(node.checkSize(*shape)))
    return failure();
  Emitter &b = node.b;
  if (!node.hasAttr("value"))
    return node.set(0, b.splat(RankedTensorType::get(*shape, b.getBuilder().getF32Type()), 0));
  FailureOr<DenseElementsAttr> value = node.getTensor("value");
  if (failed(value))
    return failure();
  if (value->getNumElements() != 1)
    return node.error() << "its value must have one element";
  auto type = RankedTensorType::get(*shape, value->getElementType());
  return node.set(0, b.constant(DenseElementsAttr::get(type, value->getSplatValue<Attribute>())));
}

// Elements on and below (above) the k-th diagonal; the others are zero.
static LogicalResult importTrilu(NodeContext &node) {
  Emitter &b = node.b;
  Value x = node.in(0);
  int64_t rank = getRank(x), k = 0;
  if (rank < 2)
    return node.error() << "needs a matrix, got " << toString(getShape(x));
  if (node.has(1)) {
    auto given = node.getConstantInts(1, "diagonal");
    if (failed(given))
      return failure();
    if (given->size() != 1)
      return node.error() << "its diagonal must be a scalar";
    // Beyond the matrix all diagonals are alike.
    int64_t limit = std::max(getShape(x)[rank - 1], getShape(x)[rank - 2]) + 1;
    k = std::clamp(given->front(), -limit, limit);
  }
  bool upper = node.getInt("upper", 1);
  auto type = RankedTensorType::get(getShape(x).take_back(2), b.getBuilder().getI64Type());
  Value row = b.iota(type, 0), column = b.iota(type, 1);
  Value distance = b.binary<nn::SubOp>(column, row);
  Value keep =
      b.compare(upper ? nn::Predicate::GE : nn::Predicate::LE, distance, b.splat(type, double(k)));
  return node.set(0, b.select(keep, x, b.splat(x.getType(), 0)));
}

ArrayRef<OperatorForm> dpc::import::getShapeOperators() {
  static const OperatorForm forms[] = {
      {"ConstantOfShape", 9, "I", importConstantOfShape},
      {"Expand", 8, "TI", importExpand},
      {"Flatten", 9, "T", importFlatten},
      {"Pad", 11, "TIti", importPad},
      {"Reshape", 5, "TI", importReshape},
      {"Shape", 1, "T", importShape},
      {"Size", 1, "T", importSize},
      {"Slice", 10, "TIIii", importSlice},
      {"Squeeze", 1, "T", importSqueeze<false>},
      {"Squeeze", 13, "Ti", importSqueeze<true>},
      {"Tile", 6, "TI", importTile},
      {"Transpose", 1, "T", importTranspose},
      {"Trilu", 14, "Ti", importTrilu},
      {"Unsqueeze", 1, "T", importUnsqueeze<false>},
      {"Unsqueeze", 13, "TI", importUnsqueeze<true>},
  };
  return forms;
}
