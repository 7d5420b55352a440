// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Gathers, scatter-adds and top_k. Each pair shares one map from an element of
// the gathered shape to an element of the table (-1: an index out of range,
// which reads zero and adds nothing).
#include "Models.h"

#include <cmath>
#include <numeric>

using namespace mlir;
using namespace dpc;
using namespace dpc::nn;
using namespace dpc::reference;

namespace {

// Source elements in row-major order of the gathered shape.
using Map = std::vector<int64_t>;

Map mapAxis(ArrayRef<int64_t> table, const Tensor &indices, int64_t axis) {
  int64_t outer = 1, inner = 1, extent = table[axis];
  for (int64_t size : table.take_front(axis))
    outer *= size;
  for (int64_t size : table.drop_front(axis + 1))
    inner *= size;
  Map map;
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t index : indices.integers)
      for (int64_t i = 0; i < inner; ++i)
        map.push_back(index < 0 || index >= extent ? -1 : (o * extent + index) * inner + i);
  return map;
}

Map mapTuples(ArrayRef<int64_t> table, const Tensor &indices, int64_t batch) {
  int64_t length = indices.shape.back(), inner = 1, perBatch = 1;
  for (int64_t size : table.drop_front(batch + length))
    inner *= size;
  for (int64_t size : ArrayRef(indices.shape).drop_front(batch).drop_back())
    perBatch *= size;
  int64_t tuples = 1;
  for (int64_t size : ArrayRef(indices.shape).drop_back())
    tuples *= size;
  Map map;
  for (int64_t tuple = 0; tuple < tuples; ++tuple) {
    int64_t position = tuple / perBatch; // the batch dimensions' place
    bool inside = true;
    for (int64_t j = 0; j < length; ++j) {
      int64_t index = indices.integers[tuple * length + j];
      inside &= index >= 0 && index < table[batch + j];
      position = position * table[batch + j] + index;
    }
    for (int64_t i = 0; i < inner; ++i)
      map.push_back(inside ? position * inner + i : -1);
  }
  return map;
}

Map mapElements(ArrayRef<int64_t> table, const Tensor &indices, int64_t axis) {
  SmallVector<int64_t> strides = getStrides(table);
  Map map;
  forEachPlace(indices.shape, [&](ArrayRef<int64_t> place, int64_t i) {
    int64_t index = indices.integers[i], source = index * strides[axis];
    for (size_t k = 0; k < place.size(); ++k)
      if (static_cast<int64_t>(k) != axis)
        source += place[k] * strides[k];
    map.push_back(index < 0 || index >= table[axis] ? -1 : source);
  });
  return map;
}

LogicalResult gather(const Map &map, const Tensor &table, Tensor &result) {
  for (auto [i, source] : llvm::enumerate(map)) {
    if (source < 0)
      continue;
    if (result.isFloat())
      result.floats[i] = table.floats[source];
    else
      result.integers[i] = table.integers[source];
  }
  return success();
}

LogicalResult scatterAdd(const Map &map, const Tensor &updates, Tensor &result) {
  for (auto [i, target] : llvm::enumerate(map))
    if (target >= 0)
      result.floats[target] += updates.floats[i];
  return success();
}

LogicalResult evaluateGather(GatherOp op, Operands in, Results out) {
  return gather(mapAxis(in[0]->shape, *in[1], op.getAxis()), *in[0], out[0]);
}
LogicalResult evaluateScatter(ScatterAddOp op, Operands in, Results out) {
  return scatterAdd(mapAxis(out[0].shape, *in[0], op.getAxis()), *in[1], out[0]);
}
LogicalResult evaluateGatherNd(GatherNdOp op, Operands in, Results out) {
  return gather(mapTuples(in[0]->shape, *in[1], op.getBatchDims()), *in[0], out[0]);
}
LogicalResult evaluateScatterNd(ScatterNdAddOp op, Operands in, Results out) {
  return scatterAdd(mapTuples(out[0].shape, *in[0], op.getBatchDims()), *in[1], out[0]);
}
LogicalResult evaluateGatherElements(GatherElementsOp op, Operands in, Results out) {
  return gather(mapElements(in[0]->shape, *in[1], op.getAxis()), *in[0], out[0]);
}
LogicalResult evaluateScatterElements(ScatterElementsAddOp op, Operands in, Results out) {
  return scatterAdd(mapElements(out[0].shape, *in[0], op.getAxis()), *in[1], out[0]);
}

// NaN counts as the largest, as in NumPy's and PyTorch's sorts.
bool isAbove(const Tensor &tensor, int64_t a, int64_t b) {
  if (!tensor.isFloat())
    return tensor.integers[a] > tensor.integers[b];
  double x = tensor.floats[a], y = tensor.floats[b];
  if (std::isnan(x) || std::isnan(y))
    return std::isnan(x) && !std::isnan(y);
  return x > y;
}

LogicalResult evaluateTopK(TopKOp op, Operands in, Results out);

// Which elements are the largest is decided once; their values follow.
struct TopKModel : ReferenceOpInterface::ExternalModel<TopKModel, TopKOp> {
  LogicalResult evaluate(Operation *op, Evaluator &, MutableArrayRef<MemberValues> members) const {
    for (MemberValues &member : members)
      if (failed(evaluateTopK(cast<TopKOp>(op), member.operands, member.results)))
        return failure();
    return success();
  }
  void follow(Operation *, MutableArrayRef<MemberValues> members,
              ArrayRef<MemberValues> decided) const {
    for (auto [member, decision] : llvm::zip_equal(members, decided)) {
      const Tensor &from = *member.operands[0], &indices = decision.results[1];
      int64_t width = from.shape.back(), k = indices.shape.back();
      for (int64_t i = 0, e = from.isFloat() ? indices.size() : 0; i < e; ++i)
        member.results[0].floats[i] = from.floats[i / k * width + indices.integers[i]];
    }
  }
};

LogicalResult evaluateTopK(TopKOp op, Operands in, Results out) {
  int64_t width = in[0]->shape.back(), k = op.getK();
  int64_t rows = width == 0 ? 0 : in[0]->size() / width;
  for (int64_t row = 0; row < rows; ++row) {
    std::vector<int64_t> order(width);
    std::iota(order.begin(), order.end(), row * width);
    std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
      return op.getSmallest() ? isAbove(*in[0], b, a) : isAbove(*in[0], a, b);
    });
    for (int64_t i = 0; i < k; ++i) {
      if (in[0]->isFloat())
        out[0].floats[row * k + i] = in[0]->floats[order[i]];
      else
        out[0].integers[row * k + i] = in[0]->integers[order[i]];
      out[1].integers[row * k + i] = order[i] - row * width;
    }
  }
  return success();
}

} // namespace

void reference::attachIndexing(MLIRContext *context) {
  attachLocal<GatherOp, evaluateGather>(context);
  attachLocal<ScatterAddOp, evaluateScatter>(context);
  attachLocal<GatherNdOp, evaluateGatherNd>(context);
  attachLocal<ScatterNdAddOp, evaluateScatterNd>(context);
  attachLocal<GatherElementsOp, evaluateGatherElements>(context);
  attachLocal<ScatterElementsAddOp, evaluateScatterElements>(context);
  TopKOp::attachInterface<TopKModel>(*context);
}
