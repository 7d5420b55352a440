// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Every operation in every element type: its kernel agrees with the interpreter, or it
// is refused before anything is compiled; it never computes something else. Shapes and
// values are drawn from a fixed seed.
#include "KernelRunner.h"
#include "dpc/Codegen/Lowering.h"
#include "dpc/Dialect/DualPipe/DualPipe.h"
#include "dpc/Reference/Reference.h"

#include "mlir/Parser/Parser.h"
#include "llvm/ADT/StringExtras.h"

#include <gtest/gtest.h>
#include <random>
#include <set>

using namespace mlir;

namespace dpc::codegen::test {
namespace {

using reference::Tensor;

/// An operation as the body of a function. `T` is the type, A and B are extents. What an
/// argument holds its name says: %i is an index below A, %j one below B, %p is positive,
/// %d is not 0, %c is a boolean; anything else is any number.
struct Case {
  const char *operation; // of nn
  const char *arguments, *results, *body;
};

// clang-format off: a line each.
const Case kCases[] = {
    {"neg", "%x: tensor<AxBxT>", "tensor<AxBxT>", "%r = nn.neg %x : tensor<AxBxT>"},
    {"abs", "%x: tensor<AxBxT>", "tensor<AxBxT>", "%r = nn.abs %x : tensor<AxBxT>"},
    {"sign", "%x: tensor<AxBxT>", "tensor<AxBxT>", "%r = nn.sign %x : tensor<AxBxT>"},
    {"floor", "%x: tensor<AxBxT>", "tensor<AxBxT>", "%r = nn.floor %x : tensor<AxBxT>"},
    {"ceil", "%x: tensor<AxBxT>", "tensor<AxBxT>", "%r = nn.ceil %x : tensor<AxBxT>"},
    {"exp", "%x: tensor<AxBxT>", "tensor<AxBxT>", "%r = nn.exp %x : tensor<AxBxT>"},
    {"log", "%p: tensor<AxBxT>", "tensor<AxBxT>", "%r = nn.log %p : tensor<AxBxT>"},
    {"sqrt", "%p: tensor<AxBxT>", "tensor<AxBxT>", "%r = nn.sqrt %p : tensor<AxBxT>"},
    {"reciprocal", "%d: tensor<AxBxT>", "tensor<AxBxT>", "%r = nn.reciprocal %d : tensor<AxBxT>"},
    {"tanh", "%x: tensor<AxBxT>", "tensor<AxBxT>", "%r = nn.tanh %x : tensor<AxBxT>"},
    {"erf", "%x: tensor<AxBxT>", "tensor<AxBxT>", "%r = nn.erf %x : tensor<AxBxT>"},
    {"sigmoid", "%x: tensor<AxBxT>", "tensor<AxBxT>", "%r = nn.sigmoid %x : tensor<AxBxT>"},
    {"relu", "%x: tensor<AxBxT>", "tensor<AxBxT>", "%r = nn.relu %x : tensor<AxBxT>"},
    {"sin", "%x: tensor<AxBxT>", "tensor<AxBxT>", "%r = nn.sin %x : tensor<AxBxT>"},
    {"cos", "%x: tensor<AxBxT>", "tensor<AxBxT>", "%r = nn.cos %x : tensor<AxBxT>"},
    {"not", "%c: tensor<AxBxT>", "tensor<AxBxT>", "%r = nn.not %c : tensor<AxBxT>"},
    {"add", "%x: tensor<AxBxT>, %y: tensor<AxBxT>", "tensor<AxBxT>", "%r = nn.add %x, %y : tensor<AxBxT>"},
    {"sub", "%x: tensor<AxBxT>, %y: tensor<AxBxT>", "tensor<AxBxT>", "%r = nn.sub %x, %y : tensor<AxBxT>"},
    {"mul", "%x: tensor<AxBxT>, %y: tensor<AxBxT>", "tensor<AxBxT>", "%r = nn.mul %x, %y : tensor<AxBxT>"},
    {"div", "%x: tensor<AxBxT>, %d: tensor<AxBxT>", "tensor<AxBxT>", "%r = nn.div %x, %d : tensor<AxBxT>"},
    {"pow", "%p: tensor<AxBxT>, %y: tensor<AxBxT>", "tensor<AxBxT>", "%r = nn.pow %p, %y : tensor<AxBxT>"},
    {"max", "%x: tensor<AxBxT>, %y: tensor<AxBxT>", "tensor<AxBxT>", "%r = nn.max %x, %y : tensor<AxBxT>"},
    {"min", "%x: tensor<AxBxT>, %y: tensor<AxBxT>", "tensor<AxBxT>", "%r = nn.min %x, %y : tensor<AxBxT>"},
    {"and", "%c: tensor<AxBxT>, %c2: tensor<AxBxT>", "tensor<AxBxT>", "%r = nn.and %c, %c2 : tensor<AxBxT>"},
    {"or", "%c: tensor<AxBxT>, %c2: tensor<AxBxT>", "tensor<AxBxT>", "%r = nn.or %c, %c2 : tensor<AxBxT>"},
    {"xor", "%c: tensor<AxBxT>, %c2: tensor<AxBxT>", "tensor<AxBxT>", "%r = nn.xor %c, %c2 : tensor<AxBxT>"},
    {"compare", "%x: tensor<AxBxT>, %y: tensor<AxBxT>", "tensor<AxBxi1>", "%r = nn.compare lt, %x, %y : tensor<AxBxT>"},
    {"compare", "%x: tensor<AxBxT>, %y: tensor<AxBxT>", "tensor<AxBxi1>", "%r = nn.compare ne, %x, %y : tensor<AxBxT>"},
    {"is_nan", "%x: tensor<AxBxT>", "tensor<AxBxi1>", "%r = nn.is_nan %x : tensor<AxBxT>"},
    {"select", "%c: tensor<AxBxi1>, %x: tensor<AxBxT>, %y: tensor<AxBxT>", "tensor<AxBxT>", "%r = nn.select %c, %x, %y : tensor<AxBxT>"},
    {"cast", "%x: tensor<AxBxT>", "tensor<AxBxf32>", "%r = nn.cast %x : tensor<AxBxT> to tensor<AxBxf32>"},
    {"cast", "%x: tensor<AxBxT>", "tensor<AxBxf64>", "%r = nn.cast %x : tensor<AxBxT> to tensor<AxBxf64>"},
    {"cast", "%x: tensor<AxBxT>", "tensor<AxBxbf16>", "%r = nn.cast %x : tensor<AxBxT> to tensor<AxBxbf16>"},
    {"cast", "%x: tensor<AxBxT>", "tensor<AxBxf16>", "%r = nn.cast %x : tensor<AxBxT> to tensor<AxBxf16>"},
    {"cast", "%x: tensor<AxBxT>", "tensor<AxBxi64>", "%r = nn.cast %x : tensor<AxBxT> to tensor<AxBxi64>"},
    {"cast", "%x: tensor<AxBxT>", "tensor<AxBxi32>", "%r = nn.cast %x : tensor<AxBxT> to tensor<AxBxi32>"},
    {"cast", "%x: tensor<AxBxT>", "tensor<AxBxi1>", "%r = nn.cast %x : tensor<AxBxT> to tensor<AxBxi1>"},
    {"cast", "%p: tensor<AxBxT>", "tensor<AxBxi16>", "%r = nn.cast %p : tensor<AxBxT> to tensor<AxBxi16>"},
    {"cast", "%p: tensor<AxBxT>", "tensor<AxBxui16>", "%r = nn.cast %p : tensor<AxBxT> to tensor<AxBxui16>"},
    {"cast", "%p: tensor<AxBxT>", "tensor<AxBxi8>", "%r = nn.cast %p : tensor<AxBxT> to tensor<AxBxi8>"},
    {"cast", "%p: tensor<AxBxT>", "tensor<AxBxui8>", "%r = nn.cast %p : tensor<AxBxT> to tensor<AxBxui8>"},
    {"cast", "%c: tensor<AxBxi1>", "tensor<AxBxT>", "%r = nn.cast %c : tensor<AxBxi1> to tensor<AxBxT>"},
    {"iota", "", "tensor<AxBxT>", "%r = nn.iota 1 : tensor<AxBxT>"},
    {"constant", "%x: tensor<AxBxT>", "tensor<AxBxT>", "%k = nn.cast %x : tensor<AxBxT> to tensor<AxBxT>\n %r = nn.reshape %k : tensor<AxBxT> to tensor<AxBxT>"},
    {"broadcast", "%x: tensor<BxT>", "tensor<AxBxT>", "%r = nn.broadcast %x dims [1] : tensor<BxT> to tensor<AxBxT>"},
    {"reshape", "%x: tensor<AxBxT>", "tensor<BxAxT>", "%r = nn.reshape %x : tensor<AxBxT> to tensor<BxAxT>"},
    {"transpose", "%x: tensor<AxBxT>", "tensor<BxAxT>", "%r = nn.transpose %x [1, 0] : tensor<AxBxT> to tensor<BxAxT>"},
    {"slice", "%x: tensor<AxBxT>", "tensor<1xBxT>", "%r = nn.slice %x [0, 0] to [1, B] step [1, 1] : tensor<AxBxT> to tensor<1xBxT>"},
    {"pad", "%x: tensor<BxT>", "tensor<?xT>", "%r = nn.pad %x low [1] high [2] interior [0] with Z : T : tensor<BxT> to tensor<?xT>"},
    {"concat", "%x: tensor<AxBxT>, %y: tensor<1xBxT>", "tensor<?xBxT>", "%r = nn.concat 0, %x, %y : tensor<AxBxT>, tensor<1xBxT> to tensor<?xBxT>"},
    {"reduce_sum", "%x: tensor<AxBxT>", "tensor<AxT>", "%r = nn.reduce_sum %x [1] : tensor<AxBxT> to tensor<AxT>"},
    {"reduce_sum", "%x: tensor<AxBxT>", "tensor<BxT>", "%r = nn.reduce_sum %x [0] : tensor<AxBxT> to tensor<BxT>"},
    {"reduce_max", "%x: tensor<AxBxT>", "tensor<AxT>", "%r = nn.reduce_max %x [1] : tensor<AxBxT> to tensor<AxT>"},
    {"reduce_max", "%x: tensor<AxBxT>", "tensor<BxT>", "%r = nn.reduce_max %x [0] : tensor<AxBxT> to tensor<BxT>"},
    {"cumsum", "%x: tensor<AxBxT>", "tensor<AxBxT>", "%r = nn.cumsum %x, 1 : tensor<AxBxT>"},
    {"softmax", "%x: tensor<AxBxT>", "tensor<AxBxT>", "%r = nn.softmax %x : tensor<AxBxT>"},
    {"softmax_grad", "%x: tensor<AxBxT>, %y: tensor<AxBxT>", "tensor<AxBxT>", "%r = nn.softmax_grad %x, %y : tensor<AxBxT>"},
    {"log_softmax", "%x: tensor<AxBxT>", "tensor<AxBxT>", "%r = nn.log_softmax %x : tensor<AxBxT>"},
    {"log_softmax_grad", "%x: tensor<AxBxT>, %y: tensor<AxBxT>", "tensor<AxBxT>", "%r = nn.log_softmax_grad %x, %y : tensor<AxBxT>"},
    {"layer_norm", "%x: tensor<AxBxT>, %s: tensor<BxT>, %b: tensor<BxT>", "tensor<AxBxT>, tensor<AxS>, tensor<AxS>", "%r, %m, %v = nn.layer_norm %x, %s, %b epsilon 1.0e-03 : tensor<AxBxT>, tensor<BxT>, tensor<BxT>"},
    {"layer_norm", "%x: tensor<AxBxT>, %s: tensor<BxS>", "tensor<AxBxT>, tensor<AxS>, tensor<AxS>", "%r, %m, %v = nn.layer_norm %x, %s epsilon 1.0e-03 : tensor<AxBxT>, tensor<BxS>"},
    {"layer_norm_dx", "%g: tensor<AxBxT>, %x: tensor<AxBxT>, %s: tensor<BxT>, %m: tensor<AxS>, %p: tensor<AxS>", "tensor<AxBxT>", "%r = nn.layer_norm_dx %g, %x, %s, %m, %p : tensor<AxBxT>, tensor<BxT>, tensor<AxS>"},
    {"layer_norm_dscale", "%g: tensor<AxBxT>, %x: tensor<AxBxT>, %m: tensor<AxS>, %p: tensor<AxS>", "tensor<BxT>", "%r = nn.layer_norm_dscale %g, %x, %m, %p : tensor<AxBxT>, tensor<AxS> to tensor<BxT>"},
    {"cross_entropy", "%x: tensor<AxBxT>, %j: tensor<Axi64>", "tensor<AxS>, tensor<AxS>", "%r, %l = nn.cross_entropy %x, %j ignore 0 : tensor<AxBxT>, tensor<Axi64>"},
    {"cross_entropy_grad", "%g: tensor<AxS>, %x: tensor<AxBxT>, %j: tensor<Axi64>, %l: tensor<AxS>", "tensor<AxBxT>", "%r = nn.cross_entropy_grad %g, %x, %j, %l : tensor<AxS>, tensor<AxBxT>, tensor<Axi64>"},
    {"weighted_mean", "%x: tensor<BxT>, %p: tensor<BxT>", "tensor<T>, tensor<T>", "%r, %l = nn.weighted_mean %x, %p : tensor<BxT>"},
    {"weighted_mean_grad", "%g: tensor<T>, %x: tensor<BxT>, %p: tensor<T>", "tensor<BxT>", "%r = nn.weighted_mean_grad %g, %x, %p : tensor<T>, tensor<BxT>"},
    {"gather", "%x: tensor<AxBxT>, %i: tensor<7xi64>", "tensor<7xBxT>", "%r = nn.gather %x, %i axis 0 : tensor<AxBxT>, tensor<7xi64> to tensor<7xBxT>"},
    {"scatter_add", "%i: tensor<7xi64>, %x: tensor<7xBxT>", "tensor<AxBxT>", "%r = nn.scatter_add %i, %x axis 0 : tensor<7xi64>, tensor<7xBxT> to tensor<AxBxT>"},
    {"gather_nd", "%x: tensor<AxBxT>, %i: tensor<7x1xi64>", "tensor<7xBxT>", "%r = nn.gather_nd %x, %i : tensor<AxBxT>, tensor<7x1xi64> to tensor<7xBxT>"},
    {"scatter_nd_add", "%i: tensor<7x1xi64>, %x: tensor<7xBxT>", "tensor<AxBxT>", "%r = nn.scatter_nd_add %i, %x : tensor<7x1xi64>, tensor<7xBxT> to tensor<AxBxT>"},
    {"gather_elements", "%x: tensor<AxBxT>, %j: tensor<Ax3xi64>", "tensor<Ax3xT>", "%r = nn.gather_elements %x, %j axis 1 : tensor<AxBxT>, tensor<Ax3xi64> to tensor<Ax3xT>"},
    {"scatter_elements_add", "%j: tensor<Ax3xi64>, %x: tensor<Ax3xT>", "tensor<AxBxT>", "%r = nn.scatter_elements_add %j, %x axis 1 : tensor<Ax3xi64>, tensor<Ax3xT> to tensor<AxBxT>"},
    {"top_k", "%x: tensor<AxBxT>", "tensor<Ax1xT>, tensor<Ax1xi64>", "%r, %l = nn.top_k %x, 1 : tensor<AxBxT> to tensor<Ax1xT>, tensor<Ax1xi64>"},
    // In a program only of f64: the others are library calls.
    {"conv", "%x: tensor<2x2xBxT>, %w: tensor<Ax2x1xT>", "tensor<2xAxBxT>", "%r = nn.conv %x, %w strides [1] dilations [1] low [0] high [0] groups 1 : tensor<2x2xBxT>, tensor<Ax2x1xT> to tensor<2xAxBxT>"},
    {"conv_input_grad", "%g: tensor<2xAxBxT>, %w: tensor<Ax2x1xT>", "tensor<2x2xBxT>", "%r = nn.conv_input_grad %g, %w strides [1] dilations [1] low [0] high [0] groups 1 : tensor<2xAxBxT>, tensor<Ax2x1xT> to tensor<2x2xBxT>"},
    {"conv_weight_grad", "%x: tensor<2x2xBxT>, %g: tensor<2xAxBxT>", "tensor<Ax2x1xT>", "%r = nn.conv_weight_grad %x, %g strides [1] dilations [1] low [0] high [0] groups 1 : tensor<2x2xBxT>, tensor<2xAxBxT> to tensor<Ax2x1xT>"},
    {"matmul", "%x: tensor<AxBxT>, %y: tensor<Bx5xT>", "tensor<Ax5xT>", "%r = nn.matmul %x, %y : tensor<AxBxT>, tensor<Bx5xT> to tensor<Ax5xT>"},
};
// clang-format on

const char *const kTypes[] = {"f32", "f64",  "bf16", "f16", "i64", "i32",
                              "i16", "ui16", "i8",   "ui8", "i1"};
const std::set<std::string> kFloats = {"f32", "f64", "bf16", "f16"};

/// A case in one type and of drawn extents.
struct Instance {
  const Case *operation;
  std::string type, symbol, text;
  int64_t a, b;
};

// Upper-case words of one letter stand for something, where no letter or digit precedes.
std::string fill(const std::string &text, const Instance &instance) {
  std::string filled;
  bool isFloat = kFloats.count(instance.type);
  for (size_t i = 0; i < text.size(); ++i) {
    bool begins = i == 0 || !(llvm::isAlpha(text[i - 1]) && text[i - 1] != 'x');
    bool ends = i + 1 == text.size() || !(llvm::isAlpha(text[i + 1]) && text[i + 1] != 'x');
    bool isWord = begins && ends;
    if (isWord && text[i] == 'A')
      filled += std::to_string(instance.a);
    else if (isWord && text[i] == 'B')
      filled += std::to_string(instance.b);
    else if (isWord && text[i] == 'T')
      filled += instance.type;
    else if (isWord && text[i] == 'S') // of statistics
      filled += instance.type == "f64" ? "f64" : "f32";
    else if (isWord && text[i] == 'Z')
      filled += isFloat ? "1.5" : "1";
    else
      filled += text[i];
  }
  // The one extent that is more than a letter: B + 3 of a pad, A + 1 of a join.
  if (size_t at = filled.find('?'); at != std::string::npos) {
    bool isPad = std::string(instance.operation->operation) == "pad";
    std::string extent = std::to_string(isPad ? instance.b + 3 : instance.a + 1);
    for (; at != std::string::npos; at = filled.find('?'))
      filled.replace(at, 1, extent);
  }
  return filled;
}

std::vector<Instance> drawInstances() {
  std::mt19937 random(20);
  std::vector<Instance> instances;
  for (const char *type : kTypes)
    for (const Case &operation : kCases)
      for (int draw = 0; draw < 2; ++draw) {
        Instance instance{&operation,
                          type,
                          "",
                          "",
                          1 + int64_t(random() % 9),
                          1 + int64_t(random() % (draw ? 90 : 9))};
        instance.symbol = "k_" + std::to_string(instances.size());
        std::string results = fill(operation.results, instance);
        int count = 1 + std::count(results.begin(), results.end(), ',');
        std::string body = fill(operation.body, instance);
        std::string names = body.substr(body.rfind('\n') + 1);
        names = names.substr(names.find('%'), names.find(" = ") - names.find('%'));
        EXPECT_EQ(count, 1 + std::count(names.begin(), names.end(), ',')) << body;
        instance.text = "func.func private @" + instance.symbol + "(" +
                        fill(operation.arguments, instance) + ") -> (" + results +
                        ") attributes {dualpipe.kernel} {\n " + body + "\n return " + names +
                        " : " + results + "\n}\n";
        instances.push_back(std::move(instance));
      }
  return instances;
}

std::vector<std::string> argumentNames(const Case &operation) {
  std::vector<std::string> names;
  llvm::StringRef text = operation.arguments;
  for (size_t at = text.find('%'); at != llvm::StringRef::npos; at = text.find('%', at + 1))
    names.push_back(text.substr(at + 1, 1).str());
  return names;
}

Tensor draw(Type type, const std::string &name, const Instance &instance, std::mt19937 &random) {
  Tensor tensor = Tensor::zeros(type);
  auto element = cast<ShapedType>(type).getElementType();
  for (double &x : tensor.floats) {
    x = (random() / 4294967296.0 - 0.5) * 6;
    if (name == "p")
      x = std::abs(x) + 0.25;
    if (name == "d" && std::abs(x) < 0.25)
      x = 1;
  }
  for (int64_t &x : tensor.integers) {
    x = int64_t(random() % 101) - 50;
    if (name == "i" || name == "j")
      x = int64_t(random() % (name == "i" ? instance.a : instance.b));
    else if (name == "c" || element.isInteger(1))
      x = random() % 2;
    else if (element.getIntOrFloatBitWidth() < 32) // with the sign bit; f16 ends at 65504
      x = int64_t(random() % 60000) - (element.isUnsignedInteger() ? 0 : 30000);
    if (name == "d" && x == 0)
      x = 3;
  }
  reference::conform(tensor, type, /*roundFloats=*/true);
  return tensor;
}

Bytes encode(const Tensor &tensor, Type type) {
  auto element = cast<ShapedType>(type).getElementType();
  unsigned size = (element.getIntOrFloatBitWidth() + 7) / 8;
  Bytes bytes(tensor.size() * size);
  for (int64_t i = 0; i < tensor.size(); ++i) {
    uint64_t bits;
    if (auto floatType = dyn_cast<FloatType>(element)) {
      llvm::APFloat value(tensor.floats[i]);
      bool lost;
      value.convert(floatType.getFloatSemantics(), llvm::APFloat::rmNearestTiesToEven, &lost);
      bits = value.bitcastToAPInt().getZExtValue();
    } else {
      bits = uint64_t(tensor.integers[i]);
    }
    std::memcpy(&bytes[i * size], &bits, size);
  }
  return bytes;
}

// How far a kernel may be from the interpreter, which adds and computes in doubles and
// rounds each result once: relative to the largest element.
double toleranceOf(Type element) {
  if (element.isF64())
    return 1e-13;
  if (element.isF32())
    return 1e-5;
  return element.isBF16() ? 1.0 / 128 : 1.0 / 1024; // one unit in the last place
}

void compare(const Tensor &wanted, const Tensor &got, Type type, const Instance &instance) {
  if (!wanted.isFloat()) {
    EXPECT_EQ(wanted.integers, got.integers) << instance.text;
    return;
  }
  double largest = 1e-3;
  for (double value : wanted.floats)
    largest = std::max(largest, std::abs(value));
  double bound = toleranceOf(cast<ShapedType>(type).getElementType()) * largest;
  for (int64_t i = 0; i < wanted.size(); ++i)
    ASSERT_NEAR(wanted.floats[i], got.floats[i], bound) << "element " << i << "\n" << instance.text;
}

class Types : public ::testing::Test {
protected:
  void SetUp() override {
    DialectRegistry registry;
    registry.insert<nn::NNDialect, dualpipe::DualPipeDialect, func::FuncDialect>();
    reference::registerReferenceModels(registry);
    context = std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
    context->getDiagEngine().registerHandler([](Diagnostic &) {});
  }
  OwningOpRef<ModuleOp> parse(const std::string &text) {
    return parseSourceString<ModuleOp>(text, context.get());
  }
  std::unique_ptr<MLIRContext> context;
};

TEST_F(Types, EveryOperationAgreesWithTheInterpreterOrIsRefused) {
  std::string text;
  std::vector<Instance> accepted;
  std::map<std::string, unsigned> impossible, refused, agreed;
  for (const Instance &instance : drawInstances()) {
    OwningOpRef<ModuleOp> module = parse(instance.text);
    if (!module) { // not a type of the operation's
      ++impossible[instance.type];
      continue;
    }
    if (failed(checkKernels(*module, {}))) {
      ++refused[instance.type];
      ADD_FAILURE() << "refused, which nothing is so far:\n" << instance.text;
      continue;
    }
    text += instance.text;
    accepted.push_back(instance);
  }
  KernelRunner runner(text);
  if (HasFailure())
    return;
  std::mt19937 random(21);
  for (const Instance &instance : accepted) {
    OwningOpRef<ModuleOp> module = parse(instance.text);
    auto function = *module->getOps<func::FuncOp>().begin();
    std::vector<std::string> names = argumentNames(*instance.operation);
    SmallVector<Tensor> inputs;
    std::vector<Bytes> arguments;
    for (auto [i, type] : llvm::enumerate(function.getArgumentTypes())) {
      inputs.push_back(draw(type, names[i], instance, random));
      arguments.push_back(encode(inputs.back(), type));
    }
    reference::Options typed;
    typed.precision = reference::Precision::Typed;
    auto wanted = reference::evaluate(function, inputs, {}, typed);
    ASSERT_TRUE(succeeded(wanted)) << instance.text;
    std::vector<Bytes> results = runner.run(instance.symbol, arguments, 1 + random() % 3);
    ASSERT_EQ(results.size(), function.getNumResults()) << instance.text;
    for (auto [i, type] : llvm::enumerate(function.getResultTypes()))
      compare((*wanted)[i], Tensor::fromBytes(type, results[i]), type, instance);
    if (HasFatalFailure())
      return;
    ++agreed[instance.type];
  }
  for (const char *type : kTypes)
    std::cout << type << ": " << agreed[type] << " kernels agree, " << refused[type]
              << " are refused, " << impossible[type] << " are not of the operation's types\n";
  // What f32 has, the other floats have.
  EXPECT_EQ(agreed["f64"], agreed["f32"]);
  EXPECT_EQ(agreed["bf16"], agreed["f32"]);
  EXPECT_EQ(agreed["f16"], agreed["f32"]);
  for (const char *narrow : {"i16", "ui16", "i8", "ui8"})
    EXPECT_EQ(agreed[narrow], 50u) << narrow;
  EXPECT_GT(agreed["f32"], 100u);
  EXPECT_GT(agreed["i64"], 50u);
}

TEST_F(Types, NoOperationIsLeftOut) {
  std::set<std::string> drawn;
  for (const Case &operation : kCases)
    drawn.insert(std::string("nn.") + operation.operation);
  context->loadAllAvailableDialects();
  // What communicates or declares is no kernel's.
  auto isElsewhere = [](llvm::StringRef name) {
    return name == "nn.parameter" || name == "nn.get" || name == "nn.all_to_all" ||
           name == "nn.all_gather" || name == "nn.reduce_scatter" || name == "nn.all_reduce";
  };
  for (RegisteredOperationName name : context->getRegisteredOperationsByDialect("nn"))
    if (!isElsewhere(name.getStringRef()))
      EXPECT_TRUE(drawn.count(name.getStringRef().str()))
          << name.getStringRef().str() << " is drawn in no type; give it a line in kCases";
}

} // namespace
} // namespace dpc::codegen::test
