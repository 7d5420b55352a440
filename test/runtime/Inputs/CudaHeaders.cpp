// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What runtime/devices/cuda/api declares against NVIDIA's own headers. It compiles where every
// value, size, offset and signature is the vendor's; each that is not is an error that names it.
#include "devices/cuda/api/CublasLtTypes.h"

// Declares every version of a function under the name that is exported, and renames none.
#define __CUDA_API_VERSION_INTERNAL
#include <cublasLt.h>
#include <cuda.h>
#include <type_traits>

namespace ours = dpcrt::cuda;

// Every enumeration is as wide, and every value the vendor's, be that an enumerator or a macro.
#define DPCRT_CUDA_ENUM(type) static_assert(sizeof(ours::type) == sizeof(::type), #type);
#define DPCRT_CUDA_VALUE(name, value)                                                              \
  static_assert(static_cast<long long>(value) == static_cast<long long>(name), #name);
#define DPCRT_CUDA_ENUM_END(type) static_assert(std::is_enum_v<::type>, #type)
#include "devices/cuda/api/DriverEnums.def"

#define DPCRT_CUDA_ENUM(type) static_assert(sizeof(ours::type) == sizeof(::type), #type);
#define DPCRT_CUDA_VALUE(name, value)                                                              \
  static_assert(static_cast<long long>(value) == static_cast<long long>(name), #name);
#define DPCRT_CUDA_ENUM_END(type) static_assert(std::is_enum_v<::type>, #type)
#include "devices/cuda/api/CublasLtEnums.def"

static_assert(ours::kMemHostAllocPortable == CU_MEMHOSTALLOC_PORTABLE, "CU_MEMHOSTALLOC_PORTABLE");

#define SAME_LAYOUT(type)                                                                          \
  static_assert(sizeof(ours::type) == sizeof(::type), #type);                                      \
  static_assert(alignof(ours::type) == alignof(::type), #type)
#define SAME_FIELD(type, field)                                                                    \
  static_assert(offsetof(ours::type, field) == offsetof(::type, field), #type "::" #field);        \
  static_assert(sizeof(ours::type::field) == sizeof(::type::field), #type "::" #field)
SAME_LAYOUT(CUuuid);
SAME_FIELD(CUuuid, bytes);
SAME_LAYOUT(cublasLtMatmulAlgo_t);
SAME_FIELD(cublasLtMatmulAlgo_t, data);
SAME_LAYOUT(cublasLtMatmulHeuristicResult_t);
SAME_FIELD(cublasLtMatmulHeuristicResult_t, algo);
SAME_FIELD(cublasLtMatmulHeuristicResult_t, workspaceSize);
SAME_FIELD(cublasLtMatmulHeuristicResult_t, state);
SAME_FIELD(cublasLtMatmulHeuristicResult_t, wavesCount);
SAME_FIELD(cublasLtMatmulHeuristicResult_t, reserved);

// The vendor's type for each of ours, through pointers and const: so a signature can be compared
// as a whole.
template <typename T> struct Theirs {
  using type = T;
};
template <typename T> struct Theirs<const T> {
  using type = const typename Theirs<T>::type;
};
template <typename T> struct Theirs<T *> {
  using type = typename Theirs<T>::type *;
};
template <typename Result, typename... Parameters> struct Theirs<Result(Parameters...)> {
  using type = typename Theirs<Result>::type(typename Theirs<Parameters>::type...);
};
#define SAME_TYPE(name)                                                                            \
  template <> struct Theirs<ours::name> {                                                          \
    using type = ::name;                                                                           \
  }
SAME_TYPE(CUresult);
SAME_TYPE(CUdevice_attribute);
SAME_TYPE(CUfunction_attribute);
SAME_TYPE(CUjit_option);
SAME_TYPE(CUstreamCaptureMode);
SAME_TYPE(CUstreamCaptureStatus);
SAME_TYPE(CUuuid);
SAME_TYPE(CUctx_st);
SAME_TYPE(CUmod_st);
SAME_TYPE(CUfunc_st);
SAME_TYPE(CUstream_st);
SAME_TYPE(CUevent_st);
SAME_TYPE(CUgraph_st);
SAME_TYPE(CUgraphExec_st);
SAME_TYPE(cublasStatus_t);
SAME_TYPE(cublasComputeType_t);
SAME_TYPE(cudaDataType_t);
SAME_TYPE(cublasLtContext);
SAME_TYPE(cublasLtMatmulDescOpaque_t);
SAME_TYPE(cublasLtMatrixLayoutOpaque_t);
SAME_TYPE(cublasLtMatmulPreferenceOpaque_t);
SAME_TYPE(cublasLtMatmulDescAttributes_t);
SAME_TYPE(cublasLtMatrixLayoutAttribute_t);
SAME_TYPE(cublasLtMatmulPreferenceAttributes_t);
SAME_TYPE(cublasLtMatmulAlgo_t);
SAME_TYPE(cublasLtMatmulHeuristicResult_t);

namespace dpcrt::cuda {
#define DPCRT_CUDA_FUNCTION(result, name, parameters)                                              \
  static_assert(std::is_same_v<Theirs<result parameters>::type, decltype(::name)>, #name);
#include "devices/cuda/api/DriverFunctions.def"
#define DPCRT_CUDA_FUNCTION(result, name, parameters)                                              \
  static_assert(std::is_same_v<Theirs<result parameters>::type, decltype(::name)>, #name);
#include "devices/cuda/api/CublasLtFunctions.def"
} // namespace dpcrt::cuda
