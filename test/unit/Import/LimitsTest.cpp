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

// What importing a model in text says.
static std::string refusal(const std::string &text) {
  llvm::SmallString<128> path;
  int descriptor;
  EXPECT_FALSE(llvm::sys::fs::createTemporaryFile("dpc-limits", "onnxtxt", descriptor, path));
  llvm::raw_fd_ostream(descriptor, /*shouldClose=*/true) << text;
  Imported imported(path.str().str());
  EXPECT_FALSE(imported.module);
  llvm::sys::fs::remove(path);
  return imported.errors;
}

// A model of one input `x` whose value `y`, made by `nodes`, is added up to the loss.
static std::string model(const std::string &extent, const std::string &nodes,
                         const std::string &more = "") {
  return "ir_version: 10 opset_import { domain: '' version: 18 }\n"
         "graph { name: 'g' input { name: 'x' type { tensor_type { elem_type: 1 shape { dim { "
         "dim_value: " +
         extent +
         " } } } } } output { name: 'loss' type { tensor_type { elem_type: 1 shape { } } } }\n" +
         nodes + "node { op_type: 'ReduceSum' input: 'y' output: 'loss' }\n}\n" + more;
}

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
  auto begin = std::chrono::steady_clock::now();
  std::string errors = refusal(text);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::minutes(1));
  EXPECT_NE(errors.find("call each other more than 262144 times, 'f"), std::string::npos) << errors;
}

TEST(Limits, PartsOfATensorAreCountedBeforeTheyAreMade) {
  std::string errors =
      refusal(model("8", "node { op_type: 'Split' input: 'x' output: 'y' attribute { name: "
                         "'num_outputs' type: INT i: 1000000000000000 } }\n"));
  EXPECT_NE(errors.find("has 1 results, its num_outputs is 1000000000000000"), std::string::npos)
      << errors;
  const std::string sequence = "node { op_type: 'SplitToSequence' input: 'x' input: 'parts' "
                               "output: 's' }\nnode { op_type: 'ConcatFromSequence' input: 's' "
                               "output: 'y' attribute { name: 'axis' type: INT i: 0 } }\n";
  for (const char *one : {"", "initializer { name: 'parts' data_type: 7 int64_data: 1 }\n"}) {
    std::string nodes = sequence;
    if (!*one)
      nodes.erase(nodes.find("input: 'parts' "), 15);
    errors = refusal(model("1099511627776", nodes + one));
    EXPECT_NE(errors.find("cuts dimension 0 of 1099511627776 into 1099511627776 parts; dpc makes "
                          "sequences of at most 65536"),
              std::string::npos)
        << errors;
  }
}

TEST(Limits, MetadataThatNestDeeplyAreRefused) {
  std::string deep(1000000, '[');
  for (const char *key : {"dpc.parameter_names", "dpc.state_dict"}) {
    std::string errors = refusal(
        model("8", "node { op_type: 'Relu' input: 'x' output: 'y' }\n",
              "metadata_props { key: '" + std::string(key) + "' value: '" + deep + "' }\n"));
    EXPECT_NE(errors.find("the model's metadata '" + std::string(key) + "' is no JSON object"),
              std::string::npos)
        << errors;
  }
}
