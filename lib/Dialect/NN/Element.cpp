// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dpc/Dialect/NN/Element.h"

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using dpcrt::Element;
using dpcrt::ElementKind;

namespace dpc::nn {
namespace {

struct NoFloat {
  static Type get(MLIRContext *) { return {}; }
};

// The type of a row that is one of floats.
Type getFloatType(Element element, MLIRContext *context) {
  switch (element) {
#define DPC_ELEMENT(NAME, NUMBER, TEXT, KIND, BITS, ONNX, SAFETENSORS, MLIR)                       \
  case Element::NAME:                                                                              \
    return MLIR::get(context);
#include "program/format/Element.def"
  }
  return {};
}

} // namespace

Type getType(Element element, MLIRContext *context) {
  unsigned bits = dpcrt::bitsOf(element);
  switch (dpcrt::kindOf(element)) {
  case ElementKind::Float:
    return getFloatType(element, context);
  case ElementKind::Signed:
    return IntegerType::get(context, bits);
  case ElementKind::Unsigned:
    return IntegerType::get(context, bits, IntegerType::Unsigned);
  case ElementKind::Boolean:
    return IntegerType::get(context, 1);
  case ElementKind::Complex:
    return ComplexType::get(bits == 64 ? Type(Float32Type::get(context))
                                       : Type(Float64Type::get(context)));
  }
  return {};
}

std::optional<Element> getElement(Type type) {
  for (unsigned number = 0;; ++number) {
    std::optional<Element> element = dpcrt::elementNumbered(number);
    if (!element)
      return std::nullopt;
    if (getType(*element, type.getContext()) == type)
      return element;
  }
}

unsigned getOperandBits(Operation &op) {
  return getElementTypeOrSelf(op.getOperand(0).getType()).getIntOrFloatBitWidth();
}

} // namespace dpc::nn
