// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Uses of the same bytes that nothing orders: found whatever the order was.
#include "LaunchTest.h"

namespace dpc::emulator::test {
namespace {

class Conflicts : public LaunchTest {
protected:
  /// Runs it under several orders, each in a process of its own, that all end so.
  template <typename Body> void expectAlways(Body body, const std::string &message) {
    for (const char *options : {"policy=first", "policy=reverse", "seed=1", "seed=2", "seed=3"}) {
      SCOPED_TRACE(options);
      expectViolation(
          [&] {
            begin(options);
            body();
            cu.cuCtxSynchronize();
          },
          message);
    }
  }
  /// Runs it under several orders here: there is nothing wrong.
  template <typename Body> void expectNever(Body body) {
    for (unsigned seed = 0; seed < 10; ++seed) {
      begin("seed=" + std::to_string(seed));
      body();
      ASSERT_EQ(cu.cuCtxSynchronize(), CUDA_SUCCESS);
    }
  }
  void join(CUstream waiting, CUstream recording) {
    CUevent e = event();
    ASSERT_EQ(cu.cuEventRecord(e, recording), CUDA_SUCCESS);
    ASSERT_EQ(cu.cuStreamWaitEvent(waiting, e, 0), CUDA_SUCCESS);
  }
};

TEST_F(Conflicts, AWaitThatIsLeftOut) {
  auto run = [&](bool waits) {
    CUdeviceptr a = allocate(400), b = allocate(400);
    CUstream s = stream(), t = stream();
    ASSERT_EQ(cu.cuMemsetD32Async(b, 0, 100, s), CUDA_SUCCESS);
    ASSERT_EQ(add(s, a, b, 1, 100), CUDA_SUCCESS);
    if (waits)
      join(t, s);
    ASSERT_EQ(cu.cuMemcpyDtoDAsync_v2(b, a, 400, t), CUDA_SUCCESS);
  };
  expectAlways([&] { run(false); },
               "emulator: (kernel 'add' on stream 1 wrote 400 bytes at byte 0 of the 400 bytes of "
               "allocation .* that a copy on stream 2 read|a copy on stream 2 (read|wrote) .* that "
               "(kernel 'add'|a fill) on stream 1 (wrote|read)), and nothing orders them");
  expectNever([&] { run(true); });
}

TEST_F(Conflicts, AScratchThatTwoStreamsShare) {
  auto run = [&](bool shares) {
    CUdeviceptr in = allocate(4), scratch[] = {allocate(4), allocate(4)};
    ASSERT_EQ(cu.cuMemsetD32Async(in, 0, 1, nullptr), CUDA_SUCCESS);
    ASSERT_EQ(cu.cuCtxSynchronize(), CUDA_SUCCESS);
    for (int i = 0; i < 2; ++i) {
      CUstream s = stream();
      CUdeviceptr own = scratch[shares ? 0 : i];
      ASSERT_EQ(add(s, own, in, 1, 1), CUDA_SUCCESS);
      ASSERT_EQ(add(s, allocate(4), own, 1, 1), CUDA_SUCCESS);
    }
  };
  expectAlways([&] { run(true); }, "kernel 'add' on stream . wrote 4 bytes .* nothing orders them");
  expectNever([&] { run(false); });
}

TEST_F(Conflicts, AnEventOfAnotherStream) {
  expectAlways(
      [&] {
        CUdeviceptr a = allocate(4), b = allocate(4);
        CUstream s = stream(), t = stream(), wrong = stream();
        cu.cuMemsetD32Async(a, 1, 1, s);
        join(t, wrong);
        cu.cuMemcpyDtoDAsync_v2(b, a, 4, t);
      },
      "nothing orders them");
}

TEST_F(Conflicts, ReadersNeedNoOrder) {
  expectNever([&] {
    CUdeviceptr a = allocate(4);
    CUstream s = stream(), t = stream();
    ASSERT_EQ(cu.cuMemsetD32Async(a, 1, 1, s), CUDA_SUCCESS);
    join(t, s);
    ASSERT_EQ(add(s, allocate(4), a, 1, 1), CUDA_SUCCESS);
    ASSERT_EQ(add(t, allocate(4), a, 1, 1), CUDA_SUCCESS);
    join(s, t);
    ASSERT_EQ(cu.cuMemsetD32Async(a, 2, 1, s), CUDA_SUCCESS);
  });
  // Either of them is in the way of who writes.
  expectAlways(
      [&] {
        CUdeviceptr a = allocate(4);
        CUstream s = stream(), t = stream();
        cu.cuMemsetD32Async(a, 1, 1, s);
        join(t, s);
        add(s, allocate(4), a, 1, 1);
        add(t, allocate(4), a, 1, 1);
        cu.cuMemsetD32Async(a, 2, 1, s);
      },
      "nothing orders them");
}

TEST_F(Conflicts, AreOfBytes) {
  // Words that lie between each other's.
  expectNever([&] {
    CUdeviceptr a = allocate(64);
    ASSERT_EQ(launch(function("even"), 1, 8, stream(), a), CUDA_SUCCESS);
    ASSERT_EQ(launch(function("odd"), 1, 8, stream(), a), CUDA_SUCCESS);
  });
  expectAlways(
      [&] {
        CUdeviceptr a = allocate(64);
        launch(function("even"), 1, 8, stream(), a);
        launch(function("even"), 1, 1, stream(), a + 56);
      },
      "wrote 4 bytes at byte 56 of .* nothing orders them");
}

TEST_F(Conflicts, WhatTheHostHasSeenIsOrdered) {
  auto run = [&](int how) {
    CUdeviceptr a = allocate(4);
    CUstream s = stream(), t = stream();
    CUevent e = event();
    ASSERT_EQ(cu.cuMemsetD32Async(a, 1, 1, s), CUDA_SUCCESS);
    ASSERT_EQ(cu.cuEventRecord(e, s), CUDA_SUCCESS);
    if (how == 0)
      ASSERT_EQ(cu.cuEventSynchronize(e), CUDA_SUCCESS);
    while (how == 1 && cu.cuEventQuery(e) == CUDA_ERROR_NOT_READY)
      ;
    if (how == 2)
      ASSERT_EQ(cu.cuStreamSynchronize(s), CUDA_SUCCESS);
    while (how == 3 && cu.cuStreamQuery(s) == CUDA_ERROR_NOT_READY)
      ;
    ASSERT_EQ(cu.cuMemsetD32Async(a, 2, 1, t), CUDA_SUCCESS);
  };
  for (int how = 0; how < 4; ++how)
    expectNever([&] { run(how); });
  expectAlways([&] { run(4); }, "nothing orders them");
}

TEST_F(Conflicts, InGraphs) {
  auto run = [&](bool waits, bool orders) {
    CUdeviceptr a = allocate(4), b = allocate(4);
    CUstream s = stream(), t = stream(), other = stream();
    ASSERT_EQ(cu.cuStreamBeginCapture_v2(s, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL), CUDA_SUCCESS);
    ASSERT_EQ(cu.cuMemsetD32Async(b, 1, 1, s), CUDA_SUCCESS);
    join(t, s);
    ASSERT_EQ(cu.cuMemsetD32Async(a, 1, 1, s), CUDA_SUCCESS);
    if (waits)
      join(t, s);
    ASSERT_EQ(cu.cuMemcpyDtoDAsync_v2(b, a, 4, t), CUDA_SUCCESS);
    join(s, t);
    CUgraph graph = nullptr;
    CUgraphExec exec = nullptr;
    ASSERT_EQ(cu.cuStreamEndCapture(s, &graph), CUDA_SUCCESS);
    ASSERT_EQ(cu.cuGraphInstantiateWithFlags(&exec, graph, 0), CUDA_SUCCESS);
    ASSERT_EQ(cu.cuGraphLaunch(exec, s), CUDA_SUCCESS);
    ASSERT_EQ(cu.cuGraphLaunch(exec, s), CUDA_SUCCESS);
    if (orders)
      join(other, s);
    ASSERT_EQ(cu.cuMemsetD32Async(b, 1, 1, other), CUDA_SUCCESS);
  };
  expectNever([&] { run(true, true); });
  expectAlways([&] { run(false, true); },
               "(a fill|a copy) on stream . in graph 1 (wrote|read) 4 bytes .* in graph 1 "
               "(wrote|read), and nothing orders them");
  expectAlways([&] { run(true, false); }, "a fill on stream 3.* nothing orders them");
}

TEST_F(Conflicts, StepsThatDoNotWaitForTheOneBefore) {
  expectAlways(
      [&] {
        CUdeviceptr weights = allocate(4), gradient = allocate(4);
        CUstream compute = stream(), update = stream();
        cu.cuMemsetD32Async(weights, 1, 1, compute);
        for (int step = 0; step < 2; ++step) {
          add(compute, gradient, weights, 1, 1);
          join(update, compute);
          add(update, weights, gradient, 1, 1);
          // The next one would have to wait for `update`.
        }
      },
      "nothing orders them");
}

} // namespace
} // namespace dpc::emulator::test
