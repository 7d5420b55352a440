// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The sums of squares behind a norm: their bits are a function of the elements
// alone, whoever computes which blocks.
#include "dpc/Optimizer/Update.h"

#include "../Codegen/KernelRunner.h"
#include "dpc/Dialect/DualPipe/DualPipe.h"

#include <cmath>
#include <gtest/gtest.h>

using namespace mlir;
using dpc::codegen::test::KernelRunner;
using dpc::codegen::test::ParsedModule;
using dpc::codegen::test::randomFloats;

namespace dpc::optimizer {
namespace {

using Floats = std::vector<float>;

// Kernels for gradients of some sizes and for sums of some counts, compiled together.
class Squares {
public:
  Squares(std::vector<int64_t> sizes, std::vector<int64_t> counts, int64_t counters = 1) {
    ParsedModule parsed("");
    ModuleOp module = *parsed.module;
    module.getContext()->loadDialect<func::FuncDialect, nn::NNDialect, dualpipe::DualPipeDialect>();
    Type f32 = Float32Type::get(module.getContext());
    auto add = [&](int64_t blocks, int64_t length) {
      if (blocks > 0 && length > 0)
        symbols[{blocks, length}] =
            buildBlockSquares(module, blocks, length, f32, counters).getName().str();
    };
    for (int64_t size : sizes) {
      add(size / kSquareBlock, kSquareBlock);
      add(1, size % kSquareBlock);
    }
    for (int64_t count : counts)
      totals[count] = buildRunningSum(module, count).getName().str();
    std::string text;
    llvm::raw_string_ostream(text) << module;
    runner = std::make_unique<KernelRunner>(text);
  }

  // The sums of a gradient's blocks, each kernel's range in so many pieces.
  Floats of(const Floats &values, int64_t pieces = 1) const {
    int64_t size = values.size(), whole = size / kSquareBlock;
    auto rest = values.begin() + whole * kSquareBlock;
    Floats sums;
    auto append = [&](int64_t blocks, int64_t length, Floats part) {
      if (blocks == 0 || length == 0)
        return;
      Floats found = runner->runFloats(symbols.at({blocks, length}), {std::move(part)}, pieces);
      EXPECT_EQ(int64_t(found.size()), blocks);
      sums.insert(sums.end(), found.begin(), found.end());
    };
    append(whole, kSquareBlock, {values.begin(), rest});
    append(1, size % kSquareBlock, {rest, values.end()});
    return sums;
  }
  float total(const Floats &sums) const {
    return runner->runFloats(totals.at(sums.size()), {sums}).back();
  }
  int64_t rangeOf(int64_t blocks) const {
    return runner->info(symbols.at({blocks, kSquareBlock})).range;
  }

private:
  std::map<std::pair<int64_t, int64_t>, std::string> symbols;
  std::map<int64_t, std::string> totals;
  std::unique_ptr<KernelRunner> runner;
};

bool sameBits(const Floats &a, const Floats &b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

constexpr int64_t kSizes[] = {1,
                              17,
                              kSquareBlock - 1,
                              kSquareBlock,
                              kSquareBlock + 1,
                              7 * kSquareBlock,
                              23 * kSquareBlock + 1234};

TEST(Squares, AreThoseOfTheElements) {
  Squares squares({std::begin(kSizes), std::end(kSizes)}, {});
  for (int64_t size : kSizes) {
    Floats values = randomFloats(size, 3), sums = squares.of(values);
    ASSERT_EQ(int64_t(sums.size()), (size + kSquareBlock - 1) / kSquareBlock);
    for (size_t block = 0; block < sums.size(); ++block) {
      double expected = 0;
      for (int64_t i = block * kSquareBlock;
           i < std::min<int64_t>(size, (block + 1) * kSquareBlock); ++i)
        expected += double(values[i]) * values[i];
      EXPECT_NEAR(sums[block], expected, 1e-6 * expected) << size << ", block " << block;
    }
  }
}

TEST(Squares, DoNotDependOnTheSplit) {
  Squares squares({std::begin(kSizes), std::end(kSizes)}, {});
  EXPECT_EQ(squares.rangeOf(23), 23) << "every block can go to another thread";
  for (int64_t size : kSizes) {
    Floats values = randomFloats(size, 5), whole = squares.of(values);
    for (int64_t pieces = 2; pieces <= 4; ++pieces)
      EXPECT_TRUE(sameBits(whole, squares.of(values, pieces))) << size << " in " << pieces;
  }
}

TEST(Squares, OfShardsAreThoseOfTheWhole) {
  const int64_t blocks = 23, size = blocks * kSquareBlock + 1234;
  std::vector<int64_t> sizes = {size};
  for (int64_t cut = 1; cut <= blocks; ++cut) {
    sizes.push_back(cut * kSquareBlock);
    sizes.push_back(size - cut * kSquareBlock);
  }
  Squares squares(sizes, {blocks + 1});
  for (unsigned seed = 0; seed < 3; ++seed) {
    Floats values = randomFloats(size, seed, 1e-3f), whole = squares.of(values);
    float norm = std::sqrt(squares.total(whole));
    for (int64_t cut = 1; cut <= blocks; ++cut) {
      auto middle = values.begin() + cut * kSquareBlock;
      Floats sums = squares.of({values.begin(), middle}),
             second = squares.of({middle, values.end()});
      sums.insert(sums.end(), second.begin(), second.end());
      EXPECT_TRUE(sameBits(whole, sums)) << "cut at block " << cut;
      EXPECT_TRUE(sameBits({norm}, {std::sqrt(squares.total(sums))})) << "cut at block " << cut;
    }
  }
}

// So a shard can go on from the sum of the one before it.
TEST(Squares, AreAddedInAscendingOrder) {
  for (int64_t count : {1, 2, 63, 64, 65, 300}) {
    Squares squares({}, {count});
    Floats sums = randomFloats(count, 9);
    float expected = 0;
    for (float sum : sums)
      expected += sum;
    EXPECT_TRUE(sameBits({expected}, {squares.total(sums)})) << count;
  }
}

// Expert ranks that compute the same gradient count it once between them.
TEST(Squares, AreSharedByThoseWhoCountThem) {
  const int64_t size = 3 * kSquareBlock + 5;
  Squares one({size}, {}), four({size}, {}, 4);
  Floats values = randomFloats(size, 11), whole = one.of(values), quarter = four.of(values);
  for (float &sum : quarter)
    sum *= 4;
  EXPECT_TRUE(sameBits(whole, quarter));
}

} // namespace
} // namespace dpc::optimizer
