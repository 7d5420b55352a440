// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Values: against plain loops, and bit for bit between fused kernels and their
// operations one by one, between splits of the range, for lengths that fit no
// vector.
#include "KernelRunner.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>

namespace dpc::codegen::test {
namespace {

const float inf = std::numeric_limits<float>::infinity();
const float nan_ = std::numeric_limits<float>::quiet_NaN();

std::string replaceAll(std::string text, const std::string &from, const std::string &to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

::testing::AssertionResult sameBits(const std::vector<float> &a, const std::vector<float> &b) {
  if (a.size() != b.size())
    return ::testing::AssertionFailure() << a.size() << " and " << b.size() << " elements";
  for (size_t i = 0; i < a.size(); ++i)
    if (std::memcmp(&a[i], &b[i], sizeof(float)) != 0)
      return ::testing::AssertionFailure() << "element " << i << ": " << a[i] << " and " << b[i];
  return ::testing::AssertionSuccess();
}

::testing::AssertionResult near(const std::vector<float> &a, const std::vector<double> &b,
                                double relative, double absolute = 1e-7) {
  if (a.size() != b.size())
    return ::testing::AssertionFailure() << a.size() << " and " << b.size() << " elements";
  for (size_t i = 0; i < a.size(); ++i)
    if (!(std::abs(a[i] - b[i]) <= relative * std::abs(b[i]) + absolute) &&
        !(std::isnan(a[i]) && std::isnan(b[i])) && a[i] != b[i])
      return ::testing::AssertionFailure()
             << "element " << i << ": " << a[i] << ", expected " << b[i];
  return ::testing::AssertionSuccess();
}

std::string unary(const std::string &name, int64_t n) {
  return replaceAll(
      "func.func private @k_" + name +
          "(%x: tensor<Nxf32>) -> tensor<Nxf32> attributes {dualpipe.kernel} {\n %0 = nn." + name +
          " %x : tensor<Nxf32>\n return %0 : tensor<Nxf32>\n}\n",
      "N", std::to_string(n));
}

class Targets : public ::testing::TestWithParam<const char *> {};
INSTANTIATE_TEST_SUITE_P(All, Targets, ::testing::Values("cpu", "cpu:native"));

TEST_P(Targets, Functions) {
  const int64_t n = 4099;
  struct Case {
    const char *name;
    double (*reference)(double);
    float scale;
    double relative, absolute;
  };
  const Case cases[] = {
      {"exp", std::exp, 25, 3e-7, 0},      {"log", std::log, 100, 3e-7, 1e-7},
      {"tanh", std::tanh, 5, 6e-7, 0},     {"erf", std::erf, 3, 6e-7, 1e-7},
      {"sqrt", std::sqrt, 9, 6e-8, 0},     {"sin", std::sin, 3000, 3e-7, 2e-7},
      {"cos", std::cos, 3000, 3e-7, 2e-7}, {"floor", std::floor, 9, 0, 0},
      {"ceil", std::ceil, 9, 0, 0},        {"abs", std::fabs, 9, 0, 0},
  };
  std::string text;
  for (const Case &c : cases)
    text += unary(c.name, n);
  KernelRunner runner(text, GetParam());
  for (const Case &c : cases) {
    std::vector<float> x = randomFloats(n, 7, c.scale);
    if (std::string(c.name) == "log" || std::string(c.name) == "sqrt")
      for (float &v : x)
        v = std::fabs(v);
    const float special[] = {0.0f, 1.0f, inf, nan_, 1e-6f};
    std::copy(std::begin(special), std::end(special), x.begin() + 17);
    x.back() = x[17];
    std::vector<double> expected;
    for (float v : x)
      expected.push_back(c.reference(v));
    EXPECT_TRUE(
        near(runner.runFloats(std::string("k_") + c.name, {x}), expected, c.relative, c.absolute))
        << c.name;
  }
}

TEST_P(Targets, ExpOfMinusInfinityIsZero) {
  KernelRunner runner(unary("exp", 37), GetParam());
  std::vector<float> y = runner.runFloats("k_exp", {std::vector<float>(37, -inf)});
  for (float v : y)
    EXPECT_EQ(v, 0.0f);
}

// Integers wrap around, and quotients truncate towards zero; in whole vectors, tails
// and single elements.
template <typename T> void checkIntegers(const char *type, const char *target) {
  using Unsigned = std::make_unsigned_t<T>;
  auto wrapped = [](auto value) { return static_cast<T>(value); };
  struct Case {
    const char *name;
    T (*apply)(T, T);
  };
  const Case cases[] = {
      {"add", [](T a, T b) { return T(Unsigned(a) + Unsigned(b)); }},
      {"sub", [](T a, T b) { return T(Unsigned(a) - Unsigned(b)); }},
      {"mul", [](T a, T b) { return T(Unsigned(a) * Unsigned(b)); }},
      {"div", [](T a, T b) { return T(a / b); }},
      {"max", [](T a, T b) { return std::max(a, b); }},
      {"min", [](T a, T b) { return std::min(a, b); }},
  };
  const T least = std::numeric_limits<T>::min(), most = std::numeric_limits<T>::max();
  for (int64_t n : {1, 7, 37, 1000}) {
    std::vector<T> a, b;
    uint64_t state = 88172645463325252u;
    for (int64_t i = 0; i < n; ++i) {
      for (std::vector<T> *list : {&a, &b}) {
        state ^= state << 13, state ^= state >> 7, state ^= state << 17;
        list->push_back(T(i % 3 ? state : state % 17));
      }
      if (b.back() == 0 || b.back() == T(-1)) // neither quotient is a number of the type
        b.back() = 3;
    }
    const std::pair<T, T> corners[] = {{least, 1}, {most, most}, {least, least},
                                       {most, 2},  {-7, 2},      {7, -2}};
    for (size_t i = 0; i < std::size(corners) && i < size_t(n); ++i)
      std::tie(a[i], b[i]) = corners[i];
    std::string text, shape = "tensor<" + std::to_string(n) + "x" + type + ">";
    for (const Case &c : cases)
      text += replaceAll(std::string("func.func private @k_") + c.name +
                             "(%x: T, %y: T) -> T attributes {dualpipe.kernel} {\n  %0 = nn." +
                             c.name + " %x, %y : T\n  return %0 : T\n}\n",
                         "T", shape);
    KernelRunner runner(text, target);
    for (const Case &c : cases) {
      std::vector<T> expected;
      for (int64_t i = 0; i < n; ++i)
        expected.push_back(c.apply(a[i], b[i]));
      std::vector<Bytes> result =
          runner.run(std::string("k_") + c.name, {toBytes(a), toBytes(b)}, n > 1 ? 2 : 1);
      ASSERT_EQ(result.size(), 1u);
      EXPECT_EQ(fromBytes<T>(result[0]), expected) << c.name << " of " << n << " " << type;
    }
  }
}

TEST_P(Targets, Integers) {
  checkIntegers<int32_t>("i32", GetParam());
  checkIntegers<int64_t>("i64", GetParam());
}

// Bytes without a sign are compared and widened as such, also where another operation
// stands before.
TEST_P(Targets, UnsignedBytes) {
  const int64_t n = 256;
  KernelRunner runner(R"(
func.func private @k_widen(%x: tensor<256xui8>) -> (tensor<256xf32>, tensor<256xi64>) attributes {dualpipe.kernel} {
  %0 = nn.cast %x : tensor<256xui8> to tensor<256xf32>
  %1 = nn.cast %x : tensor<256xui8> to tensor<256xi64>
  return %0, %1 : tensor<256xf32>, tensor<256xi64>
}
func.func private @k_chain(%x: tensor<256xi64>, %y: tensor<256xui8>) -> tensor<256xf32> attributes {dualpipe.kernel} {
  %0 = nn.cast %x : tensor<256xi64> to tensor<256xui8>
  %1 = nn.compare lt, %0, %y : tensor<256xui8>
  %2 = nn.select %1, %y, %0 : tensor<256xui8>
  %3 = nn.cast %2 : tensor<256xui8> to tensor<256xf32>
  return %3 : tensor<256xf32>
})",
                      GetParam());
  std::vector<uint8_t> bytes, reversed;
  std::vector<int64_t> wide;
  std::vector<float> numbers, largest;
  for (int64_t i = 0; i < n; ++i) {
    bytes.push_back(uint8_t(i));
    reversed.push_back(uint8_t(255 - i));
    wide.push_back(i);
    numbers.push_back(float(i));
    largest.push_back(float(std::max(i, 255 - i)));
  }
  std::vector<Bytes> widened = runner.run("k_widen", {toBytes(bytes)});
  ASSERT_EQ(widened.size(), 2u);
  EXPECT_EQ(fromBytes<float>(widened[0]), numbers);
  EXPECT_EQ(fromBytes<int64_t>(widened[1]), wide);
  std::vector<Bytes> chained = runner.run("k_chain", {toBytes(wide), toBytes(reversed)});
  ASSERT_EQ(chained.size(), 1u);
  EXPECT_EQ(fromBytes<float>(chained[0]), largest);
}

// A vector and its tail, and the scalar code of rows of one element, agree.
TEST_P(Targets, TailsEqualVectors) {
  for (const char *name : {"exp", "tanh", "erf", "log", "sin", "sigmoid"}) {
    std::vector<float> x = randomFloats(1000, 3, 4);
    for (float &v : x)
      v = std::string(name) == "log" ? std::fabs(v) : v;
    KernelRunner all(unary(name, 1000), GetParam());
    std::vector<float> expected = all.runFloats(std::string("k_") + name, {x});
    for (int64_t n : {1, 7, 33, 101}) {
      KernelRunner part(unary(name, n), GetParam());
      std::vector<float> head(x.begin(), x.begin() + n);
      EXPECT_TRUE(sameBits(part.runFloats(std::string("k_") + name, {head}),
                           std::vector<float>(expected.begin(), expected.begin() + n)))
          << name << " " << n;
    }
  }
}

const char *kSoftmax = R"(
func.func private @k_fused(%x: tensor<RxNxf32>, %m: tensor<RxNxf32>) -> (tensor<RxNxf32>, tensor<RxNxf32>) attributes {dualpipe.kernel} {
  %0 = nn.add %x, %m : tensor<RxNxf32>
  %1 = nn.softmax %0 : tensor<RxNxf32>
  %2 = nn.softmax_grad %x, %1 : tensor<RxNxf32>
  return %1, %2 : tensor<RxNxf32>, tensor<RxNxf32>
}
func.func private @k_add(%x: tensor<RxNxf32>, %m: tensor<RxNxf32>) -> tensor<RxNxf32> attributes {dualpipe.kernel} {
  %0 = nn.add %x, %m : tensor<RxNxf32>
  return %0 : tensor<RxNxf32>
}
func.func private @k_softmax(%x: tensor<RxNxf32>) -> tensor<RxNxf32> attributes {dualpipe.kernel} {
  %0 = nn.softmax %x : tensor<RxNxf32>
  return %0 : tensor<RxNxf32>
}
func.func private @k_grad(%g: tensor<RxNxf32>, %y: tensor<RxNxf32>) -> tensor<RxNxf32> attributes {dualpipe.kernel} {
  %0 = nn.softmax_grad %g, %y : tensor<RxNxf32>
  return %0 : tensor<RxNxf32>
})";

TEST_P(Targets, FusedSoftmaxEqualsItsOperations) {
  const int64_t rows = 6;
  for (int64_t n : {1, 7, 33, 101, 256, 1000, 4097}) {
    KernelRunner runner(
        replaceAll(replaceAll(kSoftmax, "RxN", "6xN"), "xNx", "x" + std::to_string(n) + "x"),
        GetParam());
    std::vector<float> x = randomFloats(rows * n, 5, 3), m(rows * n, 0.0f);
    for (int64_t i = 0; i < n; i += 3)
      m[2 * n + i] = i + 1 < n ? -inf : 0.0f;
    std::vector<Bytes> fused = runner.run("k_fused", {toBytes(x), toBytes(m)});
    ASSERT_EQ(fused.size(), 2u);
    std::vector<float> sum = runner.runFloats("k_add", {x, m}),
                       y = runner.runFloats("k_softmax", {sum}),
                       g = runner.runFloats("k_grad", {x, y});
    EXPECT_TRUE(sameBits(fromBytes<float>(fused[0]), y)) << n;
    EXPECT_TRUE(sameBits(fromBytes<float>(fused[1]), g)) << n;
    // Splits do not matter.
    std::vector<Bytes> split = runner.run("k_fused", {toBytes(x), toBytes(m)}, 4);
    EXPECT_EQ(split, fused) << n;
    // And it is softmax; masked positions are exactly zero.
    std::vector<double> expected;
    for (int64_t r = 0; r < rows; ++r) {
      double max = -inf, total = 0;
      for (int64_t i = 0; i < n; ++i)
        max = std::max<double>(max, sum[r * n + i]);
      for (int64_t i = 0; i < n; ++i)
        total += std::exp(sum[r * n + i] - max);
      for (int64_t i = 0; i < n; ++i)
        expected.push_back(std::exp(sum[r * n + i] - max) / total);
    }
    EXPECT_TRUE(near(y, expected, 2e-6)) << n;
    for (int64_t i = 0; i < rows * n; ++i)
      if (m[i] == -inf) {
        EXPECT_EQ(y[i], 0.0f);
      }
  }
}

TEST_P(Targets, SoftmaxOfAllMaskedRowIsNaN) {
  KernelRunner runner(replaceAll(replaceAll(kSoftmax, "RxN", "6xN"), "xNx", "x40x"), GetParam());
  std::vector<float> x = randomFloats(240, 5);
  std::fill(x.begin() + 40, x.begin() + 80, -inf);
  x[85] = nan_;
  std::vector<float> y = runner.runFloats("k_softmax", {x});
  for (int i = 0; i < 240; ++i)
    EXPECT_EQ(std::isnan(y[i]), i >= 40 && i < 120) << i;
}

const char *kLayerNorm = R"(
func.func private @k_fused(%a: tensor<2x3xNxf32>, %b: tensor<2x3xNxf32>, %s: tensor<Nxf32>, %t: tensor<Nxf32>)
    -> (tensor<2x3xNxf32>, tensor<2x3xNxf32>, tensor<2x3xf32>, tensor<2x3xf32>) attributes {dualpipe.kernel} {
  %x = nn.add %a, %b : tensor<2x3xNxf32>
  %y, %m, %r = nn.layer_norm %x, %s, %t epsilon 1.0e-5 : tensor<2x3xNxf32>, tensor<Nxf32>, tensor<Nxf32>
  return %x, %y, %m, %r : tensor<2x3xNxf32>, tensor<2x3xNxf32>, tensor<2x3xf32>, tensor<2x3xf32>
}
func.func private @k_norm(%x: tensor<2x3xNxf32>, %s: tensor<Nxf32>, %t: tensor<Nxf32>)
    -> (tensor<2x3xNxf32>, tensor<2x3xf32>, tensor<2x3xf32>) attributes {dualpipe.kernel} {
  %y, %m, %r = nn.layer_norm %x, %s, %t epsilon 1.0e-5 : tensor<2x3xNxf32>, tensor<Nxf32>, tensor<Nxf32>
  return %y, %m, %r : tensor<2x3xNxf32>, tensor<2x3xf32>, tensor<2x3xf32>
}
func.func private @k_dx(%g: tensor<2x3xNxf32>, %x: tensor<2x3xNxf32>, %s: tensor<Nxf32>, %m: tensor<2x3xf32>, %r: tensor<2x3xf32>)
    -> tensor<2x3xNxf32> attributes {dualpipe.kernel} {
  %y = nn.layer_norm_dx %g, %x, %s, %m, %r : tensor<2x3xNxf32>, tensor<Nxf32>, tensor<2x3xf32>
  return %y : tensor<2x3xNxf32>
}
func.func private @k_dscale(%g: tensor<2x3xNxf32>, %x: tensor<2x3xNxf32>, %m: tensor<2x3xf32>, %r: tensor<2x3xf32>)
    -> (tensor<Nxf32>, tensor<Nxf32>) attributes {dualpipe.kernel} {
  %y = nn.layer_norm_dscale %g, %x, %m, %r : tensor<2x3xNxf32>, tensor<2x3xf32> to tensor<Nxf32>
  %z = nn.reduce_sum %g [0, 1] : tensor<2x3xNxf32> to tensor<Nxf32>
  return %y, %z : tensor<Nxf32>, tensor<Nxf32>
})";

