// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What is there of NVIDIA's, each with its file and version; found as the device `cuda` finds it.
#include "devices/cuda/api/CublasLt.h"
#include "devices/cuda/api/Gpus.h"
#include "dpc-doctor/Findings.h"
#include "program/format/Print.h"
#include <filesystem>

namespace dpcrt::doctor {
namespace {
using namespace cuda;

constexpr const char *kRun = "--device cuda";

void examinePlaces(const LibraryPlaces &places, Findings &out) {
  for (const std::string &folder : places.told) {
    std::error_code failure;
    bool isThere = std::filesystem::is_directory(folder, failure);
    out.add("DPC_CUDA_LIBRARIES", folder + (isThere ? "" : ", which is no folder"));
  }
  for (const std::string &folder : places.python)
    out.add("NVIDIA's packages", folder);
}

// The version of its CUDA, or 0.
int examineDriver(const LibraryPlaces &places, Findings &out) {
  Driver driver;
  if (Status s = openDriver(places, driver); !s.ok()) {
    out.add("NVIDIA driver", std::string("none that serves; the least is ") + kLeastDriver);
    out.stop(kRun, s);
    return 0;
  }
  out.add("NVIDIA driver",
          versionText(driver) + "; " + driver.path + "; the least is " + kLeastDriver);
  std::vector<Gpu> gpus;
  if (Status s = findGpus(driver, gpus); !s.ok()) {
    out.add("GPU", "none");
    out.stop(kRun, s);
    return driver.version;
  }
  for (size_t i = 0; i < gpus.size(); ++i) {
    const Gpu &gpu = gpus[i];
    out.add("GPU " + std::to_string(i), gpu.name + ", sm_" + std::to_string(gpu.architecture()) +
                                            ", " + bytesInWords(gpu.bytes) + ", " +
                                            std::to_string(gpu.multiprocessors) +
                                            " multiprocessors, " + gpu.uuid);
  }
  return driver.version;
}

void examineCublasLt(const LibraryPlaces &places, int driver, Findings &out) {
  CublasLt library;
  Status s = openCublasLt(places, driver, library);
  out.add("cuBLASLt", s.ok() ? library.version + " of CUDA " + cudaVersionText(library.cuda) +
                                   "; " + library.path + "; the least is " + kLeastCublasLt
                             : std::string("none that serves; the least is ") + kLeastCublasLt);
  out.stop(kRun, s);
}

// NCCL's manual, "Communicator Creation and Management Functions": the version is major · 10,000
// + minor · 100 + patch; it was major · 1,000 up to 2.8.
std::string ncclText(const LibraryPlaces &places) {
  Library library;
  int (*version)(int *) = nullptr;
  Status s = openLibrary(places, {"libnccl.so.2"}, "NVIDIA's packages bring it", library);
  if (s.ok())
    s = findSymbols(library, {{"ncclGetVersion", reinterpret_cast<void **>(&version)}}, "NCCL 2.9");
  if (!s.ok())
    return "none";
  int number = 0;
  if (version(&number) != 0 || number < 20000)
    return "older than 2.9; " + library.path;
  return std::to_string(number / 10000) + "." + std::to_string(number / 100 % 100) + "." +
         std::to_string(number % 100) + "; " + library.path;
}
} // namespace

void examineNvidia(Findings &out) {
  LibraryPlaces places = findLibraryPlaces();
  examinePlaces(places, out);
  examineCublasLt(places, examineDriver(places, out), out);
  out.add("NCCL", ncclText(places) + "; no transport of this build uses it");
}

} // namespace dpcrt::doctor
