// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Streams and events: what orders commands, and that nothing else does.
#include "DriverTest.h"

#include <set>

namespace dpc::emulator::test {
namespace {

using Streams = DriverTest;
using Events = DriverTest;

TEST_F(Streams, NothingRunsByItself) {
  begin("policy=first");
  auto *word = pinned<unsigned>(1);
  *word = 0;
  CUdeviceptr a = allocate(4);
  CUstream s = stream();
  CU_OK(cu.cuMemsetD32Async(a, 7, 1, s));
  CU_OK(cu.cuMemcpyDtoHAsync_v2(word, a, 4, s));
  EXPECT_EQ(*word, 0u);
  unsigned asked = 0;
  while (cu.cuStreamQuery(s) == CUDA_ERROR_NOT_READY)
    ++asked;
  EXPECT_GT(asked, 0u);
  EXPECT_LT(asked, 5u);
  EXPECT_EQ(*word, 7u);
}

TEST_F(Streams, EagerOnesRunAtOnce) {
  begin("policy=eager");
  auto *word = pinned<unsigned>(1);
  CUdeviceptr a = allocate(4);
  CUstream s = stream();
  CU_OK(cu.cuMemsetD32Async(a, 7, 1, s));
  CU_OK(cu.cuMemcpyDtoHAsync_v2(word, a, 4, s));
  EXPECT_EQ(*word, 7u);
}

TEST_F(Streams, TheOrderIsDrawn) {
  std::set<std::vector<unsigned>> orders;
  auto run = [&](const std::string &options) {
    begin(options);
    // Each writes its number where the next free place is told by a counter of the host's: the
    // stream memory operations tell nothing of order, so copies of single bytes must.
    CUdeviceptr a = allocate(12);
    auto *host = pinned<unsigned>(3);
    CUstream s[3];
    std::vector<unsigned> order;
    CUevent done[3];
    for (unsigned i = 0; i < 3; ++i) {
      s[i] = stream();
      host[i] = i;
      CU_OK(cu.cuMemcpyHtoDAsync_v2(a + 4 * i, host + i, 4, s[i]));
      done[i] = event(CU_EVENT_DEFAULT);
      CU_OK(cu.cuEventRecord(done[i], s[i]));
    }
    CU_OK(cu.cuCtxSynchronize());
    for (unsigned i = 0; i < 3; ++i)
      for (unsigned k = 0; k < 3; ++k) {
        float time = 0;
        CU_OK(cu.cuEventElapsedTime(&time, done[i], done[k]));
        order.push_back(time > 0);
      }
    orders.insert(order);
  };
  for (unsigned seed = 0; seed < 40; ++seed)
    run("seed=" + std::to_string(seed));
  EXPECT_GE(orders.size(), 5u) << "of six";
  orders.clear();
  run("policy=reverse");
  EXPECT_EQ(*orders.begin(), (std::vector<unsigned>{0, 0, 0, 1, 0, 0, 1, 1, 0}));
  orders.clear();
  run("policy=starve=2");
  EXPECT_EQ(*orders.begin(), (std::vector<unsigned>{0, 1, 1, 0, 0, 0, 0, 1, 0}));
}

TEST_F(Streams, OneIsInOrder) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    begin("seed=" + std::to_string(seed));
    CUdeviceptr a = allocate(4), b = allocate(4);
    CUstream s = stream();
    CU_OK(cu.cuMemsetD32Async(a, 1, 1, s));
    CU_OK(cu.cuMemcpyDtoDAsync_v2(b, a, 4, s));
    CU_OK(cu.cuMemsetD32Async(a, 2, 1, s));
    EXPECT_EQ(words(b, 1)[0], 1u);
    EXPECT_EQ(words(a, 1)[0], 2u);
  }
}

TEST_F(Streams, WhatADestroyedOneHoldsRunsAllTheSame) {
  CUdeviceptr a = allocate(4);
  CUstream s = stream();
  CU_OK(cu.cuMemsetD32Async(a, 3, 1, s));
  CU_OK(cu.cuStreamDestroy_v2(s));
  EXPECT_EQ(words(a, 1)[0], 3u);
  expectViolation([&] { cu.cuStreamSynchronize(s); },
                  "cuStreamSynchronize: names stream .*, which has been destroyed");
  expectViolation([&] { cu.cuStreamSynchronize(reinterpret_cast<CUstream>(event())); },
                  "names something that is no stream");
}

TEST_F(Streams, TheLegacyOneIsOrderedWithBlockingOnes) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    begin("seed=" + std::to_string(seed));
    CUdeviceptr a = allocate(4), b = allocate(4);
    CUstream s = stream(CU_STREAM_DEFAULT), t = stream(CU_STREAM_DEFAULT);
    CU_OK(cu.cuMemsetD32Async(a, 1, 1, s));
    CU_OK(cu.cuMemcpyDtoDAsync_v2(b, a, 4, nullptr));
    CU_OK(cu.cuMemsetD32Async(a, 2, 1, t));
    EXPECT_EQ(words(b, 1)[0], 1u);
  }
}

TEST_F(Streams, PrioritiesAndFlags) {
  int least = 1, greatest = 1;
  CU_OK(cu.cuCtxGetStreamPriorityRange(&least, &greatest));
  EXPECT_LT(greatest, least);
  CUstream s = nullptr;
  CU_OK(cu.cuStreamCreateWithPriority(&s, CU_STREAM_NON_BLOCKING, -100));
  EXPECT_EQ(cu.cuStreamCreateWithPriority(&s, 2, 0), CUDA_ERROR_INVALID_VALUE);
}

