// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The suite of QueueConformanceTest.cpp, for test programs that have backends for it.
#pragma once
#include "Conformance.h"

namespace dpcrt::test {

class QueueConformance : public testing::TestWithParam<QueueBackend> {};

} // namespace dpcrt::test
