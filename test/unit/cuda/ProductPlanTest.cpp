// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which products of cuBLASLt the products of programs are. A plan is computed with plain loops, as
// the library would, and compared with the product itself.
#include "devices/cuda/ProductPlan.h"
#include "PlainProduct.h"
#include <gtest/gtest.h>
#include <numeric>
#include <random>

namespace dpcrt::cuda {
namespace {
using Strides = std::vector<uint64_t>;
using Values = std::vector<int64_t>;

// One more than the last element that is reached.
uint64_t reach(std::vector<uint64_t> extents, const Strides &strides) {
  uint64_t last = 0;
  for (size_t i = 0; i < extents.size(); ++i)
    last += (extents[i] - 1) * strides[i];
  return last + 1;
}

std::vector<uint64_t> extentsOf(const ProductShape &shape, uint64_t rows, uint64_t columns) {
  std::vector<uint64_t> extents = shape.batch;
  extents.push_back(rows);
  extents.push_back(columns);
  return extents;
}

Values numbers(uint64_t count, int64_t seed) {
  Values values(count);
  for (size_t i = 0; i < count; ++i)
    values[i] = int64_t(i * 7 + uint64_t(seed)) % 19 - 9;
  return values;
}

// As cuBLASLt does, of matrices by columns: D = op(A) · op(B).
void run(const ProductPlan &p, bool accumulate, const Values &a, const Values &b, Values &d) {
  const uint64_t depth = p.a.isTransposed ? p.a.rows : p.a.columns;
  for (const MatrixLayout &m : {p.a, p.b, p.d})
    ASSERT_GE(m.leading, int64_t(m.rows)) << "which the library refuses";
  ASSERT_EQ(p.a.isTransposed ? p.a.columns : p.a.rows, p.d.rows);
  ASSERT_EQ(p.b.isTransposed ? p.b.columns : p.b.rows, depth);
  ASSERT_EQ(p.b.isTransposed ? p.b.rows : p.b.columns, p.d.columns);
  auto at = [](const MatrixLayout &m, uint64_t part, int64_t batch, uint64_t row, uint64_t column) {
    if (m.isTransposed)
      std::swap(row, column);
    return part + uint64_t(batch * m.batchStride) + row + column * uint64_t(m.leading);
  };
  for (const ProductPlan::Part &part : p.parts)
    for (int64_t batch = 0; batch < p.batchCount; ++batch)
      for (uint64_t i = 0; i < p.d.rows; ++i)
        for (uint64_t j = 0; j < p.d.columns; ++j) {
          int64_t sum = 0;
          for (uint64_t k = 0; k < depth; ++k)
            sum += a.at(at(p.a, part.a, batch, i, k)) * b.at(at(p.b, part.b, batch, k, j));
          int64_t &to = d.at(at(p.d, part.d, batch, i, j));
          to = (accumulate ? to : 0) + sum;
        }
}

ProductPlan expectComputes(const ProductShape &shape, const std::string &what) {
  ProductPlan plan;
  Status s = planProduct(shape, plan);
  EXPECT_TRUE(s.ok()) << what << ": " << s.message();
  if (!s.ok())
    return plan;
  const Values lhs = numbers(reach(extentsOf(shape, shape.m, shape.k), shape.lhs), 1),
               rhs = numbers(reach(extentsOf(shape, shape.k, shape.n), shape.rhs), 2);
  Values wanted = numbers(reach(extentsOf(shape, shape.m, shape.n), shape.dst), 3), got = wanted;
  test::multiplyPlainly<int64_t>(shape, lhs, rhs, wanted);
  run(plan, shape.accumulate, plan.isExchanged ? rhs : lhs, plan.isExchanged ? lhs : rhs, got);
  EXPECT_EQ(got, wanted) << what;
  return plan;
}

TEST(ProductPlan, AResultByRowsIsTheProductOfExchangedSources) {
  ProductPlan plan = expectComputes({{}, 3, 4, 5, {5, 1}, {4, 1}, {4, 1}}, "by rows");
  EXPECT_TRUE(plan.isExchanged);
  EXPECT_FALSE(plan.a.isTransposed || plan.b.isTransposed);
  EXPECT_EQ(plan.d.rows, 4u);
  EXPECT_EQ(plan.d.leading, 4);
  EXPECT_EQ(plan.batchCount, 1);
  EXPECT_EQ(plan.parts.size(), 1u);
  plan = expectComputes({{}, 3, 4, 5, {1, 3}, {1, 5}, {1, 3}}, "by columns");
  EXPECT_FALSE(plan.isExchanged);
  EXPECT_FALSE(plan.a.isTransposed || plan.b.isTransposed);
}

// Both sources and the result, by rows and by columns, dense and with room between.
TEST(ProductPlan, EveryOrderOfTheThreeMatrices) {
  const uint64_t m = 3, n = 4, k = 5;
  auto lay = [](uint64_t rows, uint64_t columns, bool byRows, uint64_t room) {
    return byRows ? Strides{columns + room, 1} : Strides{1, rows + room};
  };
  for (int order = 0; order < 8; ++order)
    for (uint64_t room : {0, 3})
      for (bool accumulate : {false, true}) {
        ProductShape shape = {{},
                              m,
                              n,
                              k,
                              lay(m, k, order & 1, room),
                              lay(k, n, order & 2, room),
                              lay(m, n, order & 4, room),
                              accumulate};
        ProductPlan plan = expectComputes(shape, std::to_string(order));
        EXPECT_EQ(plan.isExchanged, (order & 4) != 0);
        bool lhsTransposed = plan.isExchanged ? plan.b.isTransposed : plan.a.isTransposed;
        EXPECT_EQ(lhsTransposed, ((order & 1) != 0) != plan.isExchanged);
      }
}

// A dimension of one element has any stride, and a vector may have room between its elements.
TEST(ProductPlan, VectorsLieAsTheyLike) {
  for (int ones = 1; ones < 8; ++ones)
    for (uint64_t any : {1, 2, 7, 64}) {
      const uint64_t m = ones & 1 ? 1 : 3, n = ones & 2 ? 1 : 4, k = ones & 4 ? 1 : 5;
      // By rows; `any` wherever there is one element.
      auto lay = [&](uint64_t rows, uint64_t columns) {
        return Strides{rows == 1 ? any : columns, columns == 1 ? any : 1};
      };
      ProductShape shape = {{}, m, n, k, lay(m, k), lay(k, n), lay(m, n)};
      const std::string what = std::to_string(ones) + ", " + std::to_string(any);
      expectComputes(shape, what);
      if (n == 1) {
        shape.rhs = {any, 100};
        shape.dst = {any, 100};
        expectComputes(shape, what + " between the elements of columns");
      }
      if (m == 1) {
        shape.lhs = {100, any};
        shape.dst = n == 1 ? Strides{any, 100} : Strides{100, any};
        expectComputes(shape, what + " between the elements of rows");
      }
    }
}

TEST(ProductPlan, AVectorOfNeighboursIsAColumn) {
  ProductPlan plan = expectComputes({{}, 1, 8, 16, {16, 1}, {8, 1}, {8, 1}}, "a row");
  EXPECT_TRUE(plan.isExchanged);
  EXPECT_EQ(plan.d.rows, 8u);
  EXPECT_EQ(plan.b.rows, 16u);
  EXPECT_EQ(plan.b.leading, 16);
}

TEST(ProductPlan, BatchesOfOneDistanceAreOne) {
  // 2 x 3 batches, dense: as 6.
  ProductPlan plan =
      expectComputes({{2, 3}, 4, 5, 6, {72, 24, 6, 1}, {90, 30, 5, 1}, {60, 20, 5, 1}}, "dense");
  EXPECT_EQ(plan.batchCount, 6);
  EXPECT_EQ(plan.parts.size(), 1u);
  // The right source of all of them the same.
  plan = expectComputes({{2, 3}, 4, 5, 6, {72, 24, 6, 1}, {0, 0, 5, 1}, {60, 20, 5, 1}}, "shared");
  EXPECT_EQ(plan.batchCount, 6);
  EXPECT_EQ((plan.isExchanged ? plan.a : plan.b).batchStride, 0);
  // Those of one element have any distance.
  plan = expectComputes({{1, 6, 1}, 4, 5, 6, {7, 24, 9, 6, 1}, {3, 30, 4, 5, 1}, {2, 20, 8, 5, 1}},
                        "ones");
  EXPECT_EQ(plan.batchCount, 6);
}

// Attention: batch and head, of which the heads lie next to each other in every row.
TEST(ProductPlan, BatchesThatDoNotMergeAreParts) {
  const uint64_t batch = 2, heads = 3, tokens = 4, width = 5, all = heads * width;
  ProductShape scores = {{batch, heads},
                         tokens,
                         tokens,
                         width,
                         {tokens * all, width, all, 1},
                         {tokens * all, width, 1, all},
                         {heads * tokens * tokens, tokens * tokens, tokens, 1}};
  ProductPlan plan = expectComputes(scores, "scores");
  EXPECT_EQ(plan.batchCount, int32_t(heads)) << "the longer one is the library's";
  ASSERT_EQ(plan.parts.size(), batch);
  EXPECT_EQ(plan.parts[1].a, tokens * all);
  EXPECT_EQ(plan.parts[1].d, heads * tokens * tokens);
  scores.batch = {5, 3};
  scores.accumulate = true;
  plan = expectComputes(scores, "more batches than heads");
  EXPECT_EQ(plan.batchCount, 5);
  EXPECT_EQ(plan.parts.size(), 3u);
}

TEST(ProductPlan, AnyBatches) {
  std::mt19937 draw(5);
  for (int test = 0; test < 300; ++test) {
    ProductShape shape;
    for (unsigned i = 0, count = draw() % 5; i < count; ++i)
      shape.batch.push_back(1 + draw() % 3);
    shape.m = 1 + draw() % 4;
    shape.n = 1 + draw() % 4;
    shape.k = 1 + draw() % 4;
    shape.accumulate = draw() % 2;
    // Dimensions in any order of nesting, one of the matrix innermost; sources may repeat.
    auto lay = [&](uint64_t rows, uint64_t columns, bool repeats) {
      std::vector<uint64_t> extents = extentsOf(shape, rows, columns);
      std::vector<size_t> order(extents.size());
      std::iota(order.begin(), order.end(), 0u);
      std::shuffle(order.begin(), order.end(), draw);
      const size_t inner = extents.size() - 1 - draw() % 2;
      std::iter_swap(order.begin(), std::find(order.begin(), order.end(), inner));
      Strides strides(extents.size());
      uint64_t step = 1;
      for (size_t d : order) {
        const bool isRepeated = repeats && d < shape.batch.size() && draw() % 4 == 0;
        strides[d] = isRepeated ? 0 : step;
        step *= isRepeated ? 1 : extents[d];
        step += d == order[0] ? 0 : draw() % 3;
      }
      return strides;
    };
    shape.lhs = lay(shape.m, shape.k, true);
    shape.rhs = lay(shape.k, shape.n, true);
    shape.dst = lay(shape.m, shape.n, false);
    expectComputes(shape, "test " + std::to_string(test));
  }
}

TEST(ProductPlan, WhatTheLibraryDoesNotTakeIsRefusedByName) {
  ProductPlan plan;
  Status s = planProduct({{}, 3, 4, 5, {10, 2}, {4, 1}, {4, 1}}, plan);
  EXPECT_EQ(s.code(), Code::Device);
  EXPECT_EQ(s.message(), "cuBLASLt does not compute the matmul 3x4x5: its left source has the "
                         "strides (10 2), where one of the last two must be 1 and the other step "
                         "over it");
  // Windows that overlap.
  s = planProduct({{}, 3, 4, 5, {5, 1}, {1, 1}, {4, 1}}, plan);
  EXPECT_NE(s.message().find("its right source has the strides (1 1)"), std::string::npos);
  s = planProduct({{2}, 3, 4, 5, {15, 5, 1}, {20, 4, 1}, {24, 8, 2}}, plan);
  EXPECT_NE(s.message().find("the matmul 2x3x4x5: its destination has the strides (24 8 2)"),
            std::string::npos)
      << s.message();
}

TEST(ProductTypes, AreThoseOfTheLibrary) {
  ProductTypes types;
  ASSERT_TRUE(typesOfProduct(Element::F32, Element::F32, Element::F32, types).ok());
  EXPECT_EQ(types.compute, CUBLAS_COMPUTE_32F_PEDANTIC) << "or TF32 would be allowed";
  for (Element half : {Element::BF16, Element::F16})
    for (Element result : {half, Element::F32}) {
      ASSERT_TRUE(typesOfProduct(half, half, result, types).ok());
      EXPECT_EQ(types.compute, CUBLAS_COMPUTE_32F);
      EXPECT_EQ(types.scale, CUDA_R_32F);
      EXPECT_EQ(types.source, half == Element::BF16 ? CUDA_R_16BF : CUDA_R_16F);
      EXPECT_EQ(types.result == CUDA_R_32F, result == Element::F32);
    }
  ASSERT_TRUE(typesOfProduct(Element::F64, Element::F64, Element::F64, types).ok());
  EXPECT_EQ(types.scale, CUDA_R_64F);
  Status s = typesOfProduct(Element::BF16, Element::F32, Element::F32, types);
  EXPECT_EQ(s.code(), Code::Device);
  EXPECT_EQ(s.message(), "cuBLASLt does not multiply bf16 by f32 into f32; two sources of one "
                         "type, and a result of that or of f32, would be right");
  EXPECT_FALSE(typesOfProduct(Element::BF16, Element::BF16, Element::F16, types).ok());
  EXPECT_FALSE(typesOfProduct(Element::F32, Element::F32, Element::BF16, types).ok());
}

TEST(Alignment, IsThatOfAllParts) {
  EXPECT_EQ(alignmentOfParts(64, {0}), 64u);
  EXPECT_EQ(alignmentOfParts(64, {0, 256, 512}), 64u);
  EXPECT_EQ(alignmentOfParts(64, {0, 80, 160}), 16u);
  EXPECT_EQ(alignmentOfParts(64, {0, 12}), 4u);
  EXPECT_EQ(alignmentOfParts(8, {0, 160}), 8u);
}
} // namespace
} // namespace dpcrt::cuda
