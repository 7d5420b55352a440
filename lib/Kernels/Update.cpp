// The kernels of a step's end; see Update.h. Fields are those of the step record in
// runtime/program/Program.fbs, as indices of 4-byte words.
#include "dpc/Kernels/Update.h"

#include "dpc/Dialect/DualPipe/DualPipe.h"
#include "dpc/Dialect/NN/Builders.h"
#include "dpc/Kernels/Passes.h"

using namespace mlir;

namespace dpc::kernels {
namespace {

namespace header {
enum Word { LossScale = 4, Factor = 5, Skip = 6, ClipNorm = 7, AskedToSkip = 8, Den = 9, Norm = 10, NonFinite = 11, Count = 16 };
} // namespace header
namespace entry {
enum Word { Lr = 0, WeightDecay = 1, Momentum = 2, Beta1 = 3, Beta2 = 4, Eps = 5, Bias1 = 6, Bias2 = 7, Rest1 = 8, Rest2 = 9, Count = 16 };
} // namespace entry

// Arithmetic on values of one type, so that an update reads like its formula.
class Formula {
public:
  Formula(OpBuilder &builder, Location loc, ArrayRef<int64_t> shape)
      : builder(builder), loc(loc), type(RankedTensorType::get(shape, builder.getF32Type())) {}

