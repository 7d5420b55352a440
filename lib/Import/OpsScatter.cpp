// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Operators that write at indices. Where the indices are known at import, as in the
// shifts of labels that models write out, a result is a choice between the elements
// of the data and of the updates, by a table: one gather, whose derivative is known.
#include "OperatorTable.h"

#include <numeric>

using namespace mlir;
using namespace dpc;
using namespace dpc::import;

// The table is a constant of the program, eight bytes for an element of the data.
constexpr int64_t kScatterLimit = 1 << 17;

static LogicalResult checkScatter(NodeContext &node) {
  std::string reduction = node.getString("reduction", "none");
  if (reduction != "none")
    return node.error() << "reduction '" << reduction << "' is not supported; 'none' is";
  int64_t count = getTensorType(node.in(0)).getNumElements();
  if (count > kScatterLimit)
    return node.error() << "writes into " << count << " elements; at most " << kScatterLimit
                        << " are supported";
  return node.checkSameType(node.in(0), node.in(2));
}

// `targets[i]` is the element of the data that update i takes the place of.
static LogicalResult setScattered(NodeContext &node, ArrayRef<int64_t> targets) {
  Emitter &b = node.b;
  Value data = node.in(0), updates = node.in(2);
  int64_t count = getTensorType(data).getNumElements();
  SmallVector<int64_t> table(count);
  std::iota(table.begin(), table.end(), 0);
  for (auto [i, target] : llvm::enumerate(targets)) {
    if (table[target] >= count)
      return node.error() << "writes element " << target
                          << " twice, so that its value is not defined";
    table[target] = count + static_cast<int64_t>(i);
  }
  if (targets.empty())
    return node.set(0, data);
  Value both = b.concat(
      {b.reshape(data, {count}), b.reshape(updates, {static_cast<int64_t>(targets.size())})}, 0);
  Value chosen = b.make<nn::GatherOp>(getTensorType(data).clone({count}), both, b.ints(table), 0);
  return node.set(0, b.reshape(chosen, getShape(data)));
}

static SmallVector<int64_t> getStrides(Shape shape) {
  SmallVector<int64_t> strides(shape.size(), 1);
  for (size_t i = shape.size(); i-- > 1;)
    strides[i - 1] = strides[i] * shape[i];
  return strides;
}

static LogicalResult importScatterElements(NodeContext &node) {
  Shape into = getShape(node.in(0)), from = getShape(node.in(1));
  auto axis = node.normalizeAxis(node.getInt("axis", 0), into.size());
  auto indices = node.getConstantInts(1, "indices");
  if (failed(axis) || failed(indices) || failed(checkScatter(node)))
    return failure();
  bool fits = from == getShape(node.in(2)) && from.size() == into.size();
  for (size_t i = 0; fits && i < from.size(); ++i)
    fits = static_cast<int64_t>(i) == *axis || from[i] <= into[i];
  if (!fits)
    return node.error() << "cannot write updates of shape " << toString(getShape(node.in(2)))
                        << " at indices of shape " << toString(from) << " into " << toString(into);
  SmallVector<int64_t> strides = getStrides(into), steps = getStrides(from);
  SmallVector<int64_t> targets;
  for (auto [i, index] : llvm::enumerate(*indices)) {
    if (index < -into[*axis] || index >= into[*axis])
      return node.error() << "index " << index << " is outside dimension " << *axis << " of "
                          << toString(into);
    int64_t target = 0;
    for (size_t d = 0; d < from.size(); ++d) {
      int64_t at = static_cast<int64_t>(i) / steps[d] % from[d];
      if (static_cast<int64_t>(d) == *axis)
        at = index < 0 ? index + into[d] : index;
      target += at * strides[d];
    }
    targets.push_back(target);
  }
  return setScattered(node, targets);
}

static LogicalResult importScatterND(NodeContext &node) {
  Shape into = getShape(node.in(0)), tuples = getShape(node.in(1));
  auto indices = node.getConstantInts(1, "indices");
  if (failed(indices) || failed(checkScatter(node)))
    return failure();
  int64_t count = tuples.empty() ? 0 : tuples.back();
  bool fits = !tuples.empty() && count <= static_cast<int64_t>(into.size());
  SmallVector<int64_t> expected;
  if (fits) {
    expected.assign(tuples.begin(), tuples.end() - 1);
    llvm::append_range(expected, into.drop_front(count));
  }
  if (!fits || Shape(expected) != getShape(node.in(2)))
    return node.error() << "cannot write updates of shape " << toString(getShape(node.in(2)))
                        << " at index tuples of shape " << toString(tuples) << " into "
                        << toString(into);
  SmallVector<int64_t> strides = getStrides(into);
  int64_t block = 1; // elements of the slice that a tuple names
  for (int64_t extent : into.drop_front(count))
    block *= extent;
  SmallVector<int64_t> targets;
  for (size_t i = 0; count && i < indices->size(); i += count) {
    int64_t target = 0;
    for (int64_t d = 0; d < count; ++d) {
      int64_t index = (*indices)[i + d];
      if (index < -into[d] || index >= into[d])
        return node.error() << "index " << index << " is outside dimension " << d << " of "
                            << toString(into);
      target += (index < 0 ? index + into[d] : index) * strides[d];
    }
    for (int64_t k = 0; k < block; ++k)
      targets.push_back(target + k);
  }
  if (count == 0)
    return node.error() << "its index tuples are empty";
  return setScattered(node, targets);
}

ArrayRef<OperatorForm> dpc::import::getScatterOperators() {
  static const OperatorForm forms[] = {
      {"ScatterElements", 11, "TIT", importScatterElements},
      {"ScatterND", 11, "TIT", importScatterND},
  };
  return forms;
}