TEST_F(Streams, WordsOfMemoryOrderThem) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    begin("seed=" + std::to_string(seed));
    CUdeviceptr a = allocate(4), b = allocate(4);
    auto *word = pinned<unsigned>(1);
    *word = 0;
    CUdeviceptr flag = reinterpret_cast<CUdeviceptr>(word);
    CUstream s = stream(), t = stream();
    CU_OK(cu.cuStreamWaitValue32_v2(t, flag, 1, CU_STREAM_WAIT_VALUE_GEQ));
    CU_OK(cu.cuMemcpyDtoDAsync_v2(b, a, 4, t));
    CU_OK(cu.cuMemsetD32Async(a, 9, 1, s));
    CU_OK(cu.cuStreamWriteValue32_v2(s, flag, 1, 0));
    EXPECT_EQ(words(b, 1)[0], 9u);
    EXPECT_EQ(*word, 1u);
  }
}

TEST_F(Streams, AWaitThatNothingEndsIsTold) {
  begin("patience=0");
  auto *word = pinned<unsigned>(1);
  *word = 0;
  CUstream s = stream();
  CU_OK(cu.cuStreamWaitValue32_v2(s, reinterpret_cast<CUdeviceptr>(word), 1,
                                  CU_STREAM_WAIT_VALUE_EQ));
  expectViolation([&] { cu.cuStreamSynchronize(s); },
                  "cuStreamSynchronize: the host waits for stream 1, and nothing can go on: stream "
                  "1 waits with a wait for a value");
  *word = 1;
  CU_OK(cu.cuStreamSynchronize(s));
}

TEST_F(Events, OrderStreams) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    begin("seed=" + std::to_string(seed));
    CUdeviceptr a = allocate(4), b = allocate(4);
    CUstream s = stream(), t = stream();
    CUevent e = event(), f = event();
    CU_OK(cu.cuMemsetD32Async(a, 1, 1, s));
    CU_OK(cu.cuEventRecord(e, s));
    CU_OK(cu.cuStreamWaitEvent(t, e, 0));
    CU_OK(cu.cuMemcpyDtoDAsync_v2(b, a, 4, t));
    CU_OK(cu.cuEventRecord(f, t));
    CU_OK(cu.cuStreamWaitEvent(s, f, 0));
    // A wait is for the record before it, whatever becomes of the event.
    CU_OK(cu.cuEventRecord(f, s));
    CU_OK(cu.cuMemsetD32Async(a, 2, 1, s));
    EXPECT_EQ(words(b, 1)[0], 1u);
  }
}

TEST_F(Events, OneThatWasNeverRecordedIsNoWait) {
  CUstream s = stream();
  CUevent e = event();
  EXPECT_EQ(cu.cuEventQuery(e), CUDA_SUCCESS);
  CU_OK(cu.cuEventSynchronize(e));
  CU_OK(cu.cuStreamWaitEvent(s, e, 0));
  CU_OK(cu.cuStreamSynchronize(s));
}

TEST_F(Events, AHostThatAsksGetsOn) {
  begin("policy=first");
  CUdeviceptr a = allocate(4);
  CUstream s = stream();
  CUevent e = event();
  for (unsigned i = 0; i < 3000; ++i)
    CU_OK(cu.cuMemsetD32Async(a, i, 1, s));
  CU_OK(cu.cuEventRecord(e, s));
  unsigned asked = 0;
  while (cu.cuEventQuery(e) == CUDA_ERROR_NOT_READY)
    ++asked;
  EXPECT_GT(asked, 3u);
  EXPECT_LT(asked, 20u);
}

TEST_F(Events, Times) {
  begin("policy=first,fault=slow:2000");
  CUdeviceptr a = allocate(4);
  CUstream s = stream();
  CUevent first = event(CU_EVENT_DEFAULT), last = event(CU_EVENT_DEFAULT), untimed = event();
  float time = -1;
  EXPECT_EQ(cu.cuEventElapsedTime(&time, first, last), CUDA_ERROR_INVALID_HANDLE)
      << "never recorded";
  for (CUevent e : {first, untimed, last}) {
    CU_OK(cu.cuEventRecord(e, s));
    CU_OK(cu.cuMemsetD32Async(a, 0, 1, s));
  }
  EXPECT_EQ(cu.cuEventElapsedTime(&time, first, last), CUDA_ERROR_NOT_READY);
  CU_OK(cu.cuEventSynchronize(last));
  EXPECT_EQ(cu.cuEventElapsedTime(&time, first, untimed), CUDA_ERROR_INVALID_HANDLE);
  CU_OK(cu.cuEventElapsedTime(&time, first, last));
  EXPECT_GE(time, 8.0f); // four commands of two milliseconds
  CU_OK(cu.cuEventElapsedTime(&time, last, first));
  EXPECT_LE(time, -8.0f);
}

TEST_F(Events, FlagsAndHandles) {
  CUevent e = nullptr;
  EXPECT_EQ(cu.cuEventCreate(&e, 64), CUDA_ERROR_INVALID_VALUE);
  e = event();
  CUstream s = stream();
  EXPECT_EQ(cu.cuStreamWaitEvent(s, e, 8), CUDA_ERROR_INVALID_VALUE);
  CU_OK(cu.cuEventRecord(e, s));
  CU_OK(cu.cuStreamWaitEvent(s, e, 0));
  CU_OK(cu.cuEventDestroy_v2(e));
  CU_OK(cu.cuStreamSynchronize(s));
  expectViolation([&] { cu.cuEventRecord(e, s); },
                  "cuEventRecord: names event .*, which has been destroyed .*Event Management");
}

} // namespace
} // namespace dpc::emulator::test
