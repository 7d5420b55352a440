// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// What the user says about training, over what the rules chose. `--train auto` is
// that choice, and the starting set wherever it stands; `--train GLOB` alone starts
// from nothing. Then every glob is applied in order: the later one wins.
#include "Parameters.h"

#include "Roles.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/GlobPattern.h"

using namespace mlir;
using namespace dpc::import;

constexpr llvm::StringLiteral kAuto = "auto";

bool dpc::import::isRestricted(const ImportOptions &options) {
  bool trains = false;
  for (const Selection &selection : options.selections) {
    if (selection.train && selection.glob == kAuto)
      return false;
    trains |= selection.train;
  }
  return trains;
}

namespace {

// Shell patterns with `*`, `?` and `[...]`; a name matches as a whole. A name
// matches itself, whatever characters it has.
struct Pattern {
  bool train;
  std::string text;
  std::optional<llvm::GlobPattern> glob;
  bool used = false;

  bool matches(StringRef name) {
    bool result = !name.empty() && (name == text || (glob && glob->match(name)));
    used |= result;
    return result;
  }
  StringRef getFlag() const { return train ? "--train" : "--freeze"; }
  /// Everything, which is a wish for all parameters and not for every epsilon.
  bool isSweeping() const { return StringRef(text).trim('*').empty(); }
};

class Selector {
public:
  Selector(StoredTensors &tensors, TensorReader &reader, const ImportOptions &options)
      : tensors(tensors), reader(reader), restricted(isRestricted(options)) {}

  LogicalResult readPatterns(const ImportOptions &options, Location loc, ImportSummary &summary);
  LogicalResult run(Location loc, ImportSummary &summary);

private:
  void select(StoredTensor &tensor);
  void selectComputed(StoredTensor &tensor);
  bool couldBeParameter(const StoredTensor &tensor);

  StoredTensors &tensors;
  TensorReader &reader;
  bool restricted;
  std::vector<Pattern> patterns;
  std::vector<std::string> passedOver;
};

} // namespace

LogicalResult Selector::readPatterns(const ImportOptions &options, Location loc,
                                     ImportSummary &summary) {
  for (const Selection &selection : options.selections) {
    if (selection.train && selection.glob == kAuto)
      continue;
    Pattern pattern{selection.train, selection.glob, std::nullopt};
    auto glob = llvm::GlobPattern::create(selection.glob);
    bool isName = llvm::any_of(tensors, [&](auto &entry) { return entry.first == selection.glob; });
    if (glob) {
      pattern.glob = std::move(*glob);
    } else if (isName) {
      llvm::consumeError(glob.takeError());
    } else {
      summary.error = ImportError::Usage;
      return emitError(loc) << pattern.getFlag() << " '" << selection.glob
                            << "': " << llvm::toString(glob.takeError());
    }
    patterns.push_back(std::move(pattern));
  }
  return success();
}

// What `--train '*'` means: not numbers of one element that no record names, not
// masks, and not what the record says is none.
bool Selector::couldBeParameter(const StoredTensor &tensor) {
  if (tensor.trained)
    return true;
  if (tensor.constant || tensor.type.getNumElements() < 2)
    return false;
  if (!reader.isPresent(*tensor.proto, tensor.name))
    return true;
  FailureOr<std::vector<char>> bytes = reader.readBytes(*tensor.proto, tensor.name);
  return succeeded(bytes) && !isMask(tensor.type.getElementType(), *bytes);
}

void Selector::select(StoredTensor &tensor) {
  tensor.byRules = tensor.trained;
  bool trained = tensor.byRules && !restricted;
  const Pattern *last = nullptr;
  for (Pattern &pattern : patterns) {
    bool matches = false; // all names are tried, so that a pattern counts as used
    for (StringRef name : {StringRef(tensor.name), StringRef(tensor.symbol),
                           StringRef(tensor.framework), StringRef(tensor.holds)})
      matches |= pattern.matches(name);
    for (StringRef name : tensor.otherNames)
      matches |= pattern.matches(name);
    if (!matches)
      continue;
    if (pattern.train && pattern.isSweeping() && !couldBeParameter(tensor)) {
      if (tensor.floating)
        passedOver.push_back(tensor.name);
      continue;
    }
    trained = pattern.train;
    last = &pattern;
  }
  if (!tensor.floating)
    return; // patterns may sweep over integers
  tensor.trained = trained;
  if (last) {
    tensor.reason = last->getFlag().str();
    tensor.constant = !trained;
  } else if (restricted && tensor.byRules) {
    tensor.reason = "not chosen by --train";
    tensor.constant = true;
  }
}

// What the exporter computed from parameters is accepted as a constant if it is
// frozen itself, or all that it comes from is.
void Selector::selectComputed(StoredTensor &tensor) {
  auto isFrozen = [&](StringRef name, bool otherwise) {
    for (Pattern &pattern : patterns)
      if (pattern.matches(name))
        otherwise = !pattern.train;
    return otherwise;
  };
  bool frozen = isFrozen(tensor.name, false), all = true;
  for (const std::string &source : tensor.computedFrom)
    all &= isFrozen(source, restricted);
  if (!frozen && !all)
    return;
  tensor.computedFrom.clear();
  tensor.constant = true;
  tensor.reason = restricted ? "not chosen by --train" : "--freeze";
}

LogicalResult Selector::run(Location loc, ImportSummary &summary) {
  for (auto &[name, tensor] : tensors)
    if (tensor.computedFrom.empty())
      select(tensor);
    else
      selectComputed(tensor);
  if (!passedOver.empty())
    summary.notes.push_back("--train '*' passes over " + std::to_string(passedOver.size()) +
                            (passedOver.size() == 1 ? " constant" : " constants") +
                            " of one element, masks and buffers ('" +
                            llvm::join(ArrayRef(passedOver).take_front(3), "', '") +
                            (passedOver.size() > 3 ? "', …" : "'") + "); --train NAME trains one");
  LogicalResult result = success();
  for (const Pattern &pattern : patterns)
    if (!pattern.used)
      result = emitError(loc) << pattern.getFlag() << " '" << pattern.text
                              << "' matches no stored tensor that the loss "
                                 "depends on";
  return result;
}

LogicalResult dpc::import::applySelection(StoredTensors &tensors, TensorReader &reader,
                                          const ImportOptions &options, Location loc,
                                          ImportSummary &summary) {
  Selector selector(tensors, reader, options);
  return success(succeeded(selector.readPatterns(options, loc, summary)) &&
                 succeeded(selector.run(loc, summary)));
}
