// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The one operation of the interpreter that has to be fast: a training step of a
// small model is tens of GFLOP. Operands are packed into the product's layout,
// then 4x4 tiles are computed by plain loops that the compiler vectorises. Each
// element is still the sum over k in ascending order, whatever the threads.
#include "Models.h"
#include "Threads.h"

using namespace mlir;
using namespace dpc;
using namespace dpc::nn;
using namespace dpc::reference;

namespace {

constexpr int64_t kTile = 4;

// The tensor permuted: dimension i of the result is dimension perm[i].
std::vector<double> permute(const std::vector<double> &from, ArrayRef<int64_t> shape,
                            ArrayRef<int64_t> perm) {
  SmallVector<int64_t> strides = getStrides(shape), permutedShape, permutedStrides;
  bool identity = true;
  for (auto [i, p] : llvm::enumerate(perm)) {
    permutedShape.push_back(shape[p]);
    permutedStrides.push_back(strides[p]);
    identity &= p == static_cast<int64_t>(i);
  }
  if (identity)
    return from;
  std::vector<double> to(from.size());
  forEachPlace(permutedShape, [&](ArrayRef<int64_t> place, int64_t i) {
    int64_t source = 0;
    for (size_t k = 0; k < place.size(); ++k)
      source += place[k] * permutedStrides[k];
    to[i] = from[source];
  });
  return to;
}

// Columns in strips of four, each strip contiguous along k; the last is filled
// with zeros.
std::vector<double> packColumns(const double *b, int64_t k, int64_t n) {
  int64_t strips = (n + kTile - 1) / kTile;
  std::vector<double> packed(strips * k * kTile, 0.0);
  for (int64_t s = 0; s < strips; ++s)
    for (int64_t l = 0; l < k; ++l)
      for (int64_t j = 0; j < kTile && s * kTile + j < n; ++j)
        packed[(s * k + l) * kTile + j] = b[l * n + s * kTile + j];
  return packed;
}

// Four rows of A times one strip.
void multiplyTile(const double *const rows[kTile], const double *strip, int64_t k,
                  double sums[kTile][kTile]) {
  double local[kTile][kTile] = {};
  for (int64_t l = 0; l < k; ++l, strip += kTile)
    for (int64_t i = 0; i < kTile; ++i)
      for (int64_t j = 0; j < kTile; ++j)
        local[i][j] += rows[i][l] * strip[j];
  std::copy(&local[0][0], &local[0][0] + kTile * kTile, &sums[0][0]);
}

// Rows [first, first + kTile) of C.
void multiplyRows(const double *a, const std::vector<double> &packed, double *c, int64_t first,
                  int64_t m, int64_t n, int64_t k) {
  const double *rows[kTile];
  for (int64_t i = 0; i < kTile; ++i) // rows past the end repeat the last
    rows[i] = a + std::min(first + i, m - 1) * k;
  int64_t height = std::min(kTile, m - first);
  double sums[kTile][kTile];
  for (int64_t j = 0; j < n; j += kTile) {
    multiplyTile(rows, packed.data() + j * k, k, sums);
    int64_t width = std::min(kTile, n - j);
    for (int64_t i = 0; i < height; ++i)
      std::copy(sums[i], sums[i] + width, c + (first + i) * n + j);
  }
}

// Deals the row tiles of one product to threads.
void multiply(const double *a, const double *b, double *c, int64_t m, int64_t n, int64_t k,
              unsigned numThreads) {
  std::vector<double> packed = packColumns(b, k, n);
  constexpr int64_t part = 16 * kTile;
  dealToThreads((m + part - 1) / part, 2.0 * m * n * k > 1e7 ? numThreads : 1, [&](int64_t i) {
    for (int64_t row = i * part; row < std::min(m, (i + 1) * part); row += kTile)
      multiplyRows(a, packed, c, row, m, n, k);
  });
}

struct MatmulModel : ReferenceOpInterface::ExternalModel<MatmulModel, MatmulOp> {
  LogicalResult evaluate(Operation *operation, Evaluator &evaluator,
                         MutableArrayRef<MemberValues> members) const {
    auto op = cast<MatmulOp>(operation);
    MatmulOp::Extents extents = op.getExtents();
    auto [batch, m, n, k] = extents;
    SmallVector<int64_t> product(batch);
    product.append({m, n});
    int64_t batches = 1;
    for (int64_t extent : batch)
      batches *= extent;
    for (MemberValues &member : members) {
      std::vector<double> a =
          permute(member.operands[0]->floats, member.operands[0]->shape, op.getLhsPermutation());
      std::vector<double> b =
          permute(member.operands[1]->floats, member.operands[1]->shape, op.getRhsPermutation());
      std::vector<double> c(batches * m * n, 0.0);
      for (int64_t i = 0; i < batches; ++i)
        multiply(a.data() + i * m * k, b.data() + i * k * n, c.data() + i * m * n, m, n, k,
                 evaluator.getNumThreads());
      std::vector<double> &result = member.results[0].floats;
      result = permute(c, product, op.getResultPermutation());
      if (op.getAccumulator())
        for (size_t i = 0; i < result.size(); ++i)
          result[i] += member.operands[2]->floats[i];
    }
    return success();
  }
};

} // namespace

void reference::attachMatmul(MLIRContext *context) {
  MatmulOp::attachInterface<MatmulModel>(*context);
}
