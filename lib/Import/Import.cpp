// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The order of the import, from the file to the module: what is read of the model
// (run), and how its @forward is closed (finish). The steps have files of their own.
#include "dpc/Import/Import.h"

#include "Constants.h"
#include "CreateParameters.h"
#include "Dropped.h"
#include "Forward.h"
#include "OperatorTable.h"
#include "dpc/Dialect/NN/ModelAttrs.h"
#include "mlir/IR/Verifier.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace dpc;
using namespace dpc::import;

namespace {

class Importer {
public:
  Importer(const ImportOptions &options, MLIRContext *context, Location loc, ImportSummary &summary)
      : options(options), context(context), loc(loc), summary(summary) {}

  FailureOr<OwningOpRef<ModuleOp>> run(StringRef path);

private:
  void listTies();
  void listUnused(const Graph &whole);
  LogicalResult finish(ModuleOp module, Forward &forward);

  const ImportOptions &options;
  MLIRContext *context;
  Location loc;
  ImportSummary &summary;

  std::unique_ptr<ModelFile> file;
  std::optional<TensorReader> reader;
  Graph graph;
  LossChoice choice;
  StoredTensors tensors;
  StateDict state;
};

} // namespace

// Initializers that turned out to be one parameter.
void Importer::listTies() {
  for (auto &entry : tensors) {
    const StoredTensor &tensor = entry.second;
    if (!tensor.original)
      continue;
    auto tie = llvm::find_if(
        summary.ties, [&](const TieInfo &info) { return info.name == tensor.original->symbol; });
    if (tie == summary.ties.end()) {
      summary.ties.push_back({tensor.original->symbol, {}});
      tie = summary.ties.end() - 1;
    }
    tie->copies.push_back({tensor.name, tensor.transposed});
  }
}

// Tensors named like parameters that only other outputs read, or nobody.
void Importer::listUnused(const Graph &whole) {
  for (auto [name, proto] : whole.initializers) {
    if (tensors.contains(name) ||
        !isa_and_nonnull<FloatType>(getStorageType(proto->data_type(), context)))
      continue;
    if (isModulePath(name))
      summary.unused.push_back(name.str());
  }
  for (const std::string &name : summary.unused)
    summary.notes.push_back("parameter '" + name + "' is left out: the loss does not depend on it");
}

// Adds the results, and all that only the finished function tells.
LogicalResult Importer::finish(ModuleOp module, Forward &forward) {
  if (failed(markPaddingRows(forward.function.front(), tensors, options, summary.notes, loc)))
    return failure();
  llvm::StringSet<> trained;
  for (auto &[name, tensor] : tensors)
    if (tensor.trained)
      trained.insert(tensor.symbol);
  Value &loss = forward.loss;
  FailureOr<Weighting> weighting = Weighting{"mean", {}, {}, {}};
  if (!options.evaluationOnly)
    weighting = findWeighting(
        loss, options.reduction, [&](StringRef name) { return trained.contains(name); }, loc);
  if (failed(weighting))
    return failure();
  for (const Quotient &quotient : weighting->quotients) {
    Value mean = quotient.root->getResult(0), guarded = guardQuotient(quotient);
    if (mean == loss)
      loss = guarded;
  }
  Emitter &emitter = *forward.emitter;
  func::FuncOp function = forward.function;
  Value den = weighting->den;
  emitter.setLoc(loss.getLoc());
  // Losses are reported and weighted in f32, whatever the graph computes in.
  loss = emitter.cast(loss, emitter.getBuilder().getF32Type());
  den = den ? emitter.cast(emitter.reshape(den, {}), getElementType(loss))
            : emitter.splat(loss.getType(), 1);
  OpBuilder &builder = emitter.getBuilder();
  SmallVector<Value> results = {loss, den};
  for (auto &[name, value] : forward.outputs)
    results.push_back(value);
  func::ReturnOp::create(builder, loc, results);
  function.setType(builder.getFunctionType(function.getArgumentTypes(), TypeRange(results)));
  function.setResultAttr(0, nn::kNameAttr, builder.getStringAttr("loss"));
  function.setResultAttr(1, nn::kNameAttr, builder.getStringAttr("den"));
  for (auto [i, output] : llvm::enumerate(forward.outputs)) {
    summary.further.push_back(output.first);
    function.setResultAttr(2 + i, nn::kNameAttr, builder.getStringAttr(output.first));
  }
  function->setAttr(nn::kWeightingAttr, builder.getStringAttr(weighting->name));
  if (options.evaluationOnly)
    function->setAttr(nn::kEvaluationOnlyAttr, builder.getUnitAttr());
  summary.folded =
      llvm::all_of(forward.outputs, [](auto &output) { return bool(getConstant(output.second)); });
  summary.weighting = weighting->name.str();
  summary.loss = choice.op == LossOp::None
                     ? choice.output
                     : getLossOpName(choice.op).str() + " of " + choice.output;
  if (!weighting->note.empty())
    summary.notes.push_back(weighting->note);

  llvm::SetVector<StringRef> constants = findConstants(forward, graph, tensors);
  if (failed(refuseComputed(constants, tensors, loc)))
    return failure();
  listConstants(constants, graph, tensors, *reader, options, summary);
  // Dead operations, last first.
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(function.getBody().front())))
    if (isOpTriviallyDead(&op))
      op.erase();
  if (failed(
          createParameters(module, forward, graph, tensors, state, *reader, options, loc, summary)))
    return failure();
  if (!options.evaluationOnly)
    summary.nothingTrained = explainNothingTrained(summary, tensors, options);
  return success();
}

