// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Harness.h"
#include "dpc/Dialect/NN/Builders.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"

#include <cmath>

using namespace mlir;
using namespace dpc;
using namespace dpc::test;
using reference::Tensor;

std::unique_ptr<MLIRContext> test::makeContext() {
  DialectRegistry registry;
  registry.insert<nn::NNDialect, func::FuncDialect>();
  reference::registerReferenceModels(registry);
  auto context = std::make_unique<MLIRContext>(registry);
  context->loadAllAvailableDialects();
  return context;
}

OwningOpRef<ModuleOp> test::parse(MLIRContext &context, StringRef text) {
  auto module = parseSourceString<ModuleOp>(text, &context);
  EXPECT_TRUE(module) << text.str();
  return module;
}

func::FuncOp test::getFunction(ModuleOp module, StringRef name) {
  auto function = module.lookupSymbol<func::FuncOp>(name);
  EXPECT_TRUE(function) << "no function " << name.str();
  return function;
}

Tensor test::randomTensor(Type type, Domain domain, std::mt19937 &random) {
  Tensor tensor = Tensor::zeros(type);
  // Not std::uniform_real_distribution: its numbers differ between libraries.
  auto uniform = [&] { return random() / 4294967296.0; };
  for (double &x : tensor.floats) {
    double magnitude = domain == Domain::Positive ? 0.3 + 1.5 * uniform() : 0.2 + 1.3 * uniform();
    x = domain == Domain::Signed && uniform() < 0.5 ? -magnitude : magnitude;
  }
  return tensor;
}

SmallVector<Tensor> test::run(ModuleOp module, ArrayRef<Tensor> inputs,
                              reference::Options options) {
  auto results = reference::evaluate(getFunction(module, "f"), inputs, {}, options);
  EXPECT_TRUE(succeeded(results));
  return succeeded(results) ? *results : SmallVector<Tensor>{};
}

static bool isFloat(Type type) { return isa<FloatType>(getElementTypeOrSelf(type)); }

// Every operation built has to be under a location `grad of`.
static void checkLocations(Operation *first) {
  for (Operation *op = first; op; op = op->getNextNode()) {
    auto name = dyn_cast<NameLoc>(op->getLoc());
    EXPECT_TRUE(name && name.getName() == "grad of")
        << op->getName().getStringRef().str() << " is not under 'grad of'";
  }
}

FailureOr<func::FuncOp> test::buildGradient(func::FuncOp f) {
  OpBuilder builder(f);
  SmallVector<Type> inputs(f.getArgumentTypes()), results;
  for (Type type : f.getResultTypes())
    if (isFloat(type))
      inputs.push_back(type);
  for (Type type : f.getArgumentTypes())
    if (isFloat(type))
      results.push_back(type);
  auto g = func::FuncOp::create(builder, f.getLoc(), "g", builder.getFunctionType(inputs, results));
  Block *block = g.addEntryBlock();
  builder.setInsertionPointToStart(block);
  IRMapping map;
  for (BlockArgument argument : f.getArguments())
    map.map(argument, block->getArgument(argument.getArgNumber()));
  SmallVector<Operation *> forward;
  for (Operation &op : f.front().without_terminator())
    forward.push_back(builder.clone(op, map));

  llvm::DenseMap<Value, Value> grads;
  auto accumulate = [&](Value value, Value grad) {
    Value &slot = grads[value];
    slot = slot ? nn::AddOp::create(builder, nn::getGradLoc(f.getLoc()), slot, grad).getResult()
                : grad;
  };
  unsigned next = f.getNumArguments();
  for (Value value : f.front().getTerminator()->getOperands())
    if (isFloat(value.getType()))
      accumulate(map.lookup(value), block->getArgument(next++));

  for (Operation *op : llvm::reverse(forward)) {
    SmallVector<Value> resultGrads;
    for (Value result : op->getResults())
      resultGrads.push_back(grads.lookup(result));
    if (llvm::all_of(resultGrads, [](Value grad) { return !grad; }))
      continue;
    auto differentiable = dyn_cast<nn::DifferentiableOpInterface>(op);
    if (!differentiable) {
      if (!op->hasTrait<nn::InactiveOp>())
        return op->emitError("has no derivative");
      continue;
    }
    SmallVector<bool> needed;
    for (unsigned i = 0; i < op->getNumOperands(); ++i)
      needed.push_back(differentiable.isDifferentiableOperand(i));
    SmallVector<Value> operandGrads(op->getNumOperands());
    Operation *last = &block->back();
    if (failed(differentiable.buildBackward(builder, resultGrads, needed, operandGrads)))
      return failure();
    checkLocations(last->getNextNode());
    for (unsigned i = 0; i < op->getNumOperands(); ++i) {
      if (!operandGrads[i])
        continue;
      EXPECT_TRUE(needed[i]) << "a gradient nobody asked for";
      EXPECT_EQ(operandGrads[i].getType(), op->getOperand(i).getType());
      accumulate(op->getOperand(i), operandGrads[i]);
    }
  }
  SmallVector<Value> outputs;
  for (unsigned i = 0; i < f.getNumArguments(); ++i)
    if (isFloat(f.getArgument(i).getType())) {
      Value grad = grads.lookup(block->getArgument(i));
      if (!grad)
        grad = nn::createSplat(builder, f.getLoc(), block->getArgument(i).getType(), 0);
      outputs.push_back(grad);
    }
  func::ReturnOp::create(builder, f.getLoc(), outputs);
  if (failed(verify(g)))
    return failure();
  return g;
}

