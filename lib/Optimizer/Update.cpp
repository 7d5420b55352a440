// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The kernels of a step's end; see Update.h.
#include "dpc/Optimizer/Update.h"

#include "dpc/Dialect/DualPipe/DualPipe.h"
#include "dpc/Dialect/DualPipe/Kernel.h"
#include "dpc/Dialect/NN/Builders.h"
#include "program/format/StepRecord.h"

using namespace mlir;
using dpcrt::kHaltedMirrors;
using dpcrt::kHaltedNonfinite;
using dpcrt::StepEntry;
using dpcrt::StepHeader;

namespace dpc::optimizer {
namespace {

// Which word of four bytes a field of the step record is.
template <typename Record> int64_t wordOf(float Record::*field) {
  static const Record record = {};
  return &(record.*field) - reinterpret_cast<const float *>(&record);
}
template <typename Record> constexpr int64_t kWords = sizeof(Record) / 4;
template <typename Record> RankedTensorType wordsOf(MLIRContext *context) {
  return RankedTensorType::get({kWords<Record>}, Float32Type::get(context));
}

// What an update reads of the step record: its header as finalize left it, and the entry of
// its parameter.
struct Numbers {
  Value header, entry;
};

// Arithmetic on values of one type, so that an update reads like its formula.
class Formula {
public:
  /// `element` is what is computed in; the record's words are converted to it.
  Formula(OpBuilder &builder, Location loc, ArrayRef<int64_t> shape, Type element)
      : builder(builder), loc(loc), type(RankedTensorType::get(shape, element)) {}

  Value add(Value a, Value b) { return nn::AddOp::create(builder, loc, type, a, b); }
  Value sub(Value a, Value b) { return nn::SubOp::create(builder, loc, type, a, b); }
  Value mul(Value a, Value b) { return nn::MulOp::create(builder, loc, type, a, b); }
  Value div(Value a, Value b) { return nn::DivOp::create(builder, loc, type, a, b); }
  Value min(Value a, Value b) { return nn::MinOp::create(builder, loc, type, a, b); }
  Value sqrt(Value a) { return nn::SqrtOp::create(builder, loc, type, a); }
  Value splat(double value) { return nn::createSplat(builder, loc, type, value); }
  Value compare(nn::Predicate predicate, Value a, Value b) {
    return nn::CompareOp::create(builder, loc, predicate, a, b);
  }
  Value both(Value a, Value b) { return nn::AndOp::create(builder, loc, a.getType(), a, b); }
  Value either(Value a, Value b) { return nn::OrOp::create(builder, loc, a.getType(), a, b); }
  Value negate(Value a) { return nn::NotOp::create(builder, loc, a.getType(), a); }
  Value select(Value condition, Value a, Value b) {
    return nn::SelectOp::create(builder, loc, condition, a, b);
  }
  Value number(Value condition) { return select(condition, splat(1), splat(0)); }
  /// A field of a record, for every element.
  template <typename Record> Value word(Value record, float Record::*field) {
    return word(record, wordOf(field));
  }
  Value word(Value record, int64_t index) { return everywhere(number(record, index)); }
  /// One of an entry's two fields: `other` if the step before was skipped.
  Value word(const Numbers &numbers, float StepEntry::*field, float StepEntry::*other) {
    Value skipped = number(numbers.header, wordOf(&StepHeader::skippedBefore));
    Value zero = nn::createSplat(builder, loc, cast<RankedTensorType>(skipped.getType()), 0);
    Value isSkipped = nn::CompareOp::create(builder, loc, nn::Predicate::NE, skipped, zero);
    return everywhere(nn::SelectOp::create(builder, loc, isSkipped,
                                           number(numbers.entry, wordOf(other)),
                                           number(numbers.entry, wordOf(field))));
  }

private:
  // A word of a record, a number.
  Value number(Value record, int64_t index) {
    Value one = nn::SliceOp::create(builder, loc, record, builder.getDenseI64ArrayAttr({index}),
                                    builder.getDenseI64ArrayAttr({index + 1}),
                                    builder.getDenseI64ArrayAttr({1}));
    return nn::createReshape(builder, loc, one, {});
  }
  // A number, for every element.
  Value everywhere(Value number) {
    number = nn::createCast(builder, loc, number, type.getElementType());
    return nn::broadcastAlong(builder, loc, number, type.getShape(), {});
  }

