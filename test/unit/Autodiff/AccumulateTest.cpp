// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How many sums a body is given; what they look like is in dualpipe-accumulate.mlir.
#include "dpc/Autodiff/Autodiff.h"

#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

using namespace mlir;
using namespace dpc;

namespace {

const char *const kWithoutWeightHalf = R"(
dualpipe.body @frozen {
  func.func @forward() {
    return
  }
}
)";

const char *const kTwoGradients = R"(
dualpipe.body @two {
  func.func @forward(%w: tensor<4xf32> {dualpipe.role = #dualpipe.role<param 0>},
                     %v: tensor<4xf32> {dualpipe.role = #dualpipe.role<param 1>}) {
    return
  }
  func.func @weight_half(%w: tensor<4xf32> {dualpipe.role = #dualpipe.role<param 0>},
                         %v: tensor<4xf32> {dualpipe.role = #dualpipe.role<param 1>})
      -> (tensor<4xf32> {dualpipe.role = #dualpipe.role<param_grad 0>},
          tensor<4xf32> {dualpipe.role = #dualpipe.role<param_grad 1>}) {
    return %w, %v : tensor<4xf32>, tensor<4xf32>
  }
}
)";

TEST(Accumulate, SaysHowManySumsItAdded) {
  DialectRegistry registry;
  registry.insert<nn::NNDialect, dualpipe::DualPipeDialect, func::FuncDialect>();
  MLIRContext context(registry);
  for (auto [text, first] : {std::pair(kWithoutWeightHalf, 0u), std::pair(kTwoGradients, 2u)}) {
    auto module = parseSourceString<ModuleOp>(text, &context);
    ASSERT_TRUE(module);
    dualpipe::BodyOp body = *module->getOps<dualpipe::BodyOp>().begin();
    EXPECT_EQ(autodiff::addAccumulators(body), first);
    EXPECT_EQ(autodiff::addAccumulators(body), 0u) << "what has a sum gets no second one";
  }
}

} // namespace
