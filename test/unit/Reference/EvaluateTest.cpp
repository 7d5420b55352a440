// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The interpreter itself: calls, precision, members, parameters, errors; and the
// gradients that finite differences cannot see, at ties and kinks.
#include "Harness.h"
#include "data/Init.h"
#include "dpc/Dialect/NN/Collectives.h"
#include "dpc/Reference/Parameters.h"
#include "mlir/IR/Diagnostics.h"
#include "llvm/Support/FileSystem.h"
#include "gtest/gtest.h"

#include <array>
#include <chrono>
#include <cmath>

using namespace mlir;
using namespace dpc;
using namespace dpc::test;
using reference::Tensor;

namespace {

// Evaluates @f, expecting an error that contains `message`.
void expectError(const std::string &text, std::vector<Tensor> inputs, const std::string &message,
                 reference::ParameterSource parameters = {}) {
  auto context = makeContext();
  auto module = parse(*context, text);
  ASSERT_TRUE(module);
  std::string seen;
  ScopedDiagnosticHandler handler(context.get(), [&](Diagnostic &diagnostic) {
    seen += diagnostic.str() + "\n";
    return success();
  });
  EXPECT_TRUE(failed(reference::evaluate(getFunction(*module, "f"), inputs, parameters)));
  EXPECT_NE(seen.find(message), std::string::npos) << "got: " << seen;
}

TEST(Evaluate, Calls) {
  auto context = makeContext();
  auto module = parse(*context, R"(
    func.func private @square(%x: tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>) {
      %y = nn.mul %x, %x : tensor<2xf32>
      return %y, %x : tensor<2xf32>, tensor<2xf32>
    }
    func.func @f(%x: tensor<2xf32>) -> tensor<2xf32> {
      %a:2 = func.call @square(%x) : (tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>)
      %b:2 = func.call @square(%a#0) : (tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>)
      %y = nn.sub %b#0, %a#1 : tensor<2xf32>
      return %y : tensor<2xf32>
    })");
  auto results = run(*module, {Tensor::fromFloats({2}, {2, 3})});
  EXPECT_EQ(results[0].floats, (std::vector<double>{14, 78}));
}

TEST(Evaluate, RecursionIsAnError) {
  expectError(R"(
    func.func @f(%x: tensor<f32>) -> tensor<f32> {
      %y = func.call @g(%x) : (tensor<f32>) -> tensor<f32>
      return %y : tensor<f32>
    }
    func.func @g(%x: tensor<f32>) -> tensor<f32> {
      %y = func.call @f(%x) : (tensor<f32>) -> tensor<f32>
      return %y : tensor<f32>
    })",
              {Tensor::fromFloats({}, {1})}, "which is running");
}

TEST(Evaluate, ErrorsNameWhatIsWrong) {
  const char *identity =
      "func.func @f(%x: tensor<2xf32>) -> tensor<2xf32> { return %x : tensor<2xf32> }";
  expectError(identity, {}, "takes 1 inputs, but 0 are given");
  expectError(identity, {Tensor::fromFloats({3}, {1, 2, 3})}, "takes 'tensor<2xf32>' as input 0");
  expectError(identity, {Tensor::fromIntegers({2}, {1, 2})}, "takes 'tensor<2xf32>' as input 0");
  expectError(R"(
    func.func @f(%x: tensor<1xi64>) -> tensor<1xi64> {
      %z = nn.sub %x, %x : tensor<1xi64>
      %y = nn.div %x, %z : tensor<1xi64>
      return %y : tensor<1xi64>
    })",
              {Tensor::fromIntegers({1}, {5})}, "divides the integer 5 by 0");
  expectError(R"(
    nn.parameter @w : tensor<2xf32> = #nn.init<ones, 1, 0.0 : f64>
    func.func @f() -> tensor<2xf32> {
      %w = nn.get @w : tensor<2xf32>
      return %w : tensor<2xf32>
    })",
              {}, "for which no values are given");
}

