// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Operators that work element by element: arithmetic, comparisons, logic,
// activations, casts.
#include "Initializers.h"
#include "OperatorTable.h"

#include <cmath>

using namespace mlir;
using namespace dpc;
using namespace dpc::import;
using nn::Predicate;

template <typename OpTy> static LogicalResult importUnary(NodeContext &node) {
  return node.set(0, node.b.unary<OpTy>(node.in(0)));
}

static LogicalResult checkOperands(NodeContext &node, Value a, Value b) {
  return success(succeeded(node.checkSameType(a, b)) && succeeded(node.checkBroadcast(a, b)));
}

template <typename OpTy> static LogicalResult importBinary(NodeContext &node) {
  Value a = node.in(0), b = node.in(1);
  if (failed(checkOperands(node, a, b)))
    return failure();
  return node.set(0, node.b.binary<OpTy>(a, b));
}

// Sum, Max, Min: any number of operands, from left to right.
template <typename OpTy> static LogicalResult importVariadic(NodeContext &node) {
  SmallVector<Value> operands = node.all();
  Value result = operands.front();
  for (Value operand : ArrayRef(operands).drop_front()) {
    if (failed(checkOperands(node, result, operand)))
      return failure();
    result = node.b.binary<OpTy>(result, operand);
  }
  return node.set(0, result);
}

template <Predicate predicate> static LogicalResult importCompare(NodeContext &node) {
  Value a = node.in(0), b = node.in(1);
  if (failed(checkOperands(node, a, b)))
    return failure();
  return node.set(0, node.b.compare(predicate, a, b));
}

// What is left of a whole quotient; with fmod 0 its sign is the divisor's. Part of
// the arithmetic of shapes, which folds.
static LogicalResult importMod(NodeContext &node) {
  Value x = node.in(0), y = node.in(1);
  if (failed(checkOperands(node, x, y)))
    return failure();
  if (isFloat(x))
    return node.error() << "is computed for integers only";
  auto divisors = getConstantInts(y);
  if (divisors && llvm::is_contained(*divisors, 0))
    return node.error() << "divides by 0";
  Emitter &b = node.b;
  Value whole = b.binary<nn::MulOp>(b.binary<nn::DivOp>(x, y), y);
  Value rest = b.binary<nn::SubOp>(x, whole);
  if (node.getInt("fmod", 0))
    return node.set(0, rest);
  auto isNegative = [&](Value value) {
    return b.compare(Predicate::LT, value, b.splat(value.getType(), 0));
  };
  Value isWhole = b.compare(Predicate::EQ, rest, b.splat(rest.getType(), 0));
  Value differ = b.binary<nn::XorOp>(isNegative(rest), isNegative(y));
  Value wrapped = b.select(differ, b.binary<nn::AddOp>(rest, y), rest);
  return node.set(0, b.select(isWhole, rest, wrapped));
}

static LogicalResult importMean(NodeContext &node) {
  if (failed(importVariadic<nn::AddOp>(node)))
    return failure();
  Value sum = node.getResults()[0].tensor;
  return node.set(0, node.b.binary<nn::DivOp>(sum, double(node.size())));
}

static LogicalResult importPow(NodeContext &node) {
  Value x = node.in(0), y = node.in(1);
  if (failed(node.checkBroadcast(x, y)))
    return failure();
  Emitter &b = node.b;
  std::optional<double> exponent = getConstantNumber(y);
  bool keepsShape =
      exponent && *broadcastShapes(getShape(x), getShape(y)) == SmallVector<int64_t>(getShape(x));
  if (keepsShape) {
    if (*exponent == 1)
      return node.set(0, x);
    if (*exponent == 2)
      return node.set(0, b.binary<nn::MulOp>(x, x));
    if (*exponent == 3)
      return node.set(0, b.binary<nn::MulOp>(b.binary<nn::MulOp>(x, x), x));
    if (isFloat(x) && *exponent == 0.5)
      return node.set(0, b.unary<nn::SqrtOp>(x));
    if (isFloat(x) && *exponent == -0.5)
      return node.set(0, b.unary<nn::ReciprocalOp>(b.unary<nn::SqrtOp>(x)));
    if (isFloat(x) && *exponent == -1)
      return node.set(0, b.unary<nn::ReciprocalOp>(x));
  }
  if (!isFloat(x))
    return node.unknown(1) << "integer powers are computed for the constant "
                              "exponents 1, 2 and 3 only";
  return node.set(0, b.binary<nn::PowOp>(x, b.cast(y, getElementType(x))));
}