  Value add(Value a, Value b) { return nn::AddOp::create(builder, loc, type, a, b); }
  Value sub(Value a, Value b) { return nn::SubOp::create(builder, loc, type, a, b); }
  Value mul(Value a, Value b) { return nn::MulOp::create(builder, loc, type, a, b); }
  Value div(Value a, Value b) { return nn::DivOp::create(builder, loc, type, a, b); }
  Value min(Value a, Value b) { return nn::MinOp::create(builder, loc, type, a, b); }
  Value sqrt(Value a) { return nn::SqrtOp::create(builder, loc, type, a); }
  Value splat(double value) { return nn::createSplat(builder, loc, type, value); }
  Value compare(nn::Predicate predicate, Value a, Value b) { return nn::CompareOp::create(builder, loc, predicate, a, b); }
  Value both(Value a, Value b) { return nn::AndOp::create(builder, loc, a.getType(), a, b); }
  Value either(Value a, Value b) { return nn::OrOp::create(builder, loc, a.getType(), a, b); }
  Value negate(Value a) { return nn::NotOp::create(builder, loc, a.getType(), a); }
  Value select(Value condition, Value a, Value b) { return nn::SelectOp::create(builder, loc, condition, a, b); }
  Value number(Value condition) { return select(condition, splat(1), splat(0)); }
  /// One word of a record, for every element.
  Value word(Value record, int64_t index) {
    Value one = nn::SliceOp::create(builder, loc, record, builder.getDenseI64ArrayAttr({index}), builder.getDenseI64ArrayAttr({index + 1}),
                                    builder.getDenseI64ArrayAttr({1}));
    return nn::broadcastAlong(builder, loc, nn::createReshape(builder, loc, one, {}), type.getShape(), {});
  }

private:
  OpBuilder &builder;
  Location loc;
  RankedTensorType type;
};

/// An optimizer: what it keeps, and its formula. `write` gets the new parameter and
/// then the new moments.
struct Optimizer {
  StringRef name;
  ArrayRef<StringRef> moments;
  void (*step)(Formula &f, Value parameter, Value gradient, ValueRange moments, Value entry, SmallVectorImpl<Value> &results);
};

void stepSgd(Formula &f, Value p, Value g, ValueRange, Value e, SmallVectorImpl<Value> &results) {
  g = f.add(g, f.mul(f.word(e, entry::WeightDecay), p));
  results.assign({f.sub(p, f.mul(f.word(e, entry::Lr), g))});
}

void stepMomentum(Formula &f, Value p, Value g, ValueRange moments, Value e, SmallVectorImpl<Value> &results) {
  g = f.add(g, f.mul(f.word(e, entry::WeightDecay), p));
  Value buffer = f.add(f.mul(f.word(e, entry::Momentum), moments[0]), g);
  results.assign({f.sub(p, f.mul(f.word(e, entry::Lr), buffer)), buffer});
}

// Kingma and Ba, "Adam", algorithm 1. The corrections of bias and 1 - beta come from
// the host, which has them in double: 1 - 0.999 of floats is off by 1e-5.
void applyAdam(Formula &f, Value p, Value g, ValueRange moments, Value e, SmallVectorImpl<Value> &results) {
  Value m = f.add(f.mul(f.word(e, entry::Beta1), moments[0]), f.mul(f.word(e, entry::Rest1), g));
  Value v = f.add(f.mul(f.word(e, entry::Beta2), moments[1]), f.mul(f.word(e, entry::Rest2), f.mul(g, g)));
  Value denominator = f.add(f.mul(f.sqrt(v), f.word(e, entry::Bias2)), f.word(e, entry::Eps));
  Value rate = f.mul(f.word(e, entry::Lr), f.word(e, entry::Bias1));
  results.assign({f.sub(p, f.div(f.mul(rate, m), denominator)), m, v});
}

void stepAdam(Formula &f, Value p, Value g, ValueRange moments, Value e, SmallVectorImpl<Value> &results) {
  applyAdam(f, p, f.add(g, f.mul(f.word(e, entry::WeightDecay), p)), moments, e, results);
}

// Loshchilov and Hutter, "Decoupled Weight Decay Regularization".
void stepAdamW(Formula &f, Value p, Value g, ValueRange moments, Value e, SmallVectorImpl<Value> &results) {
  Value kept = f.sub(f.splat(1), f.mul(f.word(e, entry::Lr), f.word(e, entry::WeightDecay)));
  applyAdam(f, f.mul(p, kept), g, moments, e, results);
}

const StringRef kMomentum[] = {"momentum_buffer"}, kAdam[] = {"exp_avg", "exp_avg_sq"};
const Optimizer kOptimizers[] = {{"sgd", {}, stepSgd}, {"momentum", kMomentum, stepMomentum}, {"adam", kAdam, stepAdam}, {"adamw", kAdam, stepAdamW}};

const Optimizer &getOptimizer(StringRef name) {
  for (const Optimizer &optimizer : kOptimizers)
    if (optimizer.name == name)
      return optimizer;
  llvm_unreachable("the verifier of dualpipe.training refuses other optimizers");
}

// A kernel whose body `build` writes; `inplace[i]` is the result that argument i
// shares a buffer with, or -1. An equal kernel of the module is used again.
func::FuncOp createKernel(ModuleOp module, ArrayRef<Type> arguments, ArrayRef<int> inplace,
                          llvm::function_ref<void(OpBuilder &, ValueRange, SmallVectorImpl<Value> &)> build) {
  OpBuilder builder = OpBuilder::atBlockBegin(module.getBody());
  Location loc = module.getLoc();
  auto kernel = func::FuncOp::create(builder, loc, "k", builder.getFunctionType(arguments, {}));
  kernel.setPrivate();
  kernel->setAttr(dualpipe::kKernelAttr, builder.getUnitAttr());
  Block *body = kernel.addEntryBlock();
  builder.setInsertionPointToEnd(body);
  SmallVector<Value> results;
  build(builder, body->getArguments(), results);
  func::ReturnOp::create(builder, loc, results);
  kernel.setType(builder.getFunctionType(arguments, ValueRange(results).getTypes()));
  for (auto [i, result] : llvm::enumerate(inplace))
    if (result >= 0)
      kernel.setArgAttr(i, dualpipe::kInplaceAttr, builder.getI64IntegerAttr(result));
  std::string name = getKernelName(kernel);
  if (auto known = module.lookupSymbol<func::FuncOp>(name)) {
    kernel.erase();
    return known;
  }
  kernel.setName(name);
  return kernel;
}

} // namespace

ArrayRef<StringRef> getOptimizers() {
  static const auto names = llvm::map_to_vector(kOptimizers, [](const Optimizer &optimizer) { return optimizer.name; });
  return names;
}

ArrayRef<StringRef> getMomentNames(StringRef optimizer) { return getOptimizer(optimizer).moments; }

func::FuncOp buildFinalize(ModuleOp module, StringRef weighting) {
  auto f32 = Float32Type::get(module.getContext());
  Type statistics = RankedTensorType::get({4}, f32), record = RankedTensorType::get({header::Count}, f32);
  return createKernel(module, {statistics, record}, {-1, 0}, [&](OpBuilder &builder, ValueRange arguments, SmallVectorImpl<Value> &results) {
    Location loc = module.getLoc();
    // Every word is computed for every position and the right one selected: the
    // words that are read are never changed, so the update may be in place.
    Formula f(builder, loc, {header::Count});
    Value statistics = arguments[0], old = arguments[1];
    Value den = f.word(statistics, 0), squares = f.word(statistics, 1), flag = f.word(statistics, 2);
    Value zero = f.splat(0), one = f.splat(1), scale = f.word(old, header::LossScale);
    // A sum that is not finite minus itself is NaN, which equals nothing.
    Value spread = f.sub(squares, squares);
    Value finite = f.both(f.compare(nn::Predicate::EQ, spread, spread), f.compare(nn::Predicate::EQ, flag, zero));
    Value empty = f.compare(nn::Predicate::EQ, den, zero);
    Value weight = weighting == "sum" ? one : f.div(one, f.select(empty, one, den));
    Value unscale = f.div(weight, scale);
    Value norm = f.mul(f.sqrt(squares), unscale);
    Value clip = f.word(old, header::ClipNorm);
    // PyTorch's clip_grad_norm_ divides by norm + 1e-6 too.
    Value factor = f.mul(unscale, f.min(one, f.div(clip, f.add(norm, f.splat(1e-6)))));
    Value asked = f.compare(nn::Predicate::NE, f.word(old, header::AskedToSkip), zero);
    Value skip = f.number(f.either(asked, f.either(f.negate(finite), empty)));
    auto positionsType = RankedTensorType::get({header::Count}, builder.getI64Type());
    Value position = nn::IotaOp::create(builder, loc, positionsType, builder.getI64IntegerAttr(0));
    Value result = old;
    std::pair<header::Word, Value> words[] = {
        {header::Factor, factor}, {header::Skip, skip}, {header::Den, den}, {header::Norm, norm}, {header::NonFinite, f.number(f.negate(finite))}};
    for (auto [word, value] : words)
      result = f.select(f.compare(nn::Predicate::EQ, position, nn::createSplat(builder, loc, positionsType, word)), value, result);
    results.assign({result});
  });
}

func::FuncOp buildUpdate(ModuleOp module, StringRef name, RankedTensorType type) {
  const Optimizer &optimizer = getOptimizer(name);
  auto record = RankedTensorType::get({header::Count}, type.getElementType());
  SmallVector<Type> arguments(2 + optimizer.moments.size(), type);
  arguments.append({record, record});
  SmallVector<int> inplace = {0, -1};
  for (unsigned k = 0; k < optimizer.moments.size(); ++k)
    inplace.push_back(k + 1);
  return createKernel(module, arguments, inplace, [&](OpBuilder &builder, ValueRange values, SmallVectorImpl<Value> &results) {
    Formula f(builder, module.getLoc(), type.getShape());
    ValueRange moments = values.slice(2, optimizer.moments.size());
    Value head = values[values.size() - 2], numbers = values.back();
    Value gradient = f.mul(values[1], f.word(head, header::Factor));
    optimizer.step(f, values[0], gradient, moments, numbers, results);
    // Selected and not multiplied: a step is skipped because of NaN.
    Value skip = f.compare(nn::Predicate::NE, f.word(head, header::Skip), f.splat(0));
    results[0] = f.select(skip, values[0], results[0]);
    for (auto [k, moment] : llvm::enumerate(moments))
      results[k + 1] = f.select(skip, moment, results[k + 1]);
  });
}

func::FuncOp buildSquareSum(ModuleOp module, RankedTensorType type, int64_t counters) {
  auto scalar = RankedTensorType::get({}, type.getElementType());
  return createKernel(module, {type, scalar}, {-1, 0}, [&](OpBuilder &builder, ValueRange values, SmallVectorImpl<Value> &results) {
    Location loc = module.getLoc();
    Value square = nn::MulOp::create(builder, loc, type, values[0], values[0]);
    Value sum = nn::createSum(builder, loc, square, llvm::to_vector(llvm::seq<int64_t>(0, type.getRank())));
    if (counters > 1)
      sum = nn::MulOp::create(builder, loc, scalar, sum, nn::createSplat(builder, loc, scalar, 1.0 / counters));
    results.assign({nn::AddOp::create(builder, loc, scalar, values[1], sum)});
  });
}

} // namespace dpc::kernels
