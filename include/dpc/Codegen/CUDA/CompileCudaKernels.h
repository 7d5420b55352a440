// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Kernels for NVIDIA GPUs. A kernel of a module becomes a short list of device
// functions, which are launched in turn:
//
//   .entry k_<hash>(ptr buffer0, ptr buffer1, ..., ptr scratch)
//
// Their parameters are the arguments in order, then the results that do not share an
// argument's buffer, then a buffer in global memory if `scratchBytes` is not 0: it belongs
// to the stream, holds nothing before the first function and nothing after the last.
// Buffers begin where the program format says (alignmentOf in
// runtime/program/format/Program.h), the scratch at 256 bytes.
//
// Grid, block and the order of every sum are functions of the tensors' shapes alone: the
// table is one for all architectures, and so are a kernel's bits but for what the
// processors round differently.
#ifndef DPC_CODEGEN_CUDA_COMPILECUDAKERNELS_H
#define DPC_CODEGEN_CUDA_COMPILECUDAKERNELS_H

#include "dpc/Codegen/Codegen.h"
#include "program/format/Element.h"

#include "mlir/IR/BuiltinOps.h"

namespace dpc::codegen {

/// A function of the device code, launched with a grid of one dimension.
struct DeviceLaunch {
  std::string symbol;
  uint32_t grid = 1;        ///< blocks
  uint32_t block = 1;       ///< threads of each
  uint64_t sharedBytes = 0; ///< of a block; allocated statically
  std::string mapping;      ///< how the work is dealt to threads, in words
};

/// A sum of several sources, which is asked for at run time: SumFunction of
/// runtime/program/format/Kernels.fbs.
struct CudaSum {
  dpcrt::Element element = dpcrt::Element::F32; ///< one that isSummed()
  uint32_t sources = 2;                         ///< 2 to dpcrt::kMaxSumSources
  DeviceLaunch launch;                          ///< filled by compileCudaKernels
};

struct CudaOptions {
  std::vector<std::string> architectures; ///< of cudaArchitectures(), each once
  std::vector<CudaSum> sums;              ///< to be generated, each once
  bool cubins = true;                     ///< run ptxas if there is one (findPtxas)
  bool keepsModules = false;              ///< fill CudaImage::bitcode
  /// Where ptxas' files lie while it runs; empty: the system's folder for such.
  std::string folder;
  unsigned jobs = 0; ///< architectures compiled at once; 0: one per core. Changes no output
};

/// The architectures that can be asked for: "sm_80", ...
std::vector<std::string> cudaArchitectures();

/// What a launcher of a kernel must know.
struct CudaKernel {
  std::string symbol;
  std::vector<uint64_t> bufferBytes;  ///< without the scratch buffer
  std::vector<Access> access;         ///< of each buffer
  std::vector<DeviceLaunch> launches; ///< in order; none where there is nothing to compute
  uint64_t scratchBytes = 0;          ///< of global memory; last parameter if not 0
  uint64_t flops = 0;                 ///< of all launches
  uint64_t bytes = 0;                 ///< read and written by all launches
};

/// What ptxas says of a device function.
struct DeviceFigures {
  std::string symbol;
  uint32_t registers = 0;
  uint32_t spillBytes = 0; ///< stores and loads
  uint32_t stackBytes = 0;
  uint32_t sharedBytes = 0;
};

/// All kernels, for one architecture.
struct CudaImage {
  std::string architecture; ///< "sm_90"
  unsigned ptxVersion = 0;  ///< 80 for 8.0
  std::string ptx;          ///< text
  std::string cubin;        ///< empty without ptxas
  /// In the order of the launches, those of sums last; empty without ptxas.
  std::vector<DeviceFigures> figures;
  std::string bitcode; ///< the optimised NVPTX module, which became `ptx`, if it is kept
};

struct CompiledCudaKernels {
  std::vector<CudaKernel> kernels; ///< in the order of the module
  std::vector<CudaSum> sums;       ///< in the order of the options
  std::vector<CudaImage> images;   ///< in the order of the architectures
  std::string ptxas;               ///< path of the one that was run; empty without
};

/// Compiles all kernels of `module`. Errors are diagnostics. The module is not changed.
mlir::FailureOr<CompiledCudaKernels> compileCudaKernels(mlir::ModuleOp module,
                                                        const CudaOptions &options);

/// The ptxas that compileCudaKernels runs, empty if there is none: what DPC_PTXAS names
/// (set to nothing: none), one beside the executable, one in the virtual environment of the
/// build (the package nvidia-cuda-nvcc-cu12), or one on PATH. A DPC_PTXAS that cannot be
/// run is an error.
llvm::Expected<std::string> findPtxas();

/// "12.9.86", as the program itself says; empty if it does not.
std::string readPtxasVersion(llvm::StringRef ptxas);

} // namespace dpc::codegen

#endif // DPC_CODEGEN_CUDA_COMPILECUDAKERNELS_H
