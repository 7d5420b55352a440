// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Data sources, cursors, drawn values and checksums.
#include "TinyArtifact.h"
#include "data/Batches.h"
#include "data/Cursor.h"
#include "data/DataSource.h"
#include "data/Hash.h"
#include "data/Init.h"
#include "data/ParseJson.h"
#include "data/Safetensors.h"
#include <cmath>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <random>
#include <set>
#include <sys/resource.h>

namespace dpcrt::test {
namespace {
class DataFiles : public testing::Test {
protected:
  void SetUp() override { dir = temporaryDirectory("data"); }
  void TearDown() override { std::filesystem::remove_all(dir); }
  std::string dir;
};

TEST(Hash, IsTheLibrarysXxh3With128Bits) {
  // What `xxh128sum` prints.
  EXPECT_EQ(hashHex("abc", 3), "06b05ab6733a618578af5f94892f3950");
  EXPECT_EQ(hashHex("", 0), "99aa06d3014798d86001c324468d497f");
  std::string million(1000000, 'a');
  Hash pieces; // uneven pieces cross the blocks
  for (size_t at = 0, n = 1; at < million.size(); at += n, n = n * 3 % 200 + 1)
    pieces.update(million.data() + at, std::min(n, million.size() - at));
  EXPECT_EQ(pieces.hex(), hashHex(million.data(), million.size()));
}

TEST(Init, IsAPureFunctionOfSeedNameAndIndex) {
  std::vector<float> all(1000), part(100);
  fillInit(all.data(), 0, 1000, 3, "h.0.weight", InitKind::Normal, 0.02);
  fillInit(part.data(), 450, 100, 3, "h.0.weight", InitKind::Normal, 0.02);
  EXPECT_EQ(std::memcmp(all.data() + 450, part.data(), 400), 0);
  fillInit(part.data(), 450, 100, 4, "h.0.weight", InitKind::Normal, 0.02);
  EXPECT_NE(all[450], part[0]);
  fillInit(part.data(), 450, 100, 3, "h.1.weight", InitKind::Normal, 0.02);
  EXPECT_NE(all[450], part[0]);
  std::vector<float> many(200000);
  fillInit(many.data(), 0, many.size(), 1, "w", InitKind::Normal, 2);
  double sum = 0, squares = 0, fourth = 0;
  for (float v : many) {
    sum += double(v);
    squares += double(v) * double(v);
    fourth += std::pow(double(v), 4);
  }
  double n = double(many.size()), variance = squares / n;
  EXPECT_NEAR(sum / n, 0, 0.02);
  EXPECT_NEAR(variance, 4, 0.05);
  EXPECT_NEAR(fourth / n / (variance * variance), 3, 0.1);
  fillInit(part.data(), 0, 2, 1, "w", InitKind::Ones, 2);
  EXPECT_EQ(part[1], 1);
}

TEST(Cursor, WrapsAndPermutes) {
  Cursor plain{5, 2, {}};
  EXPECT_EQ(plain.row(3), 3u);
  EXPECT_EQ(plain.row(7), 2u);
  EXPECT_EQ(*plain.total(), 10u);
  EXPECT_FALSE((Cursor{5, 0, {}}).total());
  for (uint64_t rows : {1u, 2u, 3u, 17u, 64u, 1000u}) {
    Cursor shuffled{rows, 0, 9};
    std::vector<std::vector<uint64_t>> epochs;
    for (uint64_t epoch = 0; epoch < 3; ++epoch) {
      std::set<uint64_t> seen;
      epochs.emplace_back();
      for (uint64_t i = 0; i < rows; ++i) {
        epochs.back().push_back(shuffled.row(epoch * rows + i));
        seen.insert(epochs.back().back());
      }
      EXPECT_EQ(seen.size(), rows) << "every row once in an epoch";
      EXPECT_LT(*seen.rbegin(), rows);
    }
    if (rows > 16) {
      EXPECT_NE(epochs[0], epochs[1]);
      EXPECT_NE(epochs[1], epochs[2]);
    }
  }
}

TEST_F(DataFiles, RowsOfSeveralFilesWidenedAndShared) {
  std::vector<uint8_t> a = {1, 2, 3, 4, 5, 250}, b = {7, 8};
  std::vector<float> shared = {0.5f, 0.25f};
  ASSERT_TRUE(
      writeSafetensors(dir + "/1.safetensors", {{"ids", Element::U8, {3, 2}, a.data()},
                                                {"mask", Element::F32, {1, 2}, shared.data()}})
          .ok());
  ASSERT_TRUE(writeSafetensors(dir + "/2.safetensors", {{"ids", Element::U8, {1, 2}, b.data()},
                                                        {"mask", Element::F32, {2}, shared.data()}})
                  .ok());
  std::vector<InputSpec> inputs = {{"ids", Element::I64, {2}, 0}, {"mask", Element::F32, {2}, 0}};
  std::unique_ptr<DataSource> source;
  Status s = openDataSource(dir + "/*.safetensors", inputs, source);
  ASSERT_TRUE(s.ok()) << s.message();
  EXPECT_EQ(source->rows(), 4u);
  int64_t ids[2];
  float mask[2];
  ASSERT_TRUE(source->read(0, 2, 0, ids).ok());
  EXPECT_EQ(ids[1], 250);
  ASSERT_TRUE(source->read(0, 3, 0, ids).ok());
  EXPECT_EQ(ids[0], 7);
  ASSERT_TRUE(source->read(1, 2, 0, mask).ok());
  EXPECT_EQ(mask[1], 0.25f);
}

TEST_F(DataFiles, ExpertRanksFeedTheirSlice) {
  std::vector<float> x = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
  ASSERT_TRUE(
      writeSafetensors(dir + "/e.safetensors", {{"x", Element::F32, {3, 2, 2}, x.data()}}).ok());
  std::unique_ptr<DataSource> source;
  InputSpec spec{"x", Element::F32, {2}};
  spec.slices = 2;
  Status s = openDataSource(dir + "/e.safetensors", {spec}, source);
  ASSERT_TRUE(s.ok()) << s.message();
  EXPECT_EQ(source->rows(), 3u);
  float got[2];
  ASSERT_TRUE(source->read(0, 1, 1, got).ok());
  EXPECT_EQ(got[0], 6);
  spec.slices = 3;
  EXPECT_EQ(openDataSource(dir + "/e.safetensors", {spec}, source).code(), Code::Data);
}

// One input may be split over the expert ranks and another be the same for all.
TEST_F(DataFiles, EachInputSaysHowManySlicesItHas) {
  std::vector<float> x = {0, 1, 2, 3, 4, 5, 6, 7}, mask = {10, 11, 12, 13};
  ASSERT_TRUE(
      writeSafetensors(dir + "/e.safetensors", {{"x", Element::F32, {2, 2, 2}, x.data()},
                                                {"mask", Element::F32, {2, 2}, mask.data()}})
          .ok());
  InputSpec split{"x", Element::F32, {2}};
  split.slices = 2;
  Batches batches;
  Status s = batches.open(dir + "/e.safetensors", {split, {"mask", Element::F32, {2}}}, 2, 1, {});
  ASSERT_TRUE(s.ok()) << s.message();
  std::vector<Batches::Values> values;
  ASSERT_TRUE(batches.read(0, values).ok());
  ASSERT_EQ(values[0].bytes, x.size() * sizeof(float));
  EXPECT_EQ(std::memcmp(values[0].data, x.data(), values[0].bytes), 0);
  ASSERT_EQ(values[1].bytes, mask.size() * sizeof(float));
  EXPECT_EQ(std::memcmp(values[1].data, mask.data(), values[1].bytes), 0);

  std::vector<uint16_t> tokens(16);
  std::ofstream(dir + "/t.bin", std::ios::binary)
      .write(reinterpret_cast<const char *>(tokens.data()), 32);
  InputSpec ids{"ids", Element::I64, {1, 4}}, labels{"labels", Element::I64, {1, 4}};
  ids.slices = 2;
  std::unique_ptr<DataSource> source;
  s = openDataSource("tokens:" + dir + "/t.bin,inputs=ids", {ids, labels}, source);
  EXPECT_EQ(s.message(), "labels 'labels' have shape [1, 4], inputs 'ids' [2, 1, 4]; token files "
                         "need equal shapes");
  labels.slices = 2;
  ASSERT_TRUE(openDataSource("tokens:" + dir + "/t.bin,inputs=ids", {ids, labels}, source).ok());
  EXPECT_EQ(source->rows(), 2u);
}

TEST_F(DataFiles, Tokens) {
  std::vector<uint16_t> tokens;
  for (uint16_t i = 0; i < 21; ++i)
    tokens.push_back(i);
  std::ofstream(dir + "/t.bin", std::ios::binary)
      .write(reinterpret_cast<char *>(tokens.data()), 42);
  std::vector<InputSpec> inputs = {{"input_ids", Element::I64, {2, 4}, 100},
                                   {"labels", Element::I64, {2, 4}, 0}};
  std::unique_ptr<DataSource> source;
  Status s = openDataSource("tokens:" + dir + "/t.bin,shift", inputs, source);
  ASSERT_TRUE(s.ok()) << s.message();
  EXPECT_EQ(source->rows(), 2u); // 20 tokens with labels, 8 a row
  int64_t v[8];
  ASSERT_TRUE(source->read(0, 1, 0, v).ok());
  EXPECT_EQ(v[0], 8);
  EXPECT_EQ(v[7], 15);
  ASSERT_TRUE(source->read(1, 1, 0, v).ok());
  EXPECT_EQ(v[7], 16);
  s = openDataSource("tokens:" + dir + "/t.bin,dtype=u8", inputs, source);
  ASSERT_TRUE(s.ok()) << s.message();
  ASSERT_TRUE(source->read(1, 0, 0, v).ok());
  EXPECT_EQ(v[2], 1); // without shift labels are the tokens
  inputs[0].limit = 10;
  ASSERT_TRUE(openDataSource("tokens:" + dir + "/t.bin", inputs, source).ok());
  s = source->read(0, 1, 0, v);
  EXPECT_EQ(s.code(), Code::Data);
  EXPECT_NE(s.message().find("takes values below 10"), std::string::npos) << s.message();
  EXPECT_EQ(openDataSource("tokens:" + dir + "/t.bin,dtype=f32", inputs, source).code(),
            Code::Usage);
  inputs.push_back({"mask", Element::F32, {2, 4}, 0});
  EXPECT_NE(openDataSource("tokens:" + dir + "/t.bin", inputs, source).message().find("'mask'"),
            std::string::npos);
}

TEST_F(DataFiles, ValuesBeyondTheLimit) {
  std::vector<int32_t> ids = {1, -100, 9, 10};
  ASSERT_TRUE(
      writeSafetensors(dir + "/i.safetensors", {{"ids", Element::I32, {2, 2}, ids.data()}}).ok());
  for (Element type : {Element::I32, Element::I64}) {
    std::unique_ptr<DataSource> source;
    ASSERT_TRUE(openDataSource(dir + "/i.safetensors", {{"ids", type, {2}, 10}}, source).ok());
    int64_t v[2];
    EXPECT_TRUE(source->read(0, 0, 0, v).ok()) << "negative values mean something else";
    Status s = source->read(0, 1, 0, v);
    EXPECT_EQ(s.code(), Code::Data);
    EXPECT_NE(s.message().find("element 1 of micro-batch 1 is 10; the input takes values below 10"),
              std::string::npos)
        << s.message();
  }
}

TEST_F(DataFiles, ValuesOutsideOfBothEnds) {
  std::vector<int64_t> ids = {9, -10, 255, -100, -1, -11};
  ASSERT_TRUE(
      writeSafetensors(dir + "/r.safetensors", {{"ids", Element::I64, {3, 2}, ids.data()}}).ok());
  std::unique_ptr<DataSource> source;
  int64_t v[2];
  // Indices that count from the end have a least one.
  ASSERT_TRUE(
      openDataSource(dir + "/r.safetensors", {{"ids", Element::I64, {2}, 256, -10, {-100}}}, source)
          .ok());
  EXPECT_TRUE(source->read(0, 0, 0, v).ok());
  EXPECT_TRUE(source->read(0, 1, 0, v).ok()) << "what is ignored may be outside";
  Status s = source->read(0, 2, 0, v);
  EXPECT_EQ(s.code(), Code::Data);
  EXPECT_NE(s.message().find("element 1 of micro-batch 2 is -11; the input takes values from -10 "
                             "up and below 256, and -100, which is ignored"),
            std::string::npos)
      << s.message();
  // What is ignored above the limit, as 255 among 10 classes.
  ASSERT_TRUE(openDataSource(dir + "/r.safetensors",
                             {{"ids", Element::I64, {2}, 10, INT64_MIN, {255, 300}}}, source)
                  .ok());
  EXPECT_TRUE(source->read(0, 1, 0, v).ok());
  EXPECT_EQ(InputSpec({"ids", Element::I64, {2}, 10, 0, {255, 300}}).range(),
            "takes values from 0 up and below 10, and 255 and 300, which are ignored");
}

TEST_F(DataFiles, BytesAreCheckedToo) {
  std::vector<uint8_t> labels = {6, 255, 7};
  ASSERT_TRUE(
      writeSafetensors(dir + "/b.safetensors", {{"labels", Element::U8, {3, 1}, labels.data()}})
          .ok());
  std::unique_ptr<DataSource> source;
  uint8_t v;
  ASSERT_TRUE(
      openDataSource(dir + "/b.safetensors", {{"labels", Element::U8, {1}, 7, 0, {255}}}, source)
          .ok());
  EXPECT_TRUE(source->read(0, 0, 0, &v).ok());
  EXPECT_TRUE(source->read(0, 1, 0, &v).ok());
  EXPECT_NE(source->read(0, 2, 0, &v)
                .message()
                .find("is 7; the input takes values from 0 up and below 7"),
            std::string::npos);
}

TEST_F(DataFiles, IntegersOf16BitsAreCheckedToo) {
  std::vector<uint16_t> words = {6, 40000, 65535};
  std::vector<int16_t> numbers = {6, -2, -1};
  ASSERT_TRUE(
      writeSafetensors(dir + "/w.safetensors", {{"words", Element::U16, {3, 1}, words.data()},
                                                {"numbers", Element::I16, {3, 1}, numbers.data()}})
          .ok());
  std::unique_ptr<DataSource> source;
  std::vector<InputSpec> inputs = {{"words", Element::U16, {1}, 40001},
                                   {"numbers", Element::I16, {1}, 7, -1}};
  ASSERT_TRUE(openDataSource(dir + "/w.safetensors", inputs, source).ok());
  uint16_t word;
  int16_t number;
  EXPECT_TRUE(source->read(0, 1, 0, &word).ok());
  EXPECT_EQ(word, 40000);
  EXPECT_NE(
      source->read(0, 2, 0, &word).message().find("is 65535; the input takes values below 40001"),
      std::string::npos);
  EXPECT_TRUE(source->read(1, 2, 0, &number).ok());
  EXPECT_EQ(number, -1);
  EXPECT_NE(
      source->read(1, 1, 0, &number).message().find("is -2; the input takes values from -1 up"),
      std::string::npos);
}

// All elements are written, and nothing beside them.
TEST(Synthetic, DrawsEveryType) {
  for (Element type : {Element::F32, Element::F64, Element::I64, Element::I32, Element::I16,
                       Element::U16, Element::I8, Element::U8, Element::Bool}) {
    std::unique_ptr<DataSource> source;
    uint64_t limit = isFloat(type) || type == Element::Bool ? 0 : 100;
    ASSERT_TRUE(openDataSource("synthetic:3", {{"x", type, {500}, limit}}, source).ok());
    std::vector<char> bytes(500 * sizeOf(type) + 1, '\x7f');
    ASSERT_TRUE(source->read(0, 0, 0, bytes.data()).ok());
    EXPECT_EQ(bytes.back(), '\x7f') << nameOf(type);
    double sum = 0;
    for (uint64_t i = 0; i < 500; ++i) {
      double value = *numberOf(type, &bytes[i * sizeOf(type)]);
      sum += value;
      EXPECT_TRUE(isFloat(type) ? std::fabs(value) < 6 : value >= 0 && value < (limit ? 100 : 2))
          << nameOf(type) << " " << value;
    }
    EXPECT_NEAR(sum / 500, isFloat(type) ? 0 : limit ? 49.5 : 0.5, limit ? 6 : 0.3) << nameOf(type);
  }
}

TEST(Synthetic, RepeatsAndStaysBelowTheLimit) {
  std::vector<InputSpec> inputs = {{"ids", Element::I32, {64}, 7}};
  std::unique_ptr<DataSource> a, b;
  ASSERT_TRUE(openDataSource("synthetic:3", inputs, a).ok());
  ASSERT_TRUE(openDataSource("synthetic:3", inputs, b).ok());
  int32_t x[64], y[64];
  std::set<int32_t> seen;
  for (uint64_t row = 0; row < 5; ++row) {
    ASSERT_TRUE(a->read(0, row, 0, x).ok() && b->read(0, row, 0, y).ok());
    EXPECT_EQ(std::memcmp(x, y, sizeof(x)), 0);
    seen.insert(x, x + 64);
  }
  EXPECT_EQ(*seen.begin(), 0);
  EXPECT_EQ(*seen.rbegin(), 6);
  EXPECT_EQ(openDataSource("synthetic:x", inputs, a).code(), Code::Usage);
}

TEST(ParseJson, TakesBracketsInTextsForText) {
  auto nested = [](size_t levels) { return std::string(levels, '[') + std::string(levels, ']'); };
  EXPECT_TRUE(parseJson(nested(maximumJsonDepth)).is_array());
  EXPECT_TRUE(parseJson(nested(maximumJsonDepth + 1)).is_discarded());
  EXPECT_TRUE(parseJson("[" + nested(1).insert(0, "1,") + "]").is_array());
  EXPECT_EQ(parseJson("\"\\\"" + std::string(1000, '[') + "\"").size(), 1u);
  EXPECT_TRUE(parseJson("[1").is_discarded());
  std::string many = "[0"; // side by side is no nesting
  for (int i = 0; i < 1000; ++i)
    many += ",{\"]\":[]}";
  EXPECT_EQ(parseJson(many + "]").size(), 1001u);
}

// Whatever the bytes are, the reader answers; never reads out of bounds.
TEST_F(DataFiles, HostileSafetensors) {
  auto open = [&](const std::string &header, const std::string &data, int64_t claimed = -1) {
    uint64_t length = claimed < 0 ? header.size() : uint64_t(claimed);
    std::ofstream file(dir + "/h.safetensors", std::ios::binary);
    file.write(reinterpret_cast<char *>(&length), 8);
    file << header << data;
    file.close();
    SafetensorsReader reader;
    return SafetensorsReader::open(dir + "/h.safetensors", Code::Data, reader);
  };
  std::string good = R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
  EXPECT_TRUE(open(good, "12345678").ok());
  EXPECT_EQ(open(good, "1234567").code(), Code::Data);
  EXPECT_EQ(open(good, "12345678", INT64_MAX).code(), Code::Data);
  EXPECT_EQ(open(good, "", 1 << 20).code(), Code::Data);
  for (const char *bad :
       {"", "{", "[]", "{\"x\":1}", R"({"x":{"dtype":"F32","shape":[2]}})",
        R"({"x":{"dtype":"F99","shape":[2],"data_offsets":[0,8]}})",
        R"({"x":{"dtype":"F32","shape":[-1],"data_offsets":[0,8]}})",
        R"({"x":{"dtype":"F32","shape":[1.5],"data_offsets":[0,8]}})",
        R"({"x":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]}})",
        R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})",
        R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[1,9]}})",
        R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})",
        R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,18446744073709551615]}})"})
    EXPECT_EQ(open(bad, "12345678").code(), Code::Data) << bad;
  EXPECT_EQ(open(std::string(200000, '['), "").code(), Code::Data);
  EXPECT_EQ(open("{\"x\":" + std::string(200000, '['), "").code(), Code::Data);
  std::mt19937 random(11);
  for (int i = 0; i < 2000; ++i) {
    std::string broken = good;
    for (int k = 0; k < 3; ++k)
      broken[random() % broken.size()] = char(random());
    Status s = open(broken, "12345678"); // an answer is enough
    EXPECT_TRUE(s.ok() || s.code() == Code::Data) << "seed 11, round " << i;
  }
}

