// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What is proposed for a product, and its launch.
//
// There are two algorithms. One adds in ascending order; it has use for a workspace where that
// is allowed, and leaves nothing in it that was there. The other may add in any order, as sums by
// atomic additions do: it is proposed first, unless the preference excludes that, and its
// sums differ from run to run as drawn from the seed.
#include "Exports.h"
#include "Interface.h"
#include "Product.h"

#include <algorithm>
#include <cstring>
#include <vector>

using namespace dpc::emulator;

namespace {

constexpr char kRule[] = "cuBLAS, cublasLtMatmul()";
constexpr uint64_t kMagic = 0x64706320656d7531;
constexpr uint64_t kWorkspaceBytes = 4096;
constexpr uint64_t kWorkspaceAlignment = 256;
constexpr size_t kMostRanges = 1024; ///< of one matrix; more become one

/// What lies in the 64 bytes of an algorithm.
struct Algorithm {
  uint64_t magic = kMagic;
  uint64_t problem = 0; ///< its hash
  uint64_t workspaceBytes = 0;
  uint64_t addsInAnyOrder = 0;
  uint32_t alignments[4] = {};
  uint64_t unused[2] = {};
};
static_assert(sizeof(Algorithm) == sizeof(cublasLtMatmulAlgo_t));

} // namespace

static void explain(const std::string &what) { dpcEmulatorExplain(what.c_str()); }
static void violate(const std::string &what) { dpcEmulatorViolation(kRule, what.c_str()); }

static bool findProblem(cublasLtMatmulDesc_t description, cublasLtMatrixLayout_t a,
                        cublasLtMatrixLayout_t b, cublasLtMatrixLayout_t c,
                        cublasLtMatrixLayout_t d, Problem &out) {
  const Description *found = find(description);
  const Layout *layouts[] = {find(a), find(b), find(c), find(d)};
  if (!found || std::count(std::begin(layouts), std::end(layouts), nullptr))
    return false;
  out = {*found, *layouts[0], *layouts[1], *layouts[2], *layouts[3]};
  return true;
}

cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t handle,
                                              cublasLtMatmulDesc_t description,
                                              cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                              cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                              cublasLtMatmulPreference_t preferenceHandle,
                                              int wanted, cublasLtMatmulHeuristicResult_t *results,
                                              int *found) {
  if (uint32_t told = dpcEmulatorLibraryCall("cublasLtMatmulAlgoGetHeuristic"))
    return static_cast<cublasStatus_t>(told);
  Problem problem;
  const Preference *preference = find(preferenceHandle);
  if (!isOpen(handle) || !preference || wanted < 1 || !results || !found ||
      !findProblem(description, a, b, c, d, problem))
    return CUBLAS_STATUS_INVALID_VALUE;
  *found = 0;
  bool isUnsupported = false;
  std::string why = problem.refusal(isUnsupported);
  const Layout *layouts[] = {&problem.a, &problem.b, &problem.c, &problem.d};
  for (int i = 0; i < 4 && why.empty(); ++i)
    if (preference->alignments[i] < sizeOf(layouts[i]->type)) {
      isUnsupported = true;
      why = "a matrix is not aligned to its elements";
    }
  if (!why.empty()) {
    explain("cublasLtMatmulAlgoGetHeuristic: " + why);
    return isUnsupported ? CUBLAS_STATUS_NOT_SUPPORTED : CUBLAS_STATUS_INVALID_VALUE;
  }
  auto propose = [&](bool addsInAnyOrder, uint64_t workspaceBytes) {
    if (*found == wanted)
      return;
    Algorithm algorithm;
    algorithm.problem = problem.hash();
    algorithm.addsInAnyOrder = addsInAnyOrder;
    algorithm.workspaceBytes = workspaceBytes;
    std::copy_n(preference->alignments, 4, algorithm.alignments);
    cublasLtMatmulHeuristicResult_t &result = results[(*found)++];
    result = {};
    std::memcpy(&result.algo, &algorithm, sizeof algorithm);
    result.workspaceSize = workspaceBytes;
    result.state = CUBLAS_STATUS_SUCCESS;
    result.wavesCount = 1;
  };
  if (preference->reductions & CUBLASLT_REDUCTION_SCHEME_INPLACE)
    propose(true, 0);
  constexpr uint32_t inWorkspace =
      CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE | CUBLASLT_REDUCTION_SCHEME_OUTPUT_TYPE;
  if (preference->reductions & inWorkspace && preference->workspaceBytes >= kWorkspaceBytes)
    propose(false, kWorkspaceBytes);
  propose(false, 0);
  return CUBLAS_STATUS_SUCCESS;
}

