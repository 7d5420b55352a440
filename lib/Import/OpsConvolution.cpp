// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Convolutions. What ONNX leaves to be worked out (padding by a rule, a kernel shape
// that repeats the weight's) is numbers from here on, and the bias is an addition.
#include "OperatorTable.h"

#include "dpc/Dialect/NN/Builders.h"

using namespace mlir;
using namespace dpc;
using namespace dpc::import;

namespace {

struct Window {
  SmallVector<int64_t> kernel, strides, dilations, low, high;

  /// Elements from the first to the last that the window reads.
  int64_t getSpan(unsigned i) const { return (kernel[i] - 1) * dilations[i] + 1; }
};

} // namespace

// Numbers of a window are below this, so that nothing computed of them overflows.
static constexpr int64_t kLargest = INT32_MAX;

// An attribute with a number for each of `count` dimensions, all 1 or all 0 where
// the node has none.
static FailureOr<SmallVector<int64_t>> getNumbers(NodeContext &node, StringRef name, size_t count,
                                                  int64_t least) {
  std::optional<SmallVector<int64_t>> numbers = node.getInts(name);
  if (!numbers)
    return SmallVector<int64_t>(count, least);
  bool valid = numbers->size() == count && llvm::all_of(*numbers, [&](int64_t number) {
                 return number >= least && number <= kLargest;
               });
  if (valid)
    return *numbers;
  InFlightDiagnostic error = node.error() << "its " << name << " [";
  llvm::interleaveComma(*numbers, error);
  error << "] must be " << count << " numbers from " << least << " to " << kLargest;
  return error;
}

// Padding by the rule `auto_pad`, or as the node says.
static LogicalResult readPadding(NodeContext &node, Shape spatial, Window &window) {
  size_t count = spatial.size();
  FailureOr<SmallVector<int64_t>> pads = getNumbers(node, "pads", 2 * count, 0);
  if (failed(pads))
    return failure();
  window.low.assign(pads->begin(), pads->begin() + count);
  window.high.assign(pads->begin() + count, pads->end());
  std::string rule = node.getString("auto_pad", "NOTSET");
  if (rule == "NOTSET")
    return success();
  if (llvm::any_of(*pads, [](int64_t pad) { return pad != 0; }))
    return node.error() << "has both pads and auto_pad " << rule;
  if (rule == "VALID")
    return success();
  if (rule != "SAME_UPPER" && rule != "SAME_LOWER")
    return node.error() << "its auto_pad '" << rule
                        << "' must be NOTSET, SAME_UPPER, SAME_LOWER or VALID";
  // As many places as strides fit into the operand; an odd element of padding goes
  // behind it, or before.
  for (size_t i = 0; i < count; ++i) {
    int64_t places = (spatial[i] + window.strides[i] - 1) / window.strides[i];
    int64_t padding =
        std::max<int64_t>((places - 1) * window.strides[i] + window.getSpan(i) - spatial[i], 0);
    int64_t less = padding / 2, more = padding - less;
    window.low[i] = rule == "SAME_UPPER" ? less : more;
    window.high[i] = padding - window.low[i];
  }
  return success();
}

static FailureOr<Window> readWindow(NodeContext &node) {
  Shape spatial = getShape(node.in(0)).drop_front(2), kernel = getShape(node.in(1)).drop_front(2);
  Window window;
  window.kernel.assign(kernel.begin(), kernel.end());
  if (std::optional<SmallVector<int64_t>> given = node.getInts("kernel_shape");
      given && Shape(*given) != kernel)
    return node.error() << "its kernel_shape " << toString(*given) << " is not that of its weight, "
                        << toString(kernel);
  FailureOr<SmallVector<int64_t>> strides = getNumbers(node, "strides", kernel.size(), 1);
  FailureOr<SmallVector<int64_t>> dilations = getNumbers(node, "dilations", kernel.size(), 1);
  if (failed(strides) || failed(dilations))
    return failure();
  window.strides = *strides;
  window.dilations = *dilations;
  for (size_t i = 0; i < kernel.size(); ++i)
    if (kernel[i] < 1 || kernel[i] > kLargest || window.getSpan(i) > kLargest)
      return node.error() << "cannot convolve with a kernel of " << toString(kernel);
  if (failed(readPadding(node, spatial, window)))
    return failure();
  return window;
}

