// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Modules and launches: what is loaded, what is refused, what a faulty kernel does.
#include "LaunchTest.h"

#include <cstdlib>
#include <cstring>

namespace dpc::emulator::test {
namespace {

using Modules = LaunchTest;
using Launches = LaunchTest;

/// What loading comes to, and what the driver says of it.
CUresult tryToLoad(const Driver &cu, const std::string &image, std::string &log) {
  char text[256] = "";
  CUjit_option options[] = {CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES};
  void *values[] = {text, reinterpret_cast<void *>(sizeof text)};
  CUmodule made = nullptr;
  CUresult result = cu.cuModuleLoadDataEx(&made, image.c_str(), 2, options, values);
  log = text;
  EXPECT_EQ(reinterpret_cast<uint64_t>(values[1]), log.size());
  return result;
}

TEST_F(Modules, ImagesThatTheDriverDoesNotRun) {
  std::string log;
  EXPECT_EQ(tryToLoad(cu, ".version 8.0\n.target sm_80\n", log), CUDA_ERROR_NO_BINARY_FOR_GPU);
  EXPECT_NE(log.find("there is no twin "), std::string::npos) << log;
  EXPECT_EQ(tryToLoad(cu, "nothing", log), CUDA_ERROR_INVALID_IMAGE);
  EXPECT_EQ(tryToLoad(cu, ".version 8.0\n", log), CUDA_ERROR_INVALID_PTX);
  EXPECT_EQ(tryToLoad(cu, ".version 99.0\n.target sm_80\n", log),
            CUDA_ERROR_UNSUPPORTED_PTX_VERSION);
  EXPECT_EQ(tryToLoad(cu, ".version 8.0\n.target sm_100\n", log), CUDA_ERROR_INVALID_PTX);
  EXPECT_EQ(log, "PTX for sm_100 does not run on a GPU of sm_90");
  DriverTest::begin("gpu=sm_75");
  EXPECT_EQ(tryToLoad(cu, kHandImage, log), CUDA_ERROR_INVALID_PTX);
  EXPECT_EQ(log, "PTX for sm_80 does not run on a GPU of sm_75");
}

/// The head of a cubin, with no section.
std::string cubin(unsigned abi, unsigned architecture) {
  std::string image(64, '\0');
  const char magic[] = {0x7f, 'E', 'L', 'F', 2, 1, 1, 0x33, static_cast<char>(abi)};
  std::memcpy(image.data(), magic, sizeof magic);
  image[18] = static_cast<char>(190);
  image[abi == 8 ? 49 : 48] = static_cast<char>(architecture);
  image[58] = 64;
  return image;
}

TEST_F(Modules, CubinsOfOtherGpus) {
  auto load = [&](unsigned abi, unsigned architecture) {
    std::string log;
    tryToLoad(cu, cubin(abi, architecture), log);
    return log;
  };
  EXPECT_EQ(load(7, 80), "a cubin for sm_80 does not run on a GPU of sm_90");
  for (auto [abi, architecture] : {std::pair(7u, 90u), {8u, 90u}})
    EXPECT_EQ(load(abi, architecture).substr(0, 17), "there is no twin ");
  EXPECT_EQ(load(9, 90), "a cubin of ABI version 9; this driver runs 7 and 8");
  begin("gpu=sm_86");
  EXPECT_EQ(load(8, 80).substr(0, 17), "there is no twin ");
  EXPECT_EQ(load(8, 89), "a cubin for sm_89 does not run on a GPU of sm_86");
}

/// As ptxas writes them: attributes of symbols, not in the order of names.
TEST_F(Modules, RegistersAreReadFromACubin) {
  // A null section, then .shstrtab, .symtab, .strtab and .nv.info.
  std::string names("\0.shstrtab\0.symtab\0.strtab\0.nv.info\0", 37), strings("\0add\0odd\0", 9);
  std::string symbols(3 * 24, '\0');
  symbols[24] = 1;
  symbols[48] = 5;
  std::string info("\2\x12\0\0"
                   "\4\x2f\x8\0\2\0\0\0\x29\0\0\0"
                   "\4\x2f\x8\0\1\0\0\0\x17\0\0\0",
                   28);
  std::string image = cubin(7, 90);
  std::vector<std::pair<uint32_t, std::string>> contents = {
      {1, names}, {11, symbols}, {19, strings}, {27, info}};
  std::string headers(64, '\0');
  auto put = [](std::string &text, size_t at, uint64_t value, size_t bytes) {
    std::memcpy(&text[at], &value, bytes);
  };
  for (auto &[name, bytes] : contents) {
    std::string header(64, '\0');
    put(header, 0, name, 4);
    put(header, 4, 1, 4);
    put(header, 24, image.size(), 8);
    put(header, 32, bytes.size(), 8);
    put(header, 40, name == 11 ? 3 : 0, 4);
    headers += header;
    image += bytes;
  }
  put(image, 40, image.size(), 8);
  put(image, 60, 5, 2);
  put(image, 62, 1, 2);
  image += headers;
  placeHandTwin(image);
  CUmodule loaded = nullptr;
  CU_OK(cu.cuModuleLoadDataEx(&loaded, image.data(), 0, nullptr, nullptr));
  for (auto [name, registers] : {std::pair("add", 0x17), {"odd", 0x29}}) {
    CUfunction found = nullptr;
    CU_OK(cu.cuModuleGetFunction(&found, loaded, name));
    int value = 0;
    CU_OK(cu.cuFuncGetAttribute(&value, CU_FUNC_ATTRIBUTE_NUM_REGS, found));
    EXPECT_EQ(value, registers) << name;
  }
}

TEST_F(Modules, FunctionsAndTheirAttributes) {
  CUfunction found = nullptr;
  EXPECT_EQ(cu.cuModuleGetFunction(&found, module, "none"), CUDA_ERROR_NOT_FOUND);
  CU_OK(cu.cuModuleGetFunction(&found, module, "turn"));
  int value = 0;
  CU_OK(cu.cuFuncGetAttribute(&value, CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK, found));
  EXPECT_EQ(value, 64);
  CU_OK(cu.cuFuncGetAttribute(&value, CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES, found));
  EXPECT_EQ(value, 256);
  CU_OK(cu.cuFuncGetAttribute(&value, CU_FUNC_ATTRIBUTE_PTX_VERSION, found));
  EXPECT_EQ(value, 80);
  CU_OK(cu.cuFuncGetAttribute(&value, CU_FUNC_ATTRIBUTE_BINARY_VERSION, found));
  EXPECT_EQ(value, 90);
  CU_OK(cu.cuModuleUnload(module));
  expectViolation([&] { cu.cuFuncGetAttribute(&value, CU_FUNC_ATTRIBUTE_NUM_REGS, found); },
                  "cuFuncGetAttribute: names function .*, which has been destroyed");
  expectViolation([&] { cu.cuModuleUnload(module); }, "names module .* destroyed");
}

TEST_F(Launches, RunInTheirStream) {
  for (unsigned seed = 0; seed < 10; ++seed) {
    begin("seed=" + std::to_string(seed));
    CUdeviceptr a = allocate(400), b = allocate(400);
    CUstream s = stream();
    CU_OK(cu.cuMemsetD32Async(a, 5, 100, s));
    CU_OK(add(s, b, a, 2, 100));
    CU_OK(add(s, a, b, 3, 99));
    EXPECT_EQ(words(b, 100), std::vector<unsigned>(100, 7));
    EXPECT_EQ(words(a, 99), std::vector<unsigned>(99, 10));
    EXPECT_EQ(words(a + 396, 1)[0], 5u);
  }
}

TEST_F(Launches, ThreadsMeetAtBarriers) {
  CUdeviceptr a = allocate(256);
  auto *host = pinned<unsigned>(64);
  for (unsigned i = 0; i < 64; ++i)
    host[i] = i;
  CUstream s = stream();
  CU_OK(cu.cuMemcpyHtoDAsync_v2(a, host, 256, s));
  CU_OK(launch(function("turn"), 2, 32, s, a));
  std::vector<unsigned> turned = words(a, 64);
  EXPECT_EQ(turned[0], 31u);
  EXPECT_EQ(turned[63], 32u);
}

TEST_F(Launches, ParametersAreCopiedAtTheCall) {
  begin("policy=first");
  CUdeviceptr a = allocate(4), b = allocate(4);
  CUstream s = stream();
  unsigned more = 1, count = 1;
  void *parameters[] = {&b, &a, &more, &count};
  CU_OK(cu.cuMemsetD32Async(a, 5, 1, s));
  CU_OK(cu.cuLaunchKernel(function("add"), 1, 1, 1, 32, 1, 1, 0, s, parameters, nullptr));
  CUdeviceptr kept = b;
  more = 100;
  b = 0;
  EXPECT_EQ(words(kept, 1)[0], 6u);
}

TEST_F(Launches, PinnedMemoryMayBeNamed) {
  CUdeviceptr a = allocate(4);
  auto *host = pinned<unsigned>(1);
  *host = 8;
  CUstream s = stream();
  CU_OK(add(s, a, reinterpret_cast<CUdeviceptr>(host), 1, 1));
  EXPECT_EQ(words(a, 1)[0], 9u);
}

TEST_F(Launches, ShapesThatNoGpuHas) {
  CUdeviceptr a = allocate(4);
  CUfunction f = function("add"), more = function("more");
  CUstream s = stream();
  unsigned one = 1;
  void *parameters[] = {&a, &a, &one, &one};
  auto run = [&](CUfunction function, unsigned x, unsigned y, unsigned threads, unsigned z,
                 unsigned shared) {
    return cu.cuLaunchKernel(function, x, y, 1, threads, 1, z, shared, s, parameters, nullptr);
  };
  EXPECT_EQ(run(f, 0, 1, 32, 1, 0), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(run(f, 1, 65536, 32, 1, 0), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(run(f, 1, 1, 1025, 1, 0), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(run(f, 1, 1, 1, 65, 0), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(run(f, 1, 1, 129, 1, 0), CUDA_ERROR_INVALID_VALUE) << "made for 128";
  EXPECT_EQ(run(more, 1, 1, 1, 1, 49153), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(cu.cuFuncSetAttribute(more, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 240000),
            CUDA_ERROR_INVALID_VALUE);
  CU_OK(cu.cuFuncSetAttribute(more, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 60000));
  EXPECT_EQ(run(more, 1, 1, 1, 1, 60000), CUDA_SUCCESS);
  EXPECT_EQ(cu.cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 0, s, nullptr, nullptr),
            CUDA_ERROR_INVALID_VALUE);
}

TEST_F(Launches, MemoryThatIsGone) {
  CUdeviceptr a = allocate(4), b = allocate(4);
  CU_OK(cu.cuMemFree_v2(b));
  expectViolation([&] { add(stream(), a, b, 1, 1); },
                  "cuLaunchKernel: kernel 'add' is given 0x.*, which lies in the 4 bytes of "
                  "allocation .*, which has been freed");
}

TEST_F(Launches, AFaultComesLaterAndStays) {
  CUdeviceptr a = allocate(64);
  auto stray = [&](uint64_t away) {
    CUstream s = stream();
    if (launch(function("stray"), 1, 1, s, a, away) != CUDA_SUCCESS)
      std::exit(1);
    CUresult result = cu.cuStreamSynchronize(s);
    // Whatever is called next says it again.
    CUdeviceptr more = 0;
    if (cu.cuMemAlloc_v2(&more, 4) != result || cu.cuStreamQuery(s) != result)
      std::exit(2);
    std::fprintf(stderr, "result %d\n", static_cast<int>(result));
  };
  expectViolation([&] { stray(64); },
                  "emulator: kernel 'stray', block .* thread .*: reads 4 bytes 0 bytes behind the "
                  "end of the 64 bytes of allocation .*\n.*result 700");
  expectViolation([&] { stray(2); }, "no multiple of 4.*\n.*result 716");
}

} // namespace
} // namespace dpc::emulator::test
