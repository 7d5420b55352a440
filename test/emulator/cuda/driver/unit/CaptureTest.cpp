// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Captures, graphs, and all that is forbidden meanwhile.
#include "LaunchTest.h"

#include <functional>
#include <thread>

namespace dpc::emulator::test {
namespace {

class CaptureTest : public LaunchTest {
protected:
  void beginCapture(CUstream s, CUstreamCaptureMode mode = CU_STREAM_CAPTURE_MODE_THREAD_LOCAL) {
    ASSERT_EQ(cu.cuStreamBeginCapture_v2(s, mode), CUDA_SUCCESS);
  }
  CUresult endCapture(CUstream s) { return cu.cuStreamEndCapture(s, &graph); }
  CUgraphExec instantiate() {
    CUgraphExec made = nullptr;
    EXPECT_EQ(cu.cuGraphInstantiateWithFlags(&made, graph, 0), CUDA_SUCCESS);
    return made;
  }
  void join(CUstream waiting, CUstream recording) {
    CUevent e = event();
    ASSERT_EQ(cu.cuEventRecord(e, recording), CUDA_SUCCESS);
    ASSERT_EQ(cu.cuStreamWaitEvent(waiting, e, 0), CUDA_SUCCESS);
  }
  CUstreamCaptureStatus status(CUstream s) {
    CUstreamCaptureStatus value = CU_STREAM_CAPTURE_STATUS_NONE;
    EXPECT_EQ(cu.cuStreamIsCapturing(s, &value), CUDA_SUCCESS);
    return value;
  }
  /// The capture of `s` is of no use any more, and ends; then the stream is as before.
  void expectInvalid(CUstream s) {
    EXPECT_EQ(status(s), CU_STREAM_CAPTURE_STATUS_INVALIDATED);
    CUdeviceptr a = lastAllocated;
    EXPECT_EQ(cu.cuMemsetD32Async(a, 0, 1, s), CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
    EXPECT_EQ(endCapture(s), CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
    EXPECT_EQ(graph, nullptr);
    EXPECT_EQ(status(s), CU_STREAM_CAPTURE_STATUS_NONE);
    ASSERT_EQ(cu.cuMemsetD32Async(a, 0, 1, s), CUDA_SUCCESS);
    ASSERT_EQ(cu.cuStreamSynchronize(s), CUDA_SUCCESS);
  }
  CUdeviceptr make(size_t bytes) { return lastAllocated = allocate(bytes); }
  CUgraph graph = nullptr;
  CUdeviceptr lastAllocated = 0;
};

TEST_F(CaptureTest, AGraphDoesWhatWasCaptured) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    begin("seed=" + std::to_string(seed));
    CUdeviceptr a = allocate(4), b = allocate(4), c = allocate(4), d = allocate(4);
    CUstream s = stream(), t = stream();
    CU_OK(cu.cuMemsetD32Async(a, 1, 1, s));
    beginCapture(s);
    EXPECT_EQ(status(s), CU_STREAM_CAPTURE_STATUS_ACTIVE);
    CU_OK(add(s, b, a, 1, 1));
    join(t, s);
    EXPECT_EQ(status(t), CU_STREAM_CAPTURE_STATUS_ACTIVE);
    CU_OK(add(s, c, b, 10, 1));
    CU_OK(add(t, d, b, 20, 1));
    join(s, t);
    CU_OK(cu.cuMemcpyDtoDAsync_v2(a, d, 4, s));
    CU_OK(endCapture(s));
    EXPECT_EQ(status(t), CU_STREAM_CAPTURE_STATUS_NONE);
    EXPECT_EQ(words(a, 1)[0], 1u) << "nothing was run";
    CUgraphExec exec = instantiate();
    CU_OK(cu.cuGraphDestroy(graph));
    CU_OK(cu.cuGraphUpload(exec, s));
    CU_OK(cu.cuGraphLaunch(exec, s));
    EXPECT_EQ(words(c, 1)[0], 12u);
    EXPECT_EQ(words(a, 1)[0], 22u);
    // Launches of one graph run one after another, in whatever streams.
    CU_OK(cu.cuGraphLaunch(exec, s));
    CU_OK(cu.cuGraphLaunch(exec, t));
    EXPECT_EQ(words(a, 1)[0], 64u);
    CU_OK(cu.cuGraphExecDestroy(exec));
  }
}

TEST_F(CaptureTest, WhatIsNotJoined) {
  CUdeviceptr a = make(8);
  CUstream s = stream(), t = stream();
  beginCapture(s);
  CU_OK(cu.cuMemsetD32Async(a, 0, 1, s));
  join(t, s);
  CU_OK(cu.cuMemsetD32Async(a + 4, 0, 1, t));
  EXPECT_EQ(endCapture(s), CUDA_ERROR_STREAM_CAPTURE_UNJOINED);
  EXPECT_EQ(graph, nullptr);
  EXPECT_EQ(status(t), CU_STREAM_CAPTURE_STATUS_NONE);
  // One that does nothing has nothing to be waited for.
  beginCapture(s);
  CU_OK(cu.cuMemsetD32Async(a, 0, 1, s));
  join(t, s);
  CU_OK(endCapture(s));
}

TEST_F(CaptureTest, CallsThatWaitOrAllocate) {
  make(4);
  CUstream s = stream(), other = stream();
  CUevent e = event();
  CU_OK(cu.cuEventRecord(e, other));
  std::vector<std::pair<const char *, std::function<CUresult()>>> calls = {
      {"its own stream", [&] { return cu.cuStreamSynchronize(s); }},
      {"another stream", [&] { return cu.cuStreamSynchronize(other); }},
      {"a query", [&] { return cu.cuStreamQuery(s); }},
      {"the context", [&] { return cu.cuCtxSynchronize(); }},
      {"an event", [&] { return cu.cuEventSynchronize(e); }},
      {"a query of an event", [&] { return cu.cuEventQuery(e); }},
      {"an allocation",
       [&] {
         CUdeviceptr more = 0;
         return cu.cuMemAlloc_v2(&more, 4);
       }},
      {"memory that is not pinned", [&] {
         int value = 0;
         return cu.cuMemcpyHtoDAsync_v2(lastAllocated, &value, 4, s);
       }}};
  for (auto &[what, call] : calls) {
    beginCapture(s);
    EXPECT_EQ(call(), CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED) << what;
    expectInvalid(s);
  }
}

TEST_F(CaptureTest, ModesSayWhoMayWait) {
  make(4);
  CUstream s = stream(), other = stream();
  auto inAnotherThread = [&] {
    CUresult result = CUDA_SUCCESS;
    std::thread([&] {
      cu.cuCtxSetCurrent(context);
      result = cu.cuStreamSynchronize(other);
    }).join();
    return result;
  };
  beginCapture(s, CU_STREAM_CAPTURE_MODE_RELAXED);
  EXPECT_EQ(cu.cuStreamSynchronize(other), CUDA_SUCCESS);
  EXPECT_EQ(inAnotherThread(), CUDA_SUCCESS);
  EXPECT_EQ(cu.cuStreamSynchronize(s), CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
  expectInvalid(s);
  beginCapture(s, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL);
  EXPECT_EQ(inAnotherThread(), CUDA_SUCCESS);
  CU_OK(endCapture(s));
  beginCapture(s, CU_STREAM_CAPTURE_MODE_GLOBAL);
  EXPECT_EQ(inAnotherThread(), CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
  expectInvalid(s);
}

TEST_F(CaptureTest, TheThreadThatBeganItEndsIt) {
  CUstream s = stream();
  auto end = [&] {
    CUresult result = CUDA_SUCCESS;
    std::thread([&] {
      cu.cuCtxSetCurrent(context);
      result = endCapture(s);
    }).join();
    return result;
  };
  beginCapture(s);
  EXPECT_EQ(end(), CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD);
  EXPECT_EQ(endCapture(s), CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
  beginCapture(s, CU_STREAM_CAPTURE_MODE_RELAXED);
  EXPECT_EQ(end(), CUDA_SUCCESS);
}

TEST_F(CaptureTest, BordersOfACapture) {
  make(4);
  CUstream s = stream(), t = stream(), outside = stream();
  CUevent before = event(), inside = event();
  CU_OK(cu.cuEventRecord(before, outside));
  beginCapture(s);
  CU_OK(cu.cuEventRecord(inside, s));
  EXPECT_EQ(cu.cuStreamWaitEvent(s, before, 0), CUDA_ERROR_STREAM_CAPTURE_ISOLATION);
  expectInvalid(s);
  // Of a capture that has ended nobody waits for an event.
  EXPECT_EQ(cu.cuStreamWaitEvent(outside, inside, 0), CUDA_ERROR_CAPTURED_EVENT);
  EXPECT_EQ(cu.cuEventQuery(inside), CUDA_ERROR_CAPTURED_EVENT);
  EXPECT_EQ(cu.cuEventSynchronize(inside), CUDA_ERROR_CAPTURED_EVENT);
  CU_OK(cu.cuEventRecord(inside, outside));
  CU_OK(cu.cuEventSynchronize(inside));
  // Two captures do not become one.
  beginCapture(s);
  beginCapture(t);
  CU_OK(cu.cuEventRecord(inside, s));
  EXPECT_EQ(cu.cuStreamWaitEvent(t, inside, 0), CUDA_ERROR_STREAM_CAPTURE_MERGE);
  for (CUstream each : {s, t})
    EXPECT_EQ(endCapture(each), CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
  // Only the stream that it began in ends it.
  beginCapture(s);
  join(t, s);
  EXPECT_EQ(endCapture(t), CUDA_ERROR_STREAM_CAPTURE_UNMATCHED);
  expectInvalid(s);
  EXPECT_EQ(endCapture(outside), CUDA_ERROR_ILLEGAL_STATE);
}

TEST_F(CaptureTest, TheLegacyStream) {
  CUdeviceptr a = make(4);
  CUstream s = stream(CU_STREAM_DEFAULT), free = stream();
  EXPECT_EQ(cu.cuStreamBeginCapture_v2(nullptr, CU_STREAM_CAPTURE_MODE_RELAXED),
            CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
  beginCapture(s);
  EXPECT_EQ(cu.cuMemsetD32Async(a, 0, 1, nullptr), CUDA_ERROR_STREAM_CAPTURE_IMPLICIT);
  expectInvalid(s);
  beginCapture(free);
  CU_OK(cu.cuMemsetD32Async(a, 0, 1, nullptr));
  CU_OK(endCapture(free));
}

TEST_F(CaptureTest, GraphsAreNotLaunchedInACapture) {
  CUdeviceptr a = make(4);
  CUstream s = stream();
  beginCapture(s);
  CU_OK(cu.cuMemsetD32Async(a, 0, 1, s));
  CU_OK(endCapture(s));
  CUgraphExec exec = instantiate();
  beginCapture(s);
  EXPECT_EQ(cu.cuGraphLaunch(exec, s), CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
  expectInvalid(s);
}

TEST_F(CaptureTest, MemoryFreedSinceTheCapture) {
  begin("policy=first");
  CUdeviceptr a = make(4);
  CUstream s = stream();
  beginCapture(s);
  CU_OK(cu.cuMemsetD32Async(a, 0, 1, s));
  CU_OK(endCapture(s));
  CUgraphExec exec = instantiate();
  auto freeInUse = [&] {
    cu.cuGraphLaunch(exec, s);
    cu.cuMemFree_v2(a);
  };
  expectViolation(freeInUse, "frees the 4 bytes of allocation .*, which a fill in graph 1 on "
                             "stream 1 names");
  CU_OK(cu.cuMemFree_v2(a));
  expectViolation([&] { cu.cuGraphLaunch(exec, s); },
                  "cuGraphLaunch: graph 1 has a fill, which names the 4 bytes .* freed");
  CU_OK(cu.cuGraphExecDestroy(exec));
  expectViolation([&] { cu.cuGraphLaunch(exec, s); }, "names executable graph .* destroyed");
}

} // namespace
} // namespace dpc::emulator::test
