// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Optimizers in double precision against steps worked out by hand.
#include "dpc/Driver/Verify/Update.h"
#include "gtest/gtest.h"

#include <array>
#include <cmath>

using namespace dpc::verify;

namespace {

constexpr double kLr = 0.1;

double step(const std::string &optimizer, const dpcrt_update &options, int steps, double gradient) {
  std::vector<double> weights = {1};
  Moments moments;
  for (int t = 1; t <= steps; ++t)
    applyUpdate(optimizer, options, kLr, t, {gradient}, weights, moments);
  return weights[0];
}

// lr_scale, weight_decay, momentum, beta1, beta2, eps
dpcrt_update options(std::array<double, 6> v) {
  return {sizeof(dpcrt_update), v[0], v[1], v[2], v[3], v[4], v[5]};
}
const dpcrt_update kPlain = options({1, 0, 0.9, 0.9, 0.999, 0});

TEST(Update, Sgd) {
  EXPECT_DOUBLE_EQ(step("sgd", kPlain, 1, 2), 0.8);
  EXPECT_DOUBLE_EQ(step("sgd", options({1, 0.5, 0, 0, 0, 0}), 1, 2), 1 - 0.1 * 2.5);
  EXPECT_DOUBLE_EQ(step("sgd", options({0.5, 0, 0, 0, 0, 0}), 1, 2), 0.9);
}

TEST(Update, MomentumAddsUp) {
  EXPECT_DOUBLE_EQ(step("momentum", kPlain, 2, 1), 1 - 0.1 - 0.1 * 1.9);
}

// With a constant gradient both corrected moments are the gradient and its square,
// so that each step is the learning rate.
TEST(Update, AdamStepsByTheRate) {
  EXPECT_NEAR(step("adam", kPlain, 3, 7), 0.7, 1e-12);
  EXPECT_NEAR(step("adam", options({1, 0, 0, 0.9, 0.999, 7}), 1, 7), 0.95, 1e-12);
}

TEST(Update, DecayIsPartOfAdamsGradientAndNotOfAdamW) {
  // Adam divides the decay by the same root: no change of a first step.
  EXPECT_NEAR(step("adam", options({1, 0.5, 0, 0.9, 0.999, 0}), 1, 7), 0.9, 1e-12);
  EXPECT_NEAR(step("adamw", options({1, 0.5, 0, 0.9, 0.999, 0}), 1, 7), 0.95 - 0.1, 1e-12);
}

} // namespace
