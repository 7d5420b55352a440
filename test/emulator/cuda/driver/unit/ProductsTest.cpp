// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// cuBLASLt, emulated: what it computes, what it refuses, what nobody may do with it.
#include "DriverTest.h"

#include "Random.h"
#include "devices/cuda/api/CublasLt.h"

#include <cmath>
#include <cstring>

namespace dpc::emulator::test {
namespace {

const CublasLt &library() {
  static const CublasLt opened = [] {
    LibraryPlaces places;
    places.told = {DPC_EMULATED_LIBRARIES};
    places.system = false;
    CublasLt result;
    dpcrt::Status status = openCublasLt(places, driver().version, result);
    if (!status.ok()) {
      std::fprintf(stderr, "%s\n", status.message().c_str());
      std::abort();
    }
    return result;
  }();
  return opened;
}

/// A matrix, or several, by columns or rows.
struct Matrix {
  uint64_t rows = 1, columns = 1;
  int64_t leading = 0; ///< 0: as little as can be
  bool isByRows = false;
  int32_t batches = 1;
  int64_t batchStride = 0;
  cudaDataType_t type = CUDA_R_32F;
  int64_t line() const { return leading ? leading : isByRows ? columns : rows; }
  uint64_t at(uint64_t batch, uint64_t i, uint64_t j) const {
    return batch * batchStride + (isByRows ? i * line() + j : j * line() + i);
  }
  uint64_t elements() const { return at(batches - 1, rows - 1, columns - 1) + 1; }
};

class Products : public DriverTest {
protected:
  void SetUp() override {
    DriverTest::SetUp();
    ASSERT_EQ(lt.cublasLtCreate(&handle), CUBLAS_STATUS_SUCCESS);
  }
  void TearDown() override {
    EXPECT_EQ(lt.cublasLtDestroy(handle), CUBLAS_STATUS_SUCCESS);
    DriverTest::TearDown();
  }

