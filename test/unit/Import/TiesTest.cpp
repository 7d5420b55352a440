// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Which tensors are parameters, which are one, and what is read to find out.
#include "Model.h"

#include "gtest/gtest.h"

using namespace dpc;
using namespace dpc::test;

static std::set<std::string> getTrained(const import::ImportSummary &summary) {
  std::set<std::string> names;
  for (const import::ParameterInfo &parameter : summary.parameters)
    if (parameter.trained)
      names.insert(parameter.name);
  return names;
}

TEST(Ties, TransposedCopyOfATableIsTheSameParameter) {
  Imported imported(getModelPath("gpt2_default.onnx"));
  ASSERT_TRUE(imported.module) << imported.errors;
  ASSERT_EQ(imported.summary.ties.size(), 1u);
  const import::TieInfo &tie = imported.summary.ties.front();
  EXPECT_EQ(tie.name, "lm_head.weight");
  ASSERT_EQ(tie.copies.size(), 1u);
  EXPECT_EQ(tie.copies.front().name, "val_380");
  EXPECT_TRUE(tie.copies.front().transposed);
  std::set<std::string> trained = getTrained(imported.summary);
  EXPECT_EQ(trained.size(), 52u);
  EXPECT_FALSE(trained.count("val_380"));
  // The position table, looked up for one sequence: a unit dimension more.
  EXPECT_TRUE(trained.count("embedding_1"));
  auto &constants = imported.summary.constants;
  EXPECT_NE(std::find(constants.begin(), constants.end(), "where"), constants.end());
  EXPECT_TRUE(imported.summary.candidates.empty());
}

TEST(Ties, ATiedParameterAnswersToTheNameItIsNotStoredUnder) {
  // Only the module of the node that reads the table tells that it is wte's.
  for (const char *glob : {"transformer.wte.*", "lm_head.weight"}) {
    import::ImportOptions options;
    options.selections = {{false, glob}};
    Imported frozen(getModelPath("gpt2_default.onnx"), options);
    ASSERT_TRUE(frozen.module) << frozen.errors;
    EXPECT_EQ(getTrained(frozen.summary).size(), 51u);
  }
}

TEST(Ties, WeightsUnderMadeUpNamesAreFoundByTheirCalls) {
  Imported imported(getModelPath("llama_default.onnx"));
  ASSERT_TRUE(imported.module) << imported.errors;
  EXPECT_EQ(getTrained(imported.summary).size(), 57u);
  for (const import::ParameterInfo &parameter : imported.summary.parameters)
    if (parameter.name == "val_113")
      EXPECT_EQ(parameter.framework, "model.layers.0.self_attn.q_proj.weight");
  import::ImportOptions options;
  options.selections = {{false, "model.layers.0.*"}};
  Imported frozen(getModelPath("llama_default.onnx"), options);
  ASSERT_TRUE(frozen.module) << frozen.errors;
  EXPECT_EQ(getTrained(frozen.summary).size(), 48u);
}

TEST(Ties, AllFormsOfAModelHaveTheSameParameters) {
  Imported folded(getModelPath("moe.onnx"));
  Imported defaults(getModelPath("moe_default.onnx"));
  ASSERT_TRUE(folded.module && defaults.module);
  EXPECT_EQ(getTrained(folded.summary).size(), 40u);
  // The exporter looked the position table up row by row, and recorded it.
  std::set<std::string> trained = getTrained(defaults.summary);
  EXPECT_EQ(trained.size(), 40u);
  EXPECT_TRUE(trained.count("embedding_1"));
}

TEST(Ties, MergedParametersAreRefusedUnlessMeant) {
  Imported merged(getModelPath("fresh_mlp_merged.onnx"));
  EXPECT_FALSE(merged.module);
  EXPECT_EQ(merged.summary.error, import::ImportError::Model);
  EXPECT_NE(merged.errors.find("'blocks.0.ln.weight'"), std::string::npos);
  EXPECT_NE(merged.errors.find("'blocks.0.ln.bias'"), std::string::npos);
  EXPECT_NE(merged.errors.find("--tied"), std::string::npos);
  import::ImportOptions options;
  options.tied = {"blocks.0.ln.weight", "blocks.0.ln.bias"};
  Imported meant(getModelPath("fresh_mlp_merged.onnx"), options);
  EXPECT_TRUE(meant.module) << meant.errors;
}

TEST(Ties, OnlyCandidatesAreRead) {
  // Two tables of 128x32 and 32x32; nothing but factors of these shapes is read.
  Imported imported(getModelPath("gpt2.onnx"));
  ASSERT_TRUE(imported.module) << imported.errors;
  EXPECT_LE(imported.summary.bytesRead, 9u * 128 * 32 * 4);
  // The file has all weights drawn under --init.
  import::ImportOptions options;
  options.init = import::InitOptions{7, 0.02};
  Imported drawn(getModelPath("llama.onnx"), options);
  ASSERT_TRUE(drawn.module) << drawn.errors;
  int ones = 0, zeros = 0;
  drawn.module->walk([&](nn::ParameterOp op) {
    auto init = mlir::cast<nn::InitAttr>(op.getSource());
    ones += init.getKind() == nn::InitKind::Ones;
    zeros += init.getKind() == nn::InitKind::Zeros;
  });
  EXPECT_EQ(ones, 13); // the norms, written out in element operators
  EXPECT_EQ(zeros, 0);
}
