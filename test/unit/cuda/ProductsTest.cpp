// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Products of the device `cuda`, on the emulated cuBLASLt, against plain loops.
#include "../runtime/DeviceMemory.h"
#include "EmulatedGpu.h"
#include "PlainProduct.h"
#include "devices/Wait.h"
#include "program/format/Half.h"
#include <cmath>
#include <cstring>

namespace dpcrt::test {
namespace {
using Strides = std::vector<uint64_t>;

struct Case {
  std::string name;
  Strides batch;
  uint64_t m, n, k;
  Strides lhs, rhs, dst;
  Element source = Element::F32, result = Element::F32;
  bool accumulate = false;
};

class Products : public testing::TestWithParam<Case> {
protected:
  void SetUp() override { device = makeEmulatedGpu("seed=4"); }

  Status prepare(const Case &c, const PreparedCall *&out) {
    fb::MatmulT matmul;
    matmul.batch = c.batch;
    matmul.m = c.m;
    matmul.n = c.n;
    matmul.k = c.k;
    matmul.lhs_strides = c.lhs;
    matmul.rhs_strides = c.rhs;
    matmul.dst_strides = c.dst;
    matmul.accumulate = c.accumulate;
    matmul.block_rows = matmul.block_columns = 64;
    fb::LibraryCallT call;
    call.function.Set(std::move(matmul));
    const uint64_t source = sizeOf(c.source), result = sizeOf(c.result);
    call.operands = {
        fb::Buffer(reach(c, c.m, c.k, c.lhs) * source, uint8_t(c.source), fb::Access::Read),
        fb::Buffer(reach(c, c.k, c.n, c.rhs) * source, uint8_t(c.source), fb::Access::Read),
        fb::Buffer(reach(c, c.m, c.n, c.dst) * result, uint8_t(c.result), fb::Access::Write)};
    return prepare(std::move(call), out);
  }
  Status prepare(fb::LibraryCallT call, const PreparedCall *&out) {
    flatbuffers::FlatBufferBuilder builder;
    builder.Finish(fb::LibraryCall::Pack(builder, &call));
    return device->prepareCall(*flatbuffers::GetRoot<fb::LibraryCall>(builder.GetBufferPointer()),
                               out);
  }

  static uint64_t reach(const Case &c, uint64_t rows, uint64_t columns, const Strides &strides) {
    const size_t b = c.batch.size();
    uint64_t last = (rows - 1) * strides[b] + (columns - 1) * strides[b + 1];
    for (size_t i = 0; i < b; ++i)
      last += (c.batch[i] - 1) * strides[i];
    return last + 1;
  }

  // Values that all types here hold exactly.
  static std::vector<float> values(uint64_t count, uint64_t seed) {
    std::vector<float> list(count);
    for (uint64_t i = 0; i < count; ++i)
      list[i] = float(int((i * 5 + seed) % 17) - 8) / 8;
    return list;
  }
  static std::vector<char> packed(const std::vector<float> &list, Element type) {
    std::vector<char> bytes(list.size() * sizeOf(type));
    if (type == Element::F32)
      std::memcpy(bytes.data(), list.data(), bytes.size());
    else
      narrowHalf(type, list.data(), reinterpret_cast<uint16_t *>(bytes.data()), list.size());
    return bytes;
  }
  static std::vector<float> unpacked(const std::vector<char> &bytes, Element type) {
    std::vector<float> list(bytes.size() / sizeOf(type));
    if (type == Element::F32)
      std::memcpy(list.data(), bytes.data(), bytes.size());
    else
      widenHalf(type, reinterpret_cast<const uint16_t *>(bytes.data()), list.data(), list.size());
    return list;
  }

