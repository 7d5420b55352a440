// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Folding.h"

using namespace mlir;
using namespace dpc;
using llvm::APFloat;
using llvm::APInt;

bool nn::isFoldable(ShapedType resultType, bool splat) {
  return splat || getByteSize(resultType) <= kFoldLimitBytes;
}

namespace {

// All dense operands with one element if all are splats, else all elements.
template <typename Element>
bool readAll(ArrayRef<Attribute> operands, ShapedType resultType, bool &splat,
             SmallVectorImpl<SmallVector<Element>> &values) {
  splat = true;
  for (Attribute operand : operands) {
    auto dense = dyn_cast_or_null<DenseElementsAttr>(operand);
    if (!dense || dense.empty())
      return false;
    splat &= dense.isSplat();
  }
  if (!nn::isFoldable(resultType, splat))
    return false;
  for (Attribute operand : operands) {
    auto dense = cast<DenseElementsAttr>(operand);
    SmallVector<Element> &list = values.emplace_back();
    if (splat)
      list.push_back(dense.getSplatValue<Element>());
    else
      llvm::append_range(list, dense.getValues<Element>());
  }
  return true;
}

template <typename Element, typename F> Attribute foldUnary(Attribute operand, F f) {
  bool splat;
  SmallVector<SmallVector<Element>> values;
  if (!operand)
    return {};
  auto type = cast<ShapedType>(cast<TypedAttr>(operand).getType());
  if (!readAll<Element>({operand}, type, splat, values))
    return {};
  SmallVector<Element> result;
  for (const Element &value : values[0]) {
    std::optional<Element> element = f(value);
    if (!element)
      return {};
    result.push_back(*element);
  }
  return DenseElementsAttr::get(type, ArrayRef<Element>(result));
}

template <typename Element, typename F> Attribute foldBinary(Attribute lhs, Attribute rhs, F f) {
  bool splat;
  SmallVector<SmallVector<Element>> values;
  if (!lhs || !rhs)
    return {};
  auto type = cast<ShapedType>(cast<TypedAttr>(lhs).getType());
  if (!readAll<Element>({lhs, rhs}, type, splat, values))
    return {};
  SmallVector<Element> result;
  for (auto [a, b] : llvm::zip_equal(values[0], values[1])) {
    std::optional<Element> element = f(a, b);
    if (!element)
      return {};
    result.push_back(*element);
  }
  return DenseElementsAttr::get(type, ArrayRef<Element>(result));
}

} // namespace

Attribute nn::foldFloats(Attribute operand, FloatUnary f) { return foldUnary<APFloat>(operand, f); }
Attribute nn::foldInts(Attribute operand, IntUnary f) { return foldUnary<APInt>(operand, f); }
Attribute nn::foldFloats(Attribute lhs, Attribute rhs, FloatBinary f) {
  return foldBinary<APFloat>(lhs, rhs, f);
}
Attribute nn::foldInts(Attribute lhs, Attribute rhs, IntBinary f) {
  return foldBinary<APInt>(lhs, rhs, f);
}

Attribute nn::foldElements(ArrayRef<Attribute> operands, ShapedType resultType,
                           llvm::function_ref<Attribute(ArrayRef<Attribute>)> f) {
  bool splat;
  SmallVector<SmallVector<Attribute>> values;
  if (!readAll<Attribute>(operands, resultType, splat, values))
    return {};
  SmallVector<Attribute> result, elements(operands.size());
  for (size_t i = 0, e = values[0].size(); i < e; ++i) {
    for (auto [element, list] : llvm::zip_equal(elements, values))
      element = list[i];
    Attribute value = f(elements);
    if (!value)
      return {};
    result.push_back(value);
  }
  return DenseElementsAttr::get(resultType, result);
}

Attribute nn::foldMove(Attribute operand, ShapedType resultType,
                       llvm::function_ref<int64_t(int64_t)> source, Attribute outside) {
  auto dense = dyn_cast_or_null<DenseElementsAttr>(operand);
  if (!dense || dense.empty() || resultType.getNumElements() == 0)
    return {};
  if (dense.isSplat()) {
    Attribute value = dense.getSplatValue<Attribute>();
    if (!outside || outside == value)
      return DenseElementsAttr::get(resultType, value);
  }
  if (!isFoldable(resultType, false))
    return {};
  auto values = llvm::to_vector(dense.getValues<Attribute>());
  SmallVector<Attribute> result;
  for (int64_t i = 0, e = resultType.getNumElements(); i < e; ++i) {
    int64_t from = source(i);
    result.push_back(from < 0 ? outside : values[from]);
  }
  return DenseElementsAttr::get(resultType, result);
}

bool nn::isSplatOf(Attribute attribute, double value) {
  auto dense = dyn_cast_or_null<DenseElementsAttr>(attribute);
  if (!dense || dense.empty() || !dense.isSplat())
    return false;
  return dense.getSplatValue<Attribute>() == getScalarAttr(dense.getElementType(), value);
}

std::optional<SmallVector<int64_t>> nn::getInts(Attribute attribute) {
  auto dense = dyn_cast_or_null<DenseElementsAttr>(attribute);
  if (!dense || !isa<IntegerType>(dense.getElementType()) ||
      dense.getNumElements() > kFoldLimitBytes)
    return std::nullopt;
  SmallVector<int64_t> ints;
  for (const APInt &value : dense.getValues<APInt>())
    ints.push_back(value.getSExtValue());
  return ints;
}

void nn::delinearize(int64_t index, ArrayRef<int64_t> shape, SmallVectorImpl<int64_t> &place) {
  place.assign(shape.size(), 0);
  for (int64_t i = static_cast<int64_t>(shape.size()) - 1; i >= 0; --i) {
    place[i] = index % shape[i];
    index /= shape[i];
  }
}

int64_t nn::linearize(ArrayRef<int64_t> place, ArrayRef<int64_t> shape) {
  int64_t index = 0;
  for (auto [p, extent] : llvm::zip_equal(place, shape))
    index = index * extent + p;
  return index;
}
