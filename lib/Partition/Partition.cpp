// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The phase itself: graph, cuts, plans, bodies, stages; and the names of bodies.
#include "dpc/Partition/Partition.h"
#include "Outline.h"
#include "dpc/Dialect/NN/Location.h"
#include "dpc/Dialect/NN/ModelAttrs.h"
#include "dpc/Partition/Cuts.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MemoryBuffer.h"

#include <set>

using namespace mlir;

namespace dpc::partition {

llvm::Expected<std::vector<std::string>> parseCuts(StringRef text) {
  std::vector<std::string> cuts;
  if (text.empty())
    return cuts;
  auto addCut = [&](StringRef entry) -> llvm::Error {
    entry = entry.trim();
    StringRef path = entry;
    if (!path.consume_front("after:") || path.trim().empty())
      return llvm::createStringError("cut '" + entry + "' is not of the form after:PATH");
    cuts.push_back(path.trim().str());
    return llvm::Error::success();
  };
  if (text.starts_with("after:")) {
    SmallVector<StringRef> entries;
    text.split(entries, ',');
    for (StringRef entry : entries)
      if (llvm::Error error = addCut(entry))
        return std::move(error);
    return cuts;
  }
  auto buffer = llvm::MemoryBuffer::getFile(text, /*IsText=*/true);
  if (!buffer)
    return llvm::createStringError("cuts '" + text + "' are neither after:PATH,... nor a file: " +
                                   buffer.getError().message());
  SmallVector<StringRef> lines;
  (*buffer)->getBuffer().split(lines, '\n');
  for (auto [number, line] : llvm::enumerate(lines)) {
    StringRef entry = line.split('#').first.trim();
    if (entry.empty())
      continue;
    if (llvm::Error error = addCut(entry))
      return llvm::createStringError(text + ":" + llvm::Twine(number + 1) + ": " +
                                     llvm::toString(std::move(error)));
  }
  return cuts;
}

/// The stage of each node of the model's graph.
static FailureOr<std::vector<unsigned>> assignStages(ModelGraph &model,
                                                     const PartitionSettings &settings) {
  Graph &graph = model.graph;
  if (!settings.cuts.empty()) {
    // The user's cuts replace what the model asks for.
    for (Node &node : graph.nodes)
      node.hint = -1;
  } else if (HintConflict conflict = findHintConflict(graph); conflict.found) {
    Operation *reader = model.ops[conflict.reader];
    Operation *producer = model.ops[conflict.producer];
    InFlightDiagnostic diag = reader->emitError("asks for stage ")
                              << graph.nodes[conflict.reader].hint << ", but needs a result of ";
    // Its own location names the reader; the message names the other one too.
    const std::string &name = graph.nodes[conflict.producer].name;
    if (name.empty())
      diag << "a node that asks for stage ";
    else
      diag << "'" << name << "', which asks for stage ";
    diag << graph.nodes[conflict.producer].hint << "; a stage reads from earlier ones only";
    diag.attachNote(producer->getLoc()) << "the other node is here";
    return failure();
  }
  std::vector<unsigned> order = refineOrder(graph);
  Graph ordered = reorder(graph, order);
  CutResult result;
  if (settings.cuts.empty()) {
    CutOptions options;
    options.stages = settings.stages;
    result = findCuts(ordered, options);
  } else {
    result = resolveCuts(ordered, settings.cuts, settings.stages);
  }
  if (!result.error.empty())
    return model.function.emitError("the model ") << result.error;
  std::vector<unsigned> stageOf(order.size());
  unsigned stage = 0;
  for (unsigned i = 0; i < order.size(); ++i) {
    if (stage + 1 < settings.stages && result.cuts.starts[stage + 1] == i)
      ++stage;
    stageOf[order[i]] = stage;
  }
  return stageOf;
}

namespace {
/// Bodies made so far, and the stages that are bound to each.
struct BodyTable {
  struct Entry {
    dualpipe::BodyOp body;
    std::vector<unsigned> stages;
    unsigned family; ///< first body that differs in activity at most
  };
  std::vector<Entry> entries;
  std::multimap<size_t, unsigned> byHash;

