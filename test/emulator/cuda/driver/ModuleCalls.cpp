// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The manual's chapters Module Management and Execution Control.
#include "Emulator.h"
#include "Exports.h"

#include <cstring>

using namespace dpc::emulator;

static constexpr uint64_t kStaticLimit = kStaticSharedLimit;

namespace {
/// Where the program wants to read what the compiler says.
struct JitLog {
  char *text = nullptr;
  size_t bytes = 0;
  void **used = nullptr; ///< the value that becomes how long the text is
  void write(const std::string &words) {
    size_t count = text && bytes ? std::min(words.size(), bytes - 1) : 0;
    if (text && bytes) {
      std::memcpy(text, words.data(), count);
      text[count] = 0;
    }
    if (used)
      *used = reinterpret_cast<void *>(count);
  }
};
} // namespace

static CUresult readOptions(unsigned count, CUjit_option *options, void **values, JitLog &info,
                            JitLog &errors) {
  if (count != 0 && (!options || !values))
    return CUDA_ERROR_INVALID_VALUE;
  for (unsigned i = 0; i < count; ++i)
    switch (options[i]) {
    case CU_JIT_INFO_LOG_BUFFER:
      info.text = static_cast<char *>(values[i]);
      break;
    case CU_JIT_ERROR_LOG_BUFFER:
      errors.text = static_cast<char *>(values[i]);
      break;
    case CU_JIT_INFO_LOG_BUFFER_SIZE_BYTES:
      info.bytes = reinterpret_cast<uint64_t>(values[i]) & UINT32_MAX;
      info.used = &values[i];
      break;
    case CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES:
      errors.bytes = reinterpret_cast<uint64_t>(values[i]) & UINT32_MAX;
      errors.used = &values[i];
      break;
    case CU_JIT_OPTIMIZATION_LEVEL:
      if (reinterpret_cast<uint64_t>(values[i]) > 4)
        return CUDA_ERROR_INVALID_VALUE;
      break;
    case CU_JIT_LOG_VERBOSE:
      break;
    default:
      return CUDA_ERROR_INVALID_VALUE;
    }
  return CUDA_SUCCESS;
}

CUresult cuModuleLoadDataEx(CUmodule *module, const void *image, unsigned count,
                            CUjit_option *options, void **values) {
  return call("cuModuleLoadDataEx", kWaits | kUnsafe, [&](Call &c) {
    JitLog info, errors;
    CUresult result = readOptions(count, options, values, info, errors);
    if (result != CUDA_SUCCESS || !module || !image)
      return result == CUDA_SUCCESS ? CUDA_ERROR_INVALID_VALUE : result;
    Image read;
    std::string why;
    result = readImage(image, read, why);
    if (result == CUDA_SUCCESS)
      result = checkImage(read, c.emulator.options, why);
    std::shared_ptr<Module> made;
    if (result == CUDA_SUCCESS && !(made = loadModule(read, why)))
      result = CUDA_ERROR_NO_BINARY_FOR_GPU;
    info.write("");
    errors.write(why);
    if (result != CUDA_SUCCESS) {
      explain("cuModuleLoadDataEx: " + why);
      return result;
    }
    c.note("image", made->hash);
    *module = c.emulator.modules.add(std::move(made));
    return CUDA_SUCCESS;
  });
}

CUresult cuModuleUnload(CUmodule handle) {
  return call("cuModuleUnload", kWaits | kUnsafe, [&](Call &c) {
    std::shared_ptr<Module> module = c.emulator.modules.find(handle);
    if (!module)
      return c.violate("Module Management", "names " + c.emulator.modules.describe(handle),
                       CUDA_ERROR_INVALID_HANDLE);
    // Functions end with it; what is enqueued of them keeps the code.
    std::vector<uint64_t> ended;
    for (auto &[number, function] : c.emulator.functions.all())
      if (function->module == module)
        ended.push_back(number);
    for (uint64_t number : ended)
      c.emulator.functions.removeNumber(number);
    c.emulator.modules.remove(handle);
    return CUDA_SUCCESS;
  });
}

