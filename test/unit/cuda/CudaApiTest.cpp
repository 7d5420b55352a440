// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Where NVIDIA's libraries are found, what is refused of them, and in which words: with libraries
// that stand in for them (FakeDriver.cpp, FakeCublasLt.cpp).
#include "devices/cuda/api/CublasLt.h"
#include "devices/cuda/api/Gpus.h"
#include <cstdlib>
#include <dlfcn.h>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <unistd.h>

namespace dpcrt::cuda {
namespace {
namespace fs = std::filesystem;

// Each test has a folder of its own and an environment in which nothing is set.
class CudaApi : public ::testing::Test {
protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "dpc-cuda-api-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    root = fs::canonical(name);
    for (const char *variable :
         {"DPC_CUDA_LIBRARIES", "VIRTUAL_ENV", "CONDA_PREFIX", "CUDA_VISIBLE_DEVICES"})
      set(variable, nullptr);
  }
  void TearDown() override {
    for (auto &[name, value] : before)
      if (value)
        setenv(name.c_str(), value->c_str(), 1);
      else
        unsetenv(name.c_str());
    fs::remove_all(root);
  }

  // For the time of the test; null: not set.
  void set(const std::string &name, const char *value) {
    const char *old = std::getenv(name.c_str());
    before.emplace(name, old ? std::optional<std::string>(old) : std::nullopt);
    value ? setenv(name.c_str(), value, 1) : unsetenv(name.c_str());
  }

  // A copy of a library that stands in for NVIDIA's, so that it is loaded as one of its own.
  fs::path place(const std::string &library, const fs::path &at) {
    fs::create_directories((root / at).parent_path());
    fs::copy_file(fs::path(DPCRT_FAKE_LIBRARIES) / library, root / at);
    return root / at;
  }
  fs::path driver(const std::string &folder) {
    return place("driver/libcuda.so.1", folder + "/libcuda.so.1");
  }
  fs::path cublasLt(const std::string &folder, int major) {
    return place("cublaslt/libcublasLt.so.12", folder + "/libcublasLt.so." + std::to_string(major));
  }

  // Only what this test has placed.
  LibraryPlaces told(const std::vector<std::string> &folders) const {
    LibraryPlaces places;
    for (const std::string &folder : folders)
      places.told.push_back((root / folder).string());
    places.system = false;
    return places;
  }

