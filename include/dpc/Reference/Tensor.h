// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The interpreter's tensor: a shape and plain numbers in row-major order. Every
// float is held as a double, every integer and boolean as an int64_t, whatever
// the element type in the IR.
#ifndef DPC_REFERENCE_TENSOR_H
#define DPC_REFERENCE_TENSOR_H

#include "mlir/IR/BuiltinAttributeInterfaces.h"
#include "mlir/IR/BuiltinTypes.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace dpc::reference {

struct Tensor {
  enum class Kind { Float, Integer };

  Kind kind = Kind::Float;
  llvm::SmallVector<int64_t> shape;
  std::vector<double> floats;    // if kind is Float
  std::vector<int64_t> integers; // if kind is Integer
  /// A float as the graph's own types compute it, where something is decided by it
  /// (Reference.h); null: the same, rounded.
  std::shared_ptr<const Tensor> typed;

  /// Zeros of the shape and kind of a static tensor type.
  static Tensor zeros(mlir::Type type);
  static Tensor fromFloats(llvm::ArrayRef<int64_t> shape, std::vector<double> values);
  static Tensor fromIntegers(llvm::ArrayRef<int64_t> shape, std::vector<int64_t> values);
  static Tensor fromAttribute(mlir::ElementsAttr attribute);
  /// Little-endian row-major elements of `type`; i1 takes a byte. The number of
  /// bytes must be the type's.
  static Tensor fromBytes(mlir::Type type, llvm::ArrayRef<char> bytes);

  /// Element `index` of the first dimension.
  Tensor part(int64_t index) const;

  int64_t size() const;
  bool isFloat() const { return kind == Kind::Float; }
  int64_t rank() const { return shape.size(); }
  /// The element as a double, of either kind.
  double at(int64_t index) const {
    return isFloat() ? floats[index] : static_cast<double>(integers[index]);
  }
};

/// `value` rounded to nearest even in the float type.
double roundTo(mlir::FloatType type, double value);

/// Brings what an operation computed to the type's values: floats are rounded
/// if `roundFloats`, integers wrap around.
void conform(Tensor &tensor, mlir::Type type, bool roundFloats);

/// Row-major strides.
llvm::SmallVector<int64_t> getStrides(llvm::ArrayRef<int64_t> shape);

/// Calls f(place, linear index) for each place of the shape in row-major order.
template <typename F> void forEachPlace(llvm::ArrayRef<int64_t> shape, F f) {
  int64_t count = 1;
  for (int64_t extent : shape)
    count *= extent;
  llvm::SmallVector<int64_t> place(shape.size(), 0);
  for (int64_t index = 0; index < count; ++index) {
    f(llvm::ArrayRef<int64_t>(place), index);
    for (int64_t i = static_cast<int64_t>(shape.size()) - 1; i >= 0; --i) {
      if (++place[i] < shape[i])
        break;
      place[i] = 0;
    }
  }
}

} // namespace dpc::reference

#endif // DPC_REFERENCE_TENSOR_H