CUresult cuModuleGetFunction(CUfunction *function, CUmodule handle, const char *name) {
  return call("cuModuleGetFunction", kPlain, [&](Call &c) {
    if (!function || !name)
      return CUDA_ERROR_INVALID_VALUE;
    std::shared_ptr<Module> module = c.emulator.modules.find(handle);
    if (!module)
      return c.violate("Module Management", "names " + c.emulator.modules.describe(handle),
                       CUDA_ERROR_INVALID_HANDLE);
    const Kernel *kernel = module->twin->find(name);
    if (!kernel)
      return CUDA_ERROR_NOT_FOUND;
    auto made = std::make_shared<Function>();
    made->kernel = kernel;
    made->mostDynamicBytes = kStaticLimit - std::min(kernel->sharedBytes, kStaticLimit);
    made->module = std::move(module);
    *function = c.emulator.functions.add(std::move(made));
    return CUDA_SUCCESS;
  });
}

static std::shared_ptr<Function> functionOf(Call &c, CUfunction handle) {
  std::shared_ptr<Function> function = c.emulator.functions.find(handle);
  if (!function)
    c.violate("Execution Control", "names " + c.emulator.functions.describe(handle),
              CUDA_ERROR_INVALID_HANDLE);
  return function;
}

static uint32_t mostThreads(const Function &function) {
  return function.kernel->maxThreads ? function.kernel->maxThreads : 1024;
}

CUresult cuFuncGetAttribute(int *value, CUfunction_attribute attribute, CUfunction handle) {
  return call("cuFuncGetAttribute", kPlain, [&](Call &c) {
    std::shared_ptr<Function> function = functionOf(c, handle);
    if (!value || !function)
      return function ? CUDA_ERROR_INVALID_VALUE : CUDA_ERROR_INVALID_HANDLE;
    const Image &image = function->module->image;
    const Options &gpu = c.emulator.options;
    switch (attribute) {
    case CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK:
      *value = mostThreads(*function);
      return CUDA_SUCCESS;
    case CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES:
      *value = function->kernel->sharedBytes;
      return CUDA_SUCCESS;
    case CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES:
      *value = 0;
      return CUDA_SUCCESS;
    case CU_FUNC_ATTRIBUTE_NUM_REGS:
      // Where no ptxas has counted them: the most that so many threads leave to each.
      *value = image.registersOf(function->name());
      if (*value == 0)
        *value = std::min(255u, 65536 / mostThreads(*function));
      return CUDA_SUCCESS;
    case CU_FUNC_ATTRIBUTE_PTX_VERSION:
      *value = image.isPtx ? image.ptxVersion : image.architecture;
      return CUDA_SUCCESS;
    case CU_FUNC_ATTRIBUTE_BINARY_VERSION:
      *value = image.isPtx ? 10 * gpu.major + gpu.minor : image.architecture;
      return CUDA_SUCCESS;
    case CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES:
      *value = function->mostDynamicBytes;
      return CUDA_SUCCESS;
    case CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT:
      *value = -1;
      return CUDA_SUCCESS;
    }
    return CUDA_ERROR_INVALID_VALUE;
  });
}

CUresult cuFuncSetAttribute(CUfunction handle, CUfunction_attribute attribute, int value) {
  return call("cuFuncSetAttribute", kPlain, [&](Call &c) {
    std::shared_ptr<Function> function = functionOf(c, handle);
    if (!function)
      return CUDA_ERROR_INVALID_HANDLE;
    if (attribute == CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT)
      return value >= -1 && value <= 100 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
    if (attribute != CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES || value < 0 ||
        value + function->kernel->sharedBytes > mostSharedBytes(c.emulator.options))
      return CUDA_ERROR_INVALID_VALUE;
    function->mostDynamicBytes = value;
    return CUDA_SUCCESS;
  });
}

// What is wrong with the shape of a launch; empty if nothing is.
static std::string checkShape(const Function &function, const Dim3 &grid, const Dim3 &block,
                              uint64_t sharedBytes) {
  auto text = [](const Dim3 &d) {
    return "(" + std::to_string(d.x) + ", " + std::to_string(d.y) + ", " + std::to_string(d.z) +
           ")";
  };
  if (!grid.count() || grid.x > INT32_MAX || grid.y > 65535 || grid.z > 65535)
    return "a grid of " + text(grid) + " blocks";
  bool isPossible = block.x <= 1024 && block.y <= 1024 && block.z <= 64;
  if (!isPossible || !block.count() || block.count() > 1024)
    return "a block of " + text(block) + " threads";
  if (block.count() > mostThreads(function))
    return "a block of " + std::to_string(block.count()) + " threads; the kernel is made for " +
           std::to_string(mostThreads(function));
  if (sharedBytes > function.mostDynamicBytes)
    return std::to_string(sharedBytes) + " bytes of dynamic shared memory; the kernel may have " +
           std::to_string(function.mostDynamicBytes);
  return "";
}