// The bytes of all matrices of a layout, with what lies between their lines left out.
static void addAccesses(uint64_t address, const Layout &layout, bool writes, Work &work) {
  work.names.push_back(address);
  uint64_t size = sizeOf(layout.type), length = layout.lineLength() * size;
  std::vector<Access> lines;
  for (int32_t batch = 0; batch < layout.batches; ++batch)
    for (uint64_t line = 0; line < layout.lines(); ++line)
      lines.push_back(
          {address + (batch * layout.batchStride + line * layout.leading) * size, length, writes});
  std::sort(lines.begin(), lines.end(),
            [](const Access &a, const Access &b) { return a.begin < b.begin; });
  std::vector<Access> merged;
  for (const Access &line : lines)
    if (!merged.empty() && line.begin <= merged.back().begin + merged.back().bytes)
      merged.back().bytes =
          std::max(merged.back().bytes, line.begin + line.bytes - merged.back().begin);
    else
      merged.push_back(line);
  if (merged.size() > kMostRanges) {
    uint64_t end = merged.back().begin + merged.back().bytes;
    merged = {{merged.front().begin, end - merged.front().begin, writes}};
  }
  work.accesses.insert(work.accesses.end(), merged.begin(), merged.end());
}

static uint64_t bytesOf(const Layout &layout) {
  return ((layout.batches - 1) * layout.batchStride + layout.extent()) * sizeOf(layout.type);
}

namespace {
/// A product that is about to be enqueued.
struct Call {
  Problem problem;
  Algorithm algorithm;
  uint64_t a, b, c, d, workspace, workspaceBytes;
  bool readsC;
};
} // namespace

// What the program does wrong with a product that the library computes; empty if nothing.
static std::string findMistake(const Call &call) {
  const uint64_t addresses[] = {call.a, call.b, call.c, call.d};
  const char *const names[] = {"A", "B", "C", "D"};
  for (int i = 0; i < 4; ++i)
    if (addresses[i] % call.algorithm.alignments[i])
      return std::string(names[i]) + " is not aligned to " +
             std::to_string(call.algorithm.alignments[i]) +
             " bytes, with which the algorithm was asked for";
  uint64_t end = call.d + bytesOf(call.problem.d);
  auto overlaps = [&](uint64_t address, const Layout &layout) {
    return address < end && call.d < address + bytesOf(layout);
  };
  if (overlaps(call.a, call.problem.a) || overlaps(call.b, call.problem.b))
    return "D overlaps a source";
  if (call.readsC && call.c != call.d && overlaps(call.c, call.problem.c))
    return "D overlaps C and does not lie in its place";
  return "";
}

static cublasStatus_t checkAlgorithm(const Call &call) {
  if (call.algorithm.magic != kMagic || call.algorithm.problem != call.problem.hash()) {
    explain("cublasLtMatmul: the algorithm was proposed for another product");
    return CUBLAS_STATUS_INVALID_VALUE;
  }
  if (call.workspaceBytes < call.algorithm.workspaceBytes ||
      (call.workspaceBytes && call.workspace % kWorkspaceAlignment)) {
    explain("cublasLtMatmul: the workspace has " + std::to_string(call.workspaceBytes) +
            " bytes; the algorithm needs " + std::to_string(call.algorithm.workspaceBytes) +
            ", at a multiple of " + std::to_string(kWorkspaceAlignment));
    return CUBLAS_STATUS_INVALID_VALUE;
  }
  return CUBLAS_STATUS_SUCCESS;
}

static bool mayUse(const Call &call) {
  constexpr char name[] = "cublasLtMatmul";
  return dpcEmulatorMayUse(name, call.a, bytesOf(call.problem.a), "reads") &&
         dpcEmulatorMayUse(name, call.b, bytesOf(call.problem.b), "reads") &&
         (!call.readsC || dpcEmulatorMayUse(name, call.c, bytesOf(call.problem.c), "reads")) &&
         dpcEmulatorMayUse(name, call.d, bytesOf(call.problem.d), "writes") &&
         (!call.workspaceBytes ||
          dpcEmulatorMayUse(name, call.workspace, call.workspaceBytes, "writes"));
}

