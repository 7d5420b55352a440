// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The types of NVIDIA's driver that dpc uses, under the driver's own names, so that its manual
// (CUDA Driver API, "Data types used by CUDA driver") can be read beside the code. They are
// declared here because a build needs nothing of NVIDIA's; a test compares each with the vendor's
// header where that is found.
#pragma once
#include <cstddef>
#include <cstdint>

namespace dpcrt::cuda {

#define DPCRT_CUDA_ENUM(type) enum type : unsigned {
#define DPCRT_CUDA_VALUE(name, value) name = value,
#define DPCRT_CUDA_ENUM_END(type) }
#include "devices/cuda/api/DriverEnums.def"

// Flags of cuMemHostAlloc, which are macros of the vendor's: memory pinned for all contexts.
constexpr unsigned kMemHostAllocPortable = 1;

using CUdevice = int;
using CUdeviceptr = unsigned long long;
using cuuint32_t = uint32_t;

// What only the driver looks into.
struct CUctx_st;
struct CUmod_st;
struct CUfunc_st;
struct CUstream_st;
struct CUevent_st;
struct CUgraph_st;
struct CUgraphExec_st;
using CUcontext = CUctx_st *;
using CUmodule = CUmod_st *;
using CUfunction = CUfunc_st *;
using CUstream = CUstream_st *;
using CUevent = CUevent_st *;
using CUgraph = CUgraph_st *;
using CUgraphExec = CUgraphExec_st *;

// What a stream calls on the host; it calls no function of the driver's.
using CUhostFn = void (*)(void *data);

struct CUuuid {
  char bytes[16];
};

} // namespace dpcrt::cuda
