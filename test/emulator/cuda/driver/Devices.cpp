// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The manual's chapters Initialization, Version, Device, Primary Context and Context Management.
#include "Emulator.h"
#include "Exports.h"

#include <cstring>

using namespace dpc::emulator;

// What of Hopper's is asked for; an architecture's own where it differs between those that dpc
// compiles for.
static bool attributeOf(const Options &options, CUdevice_attribute attribute, int &value) {
  switch (attribute) {
  case CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK:
    value = 1024;
    return true;
  case CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X:
    value = INT32_MAX;
    return true;
  case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK:
    value = 48 * 1024;
    return true;
  case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN:
    value = mostSharedBytes(options);
    return true;
  case CU_DEVICE_ATTRIBUTE_WARP_SIZE:
    value = 32;
    return true;
  case CU_DEVICE_ATTRIBUTE_CLOCK_RATE: // of the emulator, there is none: kHz
  case CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE:
    value = 1000;
    return true;
  case CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT:
    value = 4;
    return true;
  case CU_DEVICE_ATTRIBUTE_COMPUTE_MODE:
    value = CU_COMPUTEMODE_DEFAULT;
    return true;
  case CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH:
    value = 64;
    return true;
  case CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE:
    value = 1 << 20;
    return true;
  case CU_DEVICE_ATTRIBUTE_ASYNC_ENGINE_COUNT:
  case CU_DEVICE_ATTRIBUTE_UNIFIED_ADDRESSING:
  case CU_DEVICE_ATTRIBUTE_STREAM_PRIORITIES_SUPPORTED:
    value = 1;
    return true;
  case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR:
    value = options.major;
    return true;
  case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR:
    value = options.minor;
    return true;
  }
  return false;
}

CUresult cuInit(unsigned flags) {
  return call("cuInit", kAnyTime, [&](Call &c) {
    if (flags != 0)
      return CUDA_ERROR_INVALID_VALUE;
    c.emulator.isInitialised = true;
    return CUDA_SUCCESS;
  });
}

CUresult cuDriverGetVersion(int *version) {
  return call("cuDriverGetVersion", kAnyTime, [&](Call &) {
    if (!version)
      return CUDA_ERROR_INVALID_VALUE;
    *version = 13000;
    return CUDA_SUCCESS;
  });
}

CUresult cuDeviceGetCount(int *count) {
  return call("cuDeviceGetCount", kNoContext, [&](Call &) {
    if (!count)
      return CUDA_ERROR_INVALID_VALUE;
    *count = 1;
    return CUDA_SUCCESS;
  });
}

CUresult cuDeviceGet(CUdevice *device, int ordinal) {
  return call("cuDeviceGet", kNoContext, [&](Call &) {
    if (!device)
      return CUDA_ERROR_INVALID_VALUE;
    if (ordinal != 0)
      return CUDA_ERROR_INVALID_DEVICE;
    *device = 0;
    return CUDA_SUCCESS;
  });
}

CUresult cuDeviceGetName(char *name, int length, CUdevice device) {
  return call("cuDeviceGetName", kNoContext, [&](Call &c) {
    if (!name || length <= 0)
      return CUDA_ERROR_INVALID_VALUE;
    if (device != 0)
      return CUDA_ERROR_INVALID_DEVICE;
    std::string text = "dpc emulator of sm_" + std::to_string(c.emulator.options.major) +
                       std::to_string(c.emulator.options.minor);
    std::snprintf(name, length, "%s", text.c_str());
    return CUDA_SUCCESS;
  });
}

CUresult cuDeviceGetUuid_v2(CUuuid *uuid, CUdevice device) {
  return call("cuDeviceGetUuid_v2", kNoContext, [&](Call &) {
    if (!uuid)
      return CUDA_ERROR_INVALID_VALUE;
    if (device != 0)
      return CUDA_ERROR_INVALID_DEVICE;
    std::memcpy(uuid->bytes, "dpc emulated GPU", sizeof uuid->bytes);
    return CUDA_SUCCESS;
  });
}

CUresult cuDeviceTotalMem_v2(size_t *bytes, CUdevice device) {
  return call("cuDeviceTotalMem_v2", kNoContext, [&](Call &c) {
    if (!bytes)
      return CUDA_ERROR_INVALID_VALUE;
    if (device != 0)
      return CUDA_ERROR_INVALID_DEVICE;
    *bytes = c.emulator.options.memoryBytes;
    return CUDA_SUCCESS;
  });
}

