// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dpc/Reference/Tensor.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "llvm/ADT/APFloat.h"

#include <cstring>

using namespace mlir;
using namespace dpc;
using namespace dpc::reference;
using llvm::APFloat;
using llvm::APInt;

Tensor Tensor::zeros(Type type) {
  auto tensorType = cast<RankedTensorType>(type);
  Tensor tensor;
  tensor.shape.assign(tensorType.getShape().begin(), tensorType.getShape().end());
  if (isa<FloatType>(tensorType.getElementType())) {
    tensor.kind = Kind::Float;
    tensor.floats.assign(tensorType.getNumElements(), 0.0);
  } else {
    tensor.kind = Kind::Integer;
    tensor.integers.assign(tensorType.getNumElements(), 0);
  }
  return tensor;
}

Tensor Tensor::fromFloats(ArrayRef<int64_t> shape, std::vector<double> values) {
  Tensor tensor;
  tensor.kind = Kind::Float;
  tensor.shape.assign(shape.begin(), shape.end());
  tensor.floats = std::move(values);
  assert(tensor.size() == static_cast<int64_t>(tensor.floats.size()));
  return tensor;
}

Tensor Tensor::fromIntegers(ArrayRef<int64_t> shape, std::vector<int64_t> values) {
  Tensor tensor;
  tensor.kind = Kind::Integer;
  tensor.shape.assign(shape.begin(), shape.end());
  tensor.integers = std::move(values);
  assert(tensor.size() == static_cast<int64_t>(tensor.integers.size()));
  return tensor;
}

Tensor Tensor::part(int64_t index) const {
  assert(!shape.empty() && index >= 0 && index < shape.front());
  Tensor tensor;
  tensor.kind = kind;
  tensor.shape.assign(shape.begin() + 1, shape.end());
  int64_t count = size() / shape.front(), first = index * count;
  if (isFloat())
    tensor.floats.assign(floats.begin() + first, floats.begin() + first + count);
  else
    tensor.integers.assign(integers.begin() + first, integers.begin() + first + count);
  return tensor;
}

static double toDouble(APFloat value) {
  bool losesInfo;
  value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &losesInfo);
  return value.convertToDouble();
}

static bool isUnsigned(Type type) { return type.isUnsignedInteger() || type.isInteger(1); }

Tensor Tensor::fromAttribute(ElementsAttr attribute) {
  ShapedType type = attribute.getShapedType();
  Tensor tensor = zeros(type);
  if (tensor.isFloat()) {
    for (auto [to, value] : llvm::zip_equal(tensor.floats, attribute.getValues<APFloat>()))
      to = toDouble(value);
  } else {
    bool zeroExtended = isUnsigned(type.getElementType());
    for (auto [to, value] : llvm::zip_equal(tensor.integers, attribute.getValues<APInt>()))
      to = zeroExtended ? static_cast<int64_t>(value.getZExtValue()) : value.getSExtValue();
  }
  return tensor;
}

template <typename Element, typename To, typename F>
static void decode(ArrayRef<char> bytes, std::vector<To> &values, F convert) {
  for (size_t i = 0; i < values.size(); ++i) {
    Element element;
    std::memcpy(&element, bytes.data() + i * sizeof(Element), sizeof(Element));
    values[i] = convert(element);
  }
}

Tensor Tensor::fromBytes(Type type, ArrayRef<char> bytes) {
  Tensor tensor = zeros(type);
  Type element = cast<ShapedType>(type).getElementType();
  unsigned width = element.getIntOrFloatBitWidth();
  assert(static_cast<int64_t>(bytes.size()) == tensor.size() * ((width + 7) / 8));
  auto same = [](auto value) { return value; };
  if (auto floatType = dyn_cast<FloatType>(element)) {
    if (width == 64)
      decode<double>(bytes, tensor.floats, same);
    else if (width == 32)
      decode<float>(bytes, tensor.floats, same);
    else
      decode<uint16_t>(bytes, tensor.floats, [&](uint16_t bits) {
        return toDouble(APFloat(floatType.getFloatSemantics(), APInt(16, bits)));
      });
    return tensor;
  }
  if (width == 64)
    decode<int64_t>(bytes, tensor.integers, same);
  else if (width == 32)
    decode<int32_t>(bytes, tensor.integers, same);
  else if (width == 1)
    decode<uint8_t>(bytes, tensor.integers, [](uint8_t b) { return b != 0; });
  else if (width == 16 && isUnsigned(element))
    decode<uint16_t>(bytes, tensor.integers, same);
  else if (width == 16)
    decode<int16_t>(bytes, tensor.integers, same);
  else if (isUnsigned(element))
    decode<uint8_t>(bytes, tensor.integers, same);
  else
    decode<int8_t>(bytes, tensor.integers, same);
  return tensor;
}

int64_t Tensor::size() const {
  int64_t count = 1;
  for (int64_t extent : shape)
    count *= extent;
  return count;
}

double reference::roundTo(FloatType type, double value) {
  if (type.isF64())
    return value;
  if (type.isF32())
    return static_cast<float>(value);
  APFloat rounded(value);
  bool losesInfo;
  rounded.convert(type.getFloatSemantics(), APFloat::rmNearestTiesToEven, &losesInfo);
  return toDouble(rounded);
}

void reference::conform(Tensor &tensor, Type type, bool roundFloats) {
  Type element = cast<ShapedType>(type).getElementType();
  if (auto floatType = dyn_cast<FloatType>(element)) {
    if (roundFloats && !floatType.isF64())
      for (double &value : tensor.floats)
        value = roundTo(floatType, value);
    return;
  }
  unsigned shift = 64 - element.getIntOrFloatBitWidth();
  if (shift == 0)
    return;
  for (int64_t &value : tensor.integers) {
    uint64_t high = static_cast<uint64_t>(value) << shift;
    value = isUnsigned(element) ? static_cast<int64_t>(high >> shift)
                                : static_cast<int64_t>(high) >> shift;
  }
}

SmallVector<int64_t> reference::getStrides(ArrayRef<int64_t> shape) {
  SmallVector<int64_t> strides(shape.size(), 1);
  for (int64_t i = static_cast<int64_t>(shape.size()) - 2; i >= 0; --i)
    strides[i] = strides[i + 1] * shape[i + 1];
  return strides;
}
