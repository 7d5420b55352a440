// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Kernels of the step; see StepKernels.h.
#include "StepKernels.h"

#include "StepSums.h"
#include "dpc/Dialect/DualPipe/Kernel.h"
#include "dpc/Dialect/NN/Builders.h"
#include "dpc/Optimizer/Update.h"

using namespace mlir;
using namespace dpc::dualpipe;

namespace dpc::lowering {
namespace {

std::string sumName(unsigned count, RankedTensorType type) {
  std::string name;
  llvm::raw_string_ostream(name) << "k_sum" << count << "_" << type.getElementType() << "_"
                                 << type.getNumElements();
  return name;
}

// 1 where a loss is not finite or an integer was divided by 0. The gradient's norm does not
// tell: of a class whose logit is -inf the loss is infinite and the gradient is not.
Value createFlag(OpBuilder &b, Location loc, Value losses, Value faults) {
  auto first = b.getDenseI64ArrayAttr({0});
  // A loss that is not finite minus itself is NaN, and so is a sum with it; NaN equals nothing.
  Value none = nn::SubOp::create(b, loc, losses.getType(), losses, losses);
  Value sum =
      nn::ReduceSumOp::create(b, loc, RankedTensorType::get({}, b.getF32Type()), none, first);
  Value isBad = nn::CompareOp::create(b, loc, nn::Predicate::NE, sum, sum);
  if (faults) {
    Value worst = nn::ReduceMaxOp::create(b, loc, faults, first);
    Value zero = nn::createSplat(b, loc, worst.getType(), 0);
    Value isFault = nn::CompareOp::create(b, loc, nn::Predicate::NE, worst, zero);
    isBad = nn::OrOp::create(b, loc, isBad.getType(), isBad, isFault);
  }
  return nn::createCast(b, loc, isBad, b.getF32Type());
}

std::string nameOf(func::FuncOp kernel) { return kernel.getName().str(); }

void createMirrorKernels(const StepModel &model, const StepPlan &plan, StepKernels &kernels) {
  ModuleOp module = model.module;
  llvm::SmallDenseSet<unsigned> sharded;
  for (const Bucket &bucket : plan.buckets)
    if (bucket.isSharded())
      sharded.insert(bucket.parameters.begin(), bucket.parameters.end());
  for (auto [s, set] : llvm::enumerate(model.mirrors.sets)) {
    int64_t bytes = 0;
    for (unsigned p : set.parameters)
      for (const MirroredValue &value : mirroredValues(model, p, sharded.contains(p))) {
        bytes += value.hashBytes();
        const auto &[word, count] = value.words;
        auto [hashes, isNew] = kernels.rowHashes.try_emplace({word.getAsOpaquePointer(), count});
        const Blocks rows = hashRows(count);
        if (isNew && rows.whole > 0)
          hashes->second.blocks =
              nameOf(optimizer::buildRowHashes(module, rows.whole, rows.size, word));
        if (isNew && rows.rest > 0)
          hashes->second.rest = nameOf(optimizer::buildRowHashes(module, 1, rows.rest, word));
      }
    kernels.hashTotal.push_back(nameOf(optimizer::buildHashTotal(module, bytes / 4)));
    const int64_t copies = int64_t(set.holders.size()) * model.copiesOver(set.over);
    for (bool isFirst : {true, false})
      kernels.mirrorDigits[{s, isFirst}] = nameOf(
          optimizer::buildMirrorDigits(module, model.mirrors.digitBits, isFirst ? copies - 1 : -1));
  }
}

} // namespace

FailureOr<StepKernels> createStepKernels(const StepModel &model, const StepPlan &plan) {
  StepKernels kernels;
  ModuleOp module = model.module;
  auto f32 = Float32Type::get(module.getContext());

  // Gradients of values with several consumers, one after the other.
  for (unsigned stage = 0; stage < model.stages.size(); ++stage)
    for (auto &edges : model.edgesOfOutput[stage]) {
      unsigned count =
          llvm::count_if(edges, [&](unsigned edge) { return model.edges[edge].gradient; });
      if (count < 2)
        continue;
      RankedTensorType value = model.edgeTypes[edges.front()];
      auto type = RankedTensorType::get({value.getNumElements()}, value.getElementType());
      auto kernel =
          createNamedKernel(module, sumName(count, type), SmallVector<Type>(count, type),
                            [&](OpBuilder &b, ValueRange values) {
                              Value sum = values[0];
                              for (Value value : values.drop_front())
                                sum = nn::AddOp::create(b, module.getLoc(), type, sum, value);
                              return sum;
                            });
      kernels.gradientSum[{count, value}] = kernel.getName().str();
    }

  int64_t M = model.table.microBatches;
  auto dens = RankedTensorType::get({M}, f32), scalar = RankedTensorType::get({}, f32);
  kernels.denSum =
      createNamedKernel(module, "k_total_" + std::to_string(M), {dens},
                        [&](OpBuilder &b, ValueRange values) -> Value {
                          return nn::ReduceSumOp::create(b, module.getLoc(), scalar, values[0],
                                                         b.getDenseI64ArrayAttr({0}));
                        })
          .getName()
          .str();

  SmallVector<Type> watched = {dens};
  if (model.hasFault)
    watched.push_back(RankedTensorType::get({M}, IntegerType::get(module.getContext(), 64)));
  kernels.flag = createNamedKernel(module, "k_flag_" + std::to_string(M), watched,
                                   [&](OpBuilder &b, ValueRange values) -> Value {
                                     Value faults = model.hasFault ? values[1] : Value();
                                     return createFlag(b, module.getLoc(), values[0], faults);
                                   })
                     .getName()
                     .str();
  StringRef weighting = TrainingOp(model.training).getWeighting();
  const dpcrt::Optimizer &optimizer =
      *dpcrt::findOptimizer(TrainingOp(model.training).getOptimizer()); // verified
  kernels.momentNames.assign(optimizer.moments.begin(), optimizer.moments.end());
  kernels.finalize = nameOf(optimizer::buildFinalize(module, weighting, model.mirrors.words()));
  // One update per type (kept and computed with), and one set of kernels per number of elements and
  // way of counting in the norm: layers repeat the same few shapes. Of a part that lies within a
  // parameter's rows and columns there is but a vector.
  llvm::DenseMap<std::pair<Type, Type>, std::string> updateOf;
  std::map<std::tuple<Blocks, const void *, unsigned>, BlockKernels> squaresOf;
  for (auto [p, parameter] : llvm::enumerate(model.parameters)) {
    if (!parameter.trained)
      continue;
    nn::ParameterOp op = parameter.op;
    const Type computed = cast<RankedTensorType>(op.getType()).getElementType();
    const Type element = op.getMasterType().getElementType();
    const unsigned counters = model.copiesOver(model.axesOver(parameter.sharded));
    auto build = [&](int64_t count, int64_t length) {
      return nameOf(optimizer::buildBlockSquares(module, count, length, element, counters));
    };
    for (int64_t elements : updatedPieces(model, plan, p)) {
      const RankedTensorType type = elements == parameter.kept.getCount()
                                        ? op.getMasterType()
                                        : RankedTensorType::get({elements}, element);
      auto [update, isNewType] = updateOf.try_emplace({type, computed});
      if (isNewType)
        update->second = nameOf(optimizer::buildUpdate(module, optimizer, type, computed));
      kernels.update[{p, elements}] = update->second;

      Blocks blocks = squareBlocks(elements);
      auto [squares, isNew] =
          squaresOf.try_emplace({blocks, element.getAsOpaquePointer(), counters});
      if (isNew && blocks.whole > 0)
        squares->second.blocks = build(blocks.whole, optimizer::kSquareBlock);
      if (isNew && blocks.rest > 0)
        squares->second.rest = build(1, blocks.rest);
      kernels.squares[{p, elements}] = squares->second;
    }
  }
  for (unsigned rank = 0; rank < model.ranks; ++rank) {
    int64_t bytes = placeSums(model, rank).squaresBytes;
    kernels.squareTotal.push_back(bytes > 0 ? nameOf(optimizer::buildRunningSum(module, bytes / 4))
                                            : "");
  }
  createMirrorKernels(model, plan, kernels);
  return kernels;
}

} // namespace dpc::lowering