TEST(Evaluate, TypedPrecisionRoundsEachResult) {
  auto context = makeContext();
  auto module = parse(*context, R"(
    func.func @f(%x: tensor<2xf32>, %h: tensor<2xbf16>) -> (tensor<2xf32>, tensor<2xbf16>) {
      %third = nn.constant dense<3.0> : tensor<2xf32>
      %y = nn.div %x, %third : tensor<2xf32>
      %z = nn.add %h, %h : tensor<2xbf16>
      return %y, %z : tensor<2xf32>, tensor<2xbf16>
    })");
  std::vector<Tensor> inputs = {Tensor::fromFloats({2}, {1, 10}),
                                Tensor::fromFloats({2}, {1.0 / 3, 257})};
  auto exact = run(*module, inputs);
  EXPECT_EQ(exact[0].floats, (std::vector<double>{1.0 / 3, 10.0 / 3}));
  reference::Options typed;
  typed.precision = reference::Precision::Typed;
  auto rounded = run(*module, inputs, typed);
  EXPECT_EQ(rounded[0].floats, (std::vector<double>{1.0f / 3.0f, 10.0f / 3.0f}));
  // bf16 keeps 8 bits: 1/3 is 0x3EAB, and 257 rounds to even, to 256.
  EXPECT_EQ(rounded[1].floats, (std::vector<double>{0.66796875, 512}));
}

TEST(Evaluate, MatmulDoesNotDependOnThreads) {
  auto context = makeContext();
  auto module = parse(*context, R"(
    func.func @f(%a: tensor<131x203xf32>, %b: tensor<203x301xf32>) -> tensor<131x301xf32> {
      %y = nn.matmul %a, %b : tensor<131x203xf32>, tensor<203x301xf32> to tensor<131x301xf32>
      return %y : tensor<131x301xf32>
    })");
  std::mt19937 random(7);
  std::vector<Tensor> inputs;
  for (Type type : getFunction(*module, "f").getArgumentTypes())
    inputs.push_back(randomTensor(type, Domain::Signed, random));
  reference::Options one, three;
  one.threads = 1;
  three.threads = 3;
  auto a = run(*module, inputs, one), b = run(*module, inputs, three);
  EXPECT_EQ(a[0].floats, b[0].floats);
  for (int64_t i : {0, 77, 130})
    for (int64_t j : {0, 150, 300}) {
      double sum = 0;
      for (int64_t k = 0; k < 203; ++k)
        sum += inputs[0].floats[i * 203 + k] * inputs[1].floats[k * 301 + j];
      EXPECT_EQ(a[0].floats[i * 301 + j], sum) << i << ", " << j;
    }
}

