// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Operators that join tensors or cut one into parts, and the sequences of tensors
// that go from one such operator to another.
#include "OperatorTable.h"

using namespace mlir;
using namespace dpc;
using namespace dpc::import;

static LogicalResult importConcat(NodeContext &node) {
  Shape first = getShape(node.in(0));
  if (!node.hasAttr("axis"))
    return node.error() << "has no axis";
  auto axis = node.normalizeAxis(node.getInt("axis", 0), first.size());
  if (failed(axis))
    return failure();
  SmallVector<int64_t> shape(first);
  shape[*axis] = 0;
  for (Value value : node.all()) {
    if (failed(node.checkSameType(node.in(0), value)))
      return failure();
    SmallVector<int64_t> other(getShape(value));
    if (other.size() == first.size()) {
      shape[*axis] += other[*axis];
      other[*axis] = first[*axis];
    }
    if (Shape(other) != first)
      return node.error() << "shapes " << toString(first) << " and " << toString(getShape(value))
                          << " cannot be joined along axis " << *axis;
  }
  if (failed(node.checkSize(shape)))
    return failure();
  return node.set(0, node.b.concat(node.all(), *axis));
}

// Cuts operand 0 along an axis into parts of these lengths.
static FailureOr<SmallVector<Value>> split(NodeContext &node, int64_t axis,
                                           ArrayRef<int64_t> parts) {
  Value x = node.in(0);
  int64_t start = 0, extent = getShape(x)[axis];
  SmallVector<Value> values;
  for (int64_t part : parts) {
    if (part < 0 || part > extent - start)
      return node.error() << "cannot cut dimension " << axis << " of " << toString(getShape(x))
                          << " into parts " << toString(parts);
    values.push_back(node.b.slice(x, axis, start, start + part));
    start += part;
  }
  if (start != extent)
    return node.error() << "parts " << toString(parts) << " do not add up to " << extent;
  return values;
}

enum class SplitForm { Attribute, Operand, Count };

template <SplitForm form> static LogicalResult importSplit(NodeContext &node) {
  auto axis = node.normalizeAxis(node.getInt("axis", 0), getRank(node.in(0)));
  if (failed(axis))
    return failure();
  int64_t extent = getShape(node.in(0))[*axis];
  int64_t count = node.getNode().outputs.size();
  SmallVector<int64_t> parts;
  if (form == SplitForm::Attribute && node.hasAttr("split")) {
    if (auto given = node.getInts("split"))
      parts = *given;
  } else if (form != SplitForm::Attribute && node.has(1)) {
    auto given = node.getConstantInts(1, "split");
    if (failed(given))
      return failure();
    parts = *given;
  } else {
    if (form == SplitForm::Count && node.getInt("num_outputs", count) != count)
      return node.error() << "has " << count << " results, its num_outputs is "
                          << node.getInt("num_outputs", count);
    if (count <= 0 || (form != SplitForm::Count && extent % count))
      return node.error() << "cannot cut " << extent << " into " << count << " equal parts";
    // Equal parts; the last one may be smaller.
    int64_t part = (extent + count - 1) / count;
    for (int64_t i = 0; i < count; ++i)
      parts.push_back(std::clamp<int64_t>(extent - i * part, 0, part));
  }
  auto values = split(node, *axis, parts);
  if (failed(values))
    return failure();
  if (values->size() < node.getNode().outputs.size())
    return node.error() << "has " << node.getNode().outputs.size() << " results for "
                        << values->size() << " parts";
  for (auto [i, value] : llvm::enumerate(*values))
    (void)node.set(i, value);
  return success();
}

// A sequence is of so many parts at most: each is a tensor of its own.
constexpr int64_t kMostParts = 1 << 16;

static LogicalResult importSplitToSequence(NodeContext &node) {
  auto axis = node.normalizeAxis(node.getInt("axis", 0), getRank(node.in(0)));
  if (failed(axis))
    return failure();
  int64_t extent = getShape(node.in(0))[*axis];
  SmallVector<int64_t> parts;
  bool single = !node.has(1);
  auto checkCount = [&](int64_t count) -> LogicalResult {
    if (count <= kMostParts)
      return success();
    return node.error() << "cuts dimension " << *axis << " of " << toString(getShape(node.in(0)))
                        << " into " << count << " parts; dpc makes sequences of at most "
                        << kMostParts;
  };
  if (single) {
    if (failed(checkCount(extent)))
      return failure();
    parts.assign(extent, 1);
  } else {
    auto given = node.getConstantInts(1, "split");
    if (failed(given))
      return failure();
    parts = *given;
    if (getRank(node.in(1)) == 0) {
      int64_t part = parts.front();
      if (part <= 0)
        return node.error() << "cannot cut into parts of " << part;
      if (failed(checkCount((extent - 1) / part + 1)))
        return failure();
      parts.clear();
      for (int64_t start = 0; start < extent; start += part)
        parts.push_back(std::min(part, extent - start));
    }
  }
  auto values = split(node, *axis, parts);
  if (failed(values))
    return failure();
  if (single && !node.getInt("keepdims", 1))
    for (Value &value : *values) {
      SmallVector<int64_t> shape(getShape(value));
      shape.erase(shape.begin() + *axis);
      value = node.b.reshape(value, shape);
    }
  return node.setSequence(0, *values);
}

static LogicalResult importSequenceAt(NodeContext &node) {
  auto index = node.getConstantInts(1, "position");
  if (failed(index))
    return failure();
  int64_t size = node.sequence(0).size();
  if (index->size() != 1 || index->front() < -size || index->front() >= size)
    return node.error() << "position is outside a sequence of " << size;
  int64_t at = index->front();
  return node.set(0, node.sequence(0)[at < 0 ? at + size : at]);
}

static LogicalResult importSequenceConstruct(NodeContext &node) {
  return node.setSequence(0, node.all());
}

static LogicalResult importConcatFromSequence(NodeContext &node) {
  ArrayRef<Value> values = node.sequence(0);
  if (values.empty())
    return node.error() << "joins an empty sequence";
  bool newAxis = node.getInt("new_axis", 0);
  int64_t rank = getRank(values.front());
  auto axis = node.normalizeAxis(node.getInt("axis", 0), rank + newAxis);
  if (failed(axis))
    return failure();
  SmallVector<Value> parts;
  for (Value value : values) {
    SmallVector<int64_t> shape(getShape(value)), first(getShape(values.front()));
    if (failed(node.checkSameType(values.front(), value)))
      return failure();
    if (!newAxis && shape.size() == first.size())
      first[*axis] = shape[*axis];
    if (shape != first)
      return node.error() << "joins tensors of unequal shapes";
    if (newAxis)
      shape.insert(shape.begin() + *axis, 1);
    parts.push_back(node.b.reshape(value, shape));
  }
  return node.set(0, node.b.concat(parts, *axis));
}

ArrayRef<OperatorForm> dpc::import::getJoinOperators() {
  static const OperatorForm forms[] = {
      {"Concat", 4, "T*", importConcat},
      {"ConcatFromSequence", 11, "S", importConcatFromSequence},
      {"SequenceAt", 11, "SI", importSequenceAt},
      {"SequenceConstruct", 11, "T*", importSequenceConstruct},
      {"Split", 2, "T", importSplit<SplitForm::Attribute>},
      {"Split", 13, "Ti", importSplit<SplitForm::Operand>},
      {"Split", 18, "Ti", importSplit<SplitForm::Count>},
      {"SplitToSequence", 11, "Ti", importSplitToSequence},
  };
  return forms;
}