static LogicalResult importClip(NodeContext &node) {
  Value x = node.in(0);
  for (unsigned i : {1, 2}) {
    if (!node.has(i))
      continue;
    if (failed(node.checkSameType(x, node.in(i))))
      return failure();
    if (countElements(getShape(node.in(i))) != 1)
      return node.error() << "its limits must be scalars";
    Value limit = node.b.reshape(node.in(i), {});
    x = i == 1 ? node.b.binary<nn::MaxOp>(x, limit) : node.b.binary<nn::MinOp>(x, limit);
  }
  return node.set(0, x);
}

static LogicalResult importWhere(NodeContext &node) {
  Value condition = node.in(0), a = node.in(1), b = node.in(2);
  if (failed(checkOperands(node, a, b)))
    return failure();
  auto shape = broadcastShapes(getShape(a), getShape(b));
  if (!broadcastShapes(getShape(condition), *shape))
    return node.error() << "its condition " << toString(getShape(condition))
                        << " does not broadcast with " << toString(*shape);
  return node.set(0, node.b.select(condition, a, b));
}

static LogicalResult importIdentity(NodeContext &node) { return node.set(0, node.in(0)); }

static LogicalResult importCast(NodeContext &node) {
  int64_t to = node.getInt("to", 0);
  Type type = getStorageType(to, node.b.getContext());
  if (!type)
    return node.error() << "casts to " << getTypeName(to) << ", which dpc does not compute with";
  return node.set(0, node.b.cast(node.in(0), type));
}

static LogicalResult importCastLike(NodeContext &node) {
  return node.set(0, node.b.cast(node.in(0), getElementType(node.in(1))));
}

// x / 2 * (1 + erf(x / sqrt 2)), or with tanh. Written as exporters write it.
static LogicalResult importGelu(NodeContext &node) {
  std::string approximate = node.getString("approximate", "none");
  Emitter &b = node.b;
  Value x = node.in(0), inner;
  if (approximate == "none") {
    inner = b.unary<nn::ErfOp>(b.binary<nn::MulOp>(x, std::sqrt(0.5)));
  } else if (approximate == "tanh") {
    Value cube = b.binary<nn::MulOp>(b.binary<nn::MulOp>(x, x), x);
    Value sum = b.binary<nn::AddOp>(x, b.binary<nn::MulOp>(cube, 0.044715));
    inner = b.unary<nn::TanhOp>(b.binary<nn::MulOp>(sum, std::sqrt(2 / 3.14159265358979323846)));
  } else {
    return node.error() << "approximate must be none or tanh, not '" << approximate << "'";
  }
  Value half = b.binary<nn::MulOp>(x, 0.5);
  return node.set(0, b.binary<nn::MulOp>(half, b.binary<nn::AddOp>(inner, 1.0)));
}

static LogicalResult importSwish(NodeContext &node) {
  Emitter &b = node.b;
  Value x = node.in(0);
  double alpha = node.getFloat("alpha", 1);
  Value scaled = alpha == 1 ? x : b.binary<nn::MulOp>(x, alpha);
  return node.set(0, b.binary<nn::MulOp>(x, b.unary<nn::SigmoidOp>(scaled)));
}

static LogicalResult importLeakyRelu(NodeContext &node) {
  Emitter &b = node.b;
  Value x = node.in(0);
  Value scaled = b.binary<nn::MulOp>(x, node.getFloat("alpha", 0.01));
  Value positive = b.compare(Predicate::GE, x, b.splat(x.getType(), 0));
  return node.set(0, b.select(positive, x, scaled));
}

// log(1 + exp(x)) as max(x, 0) + log(1 + exp(-|x|)), which does not overflow.
static LogicalResult importSoftplus(NodeContext &node) {
  Emitter &b = node.b;
  Value x = node.in(0);
  Value small = b.unary<nn::ExpOp>(b.unary<nn::NegOp>(b.unary<nn::AbsOp>(x)));
  Value tail = b.unary<nn::LogOp>(b.binary<nn::AddOp>(small, 1.0));
  return node.set(0, b.binary<nn::AddOp>(b.unary<nn::ReluOp>(x), tail));
}

static LogicalResult importIsNaN(NodeContext &node) {
  Value x = node.in(0);
  auto type = getTensorType(x).clone(node.b.getBuilder().getI1Type());
  return node.set(0, node.b.make<nn::IsNanOp>(type, x));
}