// Three large ones, which are dealt to threads, and what is added to the last.
TEST(Evaluate, ConvolutionsDoNotDependOnThreads) {
  auto context = makeContext();
  auto module = parse(*context, R"(
    func.func @f(%x: tensor<2x12x40x40xf32>, %w: tensor<18x6x5x5xf32>, %g: tensor<2x18x20x20xf32>, %sum: tensor<18x6x5x5xf32>)
        -> (tensor<2x18x20x20xf32>, tensor<2x12x40x40xf32>, tensor<18x6x5x5xf32>, tensor<18x6x5x5xf32>) {
      %y = nn.conv %x, %w strides [2, 2] dilations [1, 1] low [2, 2] high [1, 1] groups 2
        : tensor<2x12x40x40xf32>, tensor<18x6x5x5xf32> to tensor<2x18x20x20xf32>
      %dx = nn.conv_input_grad %g, %w strides [2, 2] dilations [1, 1] low [2, 2] high [1, 1] groups 2
        : tensor<2x18x20x20xf32>, tensor<18x6x5x5xf32> to tensor<2x12x40x40xf32>
      %dw = nn.conv_weight_grad %x, %g strides [2, 2] dilations [1, 1] low [2, 2] high [1, 1] groups 2
        : tensor<2x12x40x40xf32>, tensor<2x18x20x20xf32> to tensor<18x6x5x5xf32>
      %added = nn.conv_weight_grad %x, %g into %sum strides [2, 2] dilations [1, 1] low [2, 2] high [1, 1] groups 2
        : tensor<2x12x40x40xf32>, tensor<2x18x20x20xf32>, tensor<18x6x5x5xf32> to tensor<18x6x5x5xf32>
      return %y, %dx, %dw, %added : tensor<2x18x20x20xf32>, tensor<2x12x40x40xf32>, tensor<18x6x5x5xf32>, tensor<18x6x5x5xf32>
    })");
  std::mt19937 random(7);
  std::vector<Tensor> inputs;
  for (Type type : getFunction(*module, "f").getArgumentTypes())
    inputs.push_back(randomTensor(type, Domain::Signed, random));
  reference::Options one, three;
  one.threads = 1;
  three.threads = 3;
  auto a = run(*module, inputs, one), b = run(*module, inputs, three);
  for (int i = 0; i < 4; ++i)
    EXPECT_EQ(a[i].floats, b[i].floats) << i;
  for (size_t i = 0; i < a[2].floats.size(); ++i)
    EXPECT_EQ(a[3].floats[i], a[2].floats[i] + inputs[3].floats[i]);
  // One product of each sum, summed over all: a transposed map does not change it.
  auto dot = [](const Tensor &x, const Tensor &y) {
    double sum = 0;
    for (size_t i = 0; i < x.floats.size(); ++i)
      sum += x.floats[i] * y.floats[i];
    return sum;
  };
  EXPECT_NEAR(dot(a[0], inputs[2]), dot(inputs[0], a[1]), 1e-9);
  EXPECT_NEAR(dot(a[0], inputs[2]), dot(inputs[1], a[2]), 1e-9);
}

TEST(Members, Collectives) {
  auto context = makeContext();
  auto module = parse(*context, R"(
    module attributes {nn.mesh = {ep = 2 : i64, tp = 2 : i64}} {
      func.func @f(%x: tensor<2xf32>) -> (tensor<2xf32>, tensor<4xf32>, tensor<1xf32>, tensor<2xf32>) {
        %s = nn.all_reduce %x over "ep" : tensor<2xf32>
        %g = nn.all_gather %x over "tp" axis 0 : tensor<2xf32> to tensor<4xf32>
        %r = nn.reduce_scatter %x over "tp" axis 0 : tensor<2xf32> to tensor<1xf32>
        %a = nn.all_to_all %x over "ep" split 0 concat 0 : tensor<2xf32> to tensor<2xf32>
        return %s, %g, %r, %a : tensor<2xf32>, tensor<4xf32>, tensor<1xf32>, tensor<2xf32>
      }
    })");
  reference::Options options;
  options.mesh = {{"ep", 2}, {"tp", 2}};
  // Member (ep, tp) holds {10 ep + tp, 100 + 10 ep + tp}.
  SmallVector<SmallVector<Tensor>> inputs;
  for (double base : {0, 1, 10, 11})
    inputs.push_back({Tensor::fromFloats({2}, {base, 100 + base})});
  auto results = reference::evaluateMembers(getFunction(*module, "f"), inputs, {}, options);
  ASSERT_TRUE(succeeded(results));
  auto value = [&](int member, int result) { return (*results)[member][result].floats; };
  using V = std::vector<double>;
  EXPECT_EQ(value(0, 0), (V{10, 210}));
  EXPECT_EQ(value(3, 0), (V{12, 212}));
  EXPECT_EQ(value(0, 1), (V{0, 100, 1, 101}));
  EXPECT_EQ(value(1, 1), (V{0, 100, 1, 101}));
  EXPECT_EQ(value(2, 1), (V{10, 110, 11, 111}));
  EXPECT_EQ(value(0, 2), (V{1}));
  EXPECT_EQ(value(1, 2), (V{201}));
  EXPECT_EQ(value(0, 3), (V{0, 10}));
  EXPECT_EQ(value(2, 3), (V{100, 110}));
  EXPECT_EQ(value(3, 3), (V{101, 111}));
}

