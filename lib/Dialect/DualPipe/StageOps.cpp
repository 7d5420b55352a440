// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Stages, the schedule and launches: what their symbols must name.
#include "dpc/Dialect/DualPipe/DualPipe.h"
#include "dpc/Schedule/core/Check.h"
#include "dpc/Schedule/core/Text.h"
#include "program/format/Optimizers.h"
#include "llvm/ADT/SmallPtrSet.h"

using namespace mlir;
using namespace dpc::dualpipe;

LogicalResult TrainingOp::verify() {
  static constexpr StringLiteral weightings[] = {"denominator", "mean", "sum"};
  if (!dpcrt::findOptimizer(getOptimizer()))
    return emitOpError() << "has optimizer \"" << getOptimizer() << "\"; it can be "
                         << dpcrt::optimizerNames();
  if (!llvm::is_contained(weightings, getWeighting()))
    return emitOpError() << "has weighting \"" << getWeighting()
                         << "\"; known are denominator, mean and sum";
  if (int64_t microBatches = getMicroBatches(); microBatches < 1)
    return emitOpError() << "needs at least one micro-batch, got " << microBatches;
  return success();
}

LogicalResult StageOp::verify() {
  for (Attribute input : getInputs())
    if (!isa<SourceAttr>(input))
      return emitOpError() << "has " << input
                           << " among its inputs; expected #dualpipe.source<@stage, index>";
  for (Attribute feed : getFeeds())
    if (!isa<StringAttr>(feed))
      return emitOpError() << "has " << feed
                           << " among its feeds; expected the name of a graph input";
  for (Attribute param : getParams())
    if (!isa<FlatSymbolRefAttr>(param))
      return emitOpError() << "has " << param << " among its params; expected a parameter's symbol";
  llvm::SmallPtrSet<Attribute, 4> names;
  if (ArrayAttr outputs = getGraphOutputsAttr())
    for (Attribute output : outputs)
      if (!isa<StringAttr>(output) || !names.insert(output).second)
        return emitOpError() << "has " << output
                             << " among its graph_outputs; expected a name of its own for each";
  return success();
}

// What the first of a body's functions says of which `find` finds something.
static Type typeOf(BodyOp body, llvm::function_ref<Type(func::FuncOp)> find) {
  for (func::FuncOp function : {body.getForward(), body.getEvaluation()})
    if (function)
      if (Type type = find(function))
        return type;
  return {};
}

LogicalResult StageOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto body = symbols.lookupNearestSymbolFrom<BodyOp>(*this, getBodyAttr());
  if (!body)
    return emitOpError() << "has body " << getBodyAttr() << ", which is not a dualpipe.body";
  func::FuncOp forward = body.getForward();
  if (!forward)
    return success(); // the body reports it
  auto check = [&](RoleKind kind, ArrayAttr bound, StringRef what) -> LogicalResult {
    unsigned count = 0;
    for (func::FuncOp function : {forward, body.getEvaluation()})
      for (unsigned i = 0; function && i < function.getNumArguments(); ++i)
        if (RoleAttr role = getArgRole(function, i); role && role.getKind() == kind)
          count = std::max(count, role.getIndex() + 1);
    if (count != bound.size())
      return emitOpError() << "binds " << bound.size() << " " << what << ", but " << getBodyAttr()
                           << " reads " << count;
    return success();
  };
  unsigned outputs = 0, named = getGraphOutputs() ? getGraphOutputs()->size() : 0;
  for (func::FuncOp function : {forward, body.getEvaluation()})
    for (unsigned i = 0; function && i < function.getNumResults(); ++i)
      if (RoleAttr role = getResultRole(function, i);
          role && role.getKind() == RoleKind::GraphOutput)
        outputs = std::max(outputs, role.getIndex() + 1);
  if (outputs != named)
    return emitOpError() << "names " << named << " graph outputs, but " << getBodyAttr()
                         << " makes " << outputs;
  if (failed(check(RoleKind::Input, getInputs(), "inputs")) ||
      failed(check(RoleKind::Feed, getFeeds(), "feeds")) ||
      failed(check(RoleKind::Param, getParams(), "parameters")))
    return failure();

  for (auto [i, attr] : llvm::enumerate(getInputs())) {
    auto source = cast<SourceAttr>(attr);
    auto stage = symbols.lookupNearestSymbolFrom<StageOp>(*this, source.getStage());
    if (!stage)
      return emitOpError() << "reads input " << i << " from " << source.getStage()
                           << ", which is not a dualpipe.stage";
    if (stage->getBlock() != (*this)->getBlock() || !stage->isBeforeInBlock(*this)) {
      InFlightDiagnostic diag = emitOpError()
                                << "reads input " << i << " from " << source.getStage()
                                << ", which does not stand before it";
      diag.attachNote(stage.getLoc()) << "the stage is here";
      return diag;
    }
    auto producer = symbols.lookupNearestSymbolFrom<BodyOp>(stage, stage.getBodyAttr());
    if (!producer || !producer.getForward())
      continue;
    // In training, or in evaluation alone.
    Type from = typeOf(producer, [&](func::FuncOp function) -> Type {
      int result = findResult(function, RoleKind::Output, source.getIndex());
      return result < 0 ? Type() : function.getResultTypes()[result];
    });
    if (!from)
      return emitOpError() << "reads input " << i << " from output " << source.getIndex() << " of "
                           << source.getStage() << ", which has no such output";
    Type to = typeOf(body, [&](func::FuncOp function) -> Type {
      int argument = findArg(function, RoleKind::Input, i);
      return argument < 0 ? Type() : function.getArgument(argument).getType();
    });
    if (to && from != to)
      return emitOpError() << "reads input " << i << " as " << to << ", but " << source.getStage()
                           << " makes " << from;
  }
  for (auto [i, attr] : llvm::enumerate(getParams())) {
    auto parameter =
        symbols.lookupNearestSymbolFrom<dpc::nn::ParameterOp>(*this, cast<FlatSymbolRefAttr>(attr));
    if (!parameter)
      return emitOpError() << "binds parameter " << i << " to " << attr
                           << ", which is not an nn.parameter";
    int argument = findArg(forward, RoleKind::Param, i);
    if (argument >= 0 && parameter.getType() != forward.getArgument(argument).getType())
      return emitOpError() << "binds parameter " << i << " to " << attr << " of type "
                           << parameter.getType() << ", but " << getBodyAttr() << " reads "
                           << forward.getArgument(argument).getType();
  }
  return success();
}