FailureOr<OwningOpRef<ModuleOp>> Importer::run(StringRef path) {
  summary.error = ImportError::Model;
  auto opened = ModelFile::open(path, loc);
  if (failed(opened))
    return failure();
  file = std::move(*opened);
  reader.emplace(*file, loc, context);
  if (file->getProto().training_info_size())
    return emitError(loc) << "the model brings a training algorithm of its own "
                             "(training_info); dpc derives the backward itself. Store the "
                             "forward graph with its loss only";
  FailureOr<Graph> built = buildGraph(*file, loc);
  if (failed(built))
    return failure();
  graph = std::move(*built);
  summary.outputs = graph.outputs;
  if (!graph.stagesNote.empty())
    summary.notes.push_back(graph.stagesNote);
  SmallVector<std::string> roots;
  if (options.evaluationOnly) {
    roots.assign(graph.outputs.begin(), graph.outputs.end());
  } else {
    FailureOr<LossChoice> chosen = chooseLoss(*file, graph, options, loc, summary.error);
    if (failed(chosen))
      return failure();
    choice = *chosen;
    roots.push_back(choice.output);
    if (choice.op != LossOp::None && !choice.addsLabels)
      roots.push_back(choice.labels);
  }
  // Who else reads a tensor decides whether it is worth a note.
  Graph whole = graph;
  graph.prune(roots);
  if (failed(checkOperators(graph, options, loc)))
    return failure();
  FurtherOutputs further;
  if (options.evaluationOnly)
    further.names = graph.outputs;
  else
    further = findFurtherOutputs(*file, whole, graph, choice, summary.notes);

  FailureOr<StateDict> recorded = readStateDict(file->getProto(), whole, loc);
  if (failed(recorded))
    return failure();
  state = std::move(*recorded);
  auto classified = classifyTensors(*file, graph, whole, *reader, state, options, loc, summary);
  if (failed(classified))
    return failure();
  tensors = std::move(*classified);
  if (failed(addStoredTensors(further, whole, *reader, tensors, summary.notes)))
    return failure();
  if (options.evaluationOnly)
    for (auto &[name, tensor] : tensors)
      tensor.trained = tensor.byRules = false;
  else if (failed(resolveTies(tensors, graph, *reader, options, loc, summary.error)))
    return failure();
  listTies();
  resolveLayouts(state, tensors, graph);
  listUnused(whole);
  if (!options.evaluationOnly)
    summary.warnings = findDropped(graph, tensors, options, choice.output);

  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  FailureOr<Forward> forward =
      buildForward(*module, graph, choice, further, tensors, *reader, options, loc, summary);
  if (failed(forward) || failed(finish(*module, *forward)))
    return failure();
  setStateDict(*module, state, tensors, graph, whole, *file, *reader);
  summary.bytesRead = reader->getLargeBytesRead();
  if (failed(verify(*module))) {
    summary.error = ImportError::Internal;
    emitError(loc) << "the imported module is not valid; this is a bug in dpc";
    return failure();
  }
  summary.error = ImportError::None;
  return module;
}

FailureOr<OwningOpRef<ModuleOp>> dpc::import::importModel(StringRef path,
                                                          const ImportOptions &options,
                                                          MLIRContext *context,
                                                          ImportSummary &summary) {
  context->loadDialect<nn::NNDialect, func::FuncDialect>();
  Location loc = NameLoc::get(StringAttr::get(context, path));
  return Importer(options, context, loc, summary).run(path);
}