namespace {
/// A launch's parameters, as they were at the call, with addresses of the emulator's.
struct Parameters {
  std::vector<uint64_t> storage;
  std::vector<void *> values;
};
} // namespace

// Copies them. What is an address of the device's becomes where the emulator has it.
static CUresult copyParameters(Call &c, const Function &function, void **parameters, Work &work,
                               Parameters &out) {
  const Kernel &kernel = *function.kernel;
  const Memory &memory = c.emulator.memory;
  std::vector<size_t> places;
  size_t words = 0;
  for (uint64_t i = 0; i < kernel.parameters; ++i) {
    places.push_back(words);
    words += (kernel.parameterBytes[i] + 7) / 8;
  }
  out.storage.resize(words);
  std::string addresses;
  for (uint64_t i = 0; i < kernel.parameters; ++i) {
    if (!parameters[i])
      return CUDA_ERROR_INVALID_VALUE;
    uint64_t &value = out.storage[places[i]];
    std::memcpy(&value, parameters[i], kernel.parameterBytes[i]);
    out.values.push_back(&value);
    if (kernel.parameterBytes[i] != 8)
      continue;
    const Allocation *place = memory.find(value);
    if (memory.isDevice(value) && (!place || !place->isLive))
      return c.violate("Execution Control",
                       work.name + " is given " + hexadecimal(value) + ", which lies in " +
                           (place ? place->describe() : "no allocation"),
                       CUDA_ERROR_ILLEGAL_ADDRESS);
    if (!place)
      continue;
    work.names.push_back(value);
    addresses += (addresses.empty() ? "\"" : ",\"") + hexadecimal(value) + "\"";
    value = reinterpret_cast<uint64_t>(memory.at(value));
  }
  c.noteJson("addresses", "[" + addresses + "]");
  return CUDA_SUCCESS;
}

CUresult cuLaunchKernel(CUfunction handle, unsigned gridX, unsigned gridY, unsigned gridZ,
                        unsigned blockX, unsigned blockY, unsigned blockZ, unsigned sharedBytes,
                        CUstream streamHandle, void **parameters, void **extra) {
  return call("cuLaunchKernel", kPlain, [&](Call &c) {
    std::shared_ptr<Stream> stream = c.stream(streamHandle);
    std::shared_ptr<Function> function = functionOf(c, handle);
    if (!stream || !function)
      return CUDA_ERROR_INVALID_HANDLE;
    c.note("kernel", function->name());
    c.note("blocks", uint64_t(gridX) * gridY * gridZ);
    c.note("threads", uint64_t(blockX) * blockY * blockZ);
    Dim3 grid{gridX, gridY, gridZ}, block{blockX, blockY, blockZ};
    if (std::string wrong = checkShape(*function, grid, block, sharedBytes); !wrong.empty()) {
      explain("cuLaunchKernel: kernel '" + function->name() + "' cannot have " + wrong);
      return CUDA_ERROR_INVALID_VALUE;
    }
    // Parameters in one buffer are what nobody here passes.
    if (extra || (function->kernel->parameters && !parameters))
      return CUDA_ERROR_INVALID_VALUE;
    Work work;
    work.kind = Work::Kind::Launch;
    work.name = "kernel '" + function->name() + "'";
    auto copied = std::make_shared<Parameters>();
    if (CUresult wrong = copyParameters(c, *function, parameters, work, *copied);
        wrong != CUDA_SUCCESS)
      return wrong;
    KernelRunner &kernels = c.emulator.kernels;
    work.run = [=, &kernels](std::vector<Access> &used, uint64_t seed) {
      return kernels.run(*function, grid, block, sharedBytes, copied->values.data(), seed, used);
    };
    return c.submit(*stream, std::move(work));
  });
}
