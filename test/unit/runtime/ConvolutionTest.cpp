// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The library convolution against a plain loop: shapes, blocks, accumulation, equal
// bits whatever the number of threads, and descriptions that are none.
#include "devices/cpu/Convolution.h"
#include "devices/cpu/Cores.h"
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <functional>
#include <gtest/gtest.h>
#include <random>

namespace dpcrt {
namespace {
using Kind = ConvolutionShape::Kind;
constexpr Kind kinds[] = {Kind::Forward, Kind::InputGrad, Kind::WeightGrad};
constexpr const char *kindNames[] = {"forward", "input gradient", "weight gradient"};

struct Tensors {
  std::vector<float> lhs, rhs, dst;
};

int64_t dstSize(const ConvolutionShape &s) {
  return s.kind == Kind::Forward     ? s.resultSize()
         : s.kind == Kind::InputGrad ? s.operandSize()
                                     : s.weightSize();
}

// Magnitudes whose sums round; drawn alike for every number of threads.
Tensors draw(const ConvolutionShape &s) {
  std::mt19937 random(5);
  std::uniform_real_distribution<float> uniform(-1, 1);
  auto fill = [&](int64_t n) {
    std::vector<float> v(static_cast<size_t>(n));
    for (float &x : v)
      x = uniform(random);
    return v;
  };
  bool gradFirst = s.kind == Kind::InputGrad, gradSecond = s.kind == Kind::WeightGrad;
  return {fill(gradFirst ? s.resultSize() : s.operandSize()),
          fill(gradSecond ? s.resultSize() : s.weightSize()), fill(dstSize(s))};
}

// One element as the definition has it: the sum in double, and that of magnitudes,
// which bounds the library's error.
struct Sum {
  double value = 0, magnitude = 0;
  void add(float a, float b) {
    value += double(a) * double(b);
    magnitude += std::fabs(double(a) * double(b));
  }
};

class Definition {
public:
  Definition(const ConvolutionShape &s, const Tensors &t)
      : s(s), t(t), own(s.inputChannels / s.groups), group(s.outputChannels / s.groups) {
    std::vector<int64_t> output = s.output();
    auto two = [](int64_t (&to)[2], const std::vector<int64_t> &from, int64_t otherwise) {
      to[0] = from.size() == 2 ? from[0] : otherwise;
      to[1] = from.back();
    };
    two(X, s.input, 1), two(K, s.kernel, 1), two(Y, output, 1);
    two(stride, s.strides, 1), two(dilation, s.dilations, 1), two(low, s.low, 0);
  }

  Sum at(int64_t index) const {
    return s.kind == Kind::Forward     ? result(index)
           : s.kind == Kind::InputGrad ? operandGrad(index)
                                       : weightGrad(index);
  }

private:
  // The operand's coordinate that a window's place reads, or -1 outside.
  int64_t read(int i, int64_t place, int64_t k) const {
    int64_t x = place * stride[i] + k * dilation[i] - low[i];
    return x < X[i] ? std::max<int64_t>(x, -1) : -1;
  }
  // The place of the window that reads a coordinate, or -1.
  int64_t place(int i, int64_t x, int64_t k) const {
    int64_t from = x + low[i] - k * dilation[i];
    return from >= 0 && from % stride[i] == 0 && from / stride[i] < Y[i] ? from / stride[i] : -1;
  }
  size_t operand(int64_t n, int64_t c, int64_t h, int64_t w) const {
    return size_t(((n * s.inputChannels + c) * X[0] + h) * X[1] + w);
  }
  size_t weight(int64_t o, int64_t i, int64_t h, int64_t w) const {
    return size_t(((o * own + i) * K[0] + h) * K[1] + w);
  }
  size_t output(int64_t n, int64_t o, int64_t h, int64_t w) const {
    return size_t(((n * s.outputChannels + o) * Y[0] + h) * Y[1] + w);
  }