TEST(Members, HaveTheirOwnPartOfAShardedParameter) {
  auto context = makeContext();
  auto module = parse(*context, R"(
    module attributes {nn.mesh = {ep = 2 : i64, tp = 2 : i64}} {
      nn.parameter @own : tensor<3xf32> trained = #nn.init<normal, 5, 1.0 : f64> {nn.sharded = "ep"}
      nn.parameter @all : tensor<3xf32> trained = #nn.init<normal, 5, 1.0 : f64>
      func.func @f() -> (tensor<3xf32>, tensor<3xf32>) {
        %own = nn.get @own : tensor<3xf32>
        %all = nn.get @all : tensor<3xf32>
        return %own, %all : tensor<3xf32>, tensor<3xf32>
      }
    })");
  reference::Options options;
  options.mesh = {{"ep", 2}, {"tp", 2}};
  SmallVector<SmallVector<Tensor>> inputs(4);
  auto results = reference::evaluateMembers(getFunction(*module, "f"), inputs,
                                            reference::makeParameterSource(), options);
  ASSERT_TRUE(succeeded(results));
  // Drawn as one tensor with a leading dimension, whose rows are the members'.
  std::vector<float> drawn(6);
  dpcrt::fillInit(drawn.data(), 0, 6, 5, "own", dpcrt::InitKind::Normal, 1.0);
  for (int member = 0; member < 4; ++member) {
    const std::vector<double> &own = (*results)[member][0].floats;
    for (int i = 0; i < 3; ++i)
      EXPECT_EQ(own[i], drawn[member / 2 * 3 + i]) << member << ", " << i;
    EXPECT_EQ((*results)[member][1].floats, (*results)[0][1].floats);
  }
}

// The form that runs computes what the operation says, for every pair of axes.
TEST(Members, ContiguousCollectivesComputeTheSame) {
  std::vector<std::string> operations;
  auto type = [](std::array<int64_t, 3> shape) {
    return "tensor<" + std::to_string(shape[0]) + "x" + std::to_string(shape[1]) + "x" +
           std::to_string(shape[2]) + "xf32>";
  };
  const std::array<int64_t, 3> whole = {4, 6, 2};
  for (int a = 0; a < 3; ++a) {
    std::array<int64_t, 3> less = whole, more = whole;
    less[a] /= 2;
    more[a] *= 2;
    std::string axis = std::to_string(a);
    operations.push_back("nn.all_gather %x over \"ep\" axis " + axis + " : " + type(whole) +
                         " to " + type(more));
    operations.push_back("nn.reduce_scatter %x over \"ep\" axis " + axis + " : " + type(whole) +
                         " to " + type(less));
    for (int b = 0; b < 3; ++b) {
      std::array<int64_t, 3> moved = less;
      moved[b] *= 2;
      operations.push_back("nn.all_to_all %x over \"ep\" split " + axis + " concat " +
                           std::to_string(b) + " : " + type(whole) + " to " + type(moved));
    }
  }
  for (const std::string &operation : operations) {
    auto context = makeContext();
    std::string result = operation.substr(operation.rfind(" to ") + 4);
    auto module =
        parse(*context, "module attributes {nn.mesh = {ep = 2 : i64}} {\n func.func @f(%x: " +
                            type(whole) + ") -> " + result + " {\n %y = " + operation +
                            "\n return %y : " + result + "\n }\n}");
    ASSERT_TRUE(module) << operation;
    std::mt19937 random(3);
    SmallVector<SmallVector<Tensor>> inputs(2);
    func::FuncOp function = getFunction(*module, "f");
    for (auto &input : inputs)
      input.push_back(randomTensor(function.getArgumentTypes()[0], Domain::Signed, random));
    reference::Options options;
    options.mesh = {{"ep", 2}};
    auto before = reference::evaluateMembers(function, inputs, {}, options);
    Operation *collective = &function.front().front();
    ASSERT_EQ(nn::isContiguous(collective),
              operation.find("split 0 concat 0") != std::string::npos ||
                  operation.find("axis 0") != std::string::npos);
    nn::makeContiguous(collective);
    for (Operation &op : function.front())
      if (nn::isCollective(&op))
        EXPECT_TRUE(nn::isContiguous(&op)) << operation;
    auto after = reference::evaluateMembers(function, inputs, {}, options);
    ASSERT_TRUE(succeeded(before) && succeeded(after)) << operation;
    for (int member = 0; member < 2; ++member)
      EXPECT_EQ((*before)[member][0].floats, (*after)[member][0].floats) << operation;
  }
}

