// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See Descriptions.h. The page: cuBLAS, "cuBLASLt Datatypes Reference".
#include "Descriptions.h"

#include "Exports.h"
#include "Interface.h"

#include <cstring>
#include <map>
#include <mutex>

using namespace dpc::emulator;

namespace {
/// Things by handles that are numbers, and never given twice.
template <typename T, typename Handle> class Table {
public:
  explicit Table(uint64_t kind) : kind(kind) {}
  Handle add(const T &thing) {
    std::lock_guard<std::mutex> lock(mutex);
    uint64_t number = kind << 44 | ++made << 4;
    things[number] = thing;
    return reinterpret_cast<Handle>(number);
  }
  T *find(Handle handle) {
    std::lock_guard<std::mutex> lock(mutex);
    auto found = things.find(reinterpret_cast<uint64_t>(handle));
    return found == things.end() ? nullptr : &found->second;
  }
  bool remove(Handle handle) {
    std::lock_guard<std::mutex> lock(mutex);
    return things.erase(reinterpret_cast<uint64_t>(handle)) != 0;
  }

private:
  uint64_t kind, made = 0;
  std::map<uint64_t, T> things;
  std::mutex mutex;
};

struct Opened {};

Table<Opened, cublasLtHandle_t> opened{16};
Table<Description, cublasLtMatmulDesc_t> descriptions{17};
Table<Layout, cublasLtMatrixLayout_t> layouts{18};
Table<Preference, cublasLtMatmulPreference_t> preferences{19};

const char kRule[] = "cuBLAS, cuBLASLt API Reference";
} // namespace

namespace dpc::emulator {

uint64_t sizeOf(cudaDataType_t type) {
  switch (type) {
  case CUDA_R_32F:
    return 4;
  case CUDA_R_64F:
    return 8;
  case CUDA_R_16F:
  case CUDA_R_16BF:
    return 2;
  }
  return 0;
}

const Description *find(cublasLtMatmulDesc_t handle) { return descriptions.find(handle); }
const Layout *find(cublasLtMatrixLayout_t handle) { return layouts.find(handle); }
const Preference *find(cublasLtMatmulPreference_t handle) { return preferences.find(handle); }
bool isOpen(cublasLtHandle_t handle) { return opened.find(handle); }

} // namespace dpc::emulator

// A function's whole, but for what it is told to fail with.
template <typename Body> static cublasStatus_t whole(const char *name, Body body) {
  if (uint32_t told = dpcEmulatorLibraryCall(name))
    return static_cast<cublasStatus_t>(told);
  return body();
}

template <typename T, typename Handle>
static cublasStatus_t destroy(const char *name, Table<T, Handle> &table, Handle handle) {
  return whole(name, [&] {
    if (!handle || table.remove(handle))
      return CUBLAS_STATUS_SUCCESS;
    dpcEmulatorViolation(kRule, (std::string(name) + ": what it is given has been destroyed, or "
                                                     "was never made")
                                    .c_str());
    return CUBLAS_STATUS_INVALID_VALUE;
  });
}

// Copies an attribute that has the size of `out`.
template <typename T> static bool read(T &out, const void *value, size_t bytes) {
  if (!value || bytes != sizeof(T))
    return false;
  std::memcpy(&out, value, bytes);
  return true;
}

cublasStatus_t cublasLtCreate(cublasLtHandle_t *handle) {
  return whole("cublasLtCreate", [&] {
    if (!handle)
      return CUBLAS_STATUS_INVALID_VALUE;
    if (!dpcEmulatorHasContext())
      return CUBLAS_STATUS_NOT_INITIALIZED;
    *handle = opened.add({});
    return CUBLAS_STATUS_SUCCESS;
  });
}

cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle) {
  return destroy("cublasLtDestroy", opened, handle);
}

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t *description,
                                        cublasComputeType_t compute, cudaDataType_t scale) {
  return whole("cublasLtMatmulDescCreate", [&] {
    if (!description)
      return CUBLAS_STATUS_INVALID_VALUE;
    Description made;
    made.compute = compute;
    made.scale = scale;
    *description = descriptions.add(made);
    return CUBLAS_STATUS_SUCCESS;
  });
}

static bool set(Description &description, cublasLtMatmulDescAttributes_t attribute,
                const void *value, size_t bytes) {
  int32_t number = 0;
  if (!read(number, value, bytes))
    return false;
  bool isFlag = number == 0 || number == 1;
  switch (attribute) {
  case CUBLASLT_MATMUL_DESC_COMPUTE_TYPE:
    description.compute = static_cast<cublasComputeType_t>(number);
    return true;
  case CUBLASLT_MATMUL_DESC_SCALE_TYPE:
    description.scale = static_cast<cudaDataType_t>(number);
    return true;
  case CUBLASLT_MATMUL_DESC_POINTER_MODE:
    description.pointers = static_cast<cublasLtPointerMode_t>(number);
    return isFlag;
  case CUBLASLT_MATMUL_DESC_TRANSA:
    description.transposesA = number;
    return isFlag;
  case CUBLASLT_MATMUL_DESC_TRANSB:
    description.transposesB = number;
    return isFlag;
  case CUBLASLT_MATMUL_DESC_SM_COUNT_TARGET:
    description.multiprocessors = number;
    return number >= 0;
  }
  return false;
}

cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t handle,
                                              cublasLtMatmulDescAttributes_t attribute,
                                              const void *value, size_t bytes) {
  return whole("cublasLtMatmulDescSetAttribute", [&] {
    Description *description = descriptions.find(handle);
    return description && set(*description, attribute, value, bytes) ? CUBLAS_STATUS_SUCCESS
                                                                     : CUBLAS_STATUS_INVALID_VALUE;
  });
}

cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t description) {
  return destroy("cublasLtMatmulDescDestroy", descriptions, description);
}

cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t *layout, cudaDataType_t type,
                                          uint64_t rows, uint64_t columns, int64_t leading) {
  return whole("cublasLtMatrixLayoutCreate", [&] {
    if (!layout)
      return CUBLAS_STATUS_INVALID_VALUE;
    Layout made;
    made.type = type;
    made.rows = rows;
    made.columns = columns;
    made.leading = leading;
    *layout = layouts.add(made);
    return CUBLAS_STATUS_SUCCESS;
  });
}

static bool set(Layout &layout, cublasLtMatrixLayoutAttribute_t attribute, const void *value,
                size_t bytes) {
  int32_t number = 0;
  switch (attribute) {
  case CUBLASLT_MATRIX_LAYOUT_TYPE:
    if (!read(number, value, bytes))
      return false;
    layout.type = static_cast<cudaDataType_t>(number);
    return true;
  case CUBLASLT_MATRIX_LAYOUT_ORDER:
    if (!read(number, value, bytes))
      return false;
    layout.isByRows = number == CUBLASLT_ORDER_ROW;
    return number == CUBLASLT_ORDER_ROW || number == CUBLASLT_ORDER_COL;
  case CUBLASLT_MATRIX_LAYOUT_ROWS:
    return read(layout.rows, value, bytes);
  case CUBLASLT_MATRIX_LAYOUT_COLS:
    return read(layout.columns, value, bytes);
  case CUBLASLT_MATRIX_LAYOUT_LD:
    return read(layout.leading, value, bytes);
  case CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT:
    return read(layout.batches, value, bytes) && layout.batches > 0;
  case CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET:
    return read(layout.batchStride, value, bytes);
  }
  return false;
}

cublasStatus_t cublasLtMatrixLayoutSetAttribute(cublasLtMatrixLayout_t handle,
                                                cublasLtMatrixLayoutAttribute_t attribute,
                                                const void *value, size_t bytes) {
  return whole("cublasLtMatrixLayoutSetAttribute", [&] {
    Layout *layout = layouts.find(handle);
    return layout && set(*layout, attribute, value, bytes) ? CUBLAS_STATUS_SUCCESS
                                                           : CUBLAS_STATUS_INVALID_VALUE;
  });
}

cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t layout) {
  return destroy("cublasLtMatrixLayoutDestroy", layouts, layout);
}

cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t *preference) {
  return whole("cublasLtMatmulPreferenceCreate", [&] {
    if (!preference)
      return CUBLAS_STATUS_INVALID_VALUE;
    *preference = preferences.add({});
    return CUBLAS_STATUS_SUCCESS;
  });
}

static bool set(Preference &preference, cublasLtMatmulPreferenceAttributes_t attribute,
                const void *value, size_t bytes) {
  auto readAlignment = [&](uint32_t &out) {
    return read(out, value, bytes) && out != 0 && (out & (out - 1)) == 0;
  };
  switch (attribute) {
  case CUBLASLT_MATMUL_PREF_SEARCH_MODE:
    return read(preference.searchMode, value, bytes) && preference.searchMode == 0;
  case CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES:
    return read(preference.workspaceBytes, value, bytes);
  case CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK:
    return read(preference.reductions, value, bytes) &&
           preference.reductions <= CUBLASLT_REDUCTION_SCHEME_MASK;
  case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES:
    return readAlignment(preference.alignments[0]);
  case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES:
    return readAlignment(preference.alignments[1]);
  case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES:
    return readAlignment(preference.alignments[2]);
  case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES:
    return readAlignment(preference.alignments[3]);
  }
  return false;
}

cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t handle,
                                                    cublasLtMatmulPreferenceAttributes_t attribute,
                                                    const void *value, size_t bytes) {
  return whole("cublasLtMatmulPreferenceSetAttribute", [&] {
    Preference *preference = preferences.find(handle);
    return preference && set(*preference, attribute, value, bytes) ? CUBLAS_STATUS_SUCCESS
                                                                   : CUBLAS_STATUS_INVALID_VALUE;
  });
}

cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t preference) {
  return destroy("cublasLtMatmulPreferenceDestroy", preferences, preference);
}