  fs::path root;
  std::map<std::string, std::optional<std::string>> before;
};

void expectError(const Status &status, Code code, const std::string &message) {
  EXPECT_EQ(status.code(), code);
  EXPECT_EQ(status.message(), message);
}

TEST_F(CudaApi, placesAreReadFromTheEnvironment) {
  set("DPC_CUDA_LIBRARIES", "/first::/second");
  fs::path site = root / "env/lib/python3.11/site-packages";
  for (const char *folder : {"nvidia/cublas/lib", "nvidia/cu13/lib", "nvidia/cu13/include", "lib",
                             "other/lib", "nvidia/a/b/lib/lib"})
    fs::create_directories(site / folder);
  fs::create_directory_symlink(site / "nvidia", site / "nvidia/cublas/round");
  fs::create_directories(root / "conda/lib/python3.9/site-packages/nvidia/cublas/lib");
  set("VIRTUAL_ENV", (root / "env").c_str());
  set("CONDA_PREFIX", (root / "conda").c_str());
  LibraryPlaces places = findLibraryPlaces();
  EXPECT_EQ(places.told, (std::vector<std::string>{"/first", "/second"}));
  EXPECT_TRUE(places.system);
  EXPECT_EQ(places.python,
            (std::vector<std::string>{
                site / "nvidia/a/b/lib", site / "nvidia/cu13/lib", site / "nvidia/cublas/lib",
                root / "conda/lib/python3.9/site-packages/nvidia/cublas/lib"}));
}

TEST_F(CudaApi, anEnvironmentWithoutPackagesHasNoPlaces) {
  set("VIRTUAL_ENV", (root / "nothing").c_str());
  set("CONDA_PREFIX", "");
  LibraryPlaces places = findLibraryPlaces();
  EXPECT_TRUE(places.told.empty());
  EXPECT_TRUE(places.python.empty());
}

TEST_F(CudaApi, everyFunctionOfTheDriverIsFound) {
  fs::path path = driver("a");
  Driver found;
  Status s = openDriver(told({"a"}), found);
  ASSERT_TRUE(s.ok()) << s.message();
  EXPECT_EQ(found.path, path);
  EXPECT_EQ(found.version, 12040);
  EXPECT_EQ(versionText(found), "CUDA 12.4");
#define DPCRT_CUDA_FUNCTION(result, name, parameters)                                              \
  {                                                                                                \
    Dl_info info = {};                                                                             \
    ASSERT_NE(found.name, nullptr) << #name;                                                       \
    ASSERT_NE(dladdr(reinterpret_cast<void *>(found.name), &info), 0);                             \
    EXPECT_STREQ(info.dli_sname, #name);                                                           \
    EXPECT_EQ(info.dli_fname, path.string());                                                      \
  }
#include "devices/cuda/api/DriverFunctions.def"
}

TEST_F(CudaApi, everyFunctionOfCublasLtIsFound) {
  fs::path path = cublasLt("a", 12);
  CublasLt found;
  Status s = openCublasLt(told({"a"}), 12040, found);
  ASSERT_TRUE(s.ok()) << s.message();
  EXPECT_EQ(found.path, path);
  EXPECT_EQ(found.version, "12.4.5");
  EXPECT_EQ(found.cuda, 12040);
#define DPCRT_CUDA_FUNCTION(result, name, parameters)                                              \
  {                                                                                                \
    Dl_info info = {};                                                                             \
    ASSERT_NE(found.name, nullptr) << #name;                                                       \
    ASSERT_NE(dladdr(reinterpret_cast<void *>(found.name), &info), 0);                             \
    EXPECT_STREQ(info.dli_sname, #name);                                                           \
    EXPECT_EQ(info.dli_fname, path.string());                                                      \
  }
#include "devices/cuda/api/CublasLtFunctions.def"
}

TEST_F(CudaApi, theDriversFileSaysItsRelease) {
  fs::path file = place("driver/libcuda.so.1", "a/libcuda.so.550.54.15");
  fs::create_symlink(file, root / "a/libcuda.so.1");
  Driver found;
  Status s = openDriver(told({"a"}), found);
  ASSERT_TRUE(s.ok()) << s.message();
  EXPECT_EQ(found.path, file);
  EXPECT_EQ(versionText(found), "CUDA 12.4, driver 550.54.15");
}

TEST_F(CudaApi, foldersAreLookedIntoInOrder) {
  cublasLt("python", 13);
  fs::path second = cublasLt("second", 12);
  cublasLt("third", 13);
  LibraryPlaces places = told({"first", "second", "third"});
  places.python = {(root / "python").string()};
  CublasLt found;
  Status s = openCublasLt(places, 0, found);
  ASSERT_TRUE(s.ok()) << s.message();
  EXPECT_EQ(found.path, second);
  places.told.clear();
  s = openCublasLt(places, 0, found);
  ASSERT_TRUE(s.ok()) << s.message();
  EXPECT_EQ(found.path, root / "python/libcublasLt.so.13");
}

TEST_F(CudaApi, theNewerCublasLtIsTakenUnlessTheDriverIsOlder) {
  fs::path twelve = cublasLt("a", 12), thirteen = cublasLt("a", 13);
  CublasLt found;
  for (auto [version, path] : {std::pair(13000, thirteen), {12090, twelve}, {0, thirteen}}) {
    Status s = openCublasLt(told({"a"}), version, found);
    ASSERT_TRUE(s.ok()) << s.message();
    EXPECT_EQ(found.path, path) << version;
  }
}

TEST_F(CudaApi, whatIsAbsentIsNamedWithItsPlaces) {
  Driver driver;
  expectError(openDriver(told({"a", "b"}), driver), Code::Device,
              "there is no 'libcuda.so.1' in '" + (root / "a").string() + "', '" +
                  (root / "b").string() +
                  "' (DPC_CUDA_LIBRARIES); NVIDIA's driver 525 (CUDA 12.0) or newer brings it");
  LibraryPlaces places;
  places.python = {root.string()};
  places.system = false;
  CublasLt cublas;
  expectError(openCublasLt(places, 13000, cublas), Code::Device,
              "there is no 'libcublasLt.so.13' or 'libcublasLt.so.12' in the active Python "
              "environment; a CUDA toolkit brings it, or the Python package nvidia-cublas, "
              "and DPC_CUDA_LIBRARIES may name its folder");
  // No system has a library of this name.
  places.system = true;
  Library library;
  expectError(
      openLibrary(places, {"libdpc-none.so.1"}, "nobody brings it", library), Code::Device,
      "there is no 'libdpc-none.so.1' where the dynamic loader looks or in the active Python "
      "environment; nobody brings it, and DPC_CUDA_LIBRARIES may name its "
      "folder");
}

TEST_F(CudaApi, cublasLtOfTheDriversOwnVersionIsAskedFor) {
  cublasLt("a", 13);
  CublasLt found;
  Status s = openCublasLt(told({"a"}), 12020, found);
  expectError(s, Code::Device,
              "there is no 'libcublasLt.so.12' in '" + (root / "a").string() +
                  "' (DPC_CUDA_LIBRARIES); a toolkit of CUDA 12 brings it, or the Python package "
                  "nvidia-cublas-cu12 (the driver is of CUDA 12.2 and does not run cuBLASLt 13)");
}

TEST_F(CudaApi, oneThatCannotBeLoadedIsAnErrorAndNotPassedOver) {
  driver("b");
  fs::create_directories(root / "a");
  std::ofstream(root / "a/libcuda.so.1") << "no library";
  Driver found;
  Status s = openDriver(told({"a", "b"}), found);
  std::string path = (root / "a/libcuda.so.1").string();
  expectError(s, Code::Device,
              "cannot load the library '" + path + "': " + path + ": file too short");
}

TEST_F(CudaApi, allMissingFunctionsAreNamed) {
  fs::path path = place("driver-lacking/libcuda.so.1", "a/libcuda.so.1");
  Driver driver;
  expectError(openDriver(told({"a"}), driver), Code::Device,
              "the library '" + path.string() +
                  "' lacks cuInit, cuStreamWaitValue32_v2, cuGraphLaunch; NVIDIA's driver 525 "
                  "(CUDA 12.0) or newer has all that is needed");
  // Where a library is too old, that is what is said.
  set("FAKE_CUDA_VERSION", "11080");
  expectError(openDriver(told({"a"}), driver), Code::Device,
              "the driver '" + path.string() +
                  "' is of CUDA 11.8; the least is driver 525 (CUDA 12.0)");

  path = place("cublaslt-lacking/libcublasLt.so.12", "a/libcublasLt.so.12");
  CublasLt cublas;
  expectError(openCublasLt(told({"a"}), 0, cublas), Code::Device,
              "the library '" + path.string() +
                  "' lacks cublasLtMatmul; cuBLASLt 12 or newer has all that is needed");
}

TEST_F(CudaApi, theLeastVersions) {
  fs::path path = driver("a");
  Driver driver;
  set("FAKE_CUDA_VERSION", "12000");
  EXPECT_TRUE(openDriver(told({"a"}), driver).ok());
  set("FAKE_CUDA_VERSION", "11990");
  expectError(openDriver(told({"a"}), driver), Code::Device,
              "the driver '" + path.string() +
                  "' is of CUDA 11.99; the least is driver 525 (CUDA 12.0)");
  path = cublasLt("a", 12);
  CublasLt cublas;
  set("FAKE_CUBLASLT_VERSION", "120000");
  EXPECT_TRUE(openCublasLt(told({"a"}), 12000, cublas).ok());
  set("FAKE_CUBLASLT_VERSION", "111103");
  expectError(openCublasLt(told({"a"}), 12000, cublas), Code::Device,
              "the library '" + path.string() + "' is cuBLASLt 11.11.3; the least is cuBLASLt 12");
}

TEST_F(CudaApi, aLibraryOfANewerCudaThanTheDriversIsRefused) {
  fs::path path = cublasLt("a", 12);
  set("FAKE_CUBLASLT_CUDA", "13000");
  CublasLt found;
  expectError(openCublasLt(told({"a"}), 12090, found), Code::Device,
              "the library '" + path.string() +
                  "' (cuBLASLt 12.4.5) is of CUDA 13.0, and the driver of CUDA 12.9; a driver runs "
                  "libraries of its own major version and of older ones");
  EXPECT_TRUE(openCublasLt(told({"a"}), 13010, found).ok());
}

TEST_F(CudaApi, aStubIsNoDriver) {
  fs::path path = driver("a");
  set("FAKE_CUDA_VERSION_RESULT", "34");
  Driver found;
  expectError(openDriver(told({"a"}), found), Code::Device,
              "the library '" + path.string() +
                  "' is a stub, for programs to be linked with; NVIDIA's driver 525 (CUDA 12.0) or "
                  "newer brings the real one");
}

TEST_F(CudaApi, gpusAreListed) {
  driver("a");
  Driver driver;
  ASSERT_TRUE(openDriver(told({"a"}), driver).ok());
  set("FAKE_CUDA_GPUS", "2");
  std::vector<Gpu> gpus;
  Status s = findGpus(driver, gpus);
  ASSERT_TRUE(s.ok()) << s.message();
  ASSERT_EQ(gpus.size(), 2u);
  EXPECT_EQ(gpus[0].name, "Fake Hopper");
  EXPECT_EQ(gpus[0].uuid, "GPU-28303840-4850-5860-6870-7880889098a0");
  EXPECT_EQ(gpus[0].architecture(), 90);
  EXPECT_EQ(gpus[0].multiprocessors, 116);
  EXPECT_EQ(gpus[0].bytes, uint64_t(40) << 30);
  EXPECT_EQ(gpus[1].device, 41);
  EXPECT_EQ(gpus[1].name, "Fake Ampere");
  EXPECT_EQ(gpus[1].architecture(), 80);

  set("FAKE_CUDA_MEMORY_RESULT", "999");
  expectError(findGpus(driver, gpus), Code::Device,
              "GPU 0: cuDeviceTotalMem: CUDA_ERROR_UNKNOWN, unknown error");
}

TEST_F(CudaApi, aDriverWithoutGpusIsAnError) {
  fs::path path = driver("a");
  Driver driver;
  ASSERT_TRUE(openDriver(told({"a"}), driver).ok());
  std::vector<Gpu> gpus;
  std::string none = "the driver '" + path.string() + "' (CUDA 12.4) finds no NVIDIA GPU";
  set("FAKE_CUDA_GPUS", "0");
  expectError(findGpus(driver, gpus), Code::Device, none);
  set("FAKE_CUDA_GPUS", "1");
  set("FAKE_CUDA_INIT", "100"); // CUDA_ERROR_NO_DEVICE
  expectError(findGpus(driver, gpus), Code::Device, none);
  set("CUDA_VISIBLE_DEVICES", "7");
  expectError(findGpus(driver, gpus), Code::Device, none + "; CUDA_VISIBLE_DEVICES is '7'");
  set("FAKE_CUDA_INIT", "999");
  expectError(findGpus(driver, gpus), Code::Device,
              "starting the driver '" + path.string() + "': CUDA_ERROR_UNKNOWN, unknown error");
}

TEST_F(CudaApi, resultsBecomeErrors) {
  driver("a"), cublasLt("a", 12);
  Driver driver;
  CublasLt cublas;
  ASSERT_TRUE(openDriver(told({"a"}), driver).ok());
  ASSERT_TRUE(openCublasLt(told({"a"}), 0, cublas).ok());
  EXPECT_TRUE(check(driver, CUDA_SUCCESS, "it").ok());
  expectError(check(driver, CUDA_ERROR_OUT_OF_MEMORY, "rank 1: an arena of 64 bytes"),
              Code::OutOfMemory,
              "rank 1: an arena of 64 bytes: CUDA_ERROR_OUT_OF_MEMORY, out of memory");
  expectError(check(driver, CUDA_ERROR_INVALID_PTX, "kernels"), Code::Artifact,
              "kernels: CUDA_ERROR_INVALID_PTX, a PTX JIT compilation failed");
  expectError(check(driver, CUDA_ERROR_UNKNOWN, "stream compute, command 3"), Code::Device,
              "stream compute, command 3: CUDA_ERROR_UNKNOWN, unknown error");
  expectError(check(driver, static_cast<CUresult>(12345), "it"), Code::Device, "it: error 12345");
  EXPECT_TRUE(check(cublas, CUBLAS_STATUS_SUCCESS, "it").ok());
  expectError(check(cublas, CUBLAS_STATUS_ALLOC_FAILED, "it"), Code::OutOfMemory,
              "it: CUBLAS_STATUS_ALLOC_FAILED, the resource allocation failed");
  expectError(check(cublas, CUBLAS_STATUS_NOT_SUPPORTED, "it"), Code::Device,
              "it: CUBLAS_STATUS_NOT_SUPPORTED, the functionality is not supported");
  expectError(check(cublas, static_cast<cublasStatus_t>(77), "it"), Code::Device, "it: status 77");
}

// NVIDIA's own, where there is one: it needs no GPU to be opened.
TEST_F(CudaApi, theRealCublasLtHasAllFunctions) {
  CublasLt found;
  Status s = openCublasLt(LibraryPlaces(), 0, found);
  if (!s.ok() && s.message().rfind("there is no", 0) == 0)
    GTEST_SKIP() << s.message();
  EXPECT_TRUE(s.ok()) << s.message();
  EXPECT_GE(found.cuda, 12000);
  EXPECT_STREQ(found.cublasLtGetStatusName(CUBLAS_STATUS_NOT_SUPPORTED),
               "CUBLAS_STATUS_NOT_SUPPORTED");
}
} // namespace
} // namespace dpcrt::cuda
