// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Descriptions of the library's, and its proposals.
#include "devices/cuda/Products.h"
#include <algorithm>

namespace dpcrt::cuda {
namespace {
// What cuBLAS takes for itself where nobody says otherwise (cuBLAS, "cublasSetWorkspace"): from
// Hopper on the algorithms that keep the tensor cores busy want more.
constexpr uint64_t kHopperWorkspace = 32 << 20, kWorkspace = 8 << 20;
constexpr int kProposals = 8;

enum Operand : size_t { Lhs, Rhs, Dst };
} // namespace

Product::~Product() {
  for (cublasLtMatrixLayout_t layout : {a, b, d})
    if (layout)
      library.cublasLtMatrixLayoutDestroy(layout);
  if (description)
    library.cublasLtMatmulDescDestroy(description);
}

Products::~Products() {
  Context::Use use(context);
  products.clear();
  if (handle && !context.isAbandoned())
    library.cublasLtDestroy(handle);
}

uint64_t Products::allowedWorkspace() const {
  return context.gpu.major >= 9 ? kHopperWorkspace : kWorkspace;
}

uint64_t Products::workspaceBytes() const { return products.empty() ? 0 : allowedWorkspace(); }

Status Products::makeLayout(const MatrixLayout &layout, cudaDataType_t type, int32_t batches,
                            const std::string &during, cublasLtMatrixLayout_t &out) {
  cublasStatus_t result =
      library.cublasLtMatrixLayoutCreate(&out, type, layout.rows, layout.columns, layout.leading);
  auto set = [&](cublasLtMatrixLayoutAttribute_t attribute, const auto &value) {
    if (result == CUBLAS_STATUS_SUCCESS)
      result = library.cublasLtMatrixLayoutSetAttribute(out, attribute, &value, sizeof value);
  };
  if (batches > 1) {
    set(CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, batches);
    set(CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, layout.batchStride);
  }
  return check(library, result, during);
}

Status Products::make(const ProductPlan &plan, const ProductTypes &types,
                      const std::vector<uint64_t> &alignments, Product &out) {
  const std::string during = textOf(context.gpu) + ", describing " + out.text;
  cublasStatus_t result =
      library.cublasLtMatmulDescCreate(&out.description, types.compute, types.scale);
  auto set = [&](cublasLtMatmulDescAttributes_t attribute, auto value) {
    if (result == CUBLAS_STATUS_SUCCESS)
      result =
          library.cublasLtMatmulDescSetAttribute(out.description, attribute, &value, sizeof value);
  };
  auto operation = [](const MatrixLayout &layout) {
    return int32_t(layout.isTransposed ? CUBLAS_OP_T : CUBLAS_OP_N);
  };
  set(CUBLASLT_MATMUL_DESC_TRANSA, operation(plan.a));
  set(CUBLASLT_MATMUL_DESC_TRANSB, operation(plan.b));
  // For as many multiprocessors as there are.
  set(CUBLASLT_MATMUL_DESC_SM_COUNT_TARGET, int32_t(0));
  Status s = check(library, result, during);
  if (s.ok())
    s = makeLayout(plan.a, types.source, plan.batchCount, during, out.a);
  if (s.ok())
    s = makeLayout(plan.b, types.source, plan.batchCount, during, out.b);
  if (s.ok())
    s = makeLayout(plan.d, types.result, plan.batchCount, during, out.d);
  return s.ok() ? choose(alignments, out) : s;
}

Status Products::choose(const std::vector<uint64_t> &alignments, Product &out) {
  const std::string during = textOf(context.gpu) + ", choosing the algorithm of " + out.text;
  cublasLtMatmulPreference_t preference = nullptr;
  cublasStatus_t result = library.cublasLtMatmulPreferenceCreate(&preference);
  auto set = [&](cublasLtMatmulPreferenceAttributes_t attribute, auto value) {
    if (result == CUBLAS_STATUS_SUCCESS)
      result =
          library.cublasLtMatmulPreferenceSetAttribute(preference, attribute, &value, sizeof value);
  };
  set(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, allowedWorkspace());
  // Long sums may be cut where the parts are added in one order, in the type that is computed in.
  set(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, uint32_t(CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE));
  set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, uint32_t(alignments[0]));
  set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, uint32_t(alignments[1]));
  set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, uint32_t(alignments[2]));
  set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, uint32_t(alignments[2]));
  cublasLtMatmulHeuristicResult_t proposals[kProposals] = {};
  int found = 0;
  if (result == CUBLAS_STATUS_SUCCESS)
    result =
        library.cublasLtMatmulAlgoGetHeuristic(handle, out.description, out.a, out.b, out.d, out.d,
                                               preference, kProposals, proposals, &found);
  if (preference)
    library.cublasLtMatmulPreferenceDestroy(preference);
  if (Status s = check(library, result, during); !s.ok())
    return s;
  for (int i = 0; i < found; ++i)
    if (proposals[i].state == CUBLAS_STATUS_SUCCESS &&
        proposals[i].workspaceSize <= allowedWorkspace()) {
      out.algorithm = proposals[i].algo;
      return {};
    }
  return error(Code::Device, during, ": cuBLASLt ", library.version, " has none");
}

