// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What a hostile file may ask for is bounded before it costs anything.
#include "Emitter.h"
#include "Model.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

#include "gtest/gtest.h"

#include <chrono>

using namespace dpc;
using namespace dpc::test;

TEST(Limits, ElementsAreCountedWithoutOverflow) {
  using import::countElements;
  int64_t large = int64_t(1) << 40;
  EXPECT_EQ(countElements({large}), large);
  EXPECT_EQ(countElements({large, 1}), large);
  EXPECT_EQ(countElements({large, 0}), 0);
  EXPECT_EQ(countElements({}), 1);
  // Products that are 0 and 1 in 64 bits.
  EXPECT_EQ(countElements({large, int64_t(1) << 24}), std::nullopt);
  EXPECT_EQ(countElements({int64_t(1) << 32, int64_t(1) << 32}), std::nullopt);
  EXPECT_EQ(countElements({large, 2}), std::nullopt);
  EXPECT_EQ(countElements({large + 1}), std::nullopt);
  EXPECT_EQ(countElements({-1}), std::nullopt);
}

TEST(Limits, FunctionsThatOnlyCallEachOtherEnd) {
  const int functions = 60;
  auto node = [](int callee, const char *output) {
    return "node { input: 'x' output: '" + std::string(output) + "' op_type: 'f" +
           std::to_string(callee) + "' domain: 'f' }\n";
  };
  std::string text = "ir_version: 10 opset_import { domain: '' version: 17 } opset_import { "
                     "domain: 'f' version: 1 }\n"
                     "graph { name: 'g' input { name: 'x' type { tensor_type { elem_type: 1 shape "
                     "{ dim { dim_value: 2 } } } } }\n"
                     "output { name: 'y' type { tensor_type { elem_type: 1 shape { } } } }\n" +
                     node(0, "y") + "}\n";
  for (int i = 0; i < functions; ++i) {
    text += "functions { name: 'f" + std::to_string(i) +
            "' domain: 'f' input: 'x' output: 'y' opset_import { domain: 'f' version: 1 }\n";
    if (i + 1 < functions)
      text += node(i + 1, "z") + node(i + 1, "y");
    text += "}\n";
  }
  llvm::SmallString<128> path;
  int descriptor;
  ASSERT_FALSE(llvm::sys::fs::createTemporaryFile("dpc-calls", "onnxtxt", descriptor, path));
  llvm::raw_fd_ostream(descriptor, /*shouldClose=*/true) << text;
  auto begin = std::chrono::steady_clock::now();
  Imported imported(path.str().str());
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::minutes(1));
  EXPECT_FALSE(imported.module);
  EXPECT_NE(imported.errors.find("call each other more than 262144 times, 'f"), std::string::npos)
      << imported.errors;
  llvm::sys::fs::remove(path);
}