CUresult cuDeviceGetAttribute(int *value, CUdevice_attribute attribute, CUdevice device) {
  return call("cuDeviceGetAttribute", kNoContext, [&](Call &c) {
    if (device != 0)
      return CUDA_ERROR_INVALID_DEVICE;
    return value && attributeOf(c.emulator.options, attribute, *value) ? CUDA_SUCCESS
                                                                       : CUDA_ERROR_INVALID_VALUE;
  });
}

CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice device) {
  return call("cuDevicePrimaryCtxRetain", kNoContext, [&](Call &c) {
    if (!context)
      return CUDA_ERROR_INVALID_VALUE;
    if (device != 0)
      return CUDA_ERROR_INVALID_DEVICE;
    if (c.emulator.retained++ == 0)
      c.emulator.beginContext();
    *context = c.emulator.contextHandle();
    return CUDA_SUCCESS;
  });
}

// Also behind an error of the device: resources are given back all the same.
CUresult cuDevicePrimaryCtxRelease_v2(CUdevice device) {
  return call("cuDevicePrimaryCtxRelease_v2", kAnyTime, [&](Call &c) {
    if (!c.emulator.isInitialised)
      return CUDA_ERROR_NOT_INITIALIZED;
    if (device != 0)
      return CUDA_ERROR_INVALID_DEVICE;
    if (c.emulator.retained == 0)
      return c.violate("Primary Context Management",
                       "the primary context is released more often than it was retained",
                       CUDA_ERROR_INVALID_CONTEXT);
    if (--c.emulator.retained == 0)
      c.emulator.endContext();
    return CUDA_SUCCESS;
  });
}

// The number of the context, 0 for none, or false.
static bool numberOf(Call &c, CUcontext context, uint64_t &number) {
  number = context ? c.emulator.context : 0;
  return !context || (context == c.emulator.contextHandle() && c.emulator.retained != 0);
}

CUresult cuCtxSetCurrent(CUcontext context) {
  return call("cuCtxSetCurrent", kNoContext, [&](Call &c) {
    uint64_t number = 0;
    if (!numberOf(c, context, number))
      return CUDA_ERROR_INVALID_CONTEXT;
    std::vector<uint64_t> &contexts = contextsOfThread();
    if (!contexts.empty())
      contexts.pop_back();
    if (number)
      contexts.push_back(number);
    return CUDA_SUCCESS;
  });
}

CUresult cuCtxPushCurrent_v2(CUcontext context) {
  return call("cuCtxPushCurrent_v2", kNoContext, [&](Call &c) {
    uint64_t number = 0;
    if (!context || !numberOf(c, context, number))
      return CUDA_ERROR_INVALID_CONTEXT;
    contextsOfThread().push_back(number);
    return CUDA_SUCCESS;
  });
}

CUresult cuCtxPopCurrent_v2(CUcontext *context) {
  return call("cuCtxPopCurrent_v2", kNoContext, [&](Call &c) {
    std::vector<uint64_t> &contexts = contextsOfThread();
    if (contexts.empty())
      return CUDA_ERROR_INVALID_CONTEXT;
    if (context)
      *context = c.emulator.contextHandle();
    contexts.pop_back();
    return CUDA_SUCCESS;
  });
}

CUresult cuCtxSynchronize() {
  return call("cuCtxSynchronize", kWaits | kUnsafe, [&](Call &c) {
    Scheduler &scheduler = c.emulator.scheduler;
    if (CUresult r = c.waitUntil("the context", [&] { return scheduler.isIdle(); });
        r != CUDA_SUCCESS)
      return r;
    scheduler.hostSaw(scheduler.everything());
    if (std::string damage = c.emulator.memory.findDamage(); !damage.empty())
      c.violate("Memory Management", damage, CUDA_SUCCESS);
    return CUDA_SUCCESS;
  });
}

CUresult cuCtxGetStreamPriorityRange(int *least, int *greatest) {
  return call("cuCtxGetStreamPriorityRange", kPlain, [&](Call &) {
    if (least)
      *least = kLeastPriority;
    if (greatest)
      *greatest = kGreatestPriority;
    return CUDA_SUCCESS;
  });
}
