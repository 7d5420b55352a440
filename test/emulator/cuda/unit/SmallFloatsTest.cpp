// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Floats of 16 bits against a search among all of them for the nearest.
#include "KernelTest.h"

#include "Floats.h"
#include "Random.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace dpc::emulator::test {
namespace {

struct Format {
  const char *name;
  int digits, exponents; ///< bits of either

  double value(uint16_t bits) const {
    int fraction = bits & ((1 << digits) - 1), exponent = bits >> digits & ((1 << exponents) - 1);
    int bias = (1 << (exponents - 1)) - 1;
    double size = exponent == (1 << exponents) - 1 ? (fraction ? NAN : INFINITY)
                  : exponent == 0 ? std::ldexp(fraction, 1 - bias - digits)
                                  : std::ldexp(fraction + (1 << digits), exponent - bias - digits);
    return bits & 0x8000 ? -size : size;
  }
  uint16_t infinity() const { return ((1 << exponents) - 1) << digits; }

  // Of all values the nearest; the even one of two.
  uint16_t nearest(long double x) const {
    if (std::isnan(x))
      return 0x7fff;
    uint16_t sign = std::signbit(x) ? 0x8000 : 0;
    long double size = std::fabs(x);
    // Positive ones are ordered as their bits.
    uint16_t low = 0, high = infinity();
    while (high - low > 1) {
      uint16_t middle = (low + high) / 2;
      (value(middle) <= size ? low : high) = middle;
    }
    if (value(low) == size)
      return sign | low;
    // The number that would follow the largest stands for infinity.
    long double above = high == infinity()
                            ? 2 * (long double)value(low) - (long double)value(low - 1)
                            : (long double)value(high);
    long double down = size - value(low), up = above - size;
    uint16_t chosen = down < up || (down == up && low % 2 == 0) ? low : high;
    return sign | chosen;
  }
};

const Format kFormats[] = {{"bf16", 7, 8}, {"f16", 10, 5}};

// Floats around every value of the format: it, half way to the next, and a little aside.
std::vector<float> around(const Format &format) {
  std::vector<float> values;
  for (uint32_t bits = 0; bits < format.infinity(); ++bits) {
    float x = format.value(bits), y = format.value(bits + 1);
    float half =
        std::isinf(y) ? x + (x - static_cast<float>(format.value(bits - 1))) / 2 : x + (y - x) / 2;
    for (float v : {x, half, std::nextafter(half, 0.0f), std::nextafter(half, INFINITY)}) {
      values.push_back(v);
      values.push_back(-v);
    }
  }
  for (float v : {INFINITY, -INFINITY, NAN, std::numeric_limits<float>::max()})
    values.push_back(v);
  while (values.size() % 256)
    values.push_back(0);
  return values;
}

TEST(SmallFloats, EveryConversionFromFloat) {
  for (const Format &format : kFormats) {
    std::vector<float> x = around(format);
    Trial run("small-floats.ll", std::string(format.name) + "_from_f32");
    run.input(x).output<uint16_t>(x.size());
    std::optional<Fault> fault = run({static_cast<uint32_t>(x.size() / 256)}, {256}, 0);
    ASSERT_FALSE(fault) << fault->message();
    std::vector<uint16_t> y = run.result<uint16_t>(1);
    for (size_t i = 0; i < x.size(); ++i)
      ASSERT_EQ(y[i], format.nearest(x[i])) << format.name << " " << x[i];
  }
}

TEST(SmallFloats, EveryConversionToFloat) {
  for (const Format &format : kFormats) {
    std::vector<uint16_t> x(65536);
    for (uint32_t i = 0; i < 65536; ++i)
      x[i] = i;
    Trial run("small-floats.ll", std::string(format.name) + "_to_f32");
    run.input(x).output<float>(x.size());
    std::optional<Fault> fault = run({256}, {256}, 0);
    ASSERT_FALSE(fault) << fault->message();
    std::vector<float> y = run.result<float>(1);
    for (uint32_t i = 0; i < 65536; ++i)
      ASSERT_TRUE(y[i] == format.value(i) || (std::isnan(y[i]) && std::isnan(format.value(i))))
          << format.name << " " << i;
  }
}

TEST(SmallFloats, ArithmeticRoundsOnce) {
  for (const Format &format : kFormats) {
    constexpr uint32_t count = 256 * 64;
    Random random(9);
    std::vector<uint16_t> a(count), b(count), c(count);
    for (uint32_t i = 0; i < count; ++i) {
      a[i] = random.next();
      b[i] = random.next();
      // Every other third operand is close to the product, or far below it.
      double product = format.value(a[i]) * format.value(b[i]);
      c[i] = i % 3
                 ? random.next()
                 : format.nearest(-product * std::ldexp(1.0, -static_cast<int>(random.below(24))));
    }
    Trial run("small-floats.ll", std::string(format.name) + "_arithmetic");
    run.input(a).input(b).input(c).output<uint16_t>(count * 8);
    std::optional<Fault> fault = run({count / 256}, {256}, 0);
    ASSERT_FALSE(fault) << fault->message();
    std::vector<uint16_t> y = run.result<uint16_t>(3);
    for (uint32_t i = 0; i < count; ++i) {
      // Long doubles of 64 digits hold sums and products of these exactly where they are not
      // so far apart that the smaller cannot move a tie; where they are, 'exact' says so.
      long double x = format.value(a[i]), z = format.value(b[i]), w = format.value(c[i]);
      long double product = x * z, sum = product + w;
      long double part = sum - product;
      bool exact = !std::isfinite(sum) || (product - (sum - part)) + (w - part) == 0;
      ASSERT_EQ(y[8 * i + 2], format.nearest(x * z));
      ASSERT_EQ(y[8 * i + 7], a[i] & 0x7fff);
      if (std::fabs(std::log2(std::fabs(x / z))) < 40 && x != 0 && z != 0) {
        ASSERT_EQ(y[8 * i], format.nearest(x + z));
        ASSERT_EQ(y[8 * i + 1], format.nearest(x - z));
        ASSERT_EQ(y[8 * i + 3], format.nearest(x / z)) << double(x) << " / " << double(z);
      }
      ASSERT_EQ(y[8 * i + 6], format.nearest(std::sqrt(std::fabs(x))));
      if (exact)
        ASSERT_EQ(y[8 * i + 4], format.nearest(sum))
            << double(x) << " " << double(z) << " " << double(w);
      if (std::isfinite(product))
        ASSERT_EQ(y[8 * i + 5],
                  format.nearest((long double)format.value(format.nearest(product)) + w));
    }
  }
}

// Cases in which rounding a fused sum twice is wrong, made by hand: the product lies half way
// between two floats, and the third operand is what breaks the tie.
TEST(SmallFloats, AFusedSumIsNotRoundedTwice) {
  for (const Format &format : kFormats) {
    double unit = std::ldexp(1.0, -format.digits);
    // (1 + u) * (1 + 2^-d') has its half where two roundings see a tie.
    double a = 1 + unit, b = 1.5; // 1.5 + 1.5 u: half way between 1.5 + u and 1.5 + 2 u
    for (double tiny : {std::ldexp(1.0, -14), -std::ldexp(1.0, -14)}) {
      double c = tiny * (format.digits == 7 ? std::ldexp(1.0, -40) : std::ldexp(1.0, -10));
      auto bits = [&](double x) { return std::vector<uint16_t>(256, format.nearest(x)); };
      ASSERT_EQ(format.value(bits(c)[0]), c);
      Trial run("small-floats.ll", std::string(format.name) + "_arithmetic");
      run.input(bits(a)).input(bits(b)).input(bits(c)).output<uint16_t>(256 * 8);
      std::optional<Fault> fault = run({1}, {256}, 0);
      ASSERT_FALSE(fault) << fault->message();
      EXPECT_EQ(format.value(run.result<uint16_t>(3)[4]), 1.5 + (tiny > 0 ? 2 : 1) * unit);
    }
  }
}

TEST(SmallFloats, VectorsOfThem) {
  for (const Format &format : kFormats) {
    constexpr uint32_t count = 256 * 8;
    std::vector<float> xa = draw(count, 1), xb = draw(count, 2), xc = draw(count, 3);
    auto rounded = [&](const std::vector<float> &x) {
      std::vector<uint16_t> y;
      for (float v : x)
        y.push_back(format.nearest(v));
      return y;
    };
    std::vector<uint16_t> a = rounded(xa), b = rounded(xb), c = rounded(xc);
    Trial run("small-floats.ll", std::string(format.name) + "_vectors");
    run.input(a).input(b).input(c).output<uint16_t>(count);
    std::optional<Fault> fault = run({1}, {256}, 0);
    ASSERT_FALSE(fault) << fault->message();
    std::vector<uint16_t> y = run.result<uint16_t>(3);
    for (uint32_t i = 0; i < count; ++i) {
      double x = format.value(a[i]), z = format.value(b[i]), w = format.value(c[i]);
      double want = std::max(x, z) < w ? x : std::trunc(z) + 1;
      ASSERT_EQ(format.value(y[i]), -want) << i;
    }
  }
}

} // namespace
} // namespace dpc::emulator::test
