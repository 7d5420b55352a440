// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See Floats.h.
#include "Floats.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace dpc::emulator {

// The float of 16 bits with so many digits after the point and this greatest exponent that
// is nearest to x. Scaling by powers of two and nearbyint are exact, or round as wanted.
static uint16_t narrow(double x, int digits, int greatest) {
  uint16_t sign = std::signbit(x) ? 0x8000 : 0;
  uint16_t infinity = static_cast<uint16_t>((2 * greatest + 1) << digits);
  if (std::isnan(x))
    return 0x7fff;
  double size = std::fabs(x);
  if (size == 0)
    return sign;
  if (std::isinf(size))
    return sign | infinity;
  int least = 1 - greatest;
  int exponent = std::max(std::ilogb(size), least);
  // In units of the last digit: less than 2^(digits + 1), or just that after rounding up,
  // which the next exponent begins with.
  double units = std::nearbyint(std::scalbn(size, digits - exponent));
  uint32_t bits =
      static_cast<uint32_t>(units) + (static_cast<uint32_t>(exponent - least) << digits);
  return sign | static_cast<uint16_t>(bits < infinity ? bits : infinity);
}

uint16_t doubleToHalf(double x) { return narrow(x, 10, 15); }
uint16_t doubleToBFloat(double x) { return narrow(x, 7, 127); }

float halfToFloat(uint32_t bits) {
  int exponent = bits >> 10 & 31, fraction = bits & 1023;
  double size = exponent == 31  ? (fraction ? std::numeric_limits<double>::quiet_NaN()
                                            : std::numeric_limits<double>::infinity())
                : exponent == 0 ? std::scalbn(double(fraction), -24)
                                : std::scalbn(double(fraction + 1024), exponent - 25);
  return static_cast<float>(bits & 0x8000 ? -size : size);
}

double fmaToOdd(double a, double b, double c) {
  // The product of floats of at most 26 digits is exact; so is the error of the sum.
  double product = a * b, sum = product + c;
  double part = sum - product, error = (product - (sum - part)) + (c - part);
  if (!std::isfinite(sum) || error == 0)
    return sum;
  uint64_t bits;
  std::memcpy(&bits, &sum, sizeof(bits));
  if (bits & 1)
    return sum;
  return std::nextafter(sum, error > 0 ? std::numeric_limits<double>::infinity()
                                       : -std::numeric_limits<double>::infinity());
}

} // namespace dpc::emulator