  OpBuilder &builder;
  Location loc;
  RankedTensorType type;
};

void stepSgd(Formula &f, Value p, Value g, ValueRange, const Numbers &n,
             SmallVectorImpl<Value> &results) {
  g = f.add(g, f.mul(f.word(n.entry, &StepEntry::weightDecay), p));
  results.assign({f.sub(p, f.mul(f.word(n.entry, &StepEntry::lr), g))});
}

void stepMomentum(Formula &f, Value p, Value g, ValueRange moments, const Numbers &n,
                  SmallVectorImpl<Value> &results) {
  g = f.add(g, f.mul(f.word(n.entry, &StepEntry::weightDecay), p));
  Value buffer = f.add(f.mul(f.word(n.entry, &StepEntry::momentum), moments[0]), g);
  results.assign({f.sub(p, f.mul(f.word(n.entry, &StepEntry::lr), buffer)), buffer});
}

// Kingma and Ba, "Adam", algorithm 1. The corrections of bias and 1 - beta come from
// the host, which has them in double: 1 - 0.999 of floats is off by 1e-5.
void applyAdam(Formula &f, Value p, Value g, ValueRange moments, const Numbers &n,
               SmallVectorImpl<Value> &results) {
  Value m = f.add(f.mul(f.word(n.entry, &StepEntry::beta1), moments[0]),
                  f.mul(f.word(n.entry, &StepEntry::rest1), g));
  Value v = f.add(f.mul(f.word(n.entry, &StepEntry::beta2), moments[1]),
                  f.mul(f.word(n.entry, &StepEntry::rest2), f.mul(g, g)));
  Value denominator =
      f.add(f.mul(f.sqrt(v), f.word(n, &StepEntry::correction2, &StepEntry::correction2Skipped)),
            f.word(n.entry, &StepEntry::eps));
  Value rate = f.mul(f.word(n.entry, &StepEntry::lr),
                     f.word(n, &StepEntry::correction1, &StepEntry::correction1Skipped));
  results.assign({f.sub(p, f.div(f.mul(rate, m), denominator)), m, v});
}

void stepAdam(Formula &f, Value p, Value g, ValueRange moments, const Numbers &n,
              SmallVectorImpl<Value> &results) {
  applyAdam(f, p, f.add(g, f.mul(f.word(n.entry, &StepEntry::weightDecay), p)), moments, n,
            results);
}

// Loshchilov and Hutter, "Decoupled Weight Decay Regularization".
void stepAdamW(Formula &f, Value p, Value g, ValueRange moments, const Numbers &n,
               SmallVectorImpl<Value> &results) {
  Value kept = f.sub(
      f.splat(1), f.mul(f.word(n.entry, &StepEntry::lr), f.word(n.entry, &StepEntry::weightDecay)));
  applyAdam(f, f.mul(p, kept), g, moments, n, results);
}

// The formula of an optimizer: the new parameter, then its new moments.
using Step = void (*)(Formula &f, Value parameter, Value gradient, ValueRange moments,
                      const Numbers &n, SmallVectorImpl<Value> &results);
Step stepOf(dpcrt::OptimizerKind kind) {
  switch (kind) {
  case dpcrt::OptimizerKind::Sgd:
    return stepSgd;
  case dpcrt::OptimizerKind::Momentum:
    return stepMomentum;
  case dpcrt::OptimizerKind::Adam:
    return stepAdam;
  case dpcrt::OptimizerKind::AdamW:
    return stepAdamW;
  }
  llvm_unreachable("every kind has a formula");
}

} // namespace

// Whether any of what has been found of mirrors is not 0.
static Value findDifference(Formula &f, Value statistics, int64_t mirrors) {
  Value differ;
  for (int64_t i = 0; i < mirrors; ++i) {
    Value found = f.compare(nn::Predicate::NE, f.word(statistics, kStatistics + i), f.splat(0));
    differ = differ ? f.either(differ, found) : found;
  }
  return differ;
}

func::FuncOp buildFinalize(ModuleOp module, StringRef weighting, int64_t mirrors) {
  auto f32 = Float32Type::get(module.getContext());
  constexpr int64_t words = kWords<StepHeader>;
  Type statistics = RankedTensorType::get({kStatistics + mirrors}, f32);
  Type record = wordsOf<StepHeader>(module.getContext());
  return dualpipe::createKernel(
      module, {statistics, record}, {-1, 0},
      [&](OpBuilder &builder, ValueRange arguments, SmallVectorImpl<Value> &results) {
        Location loc = module.getLoc();
        // Every word is computed for every position and the right one selected: the
        // words that are read are never changed, so the update may be in place.
        Formula f(builder, loc, {words}, f32);
        Value statistics = arguments[0], old = arguments[1];
        Value den = f.word(statistics, 0), squares = f.word(statistics, 1),
              flag = f.word(statistics, 2);
        Value zero = f.splat(0), one = f.splat(1), scale = f.word(old, &StepHeader::lossScale);
        // A sum that is not finite minus itself is NaN, which equals nothing.
        Value spread = f.sub(squares, squares);
        Value finite = f.both(f.compare(nn::Predicate::EQ, spread, spread),
                              f.compare(nn::Predicate::EQ, flag, zero));
        Value empty = f.compare(nn::Predicate::EQ, den, zero);
        Value weight = weighting == "sum" ? one : f.div(one, f.select(empty, one, den));
        Value unscale = f.div(weight, scale);
        Value norm = f.mul(f.sqrt(squares), unscale);
        Value clip = f.word(old, &StepHeader::clipNorm);
        // PyTorch's clip_grad_norm_ divides by norm + 1e-6 too.
        Value factor = f.mul(unscale, f.min(one, f.div(clip, f.add(norm, f.splat(1e-6)))));
        auto isSet = [&](float StepHeader::*field) {
          return f.compare(nn::Predicate::NE, f.word(old, field), zero);
        };
        Value halted = f.both(isSet(&StepHeader::haltAsked),
                              f.either(isSet(&StepHeader::haltedBefore), f.negate(finite)));
        Value reason = f.select(halted, f.splat(kHaltedNonfinite), zero);
        if (mirrors > 0) {
          // Also behind a step that has found it: what the run does about it comes later.
          Value differ =
              f.either(findDifference(f, statistics, mirrors),
                       f.compare(nn::Predicate::EQ, f.word(old, &StepHeader::haltedBefore),
                                 f.splat(kHaltedMirrors)));
          halted = f.either(halted, differ);
          reason = f.select(differ, f.splat(kHaltedMirrors), reason);
        }
        Value isLeft = f.either(isSet(&StepHeader::skipAsked), halted);
        Value skip = f.number(f.either(isLeft, f.either(f.negate(finite), empty)));
        auto positionsType = RankedTensorType::get({words}, builder.getI64Type());
        Value position =
            nn::IotaOp::create(builder, loc, positionsType, builder.getI64IntegerAttr(0));
        Value result = old;
        std::pair<float StepHeader::*, Value> words[] = {
            {&StepHeader::factor, factor}, {&StepHeader::skip, skip},
            {&StepHeader::halted, reason}, {&StepHeader::den, den},
            {&StepHeader::norm, norm},     {&StepHeader::nonfinite, f.number(f.negate(finite))}};
        for (auto [field, value] : words)
          result = f.select(f.compare(nn::Predicate::EQ, position,
                                      nn::createSplat(builder, loc, positionsType, wordOf(field))),
                            value, result);
        results.assign({result});
      });
}

func::FuncOp buildUpdate(ModuleOp module, const dpcrt::Optimizer &optimizer, RankedTensorType type,
                         Type computed) {
  SmallVector<Type> arguments(2 + optimizer.moments.size(), type);
  arguments.append(
      {wordsOf<StepHeader>(module.getContext()), wordsOf<StepEntry>(module.getContext())});
  SmallVector<int> inplace = {0, -1};
  for (unsigned k = 0; k < optimizer.moments.size(); ++k)
    inplace.push_back(k + 1);
  return dualpipe::createKernel(
      module, arguments, inplace,
      [&](OpBuilder &builder, ValueRange values, SmallVectorImpl<Value> &results) {
        Formula f(builder, module.getLoc(), type.getShape(), type.getElementType());
        ValueRange moments = values.slice(2, optimizer.moments.size());
        Value head = values[values.size() - 2];
        Numbers numbers{head, values.back()};
        Value gradient = f.mul(values[1], f.word(head, &StepHeader::factor));
        stepOf(optimizer.kind)(f, values[0], gradient, moments, numbers, results);
        // Selected and not multiplied: a step is skipped because of NaN.
        Value skip = f.compare(nn::Predicate::NE, f.word(head, &StepHeader::skip), f.splat(0));
        results[0] = f.select(skip, values[0], results[0]);
        for (auto [k, moment] : llvm::enumerate(moments))
          results[k + 1] = f.select(skip, moment, results[k + 1]);
        if (computed != type.getElementType())
          results.push_back(nn::createCast(builder, module.getLoc(), results[0], computed));
      });
}

func::FuncOp buildBlockSquares(ModuleOp module, int64_t blocks, int64_t length, Type element,
                               int64_t counters) {
  auto type = RankedTensorType::get({blocks, length}, element);
  return dualpipe::createKernel(
      module, {type}, {-1},
      [&](OpBuilder &builder, ValueRange values, SmallVectorImpl<Value> &results) {
        Location loc = module.getLoc();
        Value square = nn::MulOp::create(builder, loc, type, values[0], values[0]);
        Value sum = nn::createSum(builder, loc, square, {1});
        sum = nn::createCast(builder, loc, sum, builder.getF32Type());
        if (counters > 1)
          sum = nn::MulOp::create(builder, loc, sum.getType(), sum,
                                  nn::createSplat(builder, loc, sum.getType(), 1.0 / counters));
        results.assign({sum});
      });
}

func::FuncOp buildRunningSum(ModuleOp module, int64_t count) {
  auto type = RankedTensorType::get({count}, Float32Type::get(module.getContext()));
  return dualpipe::createKernel(
      module, {type}, {0},
      [&](OpBuilder &builder, ValueRange values, SmallVectorImpl<Value> &results) {
        results.assign(
            {nn::CumSumOp::create(builder, module.getLoc(), type, values[0],
                                  builder.getI64IntegerAttr(0), UnitAttr(), UnitAttr())});
      });
}

} // namespace dpc::optimizer
