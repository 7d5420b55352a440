// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The bubbles and peaks that the literature gives in closed form, where they are
// exact; and what they are (bounds) where they are not. B is I + W.
#include "dpc/Schedule/core/Simulate.h"
#include "dpc/Schedule/generators/Generators.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <random>

using namespace dpc::schedule;

namespace {

constexpr double kRounding = 1e-9;

Simulation simulate(const std::string &name, unsigned ranks, unsigned microBatches,
                    const Costs &costs) {
  Result<Table> table = generate(name, {ranks, microBatches, {}});
  EXPECT_TRUE(table.ok()) << table.error();
  Result<Simulation> result = dpc::schedule::simulate(*table, costs);
  EXPECT_TRUE(result.ok()) << result.error();
  return *result;
}

struct Draw {
  std::mt19937 engine;
  explicit Draw(uint32_t seed) : engine(seed) {}
  /// A time of some thousandths.
  double time(unsigned most = 5000) { return (1 + engine() % most) / 1000.0; }
  Costs costs() {
    Costs costs{time(), time(), time(), 0, 0};
    costs.pair = costs.forward + costs.input + costs.weight;
    return costs;
  }
};

std::string describe(unsigned ranks, unsigned microBatches, const Costs &c) {
  return "P = " + std::to_string(ranks) + ", M = " + std::to_string(microBatches) +
         ", F/I/W/FB/comm = " + std::to_string(c.forward) + "/" + std::to_string(c.input) + "/" +
         std::to_string(c.weight) + "/" + std::to_string(c.pair) + "/" + std::to_string(c.comm);
}

/// Calls `visit` with ranks, micro-batches and drawn costs.
template <typename Visit> void forSizes(unsigned seed, Visit visit) {
  Draw draw(seed);
  for (unsigned ranks = 1; ranks <= 9; ++ranks)
    for (unsigned microBatches : {1u, 2u, ranks, ranks + 1, 2 * ranks, 3 * ranks + 1, 25u})
      for (unsigned i = 0; i < 8; ++i) {
        Costs costs = draw.costs();
        SCOPED_TRACE("seed " + std::to_string(seed) + ", " + describe(ranks, microBatches, costs));
        visit(ranks, microBatches, costs, draw);
      }
}

// Huang et al. 2019: (P - 1)(F + B) idle on every rank, and M activations. Every
// message of the first and the last micro-batch is waited for, no other.
TEST(ClosedForm, Gpipe) {
  forSizes(1, [](unsigned P, unsigned M, Costs costs, Draw &draw) {
    for (double comm : {0.0, draw.time()}) {
      costs.comm = comm;
      Simulation got = simulate("gpipe", P, M, costs);
      double idle = (P - 1) * (costs.forward + costs.input + costs.weight + 2 * comm);
      for (unsigned r = 0; r < P; ++r) {
        EXPECT_NEAR(got.idle[r], idle, kRounding);
        EXPECT_EQ(got.peakActivations[r], M);
      }
    }
  });
}

// Narayanan et al. 2021: the same bubble, P - r activations on rank r.
TEST(ClosedForm, OneForwardOneBackward) {
  forSizes(2, [](unsigned P, unsigned M, const Costs &costs, Draw &) {
    Simulation got = simulate("1f1b", P, M, costs);
    double B = costs.input + costs.weight;
    for (unsigned r = 0; r < P; ++r) {
      EXPECT_NEAR(got.idle[r], (P - 1) * (costs.forward + B), kRounding);
      EXPECT_EQ(got.peakActivations[r], std::min(M, P - r));
    }
  });
}

// With messages: at least those of the first micro-batch's way there and the last
// one's way back are waited for, at most two for every forward and backward of the
// longest chain. One rank sends none.
TEST(ClosedForm, OneForwardOneBackwardWithMessages) {
  forSizes(3, [](unsigned P, unsigned M, Costs costs, Draw &draw) {
    double work = costs.forward + costs.input + costs.weight;
    costs.comm = draw.time();
    double got = simulate("1f1b", P, M, costs).makespan;
    EXPECT_GE(got, (M + P - 1) * work + 2 * (P - 1) * costs.comm - kRounding);
    EXPECT_LE(got, (M + P - 1) * (work + (P > 1 ? 2 * costs.comm : 0)) + kRounding);
  });
}

// Qi et al. 2024: (P - 1)(F + I - W) idle, and (P - 1) F where W is longer than I,
// from P micro-batches on; exact unless I and W are both longer than F, and never
// less. P activations on every rank.
TEST(ClosedForm, ZbH1) {
  unsigned exact = 0;
  forSizes(4, [&](unsigned P, unsigned M, const Costs &costs, Draw &) {
    if (M < P)
      return;
    Simulation got = simulate("zb-h1", P, M, costs);
    double idle = (P - 1) * (costs.forward + std::max(0.0, costs.input - costs.weight));
    for (unsigned r = 0; r < P; ++r) {
      EXPECT_GE(got.idle[r], idle - kRounding);
      EXPECT_EQ(got.peakActivations[r], P);
      if (costs.input <= costs.forward || costs.weight <= costs.forward) {
        EXPECT_NEAR(got.idle[r], idle, kRounding);
        ++exact;
      }
    }
    // The bound of its placement, which it meets where I <= W.
    if (costs.input <= std::min(costs.forward, costs.weight))
      EXPECT_NEAR(got.makespan, got.lowerBound, kRounding);
  });
  EXPECT_GT(exact, 500u);
}

// DeepSeek 2024: (P/2 - 1)(F&B + B - 3W) for P stages, P + 1 activations; of
// DualPipeV the same for its 2P stages, with half the costs each. Exact on the
// rank that waits most if F = I = W.
struct Kin {
  const char *name;
  bool folded;
  double idle(unsigned P, const Costs &c) const {
    double stages = (folded ? P - 1 : P / 2.0 - 1) * (c.pair + c.input + c.weight - 3 * c.weight);
    return folded ? stages / 2 : stages;
  }
  double peak(unsigned P) const { return folded ? P + 0.5 : P + 1; }
};
constexpr Kin kKin[] = {{"dualpipe", false}, {"dualpipev", true}};

TEST(ClosedForm, DualPipeOfEqualCosts) {
  Draw draw(5);
  for (const Kin &kin : kKin)
    for (unsigned P = kin.folded ? 1 : 2; P <= 12; P += kin.folded ? 1 : 2)
      for (unsigned M : {2 * P, 2 * P + 2, 3 * P, 4 * P, 4 * P + 6})
        for (unsigned i = 0; i < 5; ++i) {
          M += M % 2;
          double unit = draw.time();
          Costs costs{unit, unit, unit, unit * (2 + i / 4.0), 0};
          SCOPED_TRACE(std::string(kin.name) + ", " + describe(P, M, costs));
          Simulation got = simulate(kin.name, P, M, costs);
          EXPECT_NEAR(*std::max_element(got.idle.begin(), got.idle.end()), kin.idle(P, costs),
                      1e-6);
          for (double peak : got.peakActivations)
            EXPECT_EQ(peak, kin.peak(P));
        }
}

// Where W <= F <= I the formula is a bound; messages are beside it.
TEST(ClosedForm, DualPipeOfUnequalCosts) {
  for (uint32_t seed = 0; seed < 3000; ++seed) {
    Draw draw(seed);
    double times[3] = {draw.time(), draw.time(), draw.time()};
    std::sort(times, times + 3);
    Costs costs{times[1], times[2], times[0], 0, 0};
    double B = costs.input + costs.weight;
    costs.pair = std::max(costs.forward, B) + std::min(costs.forward, B) * (draw.engine() % 5) / 4;
    for (const Kin &kin : kKin) {
      unsigned P = 2 * (1 + draw.engine() % 5), M = 2 * P + 2 * (draw.engine() % 9);
      SCOPED_TRACE("seed " + std::to_string(seed) + ", " + kin.name + ", " + describe(P, M, costs));
      Simulation got = simulate(kin.name, P, M, costs);
      for (double idle : got.idle)
        EXPECT_LE(idle, kin.idle(P, costs) + kRounding);
      for (double peak : got.peakActivations)
        EXPECT_EQ(peak, kin.peak(P));
    }
  }
}

// DualPipe keeps two copies of the model: a micro-batch less per direction is no
// legal one.
TEST(ClosedForm, NearestLegalSizesAreNamed) {
  EXPECT_EQ(generate("dualpipe", {4, 7, {}}).error(),
            "dualpipe needs an even number of micro-batches, at least 2 x ranks, got --pp 4 "
            "--micro-batches 7; --micro-batches 8 would be legal");
  EXPECT_EQ(generate("dualpipe", {4, 9, {}}).error(),
            "dualpipe needs an even number of micro-batches, at least 2 x ranks, got --pp 4 "
            "--micro-batches 9; --micro-batches 10 would be legal");
  EXPECT_EQ(generate("dualpipev", {3, 5, {}}).error(),
            "dualpipev needs at least 2 x ranks micro-batches, got --pp 3 --micro-batches 5; "
            "--micro-batches 6 would be legal");
  for (const char *name : {"gpipe", "1f1b", "zb-h1", "dualpipe", "dualpipev"}) {
    EXPECT_FALSE(generate(name, {0, 4, {}}).ok());
    EXPECT_FALSE(generate(name, {4, 0, {}}).ok());
    EXPECT_FALSE(generate(name, {kMaxRanks + 1, 4, {}}).ok());
    EXPECT_FALSE(generate(name, {4, kMaxMicroBatches + 1, {}}).ok());
    EXPECT_NE(generate(name, {4, 8, {{"depth", 1}}}).error().find("has no option 'depth'"),
              std::string::npos);
  }
}

} // namespace