namespace {
using Members = SmallVector<SmallVector<Tensor>>;

double evaluateLoss(func::FuncOp f, const Members &inputs, const Members &directions,
                    const reference::Options &options) {
  auto results = reference::evaluateMembers(f, inputs, {}, options);
  EXPECT_TRUE(succeeded(results));
  double loss = 0;
  if (failed(results))
    return loss;
  for (auto [values, direction] : llvm::zip_equal(*results, directions)) {
    size_t next = 0;
    for (const Tensor &value : values) {
      if (!value.isFloat())
        continue;
      const Tensor &weights = direction[next++];
      for (size_t i = 0; i < value.floats.size(); ++i)
        loss += value.floats[i] * weights.floats[i];
    }
  }
  return loss;
}
} // namespace

void test::checkGradients(const GradientCase &test) {
  constexpr unsigned seed = 20261;
  SCOPED_TRACE(test.name + " (seed " + std::to_string(seed) + ")");
  auto context = makeContext();
  auto module = parse(*context, test.text);
  if (!module)
    return;
  func::FuncOp f = getFunction(*module, "f");
  auto g = buildGradient(f);
  ASSERT_TRUE(succeeded(g));

  reference::Options options;
  int64_t numMembers = 1;
  for (auto &[name, size] : test.mesh) {
    options.mesh.push_back({name, size});
    numMembers *= size;
  }
  std::mt19937 random(seed);
  Members inputs(numMembers), directions(numMembers);
  for (int64_t m = 0; m < numMembers; ++m) {
    size_t nextIntegers = 0;
    for (Type type : f.getArgumentTypes()) {
      Tensor input = randomTensor(type, test.domain, random);
      if (!input.isFloat()) {
        ASSERT_LT(nextIntegers, test.integers.size());
        const auto &values = test.integers[nextIntegers++];
        ASSERT_EQ(values.size(), input.integers.size());
        input.integers.assign(values.begin(), values.end());
      }
      inputs[m].push_back(std::move(input));
    }
    for (Type type : f.getResultTypes())
      if (isFloat(type))
        directions[m].push_back(randomTensor(type, Domain::Signed, random));
  }

  Members all = inputs;
  for (int64_t m = 0; m < numMembers; ++m)
    llvm::append_range(all[m], directions[m]);
  auto grads = reference::evaluateMembers(*g, all, {}, options);
  ASSERT_TRUE(succeeded(grads));

  for (int64_t m = 0; m < numMembers; ++m) {
    size_t next = 0;
    for (size_t operand = 0; operand < inputs[m].size(); ++operand) {
      if (!inputs[m][operand].isFloat())
        continue;
      const Tensor &grad = (*grads)[m][next++];
      for (size_t i = 0; i < grad.floats.size(); ++i) {
        double &x = inputs[m][operand].floats[i];
        double saved = x, step = 1e-5;
        x = saved + step;
        double above = evaluateLoss(f, inputs, directions, options);
        x = saved - step;
        double below = evaluateLoss(f, inputs, directions, options);
        x = saved;
        double expected = (above - below) / (2 * step);
        EXPECT_NEAR(grad.floats[i], expected, 2e-7 * (1 + std::fabs(expected)))
            << "member " << m << ", input " << operand << ", element " << i;
      }
    }
  }
}
