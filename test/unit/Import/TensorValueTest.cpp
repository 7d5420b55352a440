// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tensors of ONNX as bytes, from each of the fields that may hold their values.
#include "dpc/Onnx/TensorValue.h"
#include <cstring>
#include <gtest/gtest.h>

using namespace dpc::onnxwire;
using onnx::TensorProto;

namespace {

TensorProto tensor(int type, std::vector<int64_t> shape) {
  TensorProto proto;
  proto.set_data_type(type);
  for (int64_t extent : shape)
    proto.add_dims(extent);
  return proto;
}

template <typename T> std::vector<T> elements(const TensorValue &value) {
  std::vector<T> result(value.bytes.size() / sizeof(T));
  std::memcpy(result.data(), value.bytes.data(), value.bytes.size());
  return result;
}

template <typename T, typename Add>
void expectElements(int type, std::vector<T> expected, const Add &add) {
  TensorProto proto = tensor(type, {int64_t(expected.size())});
  for (T element : expected)
    add(proto, element);
  TensorValue value;
  std::string reason;
  ASSERT_TRUE(readTensor(proto, value, reason)) << type << ": " << reason;
  EXPECT_EQ(dpcrt::onnxNumberOf(value.type), type);
  EXPECT_EQ(elements<T>(value), expected) << type;
}

TEST(TensorValue, TypedFields) {
  auto int32 = [](TensorProto &p, auto v) { p.add_int32_data(v); };
  auto uint64 = [](TensorProto &p, auto v) { p.add_uint64_data(v); };
  expectElements<float>(TensorProto::FLOAT, {1.5f, -2},
                        [](auto &p, float v) { p.add_float_data(v); });
  expectElements<double>(TensorProto::DOUBLE, {1e300, -2},
                         [](auto &p, double v) { p.add_double_data(v); });
  expectElements<int64_t>(TensorProto::INT64, {INT64_MIN, 7},
                          [](auto &p, int64_t v) { p.add_int64_data(v); });
  expectElements<int32_t>(TensorProto::INT32, {INT32_MIN, 7}, int32);
  expectElements<int16_t>(TensorProto::INT16, {INT16_MIN, 7}, int32);
  expectElements<uint16_t>(TensorProto::UINT16, {UINT16_MAX, 7}, int32);
  expectElements<int8_t>(TensorProto::INT8, {INT8_MIN, 7}, int32);
  expectElements<uint8_t>(TensorProto::UINT8, {UINT8_MAX, 7}, int32);
  expectElements<uint8_t>(TensorProto::BOOL, {1, 0}, int32);
  expectElements<uint16_t>(TensorProto::BFLOAT16, {0x3f80, 0xc000}, int32);
  expectElements<uint16_t>(TensorProto::FLOAT16, {0x3c00, 0xc000}, int32);
  expectElements<uint8_t>(TensorProto::FLOAT8E4M3FN, {0x38, 0xff}, int32);
  expectElements<uint32_t>(TensorProto::UINT32, {UINT32_MAX, 7}, uint64);
  expectElements<uint64_t>(TensorProto::UINT64, {UINT64_MAX, 7}, uint64);
}

// One value may be read after the other into the same place.
TEST(TensorValue, IsReplaced) {
  TensorProto first = tensor(TensorProto::FLOAT, {2, 1}), second = tensor(TensorProto::INT64, {1});
  first.set_name("first");
  first.set_raw_data(std::string("\0\0\x80\x3f\0\0\0\x40", 8));
  second.add_int64_data(3);
  TensorValue value;
  std::string reason;
  ASSERT_TRUE(readTensor(first, value, reason));
  EXPECT_EQ(value.name, "first");
  EXPECT_EQ(value.shape, (std::vector<uint64_t>{2, 1}));
  EXPECT_EQ(elements<float>(value), (std::vector<float>{1, 2}));
  ASSERT_TRUE(readTensor(second, value, reason));
  EXPECT_EQ(value.name, "");
  EXPECT_EQ(value.shape, (std::vector<uint64_t>{1}));
  EXPECT_EQ(elements<int64_t>(value), (std::vector<int64_t>{3}));
}

TEST(TensorValue, SaysWhatIsWrong) {
  auto refused = [](const TensorProto &proto) {
    TensorValue value;
    std::string reason;
    EXPECT_FALSE(readTensor(proto, value, reason));
    return reason;
  };
  EXPECT_EQ(refused(tensor(TensorProto::STRING, {1})),
            "holds no numbers of whole bytes (element type 8 of ONNX)");
  EXPECT_EQ(refused(tensor(TensorProto::INT4, {2})),
            "holds no numbers of whole bytes (element type 22 of ONNX)");
  EXPECT_EQ(refused(tensor(TensorProto::FLOAT, {-1})), "has an impossible shape");
  EXPECT_EQ(refused(tensor(TensorProto::FLOAT, {INT64_MAX, 2})), "has an impossible shape");
  EXPECT_EQ(refused(tensor(TensorProto::FLOAT, {3})), "has 0 bytes of values, its shape needs 12");
}

} // namespace