  Sum result(int64_t index) const {
    int64_t q = index % Y[1], p = index / Y[1] % Y[0], o = index / Y[1] / Y[0] % s.outputChannels,
            n = index / Y[1] / Y[0] / s.outputChannels;
    Sum sum;
    for (int64_t i = 0; i < own; ++i)
      for (int64_t k = 0; k < K[0]; ++k)
        for (int64_t l = 0; l < K[1]; ++l) {
          int64_t h = read(0, p, k), w = read(1, q, l);
          if (h >= 0 && w >= 0)
            sum.add(t.lhs[operand(n, o / group * own + i, h, w)], t.rhs[weight(o, i, k, l)]);
        }
    return sum;
  }
  Sum operandGrad(int64_t index) const {
    int64_t w = index % X[1], h = index / X[1] % X[0], c = index / X[1] / X[0] % s.inputChannels,
            n = index / X[1] / X[0] / s.inputChannels;
    Sum sum;
    for (int64_t j = 0; j < group; ++j)
      for (int64_t k = 0; k < K[0]; ++k)
        for (int64_t l = 0; l < K[1]; ++l) {
          int64_t p = place(0, h, k), q = place(1, w, l), o = c / own * group + j;
          if (p >= 0 && q >= 0)
            sum.add(t.lhs[output(n, o, p, q)], t.rhs[weight(o, c % own, k, l)]);
        }
    return sum;
  }
  Sum weightGrad(int64_t index) const {
    int64_t l = index % K[1], k = index / K[1] % K[0], i = index / K[1] / K[0] % own,
            o = index / K[1] / K[0] / own;
    Sum sum;
    for (int64_t n = 0; n < s.batch; ++n)
      for (int64_t p = 0; p < Y[0]; ++p)
        for (int64_t q = 0; q < Y[1]; ++q) {
          int64_t h = read(0, p, k), w = read(1, q, l);
          if (h >= 0 && w >= 0)
            sum.add(t.lhs[operand(n, o / group * own + i, h, w)], t.rhs[output(n, o, p, q)]);
        }
    return sum;
  }

