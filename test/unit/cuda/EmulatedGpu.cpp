// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Where the emulator's libraries and the twin lie.
#include "EmulatedGpu.h"
#include "data/Hash.h"
#include "devices/cuda/CudaDevice.h"
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <unistd.h>

namespace dpcrt::test {
namespace {
// The emulator asks a real driver's questions of it, and no more.
const char kPtx[] = "// kernels.c and sums\n.version 8.0\n.target sm_80\n.address_size 64\n";

// A folder of this process with the image, and the twin under its hash.
class Images {
public:
  Images()
      : folder(std::filesystem::temp_directory_path() /
               ("dpc-cuda-test-" + std::to_string(getpid()))) {
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
    std::ofstream(folder / "test.ptx") << kPtx;
    const std::string hash = hashHex(kPtx, sizeof kPtx - 1);
    std::filesystem::create_symlink(DPCRT_TEST_TWIN, folder / (hash + ".so"));
    setenv("DPC_CUDA_LIBRARIES", DPCRT_EMULATED_CUDA, 1);
    setenv("DPC_CUDA_EMULATOR_TWINS", folder.c_str(), 1);
  }
  ~Images() { std::filesystem::remove_all(folder); }

  const std::filesystem::path folder;
};

const Images &images() {
  static const Images made;
  return made;
}

fb::DeviceFunctionT functionOf(const std::string &symbol, uint32_t grid, uint32_t block) {
  fb::DeviceFunctionT function;
  function.symbol = symbol;
  function.grid = grid;
  function.block = block;
  return function;
}

void addKernel(fb::KernelTableT &table, const std::string &symbol,
               const std::vector<std::string> &functions, uint64_t scratch) {
  fb::DeviceShapeT shape;
  shape.scratch_bytes = scratch;
  for (const std::string &function : functions)
    shape.functions.push_back(std::make_unique<fb::DeviceFunctionT>(functionOf(function, 2, 4)));
  table.kernels.push_back(std::make_unique<fb::KernelEntryT>());
  table.kernels.back()->symbol = symbol;
  table.kernels.back()->shape.Set(std::move(shape));
}
} // namespace

std::unique_ptr<QueueDevice> makeEmulatedGpu(const std::string &said) {
  images();
  setenv("DPC_CUDA_EMULATOR", said.c_str(), 1);
  std::unique_ptr<Device> made;
  Status s = cuda::CudaDevice::make(made);
  EXPECT_TRUE(s.ok()) << s.message();
  QueueDevice *queues = made ? made->queue() : nullptr;
  (void)made.release(); // is the same object
  return std::unique_ptr<QueueDevice>(queues);
}

std::string testImage() { return (images().folder / "test.ptx").string(); }

Status openTestKernels(Device &device, void (*change)(fb::KernelTableT &)) {
  fb::KernelTableT table;
  table.target = "cuda";
  for (const char *symbol : {"k_add", "k_keep", "k_gradx", "k_gradw", "k_update", "k_loss",
                             "k_count", "k_norm", "k_factor", "k_sgd", "k_beyond"})
    addKernel(table, symbol, {symbol}, 0);
  addKernel(table, "k_twice", {"k_twice_0", "k_twice_1"}, 64);
  addKernel(table, "k_nothing", {}, 0);
  auto addSum = [&](Element element, uint32_t sources) {
    auto sum = std::make_unique<fb::SumFunctionT>();
    sum->element = uint8_t(element);
    sum->sources = sources;
    sum->function = std::make_unique<fb::DeviceFunctionT>(
        functionOf("sum_" + std::to_string(sources) + "_" + nameOf(element), 3, 64));
    table.sums.push_back(std::move(sum));
  };
  for (uint32_t sources : {2u, 3u, 4u})
    addSum(Element::F32, sources);
  addSum(Element::I64, 2);
  addSum(Element::BF16, 3);
  if (change)
    change(table);
  Result<KernelTable> read = KernelTable::read(writeKernelTable(std::move(table)), "test");
  if (!read.ok())
    return read.status();
  return device.openKernels(testImage(), std::move(*read), {"compute_80"});
}

} // namespace dpcrt::test