// Elements of padding that a window could lie wholly in are made; `nn.conv` has
// less than a window of them on each side.
static FailureOr<Value> padBeyondWindow(NodeContext &node, Value x, Window &window) {
  SmallVector<int64_t> low(2, 0), high(2, 0), shape(getShape(x));
  bool any = false;
  for (size_t i = 0; i < window.kernel.size(); ++i) {
    int64_t most = window.getSpan(i) - 1;
    low.push_back(std::max<int64_t>(window.low[i] - most, 0));
    high.push_back(std::max<int64_t>(window.high[i] - most, 0));
    window.low[i] -= low.back();
    window.high[i] -= high.back();
    shape[i + 2] += low.back() + high.back();
    any |= low.back() || high.back();
  }
  if (!any)
    return x;
  if (failed(node.checkSize(shape)))
    return failure();
  TypedAttr zero = nn::getScalarAttr(getElementType(x), 0);
  return node.b.make<nn::PadOp>(getTensorType(x).clone(Shape(shape)), x, low, high,
                                SmallVector<int64_t>(shape.size(), 0), zero);
}

static LogicalResult checkOperands(NodeContext &node, int64_t groups) {
  Shape x = getShape(node.in(0)), w = getShape(node.in(1));
  if (x.size() < 3 || w.size() != x.size())
    return node.error() << "cannot convolve " << toString(x) << " with " << toString(w);
  if (x.size() > 4)
    return node.error() << "convolves over " << x.size() - 2
                        << " spatial dimensions; dpc computes convolutions over 1 and 2";
  if (failed(node.checkSameType(node.in(0), node.in(1))))
    return failure();
  if (groups < 1 || x[1] % groups != 0 || w[0] % groups != 0)
    return node.error() << "divides " << x[1] << " input and " << w[0] << " output channels into "
                        << groups << " groups";
  if (x[1] / groups != w[1])
    return node.error() << "has " << x[1] << " input channels in " << groups
                        << " groups, but a weight for " << w[1] << " channels of each";
  if (!node.has(2))
    return success();
  if (getShape(node.in(2)) != Shape(w[0]))
    return node.error() << "its bias " << toString(getShape(node.in(2))) << " does not fit " << w[0]
                        << " output channels";
  return node.checkSameType(node.in(0), node.in(2));
}

static LogicalResult importConv(NodeContext &node) {
  Emitter &b = node.b;
  int64_t groups = node.getInt("group", 1);
  if (failed(checkOperands(node, groups)))
    return failure();
  FailureOr<Window> window = readWindow(node);
  if (failed(window))
    return failure();
  SmallVector<int64_t> shape = {getShape(node.in(0))[0], getShape(node.in(1))[0]};
  for (auto [i, extent] : llvm::enumerate(getShape(node.in(0)).drop_front(2))) {
    int64_t room = extent + window->low[i] + window->high[i] - window->getSpan(i);
    if (room < 0)
      return node.error() << "slides a window of " << window->getSpan(i) << " elements over "
                          << extent << " with " << window->low[i] + window->high[i]
                          << " of padding";
    shape.push_back(room / window->strides[i] + 1);
  }
  if (failed(node.checkSize(shape)))
    return failure();
  FailureOr<Value> x = padBeyondWindow(node, node.in(0), *window);
  if (failed(x))
    return failure();
  Value result = b.make<nn::ConvOp>(*x, node.in(1), window->strides, window->dilations, window->low,
                                    window->high, groups);
  if (node.has(2))
    result = b.binary<nn::AddOp>(result, b.broadcast(node.in(2), shape, {1}));
  return node.set(0, result);
}

ArrayRef<OperatorForm> dpc::import::getConvolutionOperators() {
  static const OperatorForm forms[] = {
      {"Conv", 1, "FFf", importConv},
  };
  return forms;
}
