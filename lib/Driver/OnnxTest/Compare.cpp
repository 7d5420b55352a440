// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See Compare.h.
#include "Compare.h"

#include "data/Element.h"

#include <cmath>
#include <cstring>
#include <sstream>

namespace dpc::driver {

using dpcrt::Element;

static std::string describe(const onnxwire::TensorValue &value) {
  return dpcrt::nameOf(value.type) + dpcrt::shapeText(value.shape);
}

static bool isClose(Element type, double a, double b) {
  if (std::isnan(a) || std::isnan(b))
    return std::isnan(a) && std::isnan(b);
  if (a == b || std::isinf(a) || std::isinf(b))
    return a == b;
  double rounding = type == Element::BF16  ? std::ldexp(1, -8)
                    : type == Element::F16 ? std::ldexp(1, -11)
                                           : 0;
  return std::abs(a - b) <= 1e-7 + std::max(1e-3, 4 * rounding) * std::abs(b);
}

std::string compareTensors(const onnxwire::TensorValue &computed,
                           const onnxwire::TensorValue &wanted) {
  if (computed.type != wanted.type || computed.shape != wanted.shape)
    return "is " + describe(computed) + ", " + describe(wanted) + " was wanted";
  uint64_t size = dpcrt::sizeOf(wanted.type), count = wanted.bytes.size() / size, differ = 0;
  std::ostringstream first;
  for (uint64_t i = 0; i < count; ++i) {
    const char *a = computed.bytes.data() + i * size, *b = wanted.bytes.data() + i * size;
    if (std::memcmp(a, b, size) == 0)
      continue;
    std::optional<double> x = dpcrt::numberOf(wanted.type, a), y = dpcrt::numberOf(wanted.type, b);
    if (dpcrt::isFloat(wanted.type) && x && y && isClose(wanted.type, *x, *y))
      continue;
    if (!differ++ && x && y)
      first << " (the first at " << dpcrt::placeText(wanted.shape, i) << ": " << *x
            << " instead of " << *y << ")";
  }
  if (!differ)
    return "";
  return "differs in " + std::to_string(differ) + " of " + std::to_string(count) + " elements" +
         first.str();
}

} // namespace dpc::driver
