// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The shared object and what is said of it: determinism, symbols, errors, ranges.
#include "KernelRunner.h"
#include "dpc/Codegen/Lowering.h"
#include "dpc/Dialect/NN/NN.h"

#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"

#include <gtest/gtest.h>

using namespace mlir;

namespace dpc::codegen::test {
namespace {

// Twenty kernels, so that there are several groups.
std::string manyKernels() {
  std::string text;
  for (int i = 0; i < 20; ++i) {
    std::string n = std::to_string(i + 3);
    text += "func.func private @k_" + std::to_string(i) + "(%x: tensor<5x" + n +
            "xf32>) -> tensor<5x" + n +
            "xf32> attributes {dualpipe.kernel} {\n"
            "  %0 = nn.softmax %x : tensor<5x" +
            n + "xf32>\n  %1 = nn.exp %0 : tensor<5x" + n + "xf32>\n  return %1 : tensor<5x" + n +
            "xf32>\n}\n";
  }
  return text;
}

std::string contents(const std::string &path) {
  auto buffer = llvm::MemoryBuffer::getFile(path);
  return buffer ? (*buffer)->getBuffer().str() : "";
}

TEST(Codegen, BytesDoNotDependOnWorkers) {
  KernelRunner one(manyKernels(), "cpu", 1), two(manyKernels(), "cpu", 2),
      five(manyKernels(), "cpu", 5);
  EXPECT_FALSE(contents(one.path()).empty());
  EXPECT_EQ(contents(one.path()), contents(two.path()));
  EXPECT_EQ(contents(one.path()), contents(five.path()));
}

TEST(Codegen, SharedObjectNeedsNothing) {
  KernelRunner runner(manyKernels() + R"(
    func.func private @k_scatter(%i: tensor<9xi64>, %u: tensor<9x40xf32>) -> tensor<12x40xf32> attributes {dualpipe.kernel} {
      %0 = nn.scatter_add %i, %u axis 0 : tensor<9xi64>, tensor<9x40xf32> to tensor<12x40xf32>
      return %0 : tensor<12x40xf32>
    })",
                      "cpu:native");
  auto binary = llvm::object::ObjectFile::createObjectFile(runner.path());
  ASSERT_TRUE(static_cast<bool>(binary));
  auto *elf = llvm::dyn_cast<llvm::object::ELFObjectFileBase>(binary->getBinary());
  ASSERT_NE(elf, nullptr);
  std::vector<std::string> defined;
  for (const llvm::object::ELFSymbolRef &symbol : elf->getDynamicSymbolIterators()) {
    EXPECT_FALSE(llvm::cantFail(symbol.getFlags()) & llvm::object::SymbolRef::SF_Undefined)
        << llvm::cantFail(symbol.getName()).str();
    defined.push_back(llvm::cantFail(symbol.getName()).str());
  }
  EXPECT_EQ(defined.size(), 21u);
  EXPECT_FALSE(runner.kernels().features.empty());
}

TEST(Codegen, EveryOperationHasALowering) {
  DialectRegistry registry;
  registry.insert<nn::NNDialect>();
  registerLoweringModels(registry);
  MLIRContext context(registry);
  context.loadDialect<nn::NNDialect>();
  // What a body runs without generated code: library calls, communication between
  // ranks, and references to parameters.
  auto isElsewhere = [](StringRef name) {
    return name == "nn.matmul" || name.starts_with("nn.conv") || name == "nn.parameter" ||
           name == "nn.get" || name == "nn.all_to_all" || name == "nn.all_gather" ||
           name == "nn.reduce_scatter" || name == "nn.all_reduce";
  };
  int checked = 0;
  for (RegisteredOperationName name : context.getRegisteredOperations()) {
    if (name.getDialectNamespace() != "nn" || isElsewhere(name.getStringRef()))
      continue;
    ++checked;
    EXPECT_TRUE(name.hasInterface<LinalgLoweringOpInterface>() ||
                name.hasInterface<LoopLoweringOpInterface>())
        << name.getStringRef().str() << " has no lowering to machine code; see docs/AddingAnOp.md";
    EXPECT_TRUE(name.hasInterface<nn::KernelFormInterface>())
        << name.getStringRef().str() << " says no kernel form; see docs/AddingAnOp.md";
  }
  EXPECT_GT(checked, 40);
}

TEST(Codegen, RefusesWhatItCannotCompute) {
  ParsedModule parsed(R"(
    func.func private @k_a(%x: tensor<4xf32>) -> tensor<4xf32> attributes {dualpipe.kernel} {
      %0 = nn.all_reduce %x over "ep" : tensor<4xf32>
      return %0 : tensor<4xf32>
    })");
  llvm::SmallString<128> path;
  llvm::sys::fs::createTemporaryFile("dpc-test", "so", path);
  llvm::sys::fs::remove(path);
  EXPECT_TRUE(failed(compileKernels(*parsed.module, {}, path)));
  ASSERT_EQ(parsed.errors.size(), 1u);
  EXPECT_NE(parsed.errors[0].find("nn.all_reduce"), std::string::npos) << parsed.errors[0];
  EXPECT_FALSE(llvm::sys::fs::exists(path));
}

// What an operation says of its form and what it lowers to are one.
TEST(Codegen, RefusesReductionsOfAnotherForm) {
  ParsedModule parsed(R"(
    func.func private @k_a(%x: tensor<3x4x5xf32>) -> tensor<4xf32> attributes {dualpipe.kernel} {
      %0 = nn.reduce_sum %x [0, 2] : tensor<3x4x5xf32> to tensor<4xf32>
      return %0 : tensor<4xf32>
    })");
  EXPECT_TRUE(failed(checkKernels(*parsed.module, {})));
  ASSERT_EQ(parsed.errors.size(), 1u);
  EXPECT_NE(parsed.errors[0].find("reduces columns in a kernel whose form is rows"),
            std::string::npos)
      << parsed.errors[0];
}

// Dimensions of one element, kept or reduced, wherever they stand.
TEST(Codegen, ReductionsAroundUnitDimensions) {
  struct Case {
    const char *from, *axes, *to;
    float sum;
  };
  const Case cases[] = {
      {"40x1", "[0]", "1", 40},      {"40x1", "[1]", "40", 1},
      {"40x1", "[0, 1]", "", 40},    {"1x40", "[0]", "40", 1},
      {"1x40", "[1]", "1", 40},      {"3x40x1", "[1]", "3x1", 40},
      {"1x1", "[0]", "1", 1},        {"3x1x40", "[1]", "3x40", 1},
      {"3x1x40", "[0, 1]", "40", 3}, {"1x40x1x1", "[1, 2]", "1x1", 40},
  };
  for (const Case &c : cases) {
    std::string from = std::string("tensor<") + c.from + "xf32>",
                to = std::string("tensor<") + c.to + (*c.to ? "x" : "") + "f32>";
    KernelRunner runner("func.func private @k_0(%x: " + from + ") -> " + to +
                        " attributes {dualpipe.kernel} {\n  %0 = nn.reduce_sum %x " + c.axes +
                        " : " + from + " to " + to + "\n  return %0 : " + to + "\n}\n");
    size_t count = runner.info("k_0").bufferBytes[0] / sizeof(float);
    std::vector<float> sums = runner.runFloats("k_0", {std::vector<float>(count, 1)});
    EXPECT_EQ(sums, std::vector<float>(count / size_t(c.sum), c.sum)) << from << " " << c.axes;
  }
}

// "cpu" is a level by another name; every level says what it needs.
TEST(Codegen, LevelsOfTheProcessor) {
  auto compile = [](const std::string &target) {
    ParsedModule parsed(manyKernels());
    llvm::SmallString<128> path;
    EXPECT_FALSE(llvm::sys::fs::createTemporaryFile("dpc-test", "so", path));
    auto compiled = compileKernels(*parsed.module, {target, 1}, path);
    EXPECT_TRUE(succeeded(compiled)) << target;
    auto features = succeeded(compiled) ? compiled->features : std::vector<std::string>();
    std::pair result(contents(path.str().str()), features);
    llvm::sys::fs::remove(path);
    return result;
  };
  auto plain = compile("cpu"), third = compile("cpu:x86-64-v3"), fourth = compile("cpu:x86-64-v4");
  EXPECT_FALSE(plain.first.empty());
  EXPECT_EQ(plain.first, third.first);
  EXPECT_NE(third.first, fourth.first);
  EXPECT_FALSE(llvm::is_contained(third.second, "avx512f"));
  EXPECT_TRUE(llvm::is_contained(fourth.second, "avx512f"));
}

TEST(Codegen, RefusesUnknownTargets) {
  ParsedModule parsed("");
  EXPECT_TRUE(failed(compileKernels(*parsed.module, {"gpu", 1}, "/nonexistent")));
  ASSERT_EQ(parsed.errors.size(), 1u);
  EXPECT_NE(parsed.errors[0].find("there is no target 'gpu'"), std::string::npos)
      << parsed.errors[0];
}

TEST(Codegen, ReportsOutputThatCannotBeWritten) {
  ParsedModule parsed(manyKernels());
  EXPECT_TRUE(failed(compileKernels(*parsed.module, {}, "/nonexistent/folder/kernels.so")));
  ASSERT_FALSE(parsed.errors.empty());
  EXPECT_NE(parsed.errors[0].find("cannot write /nonexistent/folder/kernels.so"), std::string::npos)
      << parsed.errors[0];
}

} // namespace
} // namespace dpc::codegen::test
