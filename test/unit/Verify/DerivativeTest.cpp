// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The check of derivative rules, on functions whose gradients are known: a right
// gradient passes whatever its size, a wrong one is named.
#include "dpc/Driver/Verify/Derivative.h"
#include "gtest/gtest.h"

#include <cmath>

using namespace mlir;
using namespace dpc::verify;
using dpc::reference::Tensor;

namespace {

// sum(exp(a)) + 1e-9 * sum(b^3) + sum(sin(c)) and nothing of d.
struct Example {
  NamedTensors parameters{{"a", Tensor::fromFloats({2}, {0.5, -1})},
                          {"b", Tensor::fromFloats({2}, {2, 3})},
                          {"c", Tensor::fromFloats({3}, {0.1, 0.2, 0.3})},
                          {"d", Tensor::fromFloats({1}, {4})}};
  NamedTensors gradients;
  Loss loss = [](const NamedTensors &p) -> FailureOr<double> {
    double sum = 0;
    for (double x : p.at("a").floats)
      sum += std::exp(x);
    for (double x : p.at("b").floats)
      sum += 1e-9 * x * x * x;
    for (double x : p.at("c").floats)
      sum += std::sin(x);
    return sum;
  };

  Example() {
    gradients = parameters;
    for (double &x : gradients["a"].floats)
      x = std::exp(x);
    for (double &x : gradients["b"].floats)
      x = 3e-9 * x * x;
    for (double &x : gradients["c"].floats)
      x = std::cos(x);
    gradients["d"].floats = {0};
  }
  std::string wrongParameter() {
    FailureOr<DerivativeCheck> check = checkDerivative(loss, parameters, gradients);
    EXPECT_TRUE(succeeded(check));
    return check->parameter;
  }
};

TEST(Derivative, RightGradientsPass) {
  Example example;
  FailureOr<DerivativeCheck> check =
      checkDerivative(example.loss, example.parameters, example.gradients);
  ASSERT_TRUE(succeeded(check));
  EXPECT_EQ(check->parameter, "");
  EXPECT_LT(check->distance(), 1e-8);
}

TEST(Derivative, HeldElementsDoNotMove) {
  Example example;
  example.gradients["c"].floats[1] = 0;
  EXPECT_EQ(example.wrongParameter(), "c");
  FailureOr<DerivativeCheck> check =
      checkDerivative(example.loss, example.parameters, example.gradients, {{"c", {1}}});
  ASSERT_TRUE(succeeded(check));
  EXPECT_EQ(check->parameter, "");
}

TEST(Derivative, WrongSizeIsNamed) {
  Example example;
  for (double &x : example.gradients["c"].floats)
    x *= 1.01;
  EXPECT_EQ(example.wrongParameter(), "c");
}

TEST(Derivative, WrongSignIsNamed) {
  Example example;
  example.gradients["a"].floats[1] *= -1;
  EXPECT_EQ(example.wrongParameter(), "a");
}

TEST(Derivative, WrongDirectionIsNamed) {
  Example example;
  std::swap(example.gradients["a"].floats[0], example.gradients["a"].floats[1]);
  EXPECT_EQ(example.wrongParameter(), "a");
}

TEST(Derivative, MissingGradientIsNamed) {
  Example example;
  example.gradients["c"].floats = {0, 0, 0};
  EXPECT_EQ(example.wrongParameter(), "c");
}

TEST(Derivative, GradientOfNothingIsNamed) {
  Example example;
  example.gradients["d"].floats = {1};
  EXPECT_EQ(example.wrongParameter(), "d");
}

TEST(Derivative, NotANumberDisagrees) {
  Example example;
  example.gradients["b"].floats[0] = NAN;
  EXPECT_EQ(example.wrongParameter(), "b");
}

// A choice of experts: the loss jumps where another one is chosen, close to the point.
TEST(Derivative, JumpNearThePointIsNoDisagreement) {
  Example example;
  Loss smooth = example.loss;
  example.loss = [smooth](const NamedTensors &p) -> FailureOr<double> {
    return *smooth(p) + (p.at("a").floats[0] > 0.5 + 2e-6 ? 0.01 : 0);
  };
  EXPECT_EQ(example.wrongParameter(), "");
  example.gradients["a"].floats[0] *= 1.01;
  EXPECT_EQ(example.wrongParameter(), "a");
}

TEST(Derivative, ErrorOfTheLossIsPassedOn) {
  Example example;
  Loss broken = [](const NamedTensors &) -> FailureOr<double> { return failure(); };
  EXPECT_TRUE(failed(checkDerivative(broken, example.parameters, example.gradients)));
}

} // namespace
