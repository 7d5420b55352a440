// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Nothing about an operation may be forgotten: every registered nn operation has
// a cost, reference semantics, and a stated place in differentiation.
#include "Harness.h"
#include "gtest/gtest.h"

using namespace mlir;
using namespace dpc;

// A parameter is a declaration; reading one is where its gradient is wanted.
static bool isDeclaration(RegisteredOperationName name) {
  return name.getStringRef() == nn::ParameterOp::getOperationName();
}
static bool isParameterRead(RegisteredOperationName name) {
  return name.getStringRef() == nn::GetOp::getOperationName();
}

TEST(Registry, EveryOperationIsComplete) {
  auto context = test::makeContext();
  unsigned seen = 0;
  for (RegisteredOperationName name : context->getRegisteredOperationsByDialect("nn")) {
    if (isDeclaration(name))
      continue;
    ++seen;
    SCOPED_TRACE(name.getStringRef().str());
    EXPECT_TRUE(name.hasInterface<nn::CostOpInterface>()) << "has no cost";
    EXPECT_TRUE(name.hasInterface<reference::ReferenceOpInterface>())
        << "has no reference semantics";
    int places = name.hasInterface<nn::DifferentiableOpInterface>() +
                 name.hasTrait<nn::InactiveOp>() + name.hasTrait<nn::BackwardOnlyOp>() +
                 isParameterRead(name);
    EXPECT_EQ(places, 1) << "is to be exactly one of differentiable, inactive "
                            "and backward only";
  }
  EXPECT_GT(seen, 60u);
}