Status Products::prepare(const fb::LibraryCall &call, const PreparedCall *&out) {
  const fb::Matmul *matmul = call.function_as_Matmul();
  if (!matmul && call.function_as_Convolution())
    return Status(Code::Device,
                  "device 'cuda' computes no convolutions; --device cpu computes them");
  if (!matmul)
    return error(Code::Artifact, "a library call is of a kind this runtime does not know");
  const ProductShape shape = readProduct(*matmul);
  ProductPlan plan;
  if (Status s = planProduct(shape, plan); !s.ok())
    return s;
  const fb::Buffer *operands[] = {call.operands()->Get(Lhs), call.operands()->Get(Rhs),
                                  call.operands()->Get(Dst)};
  ProductTypes types;
  if (Status s = typesOfProduct(elementOf(*operands[Lhs]), elementOf(*operands[Rhs]),
                                elementOf(*operands[Dst]), types);
      !s.ok())
    return s;
  auto product = std::make_unique<Product>(library);
  product->isExchanged = plan.isExchanged;
  product->text = "matmul " + textOf(shape) + " of " + nameOf(elementOf(*operands[Lhs]));
  const uint64_t source = sizeOf(elementOf(*operands[Lhs])),
                 result = sizeOf(elementOf(*operands[Dst]));
  for (size_t i = 0; i < 3; ++i)
    product->bytes[i] = operands[i]->bytes();
  std::vector<std::vector<uint64_t>> offsets(3);
  for (const ProductPlan::Part &part : plan.parts) {
    const ProductPlan::Part bytes = {part.a * source, part.b * source, part.d * result};
    product->parts.push_back(bytes);
    offsets[0].push_back(bytes.a);
    offsets[1].push_back(bytes.b);
    offsets[2].push_back(bytes.d);
  }
  if (plan.isExchanged)
    std::swap(operands[Lhs], operands[Rhs]);
  std::vector<uint64_t> alignments;
  for (size_t i = 0; i < 3; ++i)
    alignments.push_back(alignmentOfParts(alignmentOf(operands[i]->bytes()), offsets[i]));
  const double beta = shape.accumulate ? 1 : 0;
  if (types.scale == CUDA_R_64F) {
    product->alpha.twice = 1;
    product->beta.twice = beta;
  } else {
    product->alpha.single = 1;
    product->beta.single = float(beta);
  }

  std::vector<uint64_t> key = {types.source, types.result, uint64_t(plan.batchCount),
                               uint64_t(plan.isExchanged), uint64_t(shape.accumulate)};
  for (const MatrixLayout &m : {plan.a, plan.b, plan.d})
    key.insert(key.end(), {m.rows, m.columns, uint64_t(m.leading), uint64_t(m.batchStride),
                           uint64_t(m.isTransposed)});
  key.insert(key.end(), alignments.begin(), alignments.end());
  for (const ProductPlan::Part &part : plan.parts)
    key.insert(key.end(), {part.a, part.b, part.d});
  std::unique_ptr<Product> &known = products[key];
  if (!known) {
    Context::Use use(context);
    Status s;
    if (!handle)
      s = check(library, library.cublasLtCreate(&handle),
                textOf(context.gpu) + ", starting cuBLASLt");
    if (s.ok())
      s = make(plan, types, alignments, *product);
    if (!s.ok()) {
      products.erase(key);
      return s;
    }
    known = std::move(product);
  }
  out = known.get();
  return {};
}

Status Products::warmUp(Memory &memory) {
  uint64_t bytes[3] = {};
  for (auto &[key, product] : products)
    for (size_t i = 0; i < 3 && !product->isWarm; ++i)
      bytes[i] = std::max(bytes[i], product->bytes[i]);
  if (bytes[Dst] == 0)
    return {}; // all are warm
  CUdeviceptr operands[3] = {}, workspace = 0;
  Status s = memory.allocateScratch(allowedWorkspace(), workspace);
  for (size_t i = 0; i < 3 && s.ok(); ++i)
    s = memory.allocateScratch(bytes[i], operands[i]);
  Context::Use use(context);
  for (auto &[key, product] : products)
    if (s.ok() && !product->isWarm) {
      product->isWarm = true;
      s = check(library, run(*product, operands, workspace, memory.ownStream()),
                textOf(context.gpu) + ", trying " + product->text);
    }
  if (s.ok())
    s = context.check(context.driver.cuStreamSynchronize(memory.ownStream()),
                      "trying the products of the program");
  for (CUdeviceptr address : {operands[Lhs], operands[Rhs], operands[Dst], workspace})
    if (address)
      memory.freeScratch(address);
  return s.code() == Code::OutOfMemory ? Status() : s;
}

cublasStatus_t Products::run(const Product &product, const CUdeviceptr (&operands)[3],
                             CUdeviceptr workspace, CUstream stream) const {
  auto at = [](CUdeviceptr address, uint64_t offset) {
    return reinterpret_cast<void *>(static_cast<uintptr_t>(address + offset));
  };
  const CUdeviceptr a = operands[product.isExchanged ? Rhs : Lhs],
                    b = operands[product.isExchanged ? Lhs : Rhs], d = operands[Dst];
  for (const ProductPlan::Part &part : product.parts) {
    void *result = at(d, part.d);
    cublasStatus_t status = library.cublasLtMatmul(
        handle, product.description, &product.alpha, at(a, part.a), product.a, at(b, part.b),
        product.b, &product.beta, result, product.d, result, product.d, &product.algorithm,
        at(workspace, 0), allowedWorkspace(), stream);
    if (status != CUBLAS_STATUS_SUCCESS)
      return status;
  }
  return CUBLAS_STATUS_SUCCESS;
}

} // namespace dpcrt::cuda
