// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Failures that are asked for, streams that stop, and the log.
#include "LaunchTest.h"

#include <cstdlib>
#include <dlfcn.h>
#include <filesystem>
#include <fstream>
#include <unistd.h>

namespace dpc::emulator::test {
namespace {

class Failures : public LaunchTest {
protected:
  // In a process of its own, for the test itself calls some of them.
  template <typename Body> void expectFailure(const std::string &name, Body body) {
    EXPECT_EXIT(
        {
          end();
          setenv("DPC_CUDA_EMULATOR", ("fail=" + name + ":1:CUDA_ERROR_ECC_UNCORRECTABLE").c_str(),
                 1);
          cu.cuDevicePrimaryCtxRetain(&context, 0); // from here on calls are counted
          std::exit(body() == CUDA_ERROR_ECC_UNCORRECTABLE ? 0 : 1);
        },
        ::testing::ExitedWithCode(0), "emulator: note: call 1 of " + name + " fails")
        << name;
  }
};
using Logs = LaunchTest;

TEST_F(Failures, OfTheNthCall) {
  begin("fail=cuMemAlloc:2:CUDA_ERROR_OUT_OF_MEMORY,fail=cuEventRecord:1");
  CUdeviceptr a = 0;
  CU_OK(cu.cuMemAlloc_v2(&a, 4));
  EXPECT_EQ(cu.cuMemAlloc_v2(&a, 4), CUDA_ERROR_OUT_OF_MEMORY);
  CU_OK(cu.cuMemAlloc_v2(&a, 4));
  CUstream s = stream();
  CUevent e = event();
  EXPECT_EQ(cu.cuEventRecord(e, s), CUDA_ERROR_UNKNOWN);
  CU_OK(cu.cuEventRecord(e, s));
}

TEST_F(Failures, ACallThatIsLeftOut) {
  expectViolation(
      [&] {
        begin("fault=skip:cuStreamWaitEvent:2");
        CUdeviceptr a = allocate(4);
        CUstream s = stream(), t = stream();
        CUevent e = event();
        for (int i = 0; i < 2; ++i) {
          cu.cuMemsetD32Async(a, 1, 1, i ? t : s);
          cu.cuEventRecord(e, i ? t : s);
          cu.cuStreamWaitEvent(i ? s : t, e, 0);
        }
        cu.cuMemsetD32Async(a, 2, 1, s);
        cu.cuCtxSynchronize();
      },
      "call 2 of cuStreamWaitEvent is left out.*\n.*a fill on stream . wrote 4 bytes.*nothing "
      "orders them");
}

/// Calls a function with nothing that it could use.
template <typename... Parameters> CUresult callWithNothing(CUresult (*function)(Parameters...)) {
  return function(Parameters()...);
}

TEST_F(Failures, EveryFunctionOfTheDriverCanFail) {
  // It does so before it looks at what it is given.
  unsigned failed = 0;
  auto isTold = [](const std::string &name) { return name.substr(0, 10) != "cuGetError"; };
#define DPCRT_CUDA_FUNCTION(result, name, parameters)                                              \
  if (isTold(#name)) {                                                                             \
    expectFailure(#name, [&] { return callWithNothing(cu.name); });                                \
    ++failed;                                                                                      \
  }
#include "devices/cuda/api/DriverFunctions.def"
  EXPECT_GE(failed, 50u);
}

TEST_F(Failures, OfTheNthLaunchAreTheDevices) {
  for (bool inGraph : {false, true}) {
    begin("policy=first,fault=launch:2:CUDA_ERROR_ILLEGAL_ADDRESS");
    CUdeviceptr a = allocate(8);
    CUstream s = stream();
    CUfunction f = function("even");
    CUgraph graph = nullptr;
    CUgraphExec exec = nullptr;
    if (inGraph)
      CU_OK(cu.cuStreamBeginCapture_v2(s, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
    CU_OK(launch(f, 1, 1, s, a));
    CU_OK(launch(f, 1, 1, s, a));
    if (inGraph) {
      CU_OK(cu.cuStreamEndCapture(s, &graph));
      CU_OK(cu.cuGraphInstantiateWithFlags(&exec, graph, 0));
      CU_OK(cu.cuGraphLaunch(exec, s));
    }
    EXPECT_EQ(cu.cuStreamSynchronize(s), CUDA_ERROR_ILLEGAL_ADDRESS);
    EXPECT_EQ(cu.cuStreamQuery(s), CUDA_ERROR_ILLEGAL_ADDRESS);
    EXPECT_EQ(launch(f, 1, 1, s, a), CUDA_ERROR_ILLEGAL_ADDRESS);
    CUevent e = nullptr;
    EXPECT_EQ(cu.cuEventCreate(&e, 0), CUDA_ERROR_ILLEGAL_ADDRESS);
  }
}

TEST_F(Failures, AStreamThatStops) {
  begin("fault=hang:1:2");
  CUdeviceptr a = allocate(4), b = allocate(4);
  CUstream s = stream(), t = stream();
  CU_OK(cu.cuMemsetD32Async(a, 1, 1, s));
  CU_OK(cu.cuMemsetD32Async(a, 2, 1, s));
  CU_OK(cu.cuMemsetD32Async(b, 3, 1, t));
  CU_OK(cu.cuStreamSynchronize(t));
  for (int i = 0; i < 100; ++i)
    ASSERT_EQ(cu.cuStreamQuery(s), CUDA_ERROR_NOT_READY);
}

class LogFile {
public:
  LogFile() {
    path = (std::filesystem::temp_directory_path() / "dpc-emulator-log-XXXXXX").string();
    close(mkstemp(path.data()));
  }
  ~LogFile() { std::filesystem::remove(path); }
  std::string path;
  std::vector<std::string> lines() const {
    std::vector<std::string> all;
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);)
      all.push_back(line);
    return all;
  }
};

TEST_F(Logs, TellEveryCallAndCommand) {
  LogFile file;
  begin("policy=first,log=" + file.path);
  void *self = dlopen(cu.path.c_str(), RTLD_NOW | RTLD_NOLOAD);
  ASSERT_NE(self, nullptr);
  auto mark = reinterpret_cast<void (*)(const char *)>(dlsym(self, "dpcEmulatorMark"));
  ASSERT_NE(mark, nullptr);
  CUdeviceptr a = allocate(8);
  CUstream s = stream();
  CUfunction f = function("even");
  mark("step 1");
  CU_OK(launch(f, 1, 1, s, a));
  mark("step 2");
  CU_OK(cu.cuStreamSynchronize(s));
  int value = 0;
  CU_OK(cu.cuMemcpyDtoHAsync_v2(&value, a, 4, s));
  begin("");
  std::vector<std::string> lines = file.lines();
  auto find = [&](const std::string &part) {
    for (size_t i = 0; i < lines.size(); ++i)
      if (lines[i].find(part) != std::string::npos)
        return i;
    ADD_FAILURE() << "no line has " << part;
    return lines.size();
  };
  size_t first = find("{\"mark\":\"step 1\""), second = find("{\"mark\":\"step 2\"");
  size_t launched = find("\"function\":\"cuLaunchKernel\"");
  EXPECT_EQ(launched, first + 1);
  EXPECT_EQ(second, first + 2);
  ASSERT_LT(launched, lines.size());
  for (const char *part : {"\"waits\":false", "\"stream\":1", "\"kernel\":\"even\"",
                           "\"addresses\":[\"0x", "\"thread\":0", "\"result\":\"CUDA_SUCCESS\""})
    EXPECT_NE(lines[launched].find(part), std::string::npos) << part << " in " << lines[launched];
  size_t ran = find("\"what\":\"kernel 'even'\"");
  EXPECT_GT(ran, second);
  EXPECT_NE(lines[find("\"function\":\"cuStreamSynchronize\"")].find("\"waits\":true"),
            std::string::npos);
  // Memory that is not pinned makes a copy wait.
  EXPECT_NE(lines[find("\"function\":\"cuMemcpyDtoHAsync_v2\"")].find("\"waits\":true"),
            std::string::npos);
}

} // namespace
} // namespace dpc::emulator::test