TEST(Members, GroupOfAnotherSizeIsAnError) {
  expectError(R"(
    func.func @f(%x: tensor<2xf32>) -> tensor<4xf32> {
      %g = nn.all_gather %x over "tp" axis 0 : tensor<2xf32> to tensor<4xf32>
      return %g : tensor<4xf32>
    })",
              {Tensor::fromFloats({2}, {1, 2})}, "is evaluated by a group of 1");
}

//===----------------------------------------------------------------------===//
// Parameters from files
//===----------------------------------------------------------------------===//

struct TemporaryFile {
  llvm::SmallString<128> path;
  uint64_t size = 0, time = 0;

  explicit TemporaryFile(llvm::StringRef bytes) {
    int descriptor;
    EXPECT_FALSE(llvm::sys::fs::createTemporaryFile("dpc-weights", "bin", descriptor, path));
    llvm::raw_fd_ostream(descriptor, /*shouldClose=*/true) << bytes;
    llvm::sys::fs::file_status status;
    EXPECT_FALSE(llvm::sys::fs::status(path, status));
    size = status.getSize();
    time = std::chrono::duration_cast<std::chrono::nanoseconds>(
               status.getLastModificationTime().time_since_epoch())
               .count();
  }
  ~TemporaryFile() { llvm::sys::fs::remove(path); }

  std::string module(uint64_t size, uint64_t time, const char *type, unsigned offset,
                     unsigned length) {
    return "nn.parameter @w : " + std::string(type) + " = #nn.file<\"" + path.str().str() + "\", " +
           std::to_string(offset) + ", " + std::to_string(length) + ", " + std::to_string(size) +
           ", " + std::to_string(time) + ">\nfunc.func @f() -> " + type +
           " {\n  %w = nn.get @w : " + type + "\n  return %w : " + type + "\n}\n";
  }
};

TEST(Parameters, AreReadFromFiles) {
  float values[] = {-1.0f, 0.1f, 2.5f};
  TemporaryFile file(llvm::StringRef(reinterpret_cast<const char *>(values), sizeof(values)));
  auto context = makeContext();
  auto module = parse(*context, file.module(file.size, file.time, "tensor<2xf32>", 4, 8));
  auto results =
      reference::evaluate(getFunction(*module, "f"), {}, reference::makeParameterSource());
  ASSERT_TRUE(succeeded(results));
  EXPECT_EQ((*results)[0].floats, (std::vector<double>{0.1f, 2.5f}));
}

