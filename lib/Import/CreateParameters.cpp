// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "CreateParameters.h"

#include "Constants.h"
#include "Roles.h"
#include "dpc/Dialect/NN/Element.h"
#include "llvm/ADT/StringExtras.h"

#include <map>

using namespace mlir;
using namespace dpc;
using namespace dpc::import;

LogicalResult dpc::import::createParameters(ModuleOp module, Forward &forward, const Graph &graph,
                                            StoredTensors &tensors, const StateDict &state,
                                            TensorReader &reader, const ImportOptions &options,
                                            Location loc, ImportSummary &summary) {
  // Readers decide what is left: nothing else is stored in the module.
  llvm::StringSet<> used;
  forward.function.walk([&](nn::GetOp get) { used.insert(get.getParameter()); });
  llvm::DenseSet<Value> differentiable = findDifferentiable(forward.loss);
  llvm::StringSet<> trainable;
  forward.function.walk([&](nn::GetOp get) {
    if (differentiable.contains(get))
      trainable.insert(get.getParameter());
  });
  OpBuilder builder = OpBuilder::atBlockBegin(module.getBody());
  LogicalResult result = success();
  Roles roles(graph, tensors, reader);
  llvm::StringMap<StringRef> symbols;
  std::map<std::string, SmallVector<StringRef>> absent; // parameters by file
  std::map<std::string, unsigned> masters;              // by what is stored
  for (auto &[name, tensor] : tensors) {
    if (tensor.original)
      continue;
    bool stored = tensor.trained || nn::getByteSize(tensor.type) > options.constantLimitBytes;
    if (tensor.trained && tensor.type.getNumElements() == 0)
      summary.notes.push_back("parameter '" + tensor.symbol + "' is left out: it has no elements");
    if (!stored || !used.contains(tensor.symbol))
      continue;
    if (tensor.trained && !trainable.contains(tensor.symbol)) {
      tensor.trained = false;
      summary.notes.push_back("'" + tensor.getShownName().str() +
                              "' is not trained: no differentiable path leads "
                              "from it to the loss");
    }
    auto [it, fresh] = symbols.try_emplace(tensor.symbol, name);
    if (!fresh || tensor.symbol == "forward") {
      result = emitError(loc) << "initializers '" << it->second << "' and '" << name
                              << "' are both named '" << tensor.symbol << "'";
      continue;
    }
    Attribute source;
    if (options.init && tensor.trained) {
      source = nn::InitAttr::get(module.getContext(), chooseInit(tensor, graph, roles),
                                 options.init->seed, builder.getF64FloatAttr(options.init->stddev));
    } else {
      FailureOr<std::optional<FileRange>> range = reader.locate(*tensor.proto, name);
      if (failed(range)) {
        result = failure();
        continue;
      }
      if (!*range) {
        result = emitError(loc) << "parameter '" << name
                                << "' is not stored as plain bytes; store it as raw data, or "
                                   "let dpc draw it with --init seed:N";
        continue;
      }
      if (!(*range)->exists) {
        absent[(*range)->path].push_back(name);
        continue;
      }
      source = nn::FileAttr::get(module.getContext(), (*range)->path, (*range)->offset,
                                 (*range)->length, (*range)->stamp.size, (*range)->stamp.time);
    }
    auto op = nn::ParameterOp::create(builder, NameLoc::get(builder.getStringAttr(name)),
                                      tensor.symbol, tensor.type, tensor.trained, source);
    // An update is too small to be added to values of 16 bits.
    if (tensor.trained && tensor.type.getElementTypeBitWidth() == 16) {
      op.setMasterAttr(TypeAttr::get(builder.getF32Type()));
      if (!isa<nn::InitAttr>(source))
        op.setStorageAttr(TypeAttr::get(tensor.type.getElementType()));
      ++masters[dpcrt::nameOf(*nn::getElement(tensor.type.getElementType()))];
    }
    if (tensor.symbol != tensor.name)
      op->setAttr("storage_name", builder.getStringAttr(tensor.name));
    setNames(op, tensor, state, tensors);
    ParameterInfo info{tensor.symbol,
                       tensor.name,
                       tensor.framework == tensor.symbol ? "" : tensor.framework,
                       tensor.type.getShape().vec(),
                       tensor.trained,
                       tensor.reason};
    summary.parameters.push_back(std::move(info));
  }
  for (auto &[type, count] : masters)
    summary.notes.push_back(
        std::to_string(count) + (count == 1 ? " parameter is" : " parameters are") + " stored as " +
        type + " and trained as f32 (masters), of which " + type + " copies are computed with");
  // What the user froze is small enough to be a literal, but is a parameter still.
  for (auto &[name, tensor] : tensors)
    if (tensor.byRules && !tensor.trained && !tensor.original && !symbols.contains(tensor.symbol) &&
        nn::getByteSize(tensor.type) <= options.constantLimitBytes)
      summary.parameters.push_back({tensor.symbol, tensor.name,
                                    tensor.framework == tensor.symbol ? "" : tensor.framework,
                                    tensor.type.getShape().vec(), false, tensor.reason});
  for (auto &[path, names] : absent) {
    InFlightDiagnostic error = emitError(loc);
    if (names.size() == 1)
      error << "parameter '" << names.front() << "' is in '" << path;
    else
      error << names.size() << " parameters ('" << names[0] << "', '" << names[1]
            << (names.size() > 2 ? "', ..." : "'") << ") are in '" << path;
    result = error << "', which does not exist; bring the file, or let dpc "
                      "draw the parameters with --init seed:N";
  }
  return result;
}

std::string dpc::import::explainNothingTrained(const ImportSummary &summary,
                                               const StoredTensors &tensors,
                                               const ImportOptions &options) {
  for (const ParameterInfo &parameter : summary.parameters)
    if (parameter.trained)
      return "";
  SmallVector<StringRef> names;
  for (auto &[name, tensor] : tensors)
    if (tensor.byRules)
      names.push_back(tensor.getShownName());
  bool isChosen = !names.empty();
  if (!isChosen)
    for (const CandidateInfo &candidate : summary.candidates)
      names.push_back(candidate.name);
  std::string list = names.empty() ? ""
                                   : "'" + llvm::join(ArrayRef(names).take_front(3), "', '") +
                                         (names.size() > 3 ? "', …" : "'");
  std::string text = "nothing is left to train: the loss depends on ";
  if (isChosen)
    return text + std::to_string(names.size()) +
           (names.size() == 1 ? " parameter (" : " parameters (") + list + "), and " +
           (isRestricted(options) ? "--train chooses" : "--freeze leaves") + " none of them";
  text += "no stored tensor that is known to be a parameter";
  return names.empty() ? text : text + "; --train auto --train NAME trains one, of " + list;
}