TEST_P(Targets, LayerNormAndItsDerivatives) {
  for (int64_t n : {1, 7, 33, 101, 1000, 4097}) {
    KernelRunner runner(replaceAll(kLayerNorm, "Nx", std::to_string(n) + "x"), GetParam());
    std::vector<float> a = randomFloats(6 * n, 1), b = randomFloats(6 * n, 2),
                       s = randomFloats(n, 3), t = randomFloats(n, 4), g = randomFloats(6 * n, 6);
    std::vector<Bytes> fused =
        runner.run("k_fused", {toBytes(a), toBytes(b), toBytes(s), toBytes(t)});
    ASSERT_EQ(fused.size(), 4u);
    std::vector<float> x(6 * n);
    for (int64_t i = 0; i < 6 * n; ++i)
      x[i] = a[i] + b[i];
    EXPECT_TRUE(sameBits(fromBytes<float>(fused[0]), x));
    std::vector<Bytes> plain = runner.run("k_norm", {toBytes(x), toBytes(s), toBytes(t)}, 3);
    EXPECT_EQ(fused[1], plain[0]) << n;
    EXPECT_EQ(fused[2], plain[1]) << n;
    EXPECT_EQ(fused[3], plain[2]) << n;
    std::vector<double> y, dx, dscale(n), dbias(n);
    for (int64_t r = 0; r < 6; ++r) {
      double mean = 0, var = 0, ga = 0, gx = 0;
      for (int64_t i = 0; i < n; ++i)
        mean += x[r * n + i] / double(n);
      for (int64_t i = 0; i < n; ++i)
        var += (x[r * n + i] - mean) * (x[r * n + i] - mean) / double(n);
      double rstd = 1 / std::sqrt(var + 1e-5);
      for (int64_t i = 0; i < n; ++i) {
        double xhat = (x[r * n + i] - mean) * rstd, gs = double(g[r * n + i]) * s[i];
        y.push_back(xhat * s[i] + t[i]);
        ga += gs / n;
        gx += gs * xhat / n;
        dscale[i] += g[r * n + i] * xhat;
        dbias[i] += g[r * n + i];
      }
      for (int64_t i = 0; i < n; ++i)
        dx.push_back(rstd * (double(g[r * n + i]) * s[i] - ga - (x[r * n + i] - mean) * rstd * gx));
    }
    EXPECT_TRUE(near(fromBytes<float>(fused[1]), y, 2e-5, 1e-5)) << n;
    std::vector<Bytes> d =
        runner.run("k_dx", {toBytes(g), toBytes(x), toBytes(s), plain[1], plain[2]});
    EXPECT_TRUE(near(fromBytes<float>(d[0]), dx, 2e-5, n == 1 ? 1e-2 : 2e-5)) << n;
    std::vector<Bytes> c = runner.run("k_dscale", {toBytes(g), toBytes(x), plain[1], plain[2]}, 2);
    EXPECT_TRUE(near(fromBytes<float>(c[0]), dscale, 2e-5, 1e-4)) << n;
    EXPECT_TRUE(near(fromBytes<float>(c[1]), dbias, 1e-5, 1e-5)) << n;
  }
}

} // namespace
} // namespace dpc::codegen::test