LogicalResult ScheduleOp::verify() {
  auto parsed = dpc::schedule::parseText(getText().str());
  if (!parsed.ok())
    return emitOpError() << "has a text that is not a schedule: " << parsed.error();
  if ((size_t)parsed->stages != getStages().size())
    return emitOpError() << "names " << getStages().size() << " stages, but its text has "
                         << parsed->stages;
  llvm::SmallPtrSet<Attribute, 8> named;
  for (Attribute stage : getStages())
    if (!named.insert(stage).second)
      return emitOpError() << "names " << stage << " twice";
  // A task that is missing would leave weights untrained without a word.
  if (std::vector<std::string> errors = dpc::schedule::check(*parsed); !errors.empty()) {
    InFlightDiagnostic diag = emitOpError() << "cannot be executed: " << errors.front();
    for (const std::string &error : llvm::drop_begin(errors))
      diag.attachNote() << error;
    return diag;
  }
  return success();
}

LogicalResult ScheduleOp::verifySymbolUses(SymbolTableCollection &symbols) {
  for (Attribute attr : getStages()) {
    auto stage = dyn_cast<FlatSymbolRefAttr>(attr);
    if (!stage || !symbols.lookupNearestSymbolFrom<StageOp>(*this, stage))
      return emitOpError() << "has " << attr << " among its stages, which is not a dualpipe.stage";
  }
  return success();
}

LogicalResult LaunchOp::verifySymbolUses(SymbolTableCollection &symbols) {
  // Kernels stand at the module's top level, also for launches inside bodies.
  auto module = (*this)->getParentOfType<ModuleOp>();
  auto kernel = symbols.lookupSymbolIn<func::FuncOp>(module, getKernelAttr());
  if (!kernel)
    return emitOpError() << "launches " << getKernelAttr()
                         << ", which is not a function at the module's top level";
  if (!kernel->hasAttr(kKernelAttr))
    return emitOpError() << "launches " << getKernelAttr() << ", which is not marked `"
                         << kKernelAttr << "`";
  if (TypeRange(kernel.getArgumentTypes()) != TypeRange(getOperands().getTypes()) ||
      TypeRange(kernel.getResultTypes()) != TypeRange(getResultTypes()))
    return emitOpError() << "does not have the types of " << getKernelAttr() << ": "
                         << kernel.getFunctionType();
  if (!kernel.getBody().hasOneBlock())
    return emitOpError() << "launches " << getKernelAttr()
                         << ", which must be one block of operations, and has "
                         << kernel.getBody().getBlocks().size();
  llvm::SmallDenseSet<int64_t> shared;
  for (unsigned i = 0; i < kernel.getNumArguments(); ++i) {
    Attribute attr = kernel.getArgAttr(i, kInplaceAttr);
    if (!attr)
      continue;
    auto result = dyn_cast<IntegerAttr>(attr);
    if (!result || result.getInt() < 0 || result.getInt() >= kernel.getNumResults())
      return emitOpError() << "launches " << getKernelAttr() << ", whose argument " << i << " has `"
                           << kInplaceAttr << "` = " << attr << "; expected one of its "
                           << kernel.getNumResults() << " results";
    if (kernel.getArgument(i).getType() != kernel.getResultTypes()[result.getInt()])
      return emitOpError() << "launches " << getKernelAttr() << ", whose argument " << i
                           << " shares a buffer with result " << result.getInt()
                           << " of another type";
    if (!shared.insert(result.getInt()).second)
      return emitOpError() << "launches " << getKernelAttr()
                           << ", two of whose arguments share a buffer with result "
                           << result.getInt();
  }
  return success();
}