  cublasLtMatrixLayout_t layout(const Matrix &m) {
    cublasLtMatrixLayout_t made = nullptr;
    EXPECT_EQ(lt.cublasLtMatrixLayoutCreate(&made, m.type, m.rows, m.columns, m.line()),
              CUBLAS_STATUS_SUCCESS);
    set(made, CUBLASLT_MATRIX_LAYOUT_ORDER, int32_t(m.isByRows));
    set(made, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, m.batches);
    set(made, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, m.batchStride);
    return made;
  }
  template <typename T>
  void set(cublasLtMatrixLayout_t made, cublasLtMatrixLayoutAttribute_t attribute, T value) {
    EXPECT_EQ(lt.cublasLtMatrixLayoutSetAttribute(made, attribute, &value, sizeof value),
              CUBLAS_STATUS_SUCCESS);
  }
  template <typename T> void prefer(cublasLtMatmulPreferenceAttributes_t attribute, T value) {
    EXPECT_EQ(lt.cublasLtMatmulPreferenceSetAttribute(preference, attribute, &value, sizeof value),
              CUBLAS_STATUS_SUCCESS);
  }
  /// Describes D = A · B + beta · D, and asks for an algorithm.
  cublasStatus_t describe(const Matrix &a, const Matrix &b, const Matrix &d, bool transposesA,
                          bool transposesB,
                          cublasComputeType_t compute = CUBLAS_COMPUTE_32F_PEDANTIC,
                          cudaDataType_t scale = CUDA_R_32F) {
    EXPECT_EQ(lt.cublasLtMatmulDescCreate(&description, compute, scale), CUBLAS_STATUS_SUCCESS);
    int32_t transposes[] = {transposesA, transposesB};
    lt.cublasLtMatmulDescSetAttribute(description, CUBLASLT_MATMUL_DESC_TRANSA, &transposes[0], 4);
    lt.cublasLtMatmulDescSetAttribute(description, CUBLASLT_MATMUL_DESC_TRANSB, &transposes[1], 4);
    layoutA = layout(a);
    layoutB = layout(b);
    layoutD = layout(d);
    EXPECT_EQ(lt.cublasLtMatmulPreferenceCreate(&preference), CUBLAS_STATUS_SUCCESS);
    prefer(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, workspaceBytes);
    prefer(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, reductions);
    for (auto attribute :
         {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
          CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES})
      prefer(attribute, alignment);
    cublasLtMatmulHeuristicResult_t results[4];
    found = 0;
    cublasStatus_t status = lt.cublasLtMatmulAlgoGetHeuristic(
        handle, description, layoutA, layoutB, layoutD, layoutD, preference, 4, results, &found);
    if (found)
      algorithm = results[0].algo;
    return status;
  }
  template <typename Scale = float>
  cublasStatus_t multiply(CUdeviceptr a, CUdeviceptr b, CUdeviceptr d, CUdeviceptr workspace,
                          CUstream s, Scale alpha = 1, Scale beta = 0) {
    auto pointer = [](CUdeviceptr address) { return reinterpret_cast<void *>(address); };
    return lt.cublasLtMatmul(handle, description, &alpha, pointer(a), layoutA, pointer(b), layoutB,
                             &beta, pointer(d), layoutD, pointer(d), layoutD, &algorithm,
                             pointer(workspace), workspace ? workspaceBytes : 0, s);
  }
  /// Numbers in memory of the device.
  template <typename T> CUdeviceptr upload(const std::vector<T> &values) {
    CUdeviceptr address = allocate(values.size() * sizeof(T));
    EXPECT_EQ(cu.cuMemcpyHtoDAsync_v2(address, values.data(), values.size() * sizeof(T), nullptr),
              CUDA_SUCCESS);
    EXPECT_EQ(cu.cuCtxSynchronize(), CUDA_SUCCESS);
    return address;
  }
  template <typename T> std::vector<T> download(CUdeviceptr address, size_t count) {
    std::vector<T> values(count);
    EXPECT_EQ(cu.cuCtxSynchronize(), CUDA_SUCCESS);
    EXPECT_EQ(cu.cuMemcpyDtoHAsync_v2(values.data(), address, count * sizeof(T), nullptr),
              CUDA_SUCCESS);
    return values;
  }
  template <typename T> std::vector<T> draw(size_t count, uint64_t seed) {
    Random random(seed);
    std::vector<T> values(count);
    for (T &value : values)
      value = static_cast<int32_t>(random.next()) / T(1 << 30);
    return values;
  }