static LogicalResult refuseRandom(NodeContext &node) {
  return node.error() << "is active (training_mode is true with ratio above 0): "
                         "dpc does not draw random masks; export with dropout 0";
}

// Inactive dropout is the identity and its mask is true everywhere.
static LogicalResult passThrough(NodeContext &node) {
  Value x = node.in(0);
  auto maskType = getTensorType(x).clone(node.b.getBuilder().getI1Type());
  if (node.wants(1) && failed(node.set(1, node.b.splat(maskType, 1))))
    return failure();
  return node.set(0, x);
}

static LogicalResult importDropout7(NodeContext &node) { return passThrough(node); }

static LogicalResult importDropout12(NodeContext &node) {
  if (!node.has(2))
    return passThrough(node);
  auto mode = getConstantInts(node.in(2));
  if (!mode || mode->size() != 1)
    return node.unknown(2) << "its training_mode must be a constant scalar";
  std::optional<double> ratio = 0.5;
  if (node.has(1))
    ratio = getConstantNumber(node.in(1));
  if (mode->front() == 0 || ratio == 0.0)
    return passThrough(node);
  if (!ratio)
    return node.unknown(1) << "its ratio is not known when the model is compiled: only at 0 does "
                              "it draw no random mask, which dpc does not";
  return refuseRandom(node);
}

ArrayRef<OperatorForm> dpc::import::getElementwiseOperators() {
  static const OperatorForm forms[] = {
      {"Abs", 6, "N", importUnary<nn::AbsOp>},
      {"Add", 7, "NN", importBinary<nn::AddOp>},
      {"And", 7, "BB", importBinary<nn::AndOp>},
      {"Cast", 6, "T", importCast},
      {"CastLike", 15, "TT", importCastLike},
      {"Ceil", 6, "F", importUnary<nn::CeilOp>},
      {"Clip", 11, "Nnn", importClip},
      {"Cos", 7, "F", importUnary<nn::CosOp>},
      {"Div", 7, "NN", importBinary<nn::DivOp>},
      {"Dropout", 7, "F", importDropout7},
      {"Dropout", 12, "Ffb", importDropout12},
      {"Equal", 7, "TT", importCompare<Predicate::EQ>},
      {"Erf", 9, "F", importUnary<nn::ErfOp>},
      {"Exp", 6, "F", importUnary<nn::ExpOp>},
      {"Floor", 6, "F", importUnary<nn::FloorOp>},
      {"Gelu", 20, "F", importGelu},
      {"Greater", 7, "NN", importCompare<Predicate::GT>},
      {"GreaterOrEqual", 12, "NN", importCompare<Predicate::GE>},
      {"Identity", 1, "T", importIdentity},
      {"IsNaN", 9, "F", importIsNaN},
      {"LeakyRelu", 6, "F", importLeakyRelu},
      {"Less", 7, "NN", importCompare<Predicate::LT>},
      {"LessOrEqual", 12, "NN", importCompare<Predicate::LE>},
      {"Log", 6, "F", importUnary<nn::LogOp>},
      {"Max", 8, "N*", importVariadic<nn::MaxOp>},
      {"Mean", 8, "F*", importMean},
      {"Min", 8, "N*", importVariadic<nn::MinOp>},
      {"Mod", 10, "NN", importMod},
      {"Mul", 7, "NN", importBinary<nn::MulOp>},
      {"Neg", 6, "N", importUnary<nn::NegOp>},
      {"Not", 1, "B", importUnary<nn::NotOp>},
      {"Or", 7, "BB", importBinary<nn::OrOp>},
      {"Pow", 7, "NN", importPow},
      {"Reciprocal", 6, "F", importUnary<nn::ReciprocalOp>},
      {"Relu", 6, "F", importUnary<nn::ReluOp>},
      {"Sigmoid", 6, "F", importUnary<nn::SigmoidOp>},
      {"Sign", 9, "N", importUnary<nn::SignOp>},
      {"Sin", 7, "F", importUnary<nn::SinOp>},
      {"Softplus", 1, "F", importSoftplus},
      {"Sqrt", 6, "F", importUnary<nn::SqrtOp>},
      {"Sub", 7, "NN", importBinary<nn::SubOp>},
      {"Sum", 8, "F*", importVariadic<nn::AddOp>},
      {"Swish", 24, "F", importSwish},
      {"Tanh", 6, "F", importUnary<nn::TanhOp>},
      {"Where", 9, "BTT", importWhere},
      {"Xor", 7, "BB", importBinary<nn::XorOp>},
  };
  return forms;
}