  std::unique_ptr<QueueDevice> device;
};

TEST_P(Products, AreThoseOfTheProgram) {
  const Case &c = GetParam();
  const PreparedCall *call = nullptr, *again = nullptr;
  Status s = prepare(c, call);
  ASSERT_TRUE(s.ok()) << s.message();
  ASSERT_TRUE(prepare(c, again).ok());
  EXPECT_EQ(call, again) << "one for all of one description";
  s = device->finishPreparation();
  ASSERT_TRUE(s.ok()) << s.message();
  auto queue = device->makeQueue(fb::StreamKind::Compute, "rank 0, stream compute");
  EXPECT_EQ(device->scratchBytes(), uint64_t(32) << 20);

  const std::vector<float> lhs = values(reach(c, c.m, c.k, c.lhs), 1),
                           rhs = values(reach(c, c.k, c.n, c.rhs), 2);
  std::vector<float> dst = values(reach(c, c.m, c.n, c.dst), 3);
  DeviceAddress operands[] = {onDevice(*device, packed(lhs, c.source)),
                              onDevice(*device, packed(rhs, c.source)),
                              onDevice(*device, packed(dst, c.result))};
  s = queue->call(*call, operands, 3);
  ASSERT_TRUE(s.ok()) << s.message();
  auto end = device->makeEvent();
  ASSERT_TRUE(queue->record(*end).ok());
  s = end->wait(noDeadline);
  ASSERT_TRUE(s.ok()) << s.message();
  const std::vector<float> got =
      unpacked(fromDevice<char>(*device, operands[2], dst.size() * sizeOf(c.result)), c.result);

  multiplyPlainly<double>(c, lhs, rhs, dst);
  const float tolerance = c.result == Element::F32 ? 1e-6f : 1e-2f;
  for (size_t i = 0; i < dst.size(); ++i)
    ASSERT_NEAR(got[i], dst[i], tolerance * (1 + std::fabs(dst[i]))) << "element " << i;
}

const Case cases[] = {
    {"by_rows", {}, 3, 4, 5, {5, 1}, {4, 1}, {4, 1}},
    {"sources_by_columns", {}, 3, 4, 5, {1, 3}, {1, 5}, {4, 1}},
    {"result_by_columns", {}, 3, 4, 5, {5, 1}, {1, 5}, {1, 3}},
    {"adds", {}, 3, 4, 5, {5, 1}, {1, 5}, {4, 1}, Element::F32, Element::F32, true},
    {"one_row", {}, 1, 8, 16, {16, 1}, {8, 1}, {8, 1}},
    {"one_column", {}, 8, 1, 16, {16, 1}, {1, 1}, {1, 1}},
    {"batches", {2, 3}, 4, 5, 6, {72, 24, 6, 1}, {90, 30, 5, 1}, {60, 20, 5, 1}},
    {"shared_weight", {6}, 4, 5, 6, {24, 6, 1}, {0, 5, 1}, {20, 5, 1}},
    {"attention",
     {2, 4},
     8,
     8,
     16,
     {512, 16, 64, 1},
     {512, 16, 1, 64},
     {256, 64, 8, 1},
     Element::F32,
     Element::F32,
     true},
    {"bf16", {}, 8, 8, 16, {16, 1}, {1, 16}, {8, 1}, Element::BF16, Element::BF16},
    {"bf16_into_f32", {}, 8, 8, 16, {16, 1}, {8, 1}, {8, 1}, Element::BF16, Element::F32, true},
    {"f16", {3}, 8, 8, 16, {128, 16, 1}, {128, 8, 1}, {64, 8, 1}, Element::F16, Element::F16},
};
INSTANTIATE_TEST_SUITE_P(Emulated, Products, testing::ValuesIn(cases),
                         [](auto &info) { return info.param.name; });

using ProductCalls = Products;

TEST_F(ProductCalls, WhatTheLibraryDoesNotComputeIsRefusedByName) {
  const PreparedCall *call = nullptr;
  Status s = prepare({"", {}, 3, 4, 5, {10, 2}, {4, 1}, {4, 1}}, call);
  EXPECT_EQ(s.code(), Code::Device);
  EXPECT_NE(s.message().find("the matmul 3x4x5: its left source has the strides (10 2)"),
            std::string::npos)
      << s.message();
  s = prepare({"", {}, 3, 4, 5, {5, 1}, {4, 1}, {4, 1}, Element::F32, Element::BF16}, call);
  EXPECT_NE(s.message().find("does not multiply f32 by f32 into bf16"), std::string::npos)
      << s.message();
  fb::LibraryCallT convolution;
  convolution.function.Set(fb::ConvolutionT());
  s = prepare(std::move(convolution), call);
  EXPECT_EQ(s.code(), Code::Device);
  EXPECT_EQ(s.message(), "device 'cuda' computes no convolutions; --device cpu computes them");
  EXPECT_EQ(call, nullptr);
}

TEST_F(ProductCalls, AreOnQueuesThatCompute) {
  const PreparedCall *call = nullptr;
  ASSERT_TRUE(prepare(cases[0], call).ok());
  ASSERT_TRUE(device->finishPreparation().ok());
  auto queue = device->makeQueue(fb::StreamKind::Collective, "rank 0, stream collective");
  EXPECT_EQ(device->scratchBytes(), 0u);
  DeviceAddress operands[3];
  for (DeviceAddress &operand : operands)
    operand = onDevice(*device, std::vector<float>(20));
  Status s = queue->call(*call, operands, 3);
  EXPECT_EQ(s.code(), Code::Device);
  EXPECT_EQ(s.message(), "queue 'rank 0, stream collective', matmul 3x4x5 of f32: the queue has no "
                         "workspace for cuBLASLt; a queue of kind compute, made when all calls are "
                         "known, has");
}

TEST_F(ProductCalls, AQueueTakesItsWorkspaceWithIt) {
  device.reset();
  device = makeEmulatedGpu("memory=80MiB");
  const PreparedCall *call = nullptr;
  ASSERT_TRUE(prepare(cases[0], call).ok());
  ASSERT_TRUE(device->finishPreparation().ok());
  DeviceAddress operands[3];
  for (DeviceAddress &operand : operands)
    operand = onDevice(*device, std::vector<float>(20));
  for (int i = 0; i < 5; ++i) {
    auto queue = device->makeQueue(fb::StreamKind::Compute, "a"),
         other = device->makeQueue(fb::StreamKind::Compute, "b");
    ASSERT_TRUE(queue->call(*call, operands, 3).ok()); // which is under way when the queue ends
    EXPECT_EQ(device->scratchBytes(), uint64_t(64) << 20);
  }
  // One more than there is room for comes up where something is asked of the device.
  auto a = device->makeQueue(fb::StreamKind::Compute, "a"),
       b = device->makeQueue(fb::StreamKind::Compute, "b"),
       c = device->makeQueue(fb::StreamKind::Compute, "rank 2, stream compute");
  Status s = a->fill(operands[0], 0, 4);
  EXPECT_EQ(s.code(), Code::OutOfMemory);
  EXPECT_EQ(s.message().find("queue 'rank 2, stream compute': "), 0u) << s.message();
}

TEST_F(ProductCalls, FailuresOfTheLibraryNameQueueAndProduct) {
  device.reset();
  device = makeEmulatedGpu("fail=cublasLtMatmul:2:CUBLAS_STATUS_EXECUTION_FAILED");
  const PreparedCall *call = nullptr;
  ASSERT_TRUE(prepare(cases[0], call).ok());
  ASSERT_TRUE(device->finishPreparation().ok()); // tries it once
  auto queue = device->makeQueue(fb::StreamKind::Compute, "rank 0, stream compute");
  DeviceAddress operands[3];
  for (DeviceAddress &operand : operands)
    operand = onDevice(*device, std::vector<float>(20));
  Status s = queue->call(*call, operands, 3);
  EXPECT_EQ(s.code(), Code::Device);
  EXPECT_EQ(s.message().find("GPU 0, queue 'rank 0, stream compute', matmul 3x4x5 of f32: "
                             "CUBLAS_STATUS_EXECUTION_FAILED"),
            0u)
      << s.message();
  EXPECT_EQ(queue->call(*call, operands, 3).message(), s.message());
}

TEST_F(ProductCalls, WithoutRoomToTryThemTheyAreNotTried) {
  device.reset();
  device = makeEmulatedGpu("memory=36MiB");
  const PreparedCall *call = nullptr;
  Case large = {"", {}, 1024, 1024, 1024, {1024, 1}, {1024, 1}, {1024, 1}};
  ASSERT_TRUE(prepare(large, call).ok());
  Status s = device->finishPreparation();
  EXPECT_TRUE(s.ok()) << s.message();
  // And nothing of the trial stays.
  DeviceAddress address;
  s = device->allocate(24 << 20, MemoryKind::Device, address);
  EXPECT_TRUE(s.ok()) << s.message();
}
} // namespace
} // namespace dpcrt::test
