// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Operators without operands: constants and ranges.
#include "OperatorTable.h"

#include <cmath>

using namespace mlir;
using namespace dpc;
using namespace dpc::import;

static LogicalResult importConstant(NodeContext &node) {
  Emitter &b = node.b;
  Builder &builder = b.getBuilder();
  if (node.hasAttr("value")) {
    FailureOr<DenseElementsAttr> value = node.getTensor("value");
    if (failed(value))
      return failure();
    return node.set(0, b.constant(*value));
  }
  auto floats = RankedTensorType::get({}, builder.getF32Type());
  auto ints = RankedTensorType::get({}, builder.getI64Type());
  if (node.hasAttr("value_float"))
    return node.set(
        0, b.constant(DenseElementsAttr::get(floats, float(node.getFloat("value_float", 0)))));
  if (node.hasAttr("value_int"))
    return node.set(0, b.constant(DenseElementsAttr::get(ints, node.getInt("value_int", 0))));
  if (auto values = node.getInts("value_ints"))
    return node.set(0, b.ints(*values));
  if (auto *attribute = node.getNode().find("value_floats")) {
    SmallVector<float> values(attribute->floats().begin(), attribute->floats().end());
    auto type = RankedTensorType::get({static_cast<int64_t>(values.size())}, builder.getF32Type());
    return node.set(0, b.constant(DenseElementsAttr::get(type, ArrayRef<float>(values))));
  }
  return node.error() << "holds a kind of constant that dpc does not compute "
                         "with (sparse or string)";
}

// start + i * step
static LogicalResult importRange(NodeContext &node) {
  Emitter &b = node.b;
  double limits[3];
  for (unsigned i : {0, 1, 2}) {
    if (failed(node.checkSameType(node.in(0), node.in(i))))
      return failure();
    std::optional<double> number = getConstantNumber(node.in(i));
    if (!number || countElements(getShape(node.in(i))) != 1)
      return node.unknown(i) << "its limits must be scalars that are known when the "
                                "model is compiled";
    limits[i] = *number;
  }
  auto [start, limit, step] = limits;
  double count = step == 0 ? NAN : std::ceil((limit - start) / step);
  if (!(std::abs(count) < double(1 << 30)))
    return node.error() << "counts from " << start << " to " << limit << " by " << step;
  auto type = RankedTensorType::get({static_cast<int64_t>(std::max(count, 0.0))},
                                    getElementType(node.in(0)));
  Value scaled = b.binary<nn::MulOp>(b.iota(type, 0), step);
  return node.set(0, b.binary<nn::AddOp>(scaled, start));
}

ArrayRef<OperatorForm> dpc::import::getControlOperators() {
  static const OperatorForm forms[] = {
      {"Constant", 1, "", importConstant},
      {"Range", 11, "NNN", importRange},
  };
  return forms;
}
