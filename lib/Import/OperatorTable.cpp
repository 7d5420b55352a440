// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "OperatorTable.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace dpc::import;

static const llvm::StringMap<SmallVector<const OperatorForm *>> &getTable() {
  static const auto *table = [] {
    auto *map = new llvm::StringMap<SmallVector<const OperatorForm *>>();
    for (auto family : {getElementwiseOperators(), getShapeOperators(), getJoinOperators(),
                        getReductionOperators(), getMatmulOperators(), getConvolutionOperators(),
                        getIndexingOperators(), getScatterOperators(), getNormalizationOperators(),
                        getLossOperators(), getControlOperators()})
      for (const OperatorForm &form : family)
        (*map)[form.name].push_back(&form);
    return map;
  }();
  return *table;
}

const OperatorForm *dpc::import::findOperator(const Node &node, std::string &reason) {
  reason.clear();
  if (!node.domain.empty())
    return nullptr;
  auto it = getTable().find(node.op);
  if (it == getTable().end())
    return nullptr;
  if (node.version == 0) {
    reason = "the model imports no standard operator set";
    return nullptr;
  }
  if (node.version > kNewestOpset) {
    reason = ("of operator set " + Twine(node.version) +
              ", newer than the newest that dpc knows, " + Twine(kNewestOpset))
                 .str();
    return nullptr;
  }
  if (node.version < kOldestOpset) {
    reason = ("of operator set " + Twine(node.version) +
              ", older than the oldest that dpc reads, " + Twine(kOldestOpset))
                 .str();
    return nullptr;
  }
  const OperatorForm *best = nullptr;
  int64_t first = INT64_MAX;
  for (const OperatorForm *form : it->second) {
    first = std::min(first, form->since);
    if (form->since <= node.version && (!best || form->since > best->since))
      best = form;
  }
  if (!best)
    reason = ("exists since operator set " + Twine(first) + ", but the model is of operator set " +
              Twine(node.version))
                 .str();
  return best;
}

// Whether the type is of the class that the letter stands for.
static bool matches(char letter, Value value) {
  Type type = getElementType(value);
  bool index = type.isSignlessInteger(64) || type.isSignlessInteger(32);
  switch (llvm::toUpper(letter)) {
  case 'F':
    return isa<FloatType>(type);
  case 'N':
    return isa<FloatType>(type) || index;
  case 'I':
    return index;
  case 'B':
    return type.isInteger(1);
  default:
    return true;
  }
}

static StringRef getClassName(char letter) {
  switch (llvm::toUpper(letter)) {
  case 'F':
    return "a floating type";
  case 'N':
    return "a floating type, int64 or int32";
  case 'I':
    return "int64 or int32";
  case 'B':
    return "boolean";
  default:
    return "a tensor";
  }
}

LogicalResult dpc::import::importNode(const OperatorForm &form, NodeContext &node) {
  StringRef letters = form.operands;
  bool variadic = letters.consume_back("*");
  size_t required = llvm::count_if(letters, llvm::isUpper);
  if (node.size() < required)
    return node.error() << "has " << node.size() << " operands, needs " << required;
  if (!variadic && node.size() > letters.size())
    return node.error() << "has " << node.size() << " operands, knows " << letters.size();
  const Node &proto = node.getNode();
  for (unsigned i = 0; i < node.size(); ++i) {
    char letter = i < letters.size() ? letters[i] : letters.back();
    if (letter == 'S') {
      if (!node.isSequence(i))
        return node.error() << "operand " << i << " must be a sequence";
      continue;
    }
    if (!node.has(i)) {
      if (node.isSequence(i))
        return node.error() << "operand '" << proto.inputs[i] << "' is a sequence, not a tensor";
      if (llvm::isUpper(letter))
        return node.error() << "operand " << i << " is missing";
      continue;
    }
    if (!matches(letter, node.in(i)))
      return node.error() << "operand '" << proto.inputs[i] << "' has element type "
                          << getElementType(node.in(i)) << "; it must be " << getClassName(letter);
  }
  if (failed(form.import(node)))
    return failure();
  if (node.hasBadAttribute())
    return failure();
  return success();
}
