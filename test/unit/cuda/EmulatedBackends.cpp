// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The device `cuda` on the emulated driver for the suites of all devices of queues: conformance,
// with the transport between ranks of one GPU, and captures. Whatever breaks a rule of NVIDIA's,
// the emulator ends the test program.
#include "../runtime/CaptureTest.h"
#include "../runtime/QueueConformance.h"
#include "EmulatedGpu.h"
#include "transports/local/LocalQueueTransport.h"
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <set>
#include <sstream>
#include <unistd.h>

namespace dpcrt::test {
namespace {
std::unique_ptr<QueueDevice> deviceWithKernels(const std::string &said) {
  std::unique_ptr<QueueDevice> device = makeEmulatedGpu(said);
  Status s = openTestKernels(*device);
  EXPECT_TRUE(s.ok()) << s.message();
  return device;
}

QueueBackend emulated(const std::string &name, const std::string &said, bool graphs = false) {
  return {name,
          [said](unsigned) { return deviceWithKernels(said); },
          makeLocalQueueTransport,
          graphs,
          [](Device &) { return Status(); }, // are open
          /*isAlwaysReady=*/true};
}

const QueueBackend backends[] = {
    emulated("cuda_first_local", "policy=first"),
    emulated("cuda_reverse_local", "policy=reverse"),
    emulated("cuda_random_local", "seed=5"),
    emulated("cuda_starve_local", "policy=starve=3"),
    emulated("cuda_eager_local", "policy=eager"),
    emulated("cuda_graphs_first", "policy=first", true),
    emulated("cuda_graphs_reverse", "policy=reverse", true),
    emulated("cuda_graphs_random", "seed=5", true),
};

const CapturingDevice devices[] = {
    {"cuda_first", [] { return deviceWithKernels("policy=first"); }},
    {"cuda_reverse", [] { return deviceWithKernels("policy=reverse"); }},
    {"cuda_random", [] { return deviceWithKernels("seed=3"); }},
};

// By the emulator's log of calls: two steps are enqueued, one behind the other, with calls that do
// nothing else.
TEST(EmulatedSteps, WaitForNothingAndAllocateNothing) {
  const std::set<std::string> allowed = {
      "cuCtxPushCurrent_v2", "cuCtxPopCurrent_v2", "cuEventRecord",
      "cuStreamWaitEvent",   "cuMemcpyAsync",      "cuMemsetD32Async",
      "cuLaunchKernel",      "cublasLtMatmul",     "cuGraphLaunch"};
  const std::string path = testing::TempDir() + "/dpc-cuda-calls-" + std::to_string(getpid());
  for (bool graphs : {false, true}) {
    World world(emulated("logged", "seed=5,log=" + path, graphs), {});
    for (int step = 0; step < 2; ++step) {
      Status s = world.step();
      ASSERT_TRUE(s.ok()) << s.message();
    }
    auto size = [&] {
      std::fflush(nullptr); // the emulator's, too
      return std::filesystem::file_size(path);
    };
    const uintmax_t before = size();
    ASSERT_TRUE(world.submit().ok());
    ASSERT_TRUE(world.submit().ok());
    const uintmax_t behind = size();
    std::string text(behind - before, '\0');
    std::ifstream file(path);
    file.seekg(std::streamoff(before));
    file.read(text.data(), std::streamsize(text.size()));
    std::map<std::string, int> calls;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      EXPECT_EQ(line.find("\"waits\":true"), std::string::npos) << line;
      const std::string key = "\"function\":\"";
      if (size_t at = line.find(key); at != std::string::npos)
        ++calls[line.substr(at + key.size(), line.find('"', at + key.size()) - at - key.size())];
    }
    for (auto &[function, count] : calls)
      EXPECT_TRUE(allowed.count(function)) << function << ", " << count << " times";
    EXPECT_EQ(calls["cuGraphLaunch"], graphs ? 2 : 0);
    EXPECT_EQ(calls["cuLaunchKernel"] > 0 && calls["cublasLtMatmul"] > 0, !graphs);
    for (int step = 0; step < 2; ++step) {
      Status s = world.finish();
      ASSERT_TRUE(s.ok()) << s.message();
    }
  }
  std::filesystem::remove(path);
}

// In a process of its own, in which the hanging queue stays. The first two streams are the
// device's.
TEST(EmulatedHang, IsATimeoutThatSaysWhereQueuesStand) {
  auto hang = [] {
    World::Options options;
    options.executor.timeoutNs = 50'000'000;
    World world(emulated("hangs", "fault=hang:3:1"), options);
    Status s = world.step();
    std::cerr << (s.code() == Code::Timeout ? "timeout: " : "no timeout: ") << s.message() << "\n";
    _exit(0);
  };
  EXPECT_EXIT(hang(), testing::ExitedWithCode(0),
              "timeout: nothing has moved for 0.05 s \\(--timeout\\).*\n"
              "  rank 0, stream compute: not behind ");
}

auto named = [](auto &info) { return info.param.name; };
INSTANTIATE_TEST_SUITE_P(Emulated, QueueConformance, testing::ValuesIn(backends), named);
INSTANTIATE_TEST_SUITE_P(Emulated, CaptureRules, testing::ValuesIn(devices), named);
INSTANTIATE_TEST_SUITE_P(Emulated, CapturedCommands, testing::ValuesIn(devices), named);
} // namespace
} // namespace dpcrt::test