  const ConvolutionShape &s;
  const Tensors &t;
  int64_t own, group;
  int64_t X[2], K[2], Y[2], stride[2], dilation[2], low[2];
};

// Scratch of one core, exactly as long as the plan says; what lies behind it is
// watched.
class Guarded {
public:
  explicit Guarded(uint64_t bytes) : bytes(bytes), memory(bytes + 64 + 64, char(0x5a)) {
    scratch.memory =
        reinterpret_cast<char *>((reinterpret_cast<uintptr_t>(memory.data()) + 63) / 64 * 64);
  }
  bool isWhole() const {
    return std::all_of(scratch.memory + bytes, scratch.memory + bytes + 64,
                       [](char c) { return c == 0x5a; });
  }
  CallScratch scratch;

private:
  uint64_t bytes;
  std::vector<char> memory;
};

struct Job {
  const ConvolutionPlan *plan;
  const Tensors *tensors;
  float *dst;
  std::vector<std::unique_ptr<Guarded>> scratch;
  std::atomic<bool> failed{false};
};

void runPiece(void *context, int core, uint64_t block) {
  auto &job = *static_cast<Job *>(context);
  if (!job.plan->run(block, core, job.scratch[size_t(core)]->scratch, job.tensors->lhs.data(),
                     job.tensors->rhs.data(), job.dst))
    job.failed = true;
}

std::vector<float> runWith(unsigned threads, const ConvolutionShape &s, const Tensors &tensors) {
  ConvolutionLibrary library(threads);
  std::unique_ptr<ConvolutionPlan> plan;
  Status status = ConvolutionPlan::make(s, library, plan);
  EXPECT_TRUE(status.ok()) << status.message();
  if (!status.ok())
    return {};
  EXPECT_EQ(library.scratchBytes(), plan->scratchBytes());
  Cores cores(threads);
  EXPECT_TRUE(cores.start().ok());
  std::vector<float> dst = tensors.dst;
  Job job{plan.get(), &tensors, dst.data(), {}};
  for (unsigned i = 0; i < threads; ++i)
    job.scratch.push_back(std::make_unique<Guarded>(plan->scratchBytes()));
  OneThread here; // as a lane does
  int core = cores.acquire();
  cores.share(core, plan->blocks(), runPiece, &job);
  cores.release(core);
  EXPECT_FALSE(job.failed);
  for (auto &guarded : job.scratch)
    EXPECT_TRUE(guarded->isWhole());
  return dst;
}

std::string describe(const ConvolutionShape &s) {
  std::string text = kindNames[int(s.kind)];
  auto list = [&](const char *name, const std::vector<int64_t> &numbers) {
    text += std::string(" ") + name;
    for (int64_t n : numbers)
      text += " " + std::to_string(n);
  };
  list("batch", {s.batch});
  list("groups", {s.groups});
  list("channels", {s.inputChannels, s.outputChannels});
  list("input", s.input);
  list("kernel", s.kernel);
  list("strides", s.strides);
  list("dilations", s.dilations);
  list("low", s.low);
  list("high", s.high);
  return text + (s.accumulate ? " accumulate" : "");
}

// Compares with the definition: all elements, or a few hundred of many.
void compare(const ConvolutionShape &s, const Tensors &tensors, const std::vector<float> &got) {
  ASSERT_EQ(int64_t(got.size()), dstSize(s));
  Definition definition(s, tensors);
  int64_t size = dstSize(s), step = std::max<int64_t>(size / 400, 1);
  for (int64_t i = size - 1; i >= 0; i -= step) {
    Sum sum = definition.at(i);
    double want = sum.value + (s.accumulate ? double(tensors.dst[size_t(i)]) : 0);
    ASSERT_NEAR(double(got[size_t(i)]), want, 3e-6 * (1 + sum.magnitude)) << "element " << i;
  }
}

// All three kinds, alone and added to what is there.
void check(ConvolutionShape s) {
  for (Kind kind : kinds) {
    s.kind = kind;
    s.accumulate = false;
    Tensors tensors = draw(s);
    std::vector<float> alone = runWith(1, s, tensors), sum = tensors.dst;
    for (size_t i = 0; i < sum.size(); ++i)
      sum[i] += alone[i]; // the result first, then one addition
    for (bool accumulate : {false, true}) {
      s.accumulate = accumulate;
      SCOPED_TRACE(describe(s));
      const std::vector<float> &want = accumulate ? sum : alone;
      compare(s, tensors, want);
      for (unsigned threads : {1u, 2u, 3u})
        EXPECT_EQ(std::memcmp(want.data(), runWith(threads, s, tensors).data(), want.size() * 4), 0)
            << threads << " threads";
    }
  }
}

ConvolutionShape shape(int64_t batch, int64_t groups, int64_t inputs, int64_t outputs,
                       std::vector<int64_t> input, std::vector<int64_t> kernel,
                       std::vector<int64_t> strides, std::vector<int64_t> low,
                       std::vector<int64_t> high, std::vector<int64_t> dilations = {}) {
  if (dilations.empty())
    dilations.assign(input.size(), 1);
  return {Kind::Forward, false,  batch,   groups,    inputs, outputs,
          input,         kernel, strides, dilations, low,    high};
}

TEST(Convolution, EveryWindow) {
  // One dimension.
  check(shape(2, 1, 3, 5, {11}, {3}, {1}, {1}, {1}));
  check(shape(2, 1, 16, 32, {20}, {4}, {2}, {1}, {2}));
  check(shape(1, 1, 8, 8, {20}, {3}, {1}, {4}, {1}, {2}));
  // Two; each number its own in both.
  check(shape(1, 1, 1, 1, {1, 1}, {1, 1}, {1, 1}, {0, 0}, {0, 0}));
  check(shape(2, 1, 5, 7, {9, 12}, {3, 2}, {2, 3}, {2, 0}, {1, 1}));
  check(shape(2, 1, 16, 16, {9, 12}, {3, 2}, {1, 1}, {2, 1}, {0, 0}, {2, 3}));
  check(shape(1, 1, 16, 48, {10, 10}, {1, 1}, {2, 2}, {0, 0}, {0, 0}));
  check(shape(2, 1, 3, 20, {12, 16}, {4, 4}, {4, 4}, {0, 0}, {0, 0}));
  // Elements between windows, and behind the last, are read by none.
  check(shape(1, 1, 4, 6, {11, 14}, {2, 1}, {3, 4}, {0, 0}, {0, 0}));
  // All of the operand but one element is padding.
  check(shape(2, 1, 6, 10, {1, 1}, {3, 3}, {1, 1}, {1, 1}, {1, 1}));
}

TEST(Convolution, Groups) {
  check(shape(2, 2, 6, 10, {8, 9}, {3, 3}, {1, 1}, {1, 1}, {1, 1}));
  check(shape(1, 4, 64, 32, {8, 9}, {3, 3}, {2, 1}, {1, 0}, {0, 1}));
  check(shape(2, 24, 24, 24, {10, 9}, {3, 3}, {1, 1}, {1, 1}, {1, 1})); // depthwise
  check(shape(2, 7, 7, 21, {10}, {3}, {1}, {1}, {1}));
}

// Shapes that are cut, along each dimension; what is left over has a block of its own.
TEST(Convolution, BlocksAreDealtToThreads) {
  auto blocks = [](ConvolutionShape s) {
    std::vector<size_t> counts;
    for (Kind kind : kinds) {
      ConvolutionLibrary library(1);
      std::unique_ptr<ConvolutionPlan> plan;
      s.kind = kind;
      Status status = ConvolutionPlan::make(s, library, plan);
      EXPECT_TRUE(status.ok()) << status.message();
      counts.push_back(plan->blocks());
    }
    return counts;
  };
  using Counts = std::vector<size_t>;
  // More images than weights; then channels of the weight against the larger tensor.
  ConvolutionShape images = shape(7, 1, 20, 80, {24, 24}, {3, 3}, {1, 1}, {1, 1}, {1, 1});
  EXPECT_EQ(blocks(images), (Counts{4, 4, 2}));
  check(images);
  // More weights than images.
  ConvolutionShape weights = shape(2, 1, 200, 320, {5, 5}, {3, 3}, {1, 1}, {1, 1}, {1, 1});
  EXPECT_EQ(blocks(weights), (Counts{3, 4, 3}));
  check(weights);
  // One image.
  ConvolutionShape wave = shape(1, 1, 80, 384, {500}, {3}, {1}, {1}, {1});
  EXPECT_EQ(blocks(wave), (Counts{3, 2, 3}));
  check(wave);
  // Groups, all of a block's or one alone.
  ConvolutionShape groups = shape(1, 6, 96, 192, {30, 30}, {3, 3}, {1, 1}, {1, 1}, {1, 1});
  EXPECT_EQ(blocks(groups), (Counts{3, 3, 3}));
  check(groups);
  ConvolutionShape depthwise = shape(1, 80, 80, 80, {80, 80}, {5, 5}, {1, 1}, {2, 2}, {2, 2});
  EXPECT_EQ(blocks(depthwise), (Counts{3, 3, 3}));
  check(depthwise);
  ConvolutionShape two = shape(1, 2, 64, 64, {40, 40}, {3, 3}, {1, 1}, {1, 1}, {1, 1});
  EXPECT_EQ(blocks(two), (Counts{2, 2, 2}));
  check(two);
}

TEST(Convolution, AnyShape) {
  std::mt19937 random(11);
  auto draw = [&](int64_t least, int64_t most) {
    return least + int64_t(random() % uint64_t(most - least + 1));
  };
  for (int i = 0; i < 60; ++i) {
    size_t spatial = size_t(draw(1, 2));
    int64_t groups = draw(0, 2) ? 1 : draw(2, 9);
    ConvolutionShape s =
        shape(draw(1, 3), groups, groups * draw(1, 20), groups * draw(1, 20), {}, {}, {}, {}, {});
    s.dilations.clear();
    for (size_t d = 0; d < spatial; ++d) {
      s.kernel.push_back(draw(1, 4));
      s.dilations.push_back(draw(1, 3));
      s.strides.push_back(draw(1, 3));
      int64_t reach = (s.kernel[d] - 1) * s.dilations[d];
      s.low.push_back(draw(0, reach));
      s.high.push_back(draw(0, reach));
      s.input.push_back(std::max<int64_t>(draw(1, 14), reach + 1 - s.low[d] - s.high[d]));
    }
    check(s);
  }
}

struct Named {
  const char *name;
  ConvolutionShape shape;
};

// What the stems of ViT and Whisper and the layers of a ResNet-18 on 64x64 images are.
std::vector<Named> knownShapes() {
  std::vector<Named> all = {
      {"ViT stem", shape(1, 1, 3, 768, {224, 224}, {16, 16}, {16, 16}, {0, 0}, {0, 0})},
      {"ViT stem", shape(8, 1, 3, 768, {224, 224}, {16, 16}, {16, 16}, {0, 0}, {0, 0})},
      {"ResNet stem", shape(4, 1, 3, 64, {64, 64}, {7, 7}, {2, 2}, {3, 3}, {3, 3})}};
  for (int64_t channels : {384, 512}) {
    all.push_back({"Whisper stem", shape(1, 1, 80, channels, {3000}, {3}, {1}, {1}, {1})});
    all.push_back({"Whisper stem", shape(1, 1, channels, channels, {3000}, {3}, {2}, {1}, {1})});
  }
  // With and without the pooling behind the stem.
  for (int64_t extent : {16, 32})
    for (int64_t channels = 64, e = extent; channels <= 512; channels *= 2, e /= 2) {
      std::vector<int64_t> three = {3, 3}, one = {1, 1}, two = {2, 2}, none = {0, 0};
      all.push_back({"ResNet 3x3", shape(4, 1, channels, channels, {e, e}, three, one, one, one)});
      if (channels == 512)
        break;
      all.push_back(
          {"ResNet 3x3 /2", shape(4, 1, channels, 2 * channels, {e, e}, three, two, one, one)});
      all.push_back(
          {"ResNet 1x1 /2", shape(4, 1, channels, 2 * channels, {e, e}, one, two, none, none)});
    }
  return all;
}

TEST(Convolution, KnownShapesAreNotTheReference) {
  ConvolutionLibrary library(1);
  for (auto &[name, known] : knownShapes())
    for (Kind kind : kinds) {
      ConvolutionShape s = known;
      s.kind = kind;
      s.accumulate = kind == Kind::WeightGrad;
      std::unique_ptr<ConvolutionPlan> plan;
      ASSERT_TRUE(ConvolutionPlan::make(s, library, plan).ok());
      for (size_t i = 0; i < plan->blocks(); ++i)
        EXPECT_EQ(std::string(plan->implementation(i)).find("ref"), std::string::npos)
            << name << ", " << describe(s) << ", block " << i << ": " << plan->implementation(i);
    }
}

TEST(Convolution, KnownShapesAreRight) {
  for (auto &[name, known] : knownShapes())
    for (Kind kind : kinds) {
      ConvolutionShape s = known;
      s.kind = kind;
      SCOPED_TRACE(name + (", " + describe(s)));
      Tensors tensors = draw(s);
      compare(s, tensors, runWith(2, s, tensors));
    }
}

// A team of the library's would spin on cores that others hold.
TEST(Convolution, LibraryStartsNoThreads) {
  auto threads = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/task"), {});
  };
  auto before = threads();
  ConvolutionShape s = shape(4, 1, 64, 64, {16, 16}, {3, 3}, {1, 1}, {1, 1}, {1, 1});
  for (Kind kind : kinds) {
    s.kind = kind;
    runWith(1, s, draw(s));
  }
  EXPECT_EQ(threads(), before);
}

TEST(Convolution, HostileDescriptionsAreRefused) {
  using Change = std::function<void(ConvolutionShape &)>;
  const std::vector<std::pair<Change, std::string>> changes = {
      {[](auto &s) { s.input = {}, s.kernel = {}; }, "it has 0 spatial dimensions"},
      {[](auto &s) { s.input = {4, 4, 4}; }, "it has 3 spatial dimensions, 1 and 2 are computed"},
      {[](auto &s) { s.kernel = {3}; }, "it has kernel extents for 1 of 2 dimensions"},
      {[](auto &s) { s.strides = {1, 1, 1}; }, "it has strides for 3 of 2 dimensions"},
      {[](auto &s) { s.dilations = {}; }, "it has dilations for 0 of 2 dimensions"},
      {[](auto &s) { s.low = {1}; }, "it has padding before for 1 of 2 dimensions"},
      {[](auto &s) { s.high = {1}; }, "it has padding behind for 1 of 2 dimensions"},
      {[](auto &s) { s.input[1] = 0; }, "its extents contain 0"},
      {[](auto &s) { s.kernel[0] = 0; }, "its kernel extents contain 0"},
      {[](auto &s) { s.strides[0] = 0; }, "its strides contain 0"},
      {[](auto &s) { s.strides[1] = -1; }, "its strides contain -1"},
      {[](auto &s) { s.dilations[0] = 0; }, "its dilations contain 0"},
      {[](auto &s) { s.low[0] = -1; }, "its padding before contain -1"},
      {[](auto &s) { s.high[1] = int64_t(1) << 31; }, "its padding behind contain 2147483648"},
      {[](auto &s) { s.batch = 0; }, "its batch, groups or channels are 0"},
      {[](auto &s) { s.groups = 0; }, "its batch, groups or channels are 0"},
      {[](auto &s) { s.inputChannels = INT64_MIN; }, "its batch, groups or channels are -9223"},
      {[](auto &s) { s.groups = 3; }, "it divides 4 and 6 channels into 3 groups"},
      {[](auto &s) { s.groups = 4; }, "it divides 4 and 6 channels into 4 groups"},
      {[](auto &s) { s.low[0] = 3; }, "it pads by 3 and 1 a window of 3"},
      {[](auto &s) { s.high[1] = 5; }, "it pads by 1 and 5 a window of 5"},
      {[](auto &s) { s.input[0] = 1, s.low[0] = 0; }, "it slides a window of 3 over 1 and 1"},
      {[](auto &s) { s.kernel[0] = s.dilations[0] = INT32_MAX; }, "its window spans 46116860"},
      {[](auto &s) { s.batch = s.input[0] = s.input[1] = INT32_MAX; },
       "a tensor of it has more than 2^40 elements"},
      {[](auto &s) { s.inputChannels = s.outputChannels = int64_t(1) << 20; },
       "a tensor of it has more than 2^40 elements"},
      {[](auto &s) { s.batch = int64_t(1) << 24, s.outputChannels = int64_t(1) << 20; },
       "a tensor of it has more than 2^40 elements"},
  };
  const ConvolutionShape valid = shape(2, 2, 4, 6, {6, 7}, {3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 2});
  EXPECT_EQ(convolutionProblem(valid), "");
  ConvolutionLibrary library(1);
  for (auto &[change, words] : changes) {
    ConvolutionShape s = valid;
    change(s);
    std::unique_ptr<ConvolutionPlan> plan;
    Status status = ConvolutionPlan::make(s, library, plan);
    ASSERT_FALSE(status.ok()) << words;
    EXPECT_EQ(status.code(), Code::Artifact);
    EXPECT_EQ(status.message().find("a library call is no valid convolution: " + words), 0u)
        << status.message();
    EXPECT_FALSE(plan);
  }
}

// Not a test of speed: prints what each shape reaches, and by which implementation.
TEST(Convolution, DISABLED_Throughput) {
  for (auto &[name, known] : knownShapes())
    for (Kind kind : kinds) {
      ConvolutionShape s = known;
      s.kind = kind;
      s.accumulate = kind == Kind::WeightGrad;
      ConvolutionLibrary library(1);
      std::unique_ptr<ConvolutionPlan> plan;
      ASSERT_TRUE(ConvolutionPlan::make(s, library, plan).ok());
      Tensors tensors = draw(s);
      Guarded guarded(plan->scratchBytes());
      OneThread here;
      double best = 1e9;
      for (int i = 0; i < 10; ++i) {
        auto begin = std::chrono::steady_clock::now();
        guarded.scratch.forget();
        for (size_t block = 0; block < plan->blocks(); ++block)
          plan->run(block, 0, guarded.scratch, tensors.lhs.data(), tensors.rhs.data(),
                    tensors.dst.data());
        best = std::min(
            best, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
      }
      printf("%-13s %-15s %4lld to %3lld of %4lld  %zu blocks  %-22s %6.1f GFLOP/s %7.2f ms  %5.1f "
             "MiB\n",
             name, kindNames[int(kind)], (long long)s.inputChannels, (long long)s.outputChannels,
             (long long)s.input[0], plan->blocks(), plan->implementation(0),
             plan->flops() / best * 1e-9, best * 1e3, double(plan->scratchBytes()) / (1 << 20));
    }
}
} // namespace
} // namespace dpcrt