static Work workOf(const Call &call, const void *alpha, const void *beta) {
  Work work;
  work.kind = Work::Kind::Launch;
  work.name = "a product of " + std::to_string(call.problem.m()) + " x " +
              std::to_string(call.problem.n()) + " x " + std::to_string(call.problem.k());
  addAccesses(call.a, call.problem.a, false, work);
  addAccesses(call.b, call.problem.b, false, work);
  if (call.readsC)
    addAccesses(call.c, call.problem.c, false, work);
  addAccesses(call.d, call.problem.d, true, work);
  Operands operands;
  operands.a = dpcEmulatorAt(call.a);
  operands.b = dpcEmulatorAt(call.b);
  operands.c = call.readsC ? dpcEmulatorAt(call.c) : nullptr;
  operands.d = dpcEmulatorAt(call.d);
  char *workspace = nullptr;
  if (call.workspaceBytes) {
    work.names.push_back(call.workspace);
    work.accesses.push_back({call.workspace, call.workspaceBytes, true});
    workspace = dpcEmulatorAt(call.workspace);
  }
  uint64_t scaleBytes = sizeOf(call.problem.description.scale);
  uint64_t factors[2] = {};
  bool areOnDevice = call.problem.description.pointers == CUBLASLT_POINTER_MODE_DEVICE;
  const void *const given[] = {alpha, beta};
  const char *places[2] = {};
  for (int i = 0; i < 2; ++i)
    if (areOnDevice) {
      uint64_t address = reinterpret_cast<uint64_t>(given[i]);
      work.names.push_back(address);
      work.accesses.push_back({address, scaleBytes, false});
      places[i] = dpcEmulatorAt(address);
    } else {
      std::memcpy(&factors[i], given[i], scaleBytes);
    }
  uint64_t alphaBits = factors[0], betaBits = factors[1];
  const char *alphaPlace = places[0], *betaPlace = places[1];
  Problem problem = call.problem;
  uint64_t spoilt =
      std::min(call.workspaceBytes, std::max(call.algorithm.workspaceBytes, kWorkspaceBytes));
  bool addsInAnyOrder = call.algorithm.addsInAnyOrder;
  work.run = [=](std::vector<Access> &, uint64_t seed) mutable {
    operands.alpha = alphaPlace ? static_cast<const void *>(alphaPlace) : &alphaBits;
    operands.beta = betaPlace ? static_cast<const void *>(betaPlace) : &betaBits;
    if (workspace)
      std::memset(workspace, 0xff, spoilt);
    multiply(problem, operands, addsInAnyOrder ? seed % problem.k() : 0);
    return CUDA_SUCCESS;
  };
  return work;
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t handle, cublasLtMatmulDesc_t description,
                              const void *alpha, const void *a, cublasLtMatrixLayout_t layoutA,
                              const void *b, cublasLtMatrixLayout_t layoutB, const void *beta,
                              const void *c, cublasLtMatrixLayout_t layoutC, void *d,
                              cublasLtMatrixLayout_t layoutD, const cublasLtMatmulAlgo_t *algorithm,
                              void *workspace, size_t workspaceBytes, CUstream stream) {
  if (uint32_t told = dpcEmulatorLibraryCall("cublasLtMatmul"))
    return static_cast<cublasStatus_t>(told);
  auto address = [](const void *pointer) { return reinterpret_cast<uint64_t>(pointer); };
  Call call;
  if (!isOpen(handle) || !alpha || !beta || !a || !b || !d || (!workspace && workspaceBytes) ||
      !findProblem(description, layoutA, layoutB, layoutC, layoutD, call.problem))
    return CUBLAS_STATUS_INVALID_VALUE;
  bool isUnsupported = false;
  if (std::string why = call.problem.refusal(isUnsupported); !why.empty()) {
    explain("cublasLtMatmul: " + why);
    return isUnsupported ? CUBLAS_STATUS_NOT_SUPPORTED : CUBLAS_STATUS_INVALID_VALUE;
  }
  uint64_t betaBits = 0;
  bool isOnHost = call.problem.description.pointers == CUBLASLT_POINTER_MODE_HOST;
  if (isOnHost)
    std::memcpy(&betaBits, beta, sizeOf(call.problem.description.scale));
  call.readsC = !isOnHost || betaBits != 0;
  call.a = address(a);
  call.b = address(b);
  call.c = call.readsC ? address(c) : address(d);
  call.d = address(d);
  call.workspace = address(workspace);
  call.workspaceBytes = workspaceBytes;
  if (algorithm)
    std::memcpy(&call.algorithm, algorithm, sizeof call.algorithm);
  else
    call.algorithm.problem = call.problem.hash();
  if (!algorithm)
    std::fill_n(call.algorithm.alignments, 4, 1);
  if (cublasStatus_t wrong = checkAlgorithm(call); wrong != CUBLAS_STATUS_SUCCESS)
    return wrong;
  if (std::string mistake = findMistake(call); !mistake.empty()) {
    violate("cublasLtMatmul: " + mistake);
    return CUBLAS_STATUS_INVALID_VALUE;
  }
  if (!mayUse(call))
    return CUBLAS_STATUS_INVALID_VALUE;
  for (const void *factor : {alpha, beta})
    if (!isOnHost && !dpcEmulatorMayUse("cublasLtMatmul", address(factor),
                                        sizeOf(call.problem.description.scale), "reads"))
      return CUBLAS_STATUS_INVALID_VALUE;
  Work work = workOf(call, alpha, beta);
  return dpcEmulatorSubmit("cublasLtMatmul", stream, &work) == CUDA_SUCCESS
             ? CUBLAS_STATUS_SUCCESS
             : CUBLAS_STATUS_EXECUTION_FAILED;
}
