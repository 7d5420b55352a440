// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The driver's "Module Management".
#include "devices/cuda/Kernels.h"
#include "program/format/FileHeader.h"
#include "program/format/Naming.h"
#include <algorithm>
#include <cstring>
#include <elf.h>

namespace dpcrt::cuda {
namespace {
bool isElf(const std::vector<uint8_t> &bytes) {
  return bytes.size() >= SELFMAG && std::memcmp(bytes.data(), ELFMAG, SELFMAG) == 0;
}

// What the driver says beside its result: one line.
std::string inOneLine(const std::string &log) {
  std::string line;
  for (char c : log) {
    if (c == '\n' || c == '\0')
      c = ' ';
    if (c != ' ' || (!line.empty() && line.back() != ' '))
      line += c;
  }
  while (!line.empty() && line.back() == ' ')
    line.pop_back();
  return line;
}
} // namespace

bool isWholeCubin(const std::vector<uint8_t> &bytes) {
  Elf64_Ehdr header;
  if (!isElf(bytes) || bytes.size() < sizeof header)
    return false;
  std::memcpy(&header, bytes.data(), sizeof header);
  auto isInside = [&](uint64_t offset, uint64_t size) {
    return offset <= bytes.size() && size <= bytes.size() - offset;
  };
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_shentsize != sizeof(Elf64_Shdr) ||
      (header.e_phnum && header.e_phentsize != sizeof(Elf64_Phdr)) ||
      !isInside(header.e_shoff, uint64_t(header.e_shnum) * sizeof(Elf64_Shdr)) ||
      !isInside(header.e_phoff, uint64_t(header.e_phnum) * sizeof(Elf64_Phdr)))
    return false;
  for (size_t i = 0; i < header.e_shnum; ++i) {
    Elf64_Shdr section;
    std::memcpy(&section, bytes.data() + header.e_shoff + i * sizeof section, sizeof section);
    if (section.sh_type != SHT_NOBITS && !isInside(section.sh_offset, section.sh_size))
      return false;
  }
  for (size_t i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    std::memcpy(&segment, bytes.data() + header.e_phoff + i * sizeof segment, sizeof segment);
    if (!isInside(segment.p_offset, segment.p_filesz))
      return false;
  }
  return header.e_shnum > 0;
}

Kernels::~Kernels() {
  Context::Use use(context);
  if (!context.isAbandoned())
    for (CUmodule loaded : modules)
      context.driver.cuModuleUnload(loaded);
}

Status Kernels::load(const std::string &path) {
  Result<std::vector<uint8_t>> read = readArtifactFile(path);
  if (!read.ok())
    return read.status();
  std::vector<uint8_t> &image = *read;
  if (isElf(image) && !isWholeCubin(image))
    return error(Code::Artifact, path, ": the device code is damaged");
  if (!isElf(image))
    image.push_back(0); // PTX is text
  std::string errors(8192, '\0');
  // The driver takes numbers as pointers of their value.
  CUjit_option options[] = {CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES};
  void *values[] = {errors.data(), reinterpret_cast<void *>(uintptr_t(errors.size() - 1))};
  Context::Use use(context);
  CUmodule loaded = nullptr;
  CUresult result = context.driver.cuModuleLoadDataEx(&loaded, image.data(), 2, options, values);
  if (Status s = context.check(result, "loading the device code '" + path + "'"); !s.ok()) {
    const std::string log = inOneLine(errors);
    return log.empty() ? s : Status(s.code(), s.message() + ": " + log);
  }
  modules.push_back(loaded);
  module = loaded;
  return {};
}

Status Kernels::attribute(CUdevice_attribute attribute, int &out) {
  CUresult result = context.driver.cuDeviceGetAttribute(&out, attribute, context.gpu.device);
  return context.check(result, "cuDeviceGetAttribute");
}

// The shapes of launches are of tensors, not of GPUs: here it comes out whether this one has the
// threads, registers and shared memory for them.
Status Kernels::checkLimits(const fb::DeviceFunction &wanted, const Function &found) {
  int threads = 0, shared = 0, mostShared = 0, mostBlocks = 0;
  CUresult result = context.driver.cuFuncGetAttribute(
      &threads, CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK, found.handle);
  if (result == CUDA_SUCCESS)
    result = context.driver.cuFuncGetAttribute(&shared, CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES,
                                               found.handle);
  if (Status s = context.check(result, "cuFuncGetAttribute of function '" + found.name + "'");
      !s.ok())
    return s;
  Status s = attribute(CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK, mostShared);
  if (s.ok())
    s = attribute(CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X, mostBlocks);
  if (!s.ok())
    return s;
  const std::string cannot = textOf(context.gpu) + " cannot run function '" + found.name + "': ";
  if (int64_t(wanted.block()) > threads)
    return error(Code::Device, cannot, "its blocks have ", wanted.block(), " threads, of which ",
                 threads, " are possible with the registers that it takes");
  if (shared > mostShared)
    return error(Code::Device, cannot, "its blocks take ", shared, " bytes of shared memory of ",
                 mostShared);
  if (int64_t(wanted.grid()) > mostBlocks)
    return error(Code::Device, cannot, "it has ", wanted.grid(), " blocks, of which ", mostBlocks,
                 " are possible");
  return {};
}

Status Kernels::find(const fb::DeviceFunction &wanted, Function &out) {
  out.name = std::string(text(wanted.symbol()));
  out.grid = wanted.grid();
  out.block = wanted.block();
  Context::Use use(context);
  CUresult result = module
                        ? context.driver.cuModuleGetFunction(&out.handle, module, out.name.c_str())
                        : CUDA_ERROR_NOT_FOUND;
  if (result == CUDA_ERROR_NOT_FOUND)
    return error(Code::Artifact, "the artifact's kernels have no ", quoted(out.name));
  if (Status s = context.check(result, "looking for function '" + out.name + "'"); !s.ok())
    return s;
  return checkLimits(wanted, out);
}

Status Kernels::open(const std::string &path, KernelTable given) {
  for (auto &[symbol, launch] : launches)
    earlier.push_back(std::move(launch));
  launches.clear();
  sums.clear();
  table = std::move(given);
  if (Status s = load(path); !s.ok())
    return s;
  return findSums();
}

// Which of them are needed, only a step says: that must not have to look for names.
Status Kernels::findSums() {
  for (const fb::SumFunction *wanted : items(table.sums())) {
    const size_t type = wanted->element(), sources = wanted->sources();
    sums.resize(std::max(sums.size(), type + 1));
    sums[type].resize(std::max(sums[type].size(), sources + 1));
    sums[type][sources] = std::make_unique<Function>();
    if (Status s = find(*wanted->function(), *sums[type][sources]); !s.ok())
      return s;
  }
  return {};
}

Status Kernels::prepare(const fb::Kernel &kernel, const PreparedLaunch *&out) {
  const std::string symbol(text(kernel.symbol()));
  std::unique_ptr<CudaLaunch> &known = launches[symbol];
  if (!known) {
    const fb::DeviceShape *shape = table.findFunctions(symbol);
    if (!shape)
      return error(Code::Artifact, "the artifact's kernel table does not say how '", symbol,
                   "' is run");
    auto launch = std::make_unique<CudaLaunch>();
    for (const fb::DeviceFunction *wanted : items(shape->functions()))
      if (Status s = find(*wanted, launch->functions.emplace_back()); !s.ok())
        return s;
    launch->scratchBytes = shape->scratch_bytes();
    scratch = std::max(scratch, launch->scratchBytes);
    known = std::move(launch);
  }
  out = known.get();
  return {};
}

} // namespace dpcrt::cuda
