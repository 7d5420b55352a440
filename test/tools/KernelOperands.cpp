// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See KernelOperands.h.
#include "KernelOperands.h"

#include "dpc/Dialect/DualPipe/DualPipe.h"

#include <cmath>

using namespace mlir;
using dpc::reference::Tensor;

namespace dpc::test {

// Indices stay small: tables of tested models have at least this many rows.
static Tensor draw(RankedTensorType type, std::mt19937_64 &random) {
  Tensor tensor = Tensor::zeros(type);
  for (double &x : tensor.floats)
    x = static_cast<float>(std::normal_distribution<double>()(random));
  for (int64_t &x : tensor.integers)
    x = random() % (type.getElementType().isInteger(1) ? 2 : 4);
  if (auto element = dyn_cast<FloatType>(type.getElementType()))
    for (double &x : tensor.floats)
      x = reference::roundTo(element, x);
  return tensor;
}

static std::vector<char> pack(const Tensor &tensor, Type element) {
  std::vector<char> bytes;
  auto put = [&](auto value) {
    const char *p = reinterpret_cast<const char *>(&value);
    bytes.insert(bytes.end(), p, p + sizeof(value));
  };
  for (double x : tensor.floats) {
    if (element.isF64()) {
      put(x);
    } else if (element.isF32()) {
      put(static_cast<float>(x));
    } else {
      llvm::APFloat value(x);
      bool losesInfo = false;
      value.convert(cast<FloatType>(element).getFloatSemantics(),
                    llvm::APFloat::rmNearestTiesToEven, &losesInfo);
      put(static_cast<uint16_t>(value.bitcastToAPInt().getZExtValue()));
    }
  }
  for (int64_t x : tensor.integers)
    switch (element.getIntOrFloatBitWidth()) {
    case 1:
    case 8:
      put(static_cast<int8_t>(x));
      break;
    case 16:
      put(static_cast<int16_t>(x));
      break;
    case 32:
      put(static_cast<int32_t>(x));
      break;
    default:
      put(x);
    }
  return bytes;
}

KernelOperands drawOperands(func::FuncOp kernel, ArrayRef<uint64_t> bufferBytes, uint64_t seed) {
  std::mt19937_64 random(seed);
  KernelOperands result;
  std::vector<int64_t> bufferOfResult(kernel.getNumResults(), -1);
  for (auto [i, type] : llvm::enumerate(kernel.getArgumentTypes())) {
    auto tensor = cast<RankedTensorType>(type);
    result.arguments.push_back(draw(tensor, random));
    result.buffers.push_back(pack(result.arguments.back(), tensor.getElementType()));
    if (auto shared = kernel.getArgAttrOfType<IntegerAttr>(i, dualpipe::kInplaceAttr))
      bufferOfResult[shared.getInt()] = i;
  }
  for (int64_t buffer : bufferOfResult) {
    if (buffer < 0) {
      buffer = result.buffers.size();
      result.buffers.push_back(std::vector<char>(bufferBytes[buffer], '\xff'));
    }
    result.bufferOfResult.push_back(buffer);
  }
  return result;
}

double compareTensors(const Tensor &want, const Tensor &got) {
  double size = 0, worst = 0;
  for (int64_t i = 0; i < want.size(); ++i)
    if (std::isfinite(want.at(i)))
      size = std::max(size, std::abs(want.at(i)));
  for (int64_t i = 0; i < want.size(); ++i) {
    double a = want.at(i), b = got.at(i);
    if (std::isnan(a) != std::isnan(b) || (std::isinf(a) && a != b && std::abs(b) < 3e38))
      return INFINITY;
    if (std::isfinite(a))
      worst = std::max(worst, std::abs(a - b) / std::max(size, 1e-30));
  }
  return worst;
}

} // namespace dpc::test
