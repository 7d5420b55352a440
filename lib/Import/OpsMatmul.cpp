// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Products: MatMul, Gemm, Einsum.
#include "OperatorTable.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace dpc;
using namespace dpc::import;

static LogicalResult importMatMul(NodeContext &node) {
  Value x = node.in(0), y = node.in(1);
  if (failed(node.checkSameType(x, y)))
    return failure();
  Shape xs = getShape(x), ys = getShape(y);
  auto refuse = [&] {
    return node.error() << "cannot multiply " << toString(xs) << " by " << toString(ys);
  };
  if (xs.empty() || ys.empty())
    return refuse();
  int64_t k = ys.size() == 1 ? ys[0] : ys[ys.size() - 2];
  if (xs.back() != k)
    return refuse();
  SmallVector<int64_t> shape;
  if (xs.size() > 2 || ys.size() > 2) {
    auto batch = broadcastShapes(xs.drop_back(std::min<size_t>(2, xs.size())),
                                 ys.drop_back(std::min<size_t>(2, ys.size())));
    if (!batch)
      return refuse();
    shape = *batch;
  }
  shape.push_back(xs.size() == 1 ? 1 : xs[xs.size() - 2]);
  shape.push_back(ys.size() == 1 ? 1 : ys.back());
  if (failed(node.checkSize(shape)))
    return failure();
  return node.set(0, node.b.matmul(x, y));
}

static LogicalResult importGemm(NodeContext &node) {
  Emitter &b = node.b;
  Value x = node.in(0), y = node.in(1);
  if (getRank(x) != 2 || getRank(y) != 2)
    return node.error() << "needs matrices, got " << toString(getShape(x)) << " and "
                        << toString(getShape(y));
  if (failed(node.checkSameType(x, y)))
    return failure();
  if (node.getInt("transA", 0))
    x = b.transpose(x, {1, 0});
  if (node.getInt("transB", 0))
    y = b.transpose(y, {1, 0});
  if (getShape(x)[1] != getShape(y)[0])
    return node.error() << "cannot multiply " << toString(getShape(x)) << " by "
                        << toString(getShape(y));
  SmallVector<int64_t> shape = {getShape(x)[0], getShape(y)[1]};
  if (failed(node.checkSize(shape)))
    return failure();
  Value result = b.matmul(x, y);
  double alpha = node.getFloat("alpha", 1), beta = node.getFloat("beta", 1);
  if (alpha != 1)
    result = b.binary<nn::MulOp>(result, alpha);
  if (node.has(2) && beta != 0) {
    Value c = node.in(2);
    auto common = broadcastShapes(getShape(c), shape);
    if (!common || *common != shape)
      return node.error() << "cannot add " << toString(getShape(c)) << " to " << toString(shape);
    if (failed(node.checkSameType(result, c)))
      return failure();
    if (beta != 1)
      c = b.binary<nn::MulOp>(c, beta);
    result = b.binary<nn::AddOp>(result, c);
  }
  return node.set(0, result);
}

namespace {

// A tensor with a letter per dimension.
struct Term {
  Value value;
  std::string letters;
};

} // namespace

// Sums over the dimensions whose letter is not in `keep`.
static void sumUnused(Emitter &b, Term &term, StringRef keep) {
  SmallVector<int64_t> axes;
  std::string left;
  for (auto [i, letter] : llvm::enumerate(term.letters))
    if (keep.contains(letter))
      left += letter;
    else
      axes.push_back(i);
  term = {b.reduceSum(term.value, axes, /*keep=*/false), left};
}

// Dimensions in the order of `letters`, all of which the term has.
static Value arrange(Emitter &b, const Term &term, StringRef letters) {
  SmallVector<int64_t> perm;
  for (char letter : letters)
    perm.push_back(term.letters.find(letter));
  return b.transpose(term.value, perm);
}

// Two terms to one: batch letters are in both and kept, the contracted ones in
// both and not kept, the others free: a batched matrix product.
static FailureOr<Term> contract(NodeContext &node, Term x, Term y, StringRef keep) {
  Emitter &b = node.b;
  sumUnused(b, x, (keep + y.letters).str());
  sumUnused(b, y, (keep + x.letters).str());
  std::string batch, rows, columns, inner;
  for (char letter : x.letters) {
    bool shared = StringRef(y.letters).contains(letter);
    (shared ? keep.contains(letter) ? batch : inner : rows) += letter;
  }
  for (char letter : y.letters)
    if (!StringRef(x.letters).contains(letter))
      columns += letter;
  llvm::SmallDenseMap<char, int64_t> extents;
  for (const Term *term : {&x, &y})
    for (auto [i, letter] : llvm::enumerate(term->letters))
      extents[letter] = getShape(term->value)[i];
  auto count = [&](StringRef letters) {
    int64_t product = 1;
    for (char letter : letters)
      product *= extents[letter];
    return product;
  };
  std::string letters = batch + rows + columns;
  SmallVector<int64_t> shape;
  for (char letter : letters)
    shape.push_back(extents[letter]);
  if (failed(node.checkSize(shape)))
    return failure();
  if (inner.empty()) {
    // Nothing is summed: a product of elements.
    auto spread = [&](const Term &term) {
      SmallVector<int64_t> dims;
      std::string own;
      for (auto [i, letter] : llvm::enumerate(letters))
        if (StringRef(term.letters).contains(letter)) {
          own += letter;
          dims.push_back(i);
        }
      return b.broadcast(arrange(b, term, own), shape, dims);
    };
    return Term{b.binary<nn::MulOp>(spread(x), spread(y)), letters};
  }
  SmallVector<int64_t> batchShape;
  for (char letter : batch)
    batchShape.push_back(extents[letter]);
  SmallVector<int64_t> left(batchShape), right(batchShape);
  left.append({count(rows), count(inner)});
  right.append({count(inner), count(columns)});
  Value product = b.matmul(b.reshape(arrange(b, x, batch + rows + inner), left),
                           b.reshape(arrange(b, y, batch + inner + columns), right));
  return Term{b.reshape(product, shape), letters};
}

