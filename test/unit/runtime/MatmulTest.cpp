// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The library matmul against a plain loop: shapes, strides, blocks, and equal bits
// whatever the number of threads.
#include "devices/cpu/Matmul.h"
#include "DeviceMemory.h"
#include "devices/cpu/CpuDevice.h"
#include "program/format/Half.h"
#include "program/format/LibraryFunction.h"
#include <chrono>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <gtest/gtest.h>
#include <random>

namespace dpcrt {
namespace {
using test::fromDevice;
using test::onDevice;
constexpr uint8_t kF32 = uint8_t(Element::F32);

struct Case {
  std::vector<uint64_t> batch;
  uint64_t m, n, k;
  std::vector<uint64_t> lhs, rhs, dst;
  bool accumulate;
  uint64_t blockRows, blockColumns;
};

std::vector<uint8_t> pack(const Case &c) {
  fb::LibraryCallT call;
  // The device asks for elements alone: how many there are, the reader has checked.
  call.operands = {fb::Buffer(4, kF32, fb::Access::Read), fb::Buffer(4, kF32, fb::Access::Read),
                   fb::Buffer(4, kF32, fb::Access::Write)};
  fb::MatmulT m;
  m.batch = c.batch;
  m.m = c.m, m.n = c.n, m.k = c.k;
  m.lhs_strides = c.lhs, m.rhs_strides = c.rhs, m.dst_strides = c.dst;
  m.accumulate = c.accumulate;
  m.block_rows = c.blockRows, m.block_columns = c.blockColumns;
  call.function.Set(std::move(m));
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(fb::LibraryCall::Pack(builder, &call));
  return {builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize()};
}

uint64_t extent(const Case &c, const std::vector<uint64_t> &strides, uint64_t rows,
                uint64_t columns) {
  uint64_t last =
      (rows - 1) * strides[c.batch.size()] + (columns - 1) * strides[c.batch.size() + 1];
  for (size_t i = 0; i < c.batch.size(); ++i)
    last += (c.batch[i] - 1) * strides[i];
  return last + 1;
}

void naive(const Case &c, const std::vector<float> &a, const std::vector<float> &b,
           std::vector<double> &d) {
  uint64_t batches = 1;
  for (uint64_t x : c.batch)
    batches *= x;
  for (uint64_t f = 0; f < batches; ++f) {
    uint64_t oa = 0, ob = 0, od = 0, rest = f;
    for (size_t i = c.batch.size(); i-- > 0; rest /= c.batch[i]) {
      uint64_t at = rest % c.batch[i];
      oa += at * c.lhs[i], ob += at * c.rhs[i], od += at * c.dst[i];
    }
    size_t r = c.batch.size();
    for (uint64_t i = 0; i < c.m; ++i)
      for (uint64_t j = 0; j < c.n; ++j) {
        double sum = 0;
        for (uint64_t k = 0; k < c.k; ++k)
          sum += double(a[oa + i * c.lhs[r] + k * c.lhs[r + 1]]) *
                 double(b[ob + k * c.rhs[r] + j * c.rhs[r + 1]]);
        double &to = d[od + i * c.dst[r] + j * c.dst[r + 1]];
        to = c.accumulate ? to + sum : sum;
      }
  }
}

std::vector<float> runWith(unsigned threads, const Case &c, const std::vector<float> &a,
                           const std::vector<float> &b, const std::vector<float> &d) {
  auto device = makeCpuDevice(threads);
  std::vector<uint8_t> bytes = pack(c);
  const PreparedCall *call = nullptr;
  Status s = device->prepareCall(*flatbuffers::GetRoot<fb::LibraryCall>(bytes.data()), call);
  EXPECT_TRUE(s.ok()) << s.message();
  EXPECT_TRUE(device->finishPreparation().ok());
  auto lane = device->makeLane();
  lane->enter();
  DeviceAddress buffers[] = {onDevice(*device, a), onDevice(*device, b), onDevice(*device, d)};
  EXPECT_TRUE(device->call(*lane, *call, buffers).ok());
  return fromDevice<float>(*device, buffers[2], d.size());
}

void check(const Case &c, const std::string &what) {
  std::mt19937 random(5);
  std::uniform_real_distribution<float> draw(-1, 1);
  auto fill = [&](uint64_t n) {
    std::vector<float> v(n);
    for (float &x : v)
      x = draw(random);
    return v;
  };
  std::vector<float> a = fill(extent(c, c.lhs, c.m, c.k)), b = fill(extent(c, c.rhs, c.k, c.n)),
                     d = fill(extent(c, c.dst, c.m, c.n));
  std::vector<double> want(d.begin(), d.end());
  naive(c, a, b, want);
  std::vector<float> one = runWith(1, c, a, b, d);
  double worst = 0;
  for (size_t i = 0; i < want.size(); ++i)
    worst = std::max(worst, std::fabs(double(one[i]) - want[i]));
  EXPECT_LT(worst, 3e-6 * std::sqrt(double(c.k)) + 1e-6) << what;
  for (unsigned threads : {2u, 3u})
    EXPECT_EQ(std::memcmp(one.data(), runWith(threads, c, a, b, d).data(), one.size() * 4), 0)
        << what << " with " << threads << " threads";
}

TEST(Matmul, EveryLayout) {
  // Of a matrix of r rows and c columns: row-major, column-major, padded rows,
  // neither dimension contiguous.
  auto layouts = [](uint64_t r, uint64_t c) {
    return std::vector<std::vector<uint64_t>>{{c, 1}, {1, r}, {c + 3, 1}, {2 * c, 2}};
  };
  for (auto [m, n, k] : {std::tuple<uint64_t, uint64_t, uint64_t>{5, 7, 9},
                         {1, 33, 17},
                         {33, 1, 17},
                         {64, 48, 1},
                         {1, 1, 5}})
    for (auto &lhs : layouts(m, k))
      for (auto &rhs : layouts(k, n))
        for (auto &dst : layouts(m, n))
          for (bool accumulate : {false, true})
            check({{}, m, n, k, lhs, rhs, dst, accumulate, 16, 16},
                  std::to_string(m) + "x" + std::to_string(n) + "x" + std::to_string(k) + " lhs " +
                      std::to_string(lhs[0]) + "," + std::to_string(lhs[1]) + " rhs " +
                      std::to_string(rhs[0]) + "," + std::to_string(rhs[1]) + " dst " +
                      std::to_string(dst[0]) + "," + std::to_string(dst[1]));
}

TEST(Matmul, BlocksAreDealtToThreads) {
  for (uint64_t k : {64u, 2048u, 2500u})
    for (bool transposed : {false, true})
      check({{},
             300,
             200,
             k,
             transposed ? std::vector<uint64_t>{1, 300} : std::vector<uint64_t>{k, 1},
             {200, 1},
             {200, 1},
             true,
             64,
             96},
            "k " + std::to_string(k));
}

TEST(Matmul, Batches) {
  uint64_t B = 3, H = 4, S = 20, D = 8;
  // Attention on [B, S, H, D] by strides, q k^T.
  check({{B, H},
         S,
         S,
         D,
         {S * H * D, D, H * D, 1},
         {S * H * D, D, 1, H * D},
         {H * S * S, S * S, S, 1},
         false,
         20,
         20},
        "q k^T");
  // The other way, back into [B, S, H, D].
  check({{B, H},
         S,
         D,
         S,
         {H * S * S, S * S, S, 1},
         {S * H * D, D, H * D, 1},
         {S * H * D, D, H * D, 1},
         false,
         8,
         8},
        "p v");
  // One weight for all batches, and one input for all.
  check({{6}, 9, 10, 11, {99, 11, 1}, {0, 10, 1}, {90, 10, 1}, false, 9, 10}, "shared rhs");
  check({{6}, 9, 10, 11, {0, 11, 1}, {110, 10, 1}, {90, 10, 1}, true, 5, 10}, "shared lhs");
  check({{6}, 9, 10, 11, {0, 11, 1}, {0, 10, 1}, {90, 10, 1}, false, 5, 10}, "both shared");
  check(
      {{2, 1, 3}, 4, 5, 6, {72, 72, 24, 6, 1}, {90, 1, 30, 5, 1}, {60, 60, 20, 5, 1}, false, 4, 5},
      "three dimensions");
}

// A team of the library's would spin on cores that others hold, and its size would
// decide how sums are split.
TEST(Matmul, LibraryStartsNoThreads) {
  auto threads = [] {
    std::ptrdiff_t count =
        std::distance(std::filesystem::directory_iterator("/proc/self/task"), {});
    return count;
  };
  std::ptrdiff_t before = threads();
  check({{2, 4},
         128,
         128,
         64,
         {32768, 64, 256, 1},
         {32768, 8192, 1, 64},
         {65536, 16384, 128, 1},
         false,
         128,
         128},
        "p v");
  check({{}, 512, 512, 512, {512, 1}, {512, 1}, {512, 1}, true, 128, 512}, "square");
  EXPECT_EQ(threads(), before);
}

// Elements of 16 bits: the product is the one of f32 of the widened operands, bit for
// bit, rounded once.
TEST(Matmul, NarrowOperandsAreWidenedAndRoundedOnce) {
  constexpr uint64_t m = 150, n = 130, k = 2100; // more than one piece to convert
  std::mt19937 random(7);
  std::uniform_real_distribution<float> draw(-1, 1);
  for (Element type : {Element::BF16, Element::F16})
    for (bool narrowResult : {false, true})
      for (bool accumulate : {false, true}) {
        Case c{{}, m, n, k, {k, 1}, {n, 1}, {n, 1}, accumulate, 64, 64};
        auto narrow = [&](uint64_t count, std::vector<float> &wide) {
          std::vector<uint16_t> stored(count);
          wide.resize(count);
          for (float &x : wide)
            x = draw(random);
          narrowHalf(type, wide.data(), stored.data(), count);
          widenHalf(type, stored.data(), wide.data(), count);
          return stored;
        };
        std::vector<float> a, b, d;
        std::vector<uint16_t> lhs = narrow(m * k, a), rhs = narrow(k * n, b),
                              dst = narrow(m * n, d);
        std::vector<float> want = runWith(1, c, a, b, d);

        fb::LibraryCallT call;
        flatbuffers::FlatBufferBuilder builder;
        std::vector<uint8_t> bytes = pack(c);
        flatbuffers::GetRoot<fb::LibraryCall>(bytes.data())->UnPackTo(&call);
        auto dtype = uint8_t(type);
        uint64_t workspaceBytes = widenedBytes(m * k) + widenedBytes(k * n);
        call.operands = {fb::Buffer(m * k * 2, dtype, fb::Access::Read),
                         fb::Buffer(k * n * 2, dtype, fb::Access::Read),
                         fb::Buffer(m * n * 4, kF32, fb::Access::Write)};
        if (narrowResult) {
          call.operands[2] = fb::Buffer(m * n * 2, dtype, fb::Access::Write);
          workspaceBytes += widenedBytes(m * n);
        }
        call.operands.push_back(
            fb::Buffer(workspaceBytes, uint8_t(Element::U8), fb::Access::Write));
        builder.Finish(fb::LibraryCall::Pack(builder, &call));
        std::vector<uint16_t> rounded(m * n);
        narrowHalf(type, want.data(), rounded.data(), m * n);
        for (unsigned threads : {1u, 2u, 3u}) {
          auto device = makeCpuDevice(threads);
          const PreparedCall *prepared = nullptr;
          ASSERT_TRUE(
              device
                  ->prepareCall(*flatbuffers::GetRoot<fb::LibraryCall>(builder.GetBufferPointer()),
                                prepared)
                  .ok());
          ASSERT_TRUE(device->finishPreparation().ok());
          auto lane = device->makeLane();
          lane->enter();
          DeviceAddress workspace;
          ASSERT_TRUE(device->allocate(workspaceBytes, MemoryKind::Device, workspace).ok());
          DeviceAddress result = narrowResult ? onDevice(*device, dst) : onDevice(*device, d);
          DeviceAddress buffers[] = {onDevice(*device, lhs), onDevice(*device, rhs), result,
                                     workspace};
          ASSERT_TRUE(device->call(*lane, *prepared, buffers).ok());
          if (narrowResult)
            EXPECT_EQ(fromDevice<uint16_t>(*device, result, rounded.size()), rounded);
          else
            EXPECT_EQ(std::memcmp(fromDevice<float>(*device, result, want.size()).data(),
                                  want.data(), want.size() * 4),
                      0);
        }
      }
}

TEST(Half, RoundsToTheNearestEven) {
  auto narrowed = [](float x) { return narrowBF16(x); };
  EXPECT_EQ(narrowed(1.0f), 0x3f80);
  EXPECT_EQ(narrowed(1.00390625f), 0x3f80); // half way, down to the even one
  EXPECT_EQ(narrowed(1.01171875f), 0x3f82); // half way, up to the even one
  EXPECT_EQ(narrowed(1.00390637f), 0x3f81);
  EXPECT_EQ(narrowed(-0.0f), 0x8000);
  EXPECT_EQ(narrowed(INFINITY), 0x7f80);
  EXPECT_EQ(narrowed(3.4e38f), 0x7f80); // beyond the largest
  EXPECT_EQ(narrowed(std::nextafterf(INFINITY, 0)), 0x7f80);
  // A NaN of the lower half alone stays one.
  uint32_t bits = 0x7f800001;
  float nan;
  std::memcpy(&nan, &bits, sizeof nan);
  EXPECT_TRUE(std::isnan(widenBF16(narrowed(nan))));
  // Every pattern comes back.
  for (uint32_t pattern = 0; pattern < 0x10000; ++pattern) {
    float wide = widenBF16(uint16_t(pattern));
    if (!std::isnan(wide))
      EXPECT_EQ(narrowed(wide), pattern);
  }
}

// Operands that are read from a copy with padded lines, blocks sharing them.
TEST(Matmul, CollidingLines) {
  for (bool lhsT : {false, true})
    for (bool rhsT : {false, true})
      for (bool accumulate : {false, true}) {
        uint64_t m = 256, n = 512, k = 96;
        check({{},
               m,
               n,
               k,
               lhsT ? std::vector<uint64_t>{1, m} : std::vector<uint64_t>{k, 1},
               rhsT ? std::vector<uint64_t>{1, k} : std::vector<uint64_t>{n, 1},
               {n, 1},
               accumulate,
               64,
               128},
              std::string("lhs ") + (lhsT ? "transposed" : "plain") + ", rhs " +
                  (rhsT ? "transposed" : "plain"));
      }
  // Attention on [B, S, H, D]: the lines of one head are 256 elements apart.
  uint64_t B = 2, H = 4, S = 64, D = 64;
  check({{B, H},
         S,
         D,
         S,
         {H * S * S, S * S, S, 1},
         {S * H * D, D, H * D, 1},
         {S * H * D, D, H * D, 1},
         true,
         64,
         64},
        "p v");
}

// Not a test of speed: prints what each layout reaches, for docs/Runtime.md.
TEST(Matmul, DISABLED_Throughput) {
  for (uint64_t size : {256u, 768u})
    for (int layout = 0; layout < 4; ++layout) {
      uint64_t m = 256, n = size, k = layout == 2 ? 256 : size;
      if (layout == 2)
        m = size;
      bool lhsT = layout == 2, rhsT = layout == 1 || layout == 3;
      Case c{{},
             m,
             n,
             k,
             lhsT ? std::vector<uint64_t>{1, m} : std::vector<uint64_t>{k, 1},
             rhsT ? std::vector<uint64_t>{1, k} : std::vector<uint64_t>{n, 1},
             {n, 1},
             layout >= 2,
             0,
             0};
      MatmulLibrary library(1);
      MatmulShape shape;
      std::vector<uint8_t> bytes = pack(c);
      ASSERT_TRUE(
          readMatmul(*flatbuffers::GetRoot<fb::LibraryCall>(bytes.data())->function_as_Matmul(),
                     shape)
              .ok());
      std::unique_ptr<MatmulPlan> plan;
      ASSERT_TRUE(MatmulPlan::make(shape, library, plan).ok());
      std::vector<float> a(m * k, 0.5f), b(k * n, 0.25f), d(m * n);
      std::vector<char> scratch(library.scratchBytes() + 64);
      CallScratch aligned;
      aligned.memory =
          reinterpret_cast<char *>((reinterpret_cast<uintptr_t>(scratch.data()) + 63) / 64 * 64);
      double best = 1e9;
      for (int i = 0; i < 30; ++i) {
        auto begin = std::chrono::steady_clock::now();
        aligned.forget();
        plan->run(0, 0, aligned, a.data(), b.data(), d.data());
        best = std::min(
            best, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
      }
      printf("%s  %4llu x %4llu x %4llu  %-20s %6.1f GFLOP/s\n",
             layout == 0   ? "A B        "
             : layout == 1 ? "A B^T      "
             : layout == 2 ? "C += A^T B "
                           : "C += A B^T ",
             (unsigned long long)m, (unsigned long long)n, (unsigned long long)k,
             plan->implementation(0), plan->flops() / best * 1e-9);
    }
}
} // namespace
} // namespace dpcrt