TEST(Parameters, ElementTypes) {
  std::string bytes("\x80\x3f\x00\xc0\x00\x3c\x00\xff\x01", 9);
  TemporaryFile file(bytes);
  auto read = [&](const char *type, unsigned offset, unsigned length) {
    auto context = makeContext();
    auto module = parse(*context, file.module(file.size, file.time, type, offset, length));
    auto results =
        reference::evaluate(getFunction(*module, "f"), {}, reference::makeParameterSource());
    EXPECT_TRUE(succeeded(results));
    return (*results)[0];
  };
  EXPECT_EQ(read("tensor<2xbf16>", 0, 4).floats, (std::vector<double>{1, -2}));
  EXPECT_EQ(read("tensor<1xf16>", 4, 2).floats, (std::vector<double>{1}));
  EXPECT_EQ(read("tensor<1xi16>", 7, 2).integers, (std::vector<int64_t>{0x1ff}));
  EXPECT_EQ(read("tensor<2xi8>", 7, 2).integers, (std::vector<int64_t>{-1, 1}));
  EXPECT_EQ(read("tensor<2xui8>", 7, 2).integers, (std::vector<int64_t>{255, 1}));
  EXPECT_EQ(read("tensor<3xi1>", 6, 3).integers, (std::vector<int64_t>{0, 1, 1}));
}

TEST(Parameters, AChangedFileIsAnError) {
  TemporaryFile file("12345678");
  auto source = reference::makeParameterSource;
  expectError(file.module(12, file.time, "tensor<2xf32>", 0, 8), {},
              "the file has 8 bytes, it had 12 when the model was imported",
              source(reference::drawParameter));
  expectError(file.module(8, file.time + 1, "tensor<2xf32>", 0, 8), {},
              "was modified after the model was imported", source(reference::drawParameter));
  std::string gone = file.module(8, file.time, "tensor<2xf32>", 0, 8);
  llvm::sys::fs::remove(file.path);
  expectError(gone, {}, "No such file", source(reference::drawParameter));
}

TEST(Parameters, AreDrawnAsTheRuntimeDraws) {
  auto context = makeContext();
  auto module = parse(*context, R"(
    nn.parameter @w : tensor<2x2xf32> = #nn.init<normal, 3, 2.0e-02 : f64>
    nn.parameter @s : tensor<2xf32> = #nn.init<ones, 3, 2.0e-02 : f64>
    func.func @f() -> (tensor<2x2xf32>, tensor<2xf32>) {
      %w = nn.get @w : tensor<2x2xf32>
      %s = nn.get @s : tensor<2xf32>
      return %w, %s : tensor<2x2xf32>, tensor<2xf32>
    })");
  auto results =
      reference::evaluate(getFunction(*module, "f"), {}, reference::makeParameterSource());
  ASSERT_TRUE(succeeded(results));
  for (int i = 0; i < 4; ++i)
    EXPECT_EQ((*results)[0].floats[i], static_cast<float>(0.02 * dpcrt::randomNormal(3, "w", i)));
  EXPECT_EQ((*results)[1].floats, (std::vector<double>{1, 1}));
}

TEST(Parameters, AreDrawnOnce) {
  auto context = makeContext();
  auto module = parse(*context, R"(
    nn.parameter @w : tensor<2xf32> = #nn.init<normal, 3, 2.0e-02 : f64>
    func.func @f() -> (tensor<2xf32>, tensor<2xf32>) {
      %a = nn.get @w : tensor<2xf32>
      %b = nn.get @w : tensor<2xf32>
      return %a, %b : tensor<2xf32>, tensor<2xf32>
    })");
  int draws = 0;
  auto source =
      reference::makeParameterSource([&](nn::ParameterOp, nn::InitAttr init) -> FailureOr<Tensor> {
        ++draws;
        return Tensor::fromFloats({2}, {double(init.getSeed()), 5});
      });
  auto results = reference::evaluate(getFunction(*module, "f"), {}, source);
  ASSERT_TRUE(succeeded(results));
  EXPECT_EQ((*results)[1].floats, (std::vector<double>{3, 5}));
  EXPECT_EQ(draws, 1);
}

//===----------------------------------------------------------------------===//
// Ties and kinks
//===----------------------------------------------------------------------===//