// A letter twice in one term is its diagonal.
static LogicalResult takeDiagonals(NodeContext &node, Term &term) {
  for (size_t i = 0; i < term.letters.size(); ++i)
    if (term.letters.find(term.letters[i], i + 1) != std::string::npos)
      return node.error() << "takes a diagonal (letter '" << term.letters[i] << "' twice in '"
                          << term.letters << "'), which dpc does not compute";
  return success();
}

static LogicalResult importEinsum(NodeContext &node) {
  Emitter &b = node.b;
  std::string equation = node.getString("equation", "");
  llvm::erase(equation, ' ');
  auto malformed = [&](const Twine &why) {
    return node.error() << "equation '" << equation << "' " << why;
  };
  size_t arrow = equation.find("->");
  SmallVector<StringRef> inputs;
  StringRef(equation).substr(0, arrow).split(inputs, ',');
  if (inputs.size() != node.size())
    return malformed("has " + Twine(inputs.size()) + " terms for " + Twine(node.size()) +
                     " operands");
  // The dimensions under `...` get letters of their own, from the end.
  auto expand = [&](StringRef letters, int64_t hidden) -> std::string {
    size_t dots = letters.find("...");
    if (dots == StringRef::npos)
      return letters.str();
    std::string middle;
    for (int64_t i = hidden; i > 0; --i)
      middle += static_cast<char>('0' + i);
    return (letters.take_front(dots) + middle + letters.drop_front(dots + 3)).str();
  };
  SmallVector<Term> terms;
  llvm::SmallDenseMap<char, int64_t> extents;
  int64_t most = 0;
  for (auto [i, input] : llvm::enumerate(inputs)) {
    Value x = node.in(i);
    if (failed(node.checkSameType(node.in(0), x)))
      return failure();
    int64_t named = input.size() - (input.contains("...") ? 3 : 0);
    int64_t hidden = getRank(x) - named;
    if (hidden < 0 || hidden > 9 || (hidden && !input.contains("...")))
      return malformed("gives '" + input + "' for " + toString(getShape(x)));
    most = std::max(most, hidden);
    Term term{x, expand(input, hidden)};
    for (char letter : term.letters)
      if (!llvm::isAlnum(letter))
        return malformed("contains '" + Twine(letter) + "'");
    if (failed(takeDiagonals(node, term)))
      return failure();
    for (auto [k, letter] : llvm::enumerate(term.letters)) {
      int64_t extent = getShape(x)[k];
      auto [it, fresh] = extents.try_emplace(letter, extent);
      if (!fresh && it->second != extent)
        return malformed("gives '" + Twine(letter) + "' the extents " + Twine(it->second) +
                         " and " + Twine(extent));
    }
    terms.push_back(term);
  }
  std::string result;
  if (arrow != std::string::npos) {
    result = expand(StringRef(equation).substr(arrow + 2), most);
  } else {
    // Implicit form: hidden dimensions, then the letters that occur once.
    std::string all;
    for (const Term &term : terms)
      all += term.letters;
    for (int64_t i = most; i > 0; --i)
      result += static_cast<char>('0' + i);
    std::string sorted(all);
    llvm::sort(sorted);
    for (char letter : sorted)
      if (llvm::isAlpha(letter) && llvm::count(all, letter) == 1)
        result += letter;
  }
  for (auto [i, letter] : llvm::enumerate(result))
    if (!extents.count(letter) || result.find(letter, i + 1) != result.npos)
      return malformed("gives '" + Twine(letter) +
                       "' in the result, but not exactly once, or in no term");
  while (terms.size() > 1) {
    Term y = terms[1], x = terms[0];
    terms.erase(terms.begin());
    std::string keep = result;
    for (const Term &term : ArrayRef(terms).drop_front())
      keep += term.letters;
    FailureOr<Term> joined = contract(node, x, y, keep);
    if (failed(joined))
      return failure();
    terms.front() = *joined;
  }
  sumUnused(b, terms.front(), result);
  return node.set(0, arrange(b, terms.front(), result));
}

ArrayRef<OperatorForm> dpc::import::getMatmulOperators() {
  static const OperatorForm forms[] = {
      {"Einsum", 12, "F*", importEinsum},
      {"Gemm", 7, "FFf", importGemm},
      {"MatMul", 1, "FF", importMatMul},
  };
  return forms;
}
