// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Products of cuBLASLt. Everything that a call needs is made at load, and the algorithm is chosen
// there: the first that the library proposes of those which need no more than a queue's workspace
// and whose sums have one order. It is never the outcome of a timing, so that equal descriptions
// have equal bits, in all ranks and all runs on equal GPUs.
#pragma once
#include "devices/Device.h"
#include "devices/cuda/Memory.h"
#include "devices/cuda/ProductPlan.h"
#include <map>
#include <memory>

namespace dpcrt::cuda {

// All calls of one description share it.
struct Product : PreparedCall {
  explicit Product(const CublasLt &library) : library(library) {}
  ~Product() override;

  const CublasLt &library;
  cublasLtMatmulDesc_t description = nullptr;
  cublasLtMatrixLayout_t a = nullptr, b = nullptr, d = nullptr;
  cublasLtMatmulAlgo_t algorithm = {};
  bool isExchanged = false;
  std::vector<ProductPlan::Part> parts; // in bytes
  uint64_t bytes[3] = {};               // of the operands, in the program's order
  bool isWarm = false;
  std::string text; // "matmul 4x5x6"
  // The factors, in the type of the scale.
  union Factor {
    float single;
    double twice;
  } alpha = {}, beta = {};
};

class Products {
public:
  Products(Context &context, const CublasLt &library) : context(context), library(library) {}
  ~Products();

  Status prepare(const fb::LibraryCall &call, const PreparedCall *&out);
  // Runs each once, on anything, at load: the library loads an algorithm's code when it first runs,
  // which may wait for the GPU, and a step must not. Where there is no room, steps load it.
  Status warmUp(Memory &memory);
  // That a queue must have.
  uint64_t workspaceBytes() const;
  // Enqueues the parts, one after another. Of the caller, whose context it is.
  cublasStatus_t run(const Product &product, const CUdeviceptr (&operands)[3],
                     CUdeviceptr workspace, CUstream stream) const;

private:
  Status make(const ProductPlan &plan, const ProductTypes &types,
              const std::vector<uint64_t> &alignments, Product &out);
  Status choose(const std::vector<uint64_t> &alignments, Product &out);
  Status makeLayout(const MatrixLayout &layout, cudaDataType_t type, int32_t batches,
                    const std::string &during, cublasLtMatrixLayout_t &out);
  uint64_t allowedWorkspace() const;

  Context &context;
  const CublasLt &library;
  cublasLtHandle_t handle = nullptr;
  std::map<std::vector<uint64_t>, std::unique_ptr<Product>> products; // by description
};

} // namespace dpcrt::cuda