  const CublasLt &lt = library();
  cublasLtHandle_t handle = nullptr;
  cublasLtMatmulDesc_t description = nullptr;
  cublasLtMatrixLayout_t layoutA = nullptr, layoutB = nullptr, layoutD = nullptr;
  cublasLtMatmulPreference_t preference = nullptr;
  cublasLtMatmulAlgo_t algorithm = {};
  uint64_t workspaceBytes = 8192;
  uint32_t reductions = CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE;
  uint32_t alignment = 4;
  int found = 0;
};

/// Sums in ascending order, in T.
template <typename T>
T sumOf(const Matrix &a, const std::vector<T> &x, bool transposesA, const Matrix &b,
        const std::vector<T> &y, bool transposesB, uint64_t batch, uint64_t i, uint64_t j) {
  uint64_t terms = transposesA ? a.rows : a.columns;
  T sum = 0;
  for (uint64_t k = 0; k < terms; ++k)
    sum += x[transposesA ? a.at(batch, k, i) : a.at(batch, i, k)] *
           y[transposesB ? b.at(batch, j, k) : b.at(batch, k, j)];
  return sum;
}

TEST_F(Products, OfAllOrdersTransposesAndBatches) {
  constexpr uint64_t m = 5, n = 7, k = 6;
  for (unsigned variant = 0; variant < 64; ++variant) {
    SCOPED_TRACE(variant);
    bool ta = variant & 1, tb = variant & 2, accumulates = variant & 32;
    Matrix a{ta ? k : m, ta ? m : k}, b{tb ? n : k, tb ? k : n}, d{m, n};
    a.isByRows = variant & 4;
    b.isByRows = variant & 8;
    d.isByRows = variant & 16;
    for (Matrix *each : {&a, &b, &d}) {
      each->leading = 9;
      each->batches = 3;
      each->batchStride = 100;
    }
    ASSERT_EQ(describe(a, b, d, ta, tb), CUBLAS_STATUS_SUCCESS);
    std::vector<float> x = draw<float>(a.elements(), 1), y = draw<float>(b.elements(), 2),
                       z = draw<float>(d.elements(), 3);
    CUdeviceptr result = upload(z);
    ASSERT_EQ(multiply(upload(x), upload(y), result, allocate(workspaceBytes), stream(), 2.0f,
                       accumulates ? 0.5f : 0.0f),
              CUBLAS_STATUS_SUCCESS);
    std::vector<float> want = z, got = download<float>(result, z.size());
    for (uint64_t batch = 0; batch < 3; ++batch)
      for (uint64_t i = 0; i < m; ++i)
        for (uint64_t j = 0; j < n; ++j) {
          float sum = 2.0f * sumOf(a, x, ta, b, y, tb, batch, i, j);
          want[d.at(batch, i, j)] = accumulates ? sum + 0.5f * z[d.at(batch, i, j)] : sum;
        }
    EXPECT_EQ(got, want);
  }
}

TEST_F(Products, OfOtherTypes) {
  Matrix a{4, 5}, b{5, 3}, d{4, 3};
  for (Matrix *each : {&a, &b, &d})
    each->type = CUDA_R_64F;
  ASSERT_EQ(describe(a, b, d, false, false, CUBLAS_COMPUTE_64F, CUDA_R_64F),
            CUBLAS_STATUS_NOT_SUPPORTED)
      << "elements of 8 bytes at multiples of 4";
  alignment = 8;
  ASSERT_EQ(describe(a, b, d, false, false, CUBLAS_COMPUTE_64F, CUDA_R_64F), CUBLAS_STATUS_SUCCESS);
  std::vector<double> x = draw<double>(20, 1), y = draw<double>(15, 2);
  CUdeviceptr result = allocate(96);
  ASSERT_EQ(multiply(upload(x), upload(y), result, 0, stream(), 1.0, 0.0),
            CUBLAS_STATUS_INVALID_VALUE)
      << "the algorithm needs a workspace";
  ASSERT_EQ(multiply(upload(x), upload(y), result, allocate(workspaceBytes), stream(), 1.0, 0.0),
            CUBLAS_STATUS_SUCCESS);
  std::vector<double> got = download<double>(result, 12);
  for (uint64_t i = 0; i < 4; ++i)
    for (uint64_t j = 0; j < 3; ++j)
      EXPECT_EQ(got[d.at(0, i, j)], sumOf(a, x, false, b, y, false, 0, i, j));

  // Of 16 bits: accumulated in floats, rounded once.
  alignment = 2;
  for (Matrix *each : {&a, &b, &d})
    each->type = CUDA_R_16BF;
  ASSERT_EQ(describe(a, b, d, false, false), CUBLAS_STATUS_SUCCESS);
  auto narrow = [](const std::vector<float> &wide) {
    std::vector<uint16_t> half;
    for (float value : wide) {
      uint32_t bits;
      std::memcpy(&bits, &value, 4);
      half.push_back((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
    }
    return half;
  };
  auto widen = [](const std::vector<uint16_t> &half) {
    std::vector<float> wide(half.size());
    for (size_t i = 0; i < half.size(); ++i) {
      uint32_t bits = uint32_t(half[i]) << 16;
      std::memcpy(&wide[i], &bits, 4);
    }
    return wide;
  };
  std::vector<uint16_t> left = narrow(draw<float>(20, 4)), right = narrow(draw<float>(15, 5));
  result = allocate(24);
  ASSERT_EQ(multiply(upload(left), upload(right), result, allocate(workspaceBytes), stream()),
            CUBLAS_STATUS_SUCCESS);
  std::vector<float> want(12);
  for (uint64_t i = 0; i < 4; ++i)
    for (uint64_t j = 0; j < 3; ++j)
      want[d.at(0, i, j)] = sumOf(a, widen(left), false, b, widen(right), false, 0, i, j);
  EXPECT_EQ(download<uint16_t>(result, 12), narrow(want));
}

TEST_F(Products, ThatAreRefused) {
  Matrix a{4, 5}, b{5, 3}, d{4, 3}, half = d;
  half.type = CUDA_R_16F;
  EXPECT_EQ(describe(a, b, half, false, false), CUBLAS_STATUS_NOT_SUPPORTED);
  EXPECT_EQ(found, 0);
  EXPECT_EQ(describe(a, b, d, false, false, CUBLAS_COMPUTE_64F), CUBLAS_STATUS_NOT_SUPPORTED);
  EXPECT_EQ(describe(a, b, d, true, false), CUBLAS_STATUS_INVALID_VALUE);
  Matrix narrow = a;
  narrow.leading = 3;
  EXPECT_EQ(describe(narrow, b, d, false, false), CUBLAS_STATUS_INVALID_VALUE);
  Matrix several = a;
  several.batches = 2;
  EXPECT_EQ(describe(several, b, d, false, false), CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(describe(a, b, d, false, false), CUBLAS_STATUS_SUCCESS);
  int32_t wrong = 7;
  EXPECT_EQ(lt.cublasLtMatmulDescSetAttribute(description, CUBLASLT_MATMUL_DESC_TRANSA, &wrong, 4),
            CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(lt.cublasLtMatmulDescSetAttribute(description, CUBLASLT_MATMUL_DESC_TRANSA, &wrong, 8),
            CUBLAS_STATUS_INVALID_VALUE);
  // An algorithm is for the product that it was proposed for.
  cublasLtMatmulAlgo_t kept = algorithm;
  ASSERT_EQ(describe(b, d, {5, 3}, false, false), CUBLAS_STATUS_INVALID_VALUE);
  ASSERT_EQ(describe(a, {5, 4}, {4, 4}, false, false), CUBLAS_STATUS_SUCCESS);
  algorithm = kept;
  CUdeviceptr x = allocate(100), y = allocate(100), z = allocate(100), w = allocate(8192);
  EXPECT_EQ(multiply(x, y, z, w, stream()), CUBLAS_STATUS_INVALID_VALUE);
}

TEST_F(Products, SumsInAnyOrderAreProposedUnlessExcluded) {
  reductions = CUBLASLT_REDUCTION_SCHEME_MASK;
  Matrix a{1, 300}, b{300, 1}, d{1, 1};
  auto run = [&] {
    std::vector<float> all;
    EXPECT_EQ(describe(a, b, d, false, false), CUBLAS_STATUS_SUCCESS);
    CUdeviceptr x = upload(draw<float>(300, 1)), y = upload(draw<float>(300, 2));
    for (int i = 0; i < 8; ++i) {
      CUdeviceptr z = allocate(4);
      EXPECT_EQ(multiply(x, y, z, allocate(workspaceBytes), stream()), CUBLAS_STATUS_SUCCESS);
      all.push_back(download<float>(z, 1)[0]);
    }
    return all;
  };
  std::vector<float> any = run();
  EXPECT_NE(any, std::vector<float>(8, any[0]));
  reductions = CUBLASLT_REDUCTION_SCHEME_NONE;
  std::vector<float> one = run();
  EXPECT_EQ(one, std::vector<float>(8, one[0]));
}

TEST_F(Products, ViolationsOfMemory) {
  Matrix a{4, 4}, b{4, 4}, d{4, 4};
  ASSERT_EQ(describe(a, b, d, false, false), CUBLAS_STATUS_SUCCESS);
  CUdeviceptr x = allocate(64), y = allocate(64), z = allocate(64), w = allocate(8192);
  CUstream s = stream(), t = stream();
  expectViolation([&] { multiply(x + 4, y, z, w, s); },
                  "cublasLtMatmul: reads 64 bytes at 0x.*, beyond the end of the 64 bytes");
  expectViolation([&] { multiply(x, y, x, w, s); }, "cublasLtMatmul: D overlaps a source .*cuBLAS");
  expectViolation([&] { multiply(x + 2, y, z, w, s); }, "A is not aligned to 4 bytes");
  std::vector<float> host(16);
  expectViolation([&] { multiply(reinterpret_cast<CUdeviceptr>(host.data()), y, z, w, s); },
                  "reads 0x.*, which is no memory of the device's");
  EXPECT_EQ(multiply(x, y, z, w + 4, s), CUBLAS_STATUS_INVALID_VALUE);
  // A workspace that two streams share.
  CUdeviceptr other = allocate(64);
  expectViolation(
      [&] {
        multiply(x, y, z, w, s);
        multiply(x, y, other, w, t);
        cu.cuCtxSynchronize();
      },
      "a product of 4 x 4 x 4 on stream . wrote 8192 bytes .* nothing orders them");
  expectViolation([&] { lt.cublasLtMatmulDescDestroy(reinterpret_cast<cublasLtMatmulDesc_t>(s)); },
                  "cublasLtMatmulDescDestroy: what it is given has been destroyed");
}

TEST_F(Products, CanBeCapturedAndFail) {
  Matrix a{1, 1}, b{1, 1}, d{1, 1};
  CUstream s = stream();
  begin("fail=cublasLtMatmul:2,fail=cublasLtCreate:1:CUBLAS_STATUS_ALLOC_FAILED");
  s = stream();
  cublasLtHandle_t other = nullptr;
  EXPECT_EQ(lt.cublasLtCreate(&other), CUBLAS_STATUS_ALLOC_FAILED);
  ASSERT_EQ(describe(a, b, d, false, false), CUBLAS_STATUS_SUCCESS);
  CUdeviceptr x = upload(std::vector<float>{3}), y = upload(std::vector<float>{5}),
              z = upload(std::vector<float>{1}), w = allocate(8192);
  CU_OK(cu.cuStreamBeginCapture_v2(s, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
  ASSERT_EQ(multiply(x, y, z, w, s, 1.0f, 1.0f), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(multiply(x, y, z, w, s, 1.0f, 1.0f), CUBLAS_STATUS_INTERNAL_ERROR);
  CUgraph graph = nullptr;
  CUgraphExec exec = nullptr;
  CU_OK(cu.cuStreamEndCapture(s, &graph));
  CU_OK(cu.cuGraphInstantiateWithFlags(&exec, graph, 0));
  CU_OK(cu.cuGraphLaunch(exec, s));
  CU_OK(cu.cuGraphLaunch(exec, s));
  EXPECT_EQ(download<float>(z, 1)[0], 31.0f);
}

TEST_F(Products, ResultsHaveNames) {
  EXPECT_STREQ(lt.cublasLtGetStatusName(CUBLAS_STATUS_ALLOC_FAILED), "CUBLAS_STATUS_ALLOC_FAILED");
  EXPECT_STREQ(lt.cublasLtGetStatusString(CUBLAS_STATUS_ALLOC_FAILED), "alloc failed");
  const char *text = nullptr;
  CU_OK(cu.cuGetErrorName(CUDA_ERROR_ILLEGAL_ADDRESS, &text));
  EXPECT_STREQ(text, "CUDA_ERROR_ILLEGAL_ADDRESS");
  CU_OK(cu.cuGetErrorString(CUDA_ERROR_ILLEGAL_ADDRESS, &text));
  EXPECT_STREQ(text, "illegal address");
  EXPECT_EQ(cu.cuGetErrorName(static_cast<CUresult>(12345), &text), CUDA_ERROR_INVALID_VALUE);
}

} // namespace
} // namespace dpc::emulator::test
