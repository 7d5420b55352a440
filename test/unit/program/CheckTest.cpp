//===- CheckTest.cpp - Legal programs are accepted, and fast --------------===//
//
// Part of dpc, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Builder.h"

#include "program/Print.h"

#include <chrono>
#include <gtest/gtest.h>

using namespace dpcrt;
using namespace dpcrt::test;

TEST(Check, AcceptsAPipeline) {
  for (uint32_t ranks : {2u, 4u}) {
    Programs programs = pipeline(ranks, 4);
    CheckReport report;
    Status status = check(programs, &report);
    EXPECT_TRUE(status.ok()) << status.message();
    // x and gx over every cut, and the swap of statistics.
    EXPECT_EQ(report.messages, (ranks - 1) * 4 * 2 + ranks);
    EXPECT_EQ(report.messageBytes, report.messages * kSlot);
    // An all-to-all in each forward task of each rank, one all-reduce.
    EXPECT_EQ(report.collectives, ranks * 4 + 1);
  }
}