std::vector<std::vector<double>> gradientsAt(const std::string &text, std::vector<Tensor> inputs,
                                             Tensor direction) {
  auto context = makeContext();
  auto module = parse(*context, text);
  auto g = buildGradient(getFunction(*module, "f"));
  EXPECT_TRUE(succeeded(g));
  inputs.push_back(direction);
  auto results = reference::evaluate(*g, inputs);
  EXPECT_TRUE(succeeded(results));
  std::vector<std::vector<double>> grads;
  for (const Tensor &tensor : *results)
    grads.push_back(tensor.floats);
  return grads;
}

std::string elementwise(const std::string &op, bool binary) {
  std::string t = "tensor<3xf32>";
  return "func.func @f(%a: " + t + (binary ? ", %b: " + t : "") + ") -> " + t + " { %y = nn." + op +
         " %a" + (binary ? ", %b" : "") + " : " + t + " return %y : " + t + " }";
}

TEST(Ties, MaxAndMinShareHalves) {
  Tensor a = Tensor::fromFloats({3}, {1, 2, 5}), b = Tensor::fromFloats({3}, {1, 3, 4});
  Tensor g = Tensor::fromFloats({3}, {8, 8, 8});
  using V = std::vector<std::vector<double>>;
  EXPECT_EQ(gradientsAt(elementwise("max", true), {a, b}, g), (V{{4, 0, 8}, {4, 8, 0}}));
  EXPECT_EQ(gradientsAt(elementwise("min", true), {a, b}, g), (V{{4, 8, 0}, {4, 0, 8}}));
}

TEST(Ties, KinksAreZero) {
  Tensor x = Tensor::fromFloats({3}, {0, -2, 2}), g = Tensor::fromFloats({3}, {8, 8, 8});
  EXPECT_EQ(gradientsAt(elementwise("abs", false), {x}, g)[0], (std::vector<double>{0, -8, 8}));
  EXPECT_EQ(gradientsAt(elementwise("relu", false), {x}, g)[0], (std::vector<double>{0, 0, 8}));
}

TEST(Ties, PowAtZero) {
  Tensor a = Tensor::fromFloats({3}, {0, 0, 3}), b = Tensor::fromFloats({3}, {2, 0, 0});
  auto grads = gradientsAt(elementwise("pow", true), {a, b}, Tensor::fromFloats({3}, {1, 1, 1}));
  EXPECT_EQ(grads[0], (std::vector<double>{0, 0, 0}));
  EXPECT_EQ(grads[1], (std::vector<double>{0, 0, std::log(3.0)}));
}

TEST(Ties, ReduceMaxShares) {
  auto grads = gradientsAt(
      "func.func @f(%x: tensor<2x3xf32>) -> tensor<2xf32> { %y = nn.reduce_max %x "
      "[1] : tensor<2x3xf32> to tensor<2xf32> return %y : tensor<2xf32> }",
      {Tensor::fromFloats({2, 3}, {4, 1, 4, 2, 2, 2})}, Tensor::fromFloats({2}, {6, 6}));
  EXPECT_EQ(grads[0], (std::vector<double>{3, 0, 3, 2, 2, 2}));
}

TEST(Ties, EmptyMicroBatchHasNoGradient) {
  auto grads =
      gradientsAt("func.func @f(%v: tensor<2xf32>, %w: tensor<2xf32>) -> tensor<f32> { %y, %d = "
                  "nn.weighted_mean %v, %w : tensor<2xf32> return %y : tensor<f32> }",
                  {Tensor::fromFloats({2}, {3, 4}), Tensor::fromFloats({2}, {0, 0})},
                  Tensor::fromFloats({}, {1}));
  EXPECT_EQ(grads[0], (std::vector<double>{0, 0}));
  EXPECT_EQ(grads[1], (std::vector<double>{0, 0}));
}

} // namespace