TEST_F(DataFiles, WritesWholeOrNotAtAll) {
  std::vector<float> v(4);
  std::string target = dir + "/no/such/dir/x.safetensors";
  EXPECT_EQ(writeSafetensors(target, {{"x", Element::F32, {4}, v.data()}}).code(), Code::Io);
  // A disk that is full after 100 bytes.
  rlimit old, small;
  getrlimit(RLIMIT_FSIZE, &old);
  small = old;
  small.rlim_cur = 100;
  auto handler = std::signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &small);
  std::vector<float> large(100);
  Status full = writeSafetensors(dir + "/x", {{"x", Element::F32, {100}, large.data()}});
  setrlimit(RLIMIT_FSIZE, &old);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(full.code(), Code::Io);
  {
    OutputFile file;
    ASSERT_TRUE(file.create(dir + "/y").ok());
    ASSERT_TRUE(file.write("abc", 3).ok());
  } // not committed
  EXPECT_TRUE(std::filesystem::is_empty(dir));
}

TEST(Paths, ThatLeaveAreRefused) {
  for (const char *bad : {"", "/a", "../a", "a/../b", "a//b", "a/", "./a", "a/."})
    EXPECT_FALSE(isContainedPath(bad)) << bad;
  EXPECT_TRUE(isContainedPath("kernels/cpu.so"));
}
} // namespace
} // namespace dpcrt::test