  /// Keeps the body or, if there is one like it, erases it; returns its entry.
  unsigned add(dualpipe::BodyOp body, unsigned stage) {
    size_t hash = hashBody(body);
    unsigned family = entries.size();
    auto [begin, end] = byHash.equal_range(hash);
    for (auto it = begin; it != end; ++it) {
      Entry &entry = entries[it->second];
      if (isSameBody(entry.body, body, /*activity=*/true)) {
        entry.stages.push_back(stage);
        body.erase();
        return it->second;
      }
      if (isSameBody(entry.body, body, /*activity=*/false))
        family = std::min(family, entry.family);
    }
    byHash.emplace(hash, entries.size());
    entries.push_back({body, {stage}, family});
    return entries.size() - 1;
  }
};

/// Names that are not taken yet in the module.
class Names {
public:
  explicit Names(ModuleOp module) {
    for (auto symbol : module.getOps<SymbolOpInterface>())
      taken.insert(symbol.getName().str());
  }
  std::string get(const llvm::Twine &base) {
    std::string name = base.str();
    for (unsigned i = 2; !taken.insert(name).second; ++i)
      name = (base + "_" + llvm::Twine(i)).str();
    return name;
  }

private:
  std::set<std::string> taken;
};
} // namespace

/// The longest path of modules that holds all nodes of the given stages.
static std::string getCommonPath(const std::vector<StagePlan> &plans, ArrayRef<unsigned> stages) {
  std::optional<SmallVector<StringRef>> common;
  std::vector<std::string> paths;
  for (unsigned stage : stages)
    for (Operation *node : plans[stage].nodes)
      paths.push_back(nn::getModulePath(node->getLoc()));
  for (StringRef path : paths) {
    SmallVector<StringRef> parts;
    path.split(parts, '.', -1, /*KeepEmpty=*/false);
    if (!common) {
      common = parts;
      continue;
    }
    unsigned same = 0;
    while (same < std::min(common->size(), parts.size()) && (*common)[same] == parts[same])
      ++same;
    common->resize(same);
  }
  return common ? llvm::join(*common, ".") : "";
}

static bool hasFrozen(func::FuncOp function, dualpipe::RoleKind kind) {
  for (unsigned i = 0; i < function.getNumArguments(); ++i)
    if (dualpipe::getArgRole(function, i).getKind() == kind &&
        function.getArgAttr(i, dualpipe::kFrozenAttr))
      return true;
  return false;
}

/// A body of one stage is called after it, a shared one after the module path of
/// its stages; bodies that differ in activity alone share the first part.
static void nameBodies(BodyTable &table, const std::vector<StagePlan> &plans, Names &names) {
  std::vector<std::vector<unsigned>> families(table.entries.size());
  for (unsigned i = 0; i < table.entries.size(); ++i)
    families[table.entries[i].family].push_back(i);
  for (ArrayRef<unsigned> family : families) {
    SmallVector<unsigned> stages;
    for (unsigned i : family)
      llvm::append_range(stages, table.entries[i].stages);
    if (stages.empty())
      continue;
    std::string base = "stage" + llvm::utostr(stages.front());
    if (stages.size() > 1) {
      base = getCommonPath(plans, stages);
      if (base.empty())
        base = "layers";
    }
    for (unsigned i : family) {
      dualpipe::BodyOp body = table.entries[i].body;
      func::FuncOp forward = body.getForward();
      std::string suffix;
      if (family.size() > 1) {
        if (hasFrozen(forward, dualpipe::RoleKind::Input))
          suffix = ".noinput";
        else if (hasFrozen(forward, dualpipe::RoleKind::Param))
          suffix = ".frozen";
      }
      body.setSymName(names.get(base + suffix));
    }
  }
}

LogicalResult partition(ModuleOp module, const PartitionSettings &settings,
                        const Machine &machine) {
  FailureOr<ModelGraph> model = buildGraph(module, machine);
  if (failed(model))
    return failure();
  FailureOr<std::vector<unsigned>> stageOf = assignStages(*model, settings);
  if (failed(stageOf))
    return failure();
  auto weighting = model->function->getAttrOfType<StringAttr>(nn::kWeightingAttr);
  if (!weighting)
    return model->function.emitOpError() << "has no `" << nn::kWeightingAttr
                                         << "`, which says how micro-batches' losses are summed";

  std::vector<StagePlan> plans = planStages(*model, *stageOf, settings.stages);
  OpBuilder builder(model->function);
  dualpipe::TrainingOp::create(builder, model->function.getLoc(), settings.optimizer,
                               settings.microBatches, weighting.getValue(), settings.shard);
  BodyTable table;
  std::vector<unsigned> bodyOf;
  for (auto [k, plan] : llvm::enumerate(plans))
    bodyOf.push_back(table.add(buildBody(builder, *model, plan, "body"), k));
  Names names(module);
  nameBodies(table, plans, names);

  // Where each value that crosses a cut comes from.
  llvm::DenseMap<Value, dualpipe::SourceAttr> sources;
  for (auto [k, plan] : llvm::enumerate(plans)) {
    std::string name = names.get("s" + llvm::Twine(k));
    SmallVector<Attribute> inputs, feeds;
    for (Value input : plan.inputs)
      inputs.push_back(sources.lookup(input));
    for (Value feed : plan.feeds) {
      unsigned number = cast<BlockArgument>(feed).getArgNumber();
      auto feedName = model->function.getArgAttrOfType<StringAttr>(number, nn::kNameAttr);
      if (!feedName)
        return model->function.emitOpError()
               << "argument #" << number << " has no `" << nn::kNameAttr << "`";
      feeds.push_back(feedName);
    }
    ArrayAttr graphOutputs;
    if (!plan.graphOutputs.empty())
      graphOutputs = builder.getArrayAttr(llvm::map_to_vector(
          plan.graphOutputs, [](const GraphOutput &output) -> Attribute { return output.name; }));
    dualpipe::StageOp::create(
        builder, plan.nodes.front()->getLoc(), name, table.entries[bodyOf[k]].body.getSymName(),
        builder.getArrayAttr(inputs), builder.getArrayAttr(feeds),
        builder.getArrayAttr(plan.params.getArrayRef()), graphOutputs, dualpipe::CostAttr());
    for (auto [i, output] : llvm::enumerate(plan.outputs))
      sources[output] = dualpipe::SourceAttr::get(
          builder.getContext(), FlatSymbolRefAttr::get(builder.getContext(), name), i);
  }
  model->function.erase();
  return success();
}

FailureOr<unsigned> getMaxStages(ModuleOp module) {
  FailureOr<ModelGraph> model = buildGraph(module, getDefaultMachine());
  if (failed(model))
    return failure();
  return getMaxStages(model->graph);
}

} // namespace dpc::partition
