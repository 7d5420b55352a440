// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Runs of the hand-built artifact (TinyArtifact.h): its data, the same sums by hand, dpc-run
// as a function, and a folder with an artifact and data of eight micro-batches.
#pragma once
#include "TinyArtifact.h"
#include "data/Safetensors.h"
#include "dpc-run/Run.h"
#include <cmath>
#include <filesystem>
#include <gtest/gtest.h>
#include <sstream>

namespace dpcrt::test {

struct Data {
  std::vector<float> x, t;
};
inline Data makeData(uint64_t rows) {
  Data d;
  for (uint64_t i = 0; i < rows * 16; ++i) {
    d.x.push_back(float(randomNormal(1, "x", i)));
    // Some rows are ignored, so that denominators differ.
    bool ignored = i / 4 % 5 == 2;
    d.t.push_back(ignored ? -1.0f : float(std::fabs(randomNormal(1, "t", i))));
  }
  return d;
}
inline void writeData(const std::string &path, const Data &d) {
  uint64_t rows = d.x.size() / 16;
  ASSERT_TRUE(writeSafetensors(path, {{"x", Element::F32, {rows, 4, 4}, d.x.data()},
                                      {"t", Element::F32, {rows, 4, 4}, d.t.data()}})
                  .ok());
}

// The model in double, one step at a time.
struct Reference {
  double w[16], g[16], loss = 0, norm = 0;
  Reference() {
    float init[16];
    fillInit(init, 0, 16, 7, "w", InitKind::Normal, 0.5);
    std::copy(init, init + 16, w);
  }
  void step(const Data &d, uint64_t first, uint64_t count, double lr, double clip = INFINITY) {
    double den = 0, sum = 0;
    std::fill(g, g + 16, 0.0);
    for (uint64_t m = first; m < first + count; ++m)
      for (int r = 0; r < 4; ++r) {
        const float *x = &d.x[m * 16 + uint64_t(r) * 4], *t = &d.t[m * 16 + uint64_t(r) * 4];
        if (t[0] < 0)
          continue;
        den += 1;
        for (int c = 0; c < 4; ++c) {
          double y = 0;
          for (int k = 0; k < 4; ++k)
            y += double(x[k]) * w[4 * k + c];
          double e = y - double(t[c]);
          sum += e * e;
          for (int k = 0; k < 4; ++k)
            g[4 * k + c] += 2 * e * double(x[k]);
        }
      }
    loss = sum / den;
    norm = 0;
    for (double &v : g) {
      v /= den;
      norm += v * v;
    }
    norm = std::sqrt(norm);
    double scale = norm > clip ? clip / norm : 1;
    for (int i = 0; i < 16; ++i)
      w[i] -= lr * scale * g[i];
  }
};

struct Outcome {
  int status;
  std::string out, err;
};
inline Outcome run(std::vector<std::string> args) {
  std::ostringstream out, err;
  int status = runCommand(args, out, err);
  return {status, out.str(), err.str()};
}
inline std::vector<float> readTensor(const std::string &path, const std::string &name) {
  SafetensorsReader file;
  EXPECT_TRUE(SafetensorsReader::open(path, Code::Data, file).ok()) << path;
  const StoredTensor *t = file.find(name);
  EXPECT_NE(t, nullptr) << name;
  std::vector<float> values(t ? t->bytes / 4 : 0);
  if (t)
    EXPECT_TRUE(file.file().read(t->offset, values.data(), t->bytes).ok());
  return values;
}

class TinyModel : public testing::Test {
protected:
  void SetUp() override {
    dir = temporaryDirectory("bad");
    writeTinyArtifact(dir + "/m.dpc", {2, 4});
    data = makeData(8);
    writeData(dir + "/d.safetensors", data);
  }
  void TearDown() override { std::filesystem::remove_all(dir); }
  void expect(int status, const std::string &words, std::vector<std::string> args) {
    args.insert(args.begin(), dir + "/m.dpc");
    Outcome o = run(args);
    EXPECT_EQ(o.status, status) << o.err;
    EXPECT_NE(o.err.find(words), std::string::npos) << "wanted '" << words << "' in: " << o.err;
  }
  std::string dir;
  Data data;
};

} // namespace dpcrt::test
