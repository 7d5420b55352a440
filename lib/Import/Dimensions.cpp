// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Dimensions.h"

#include "Emitter.h"
#include "cli/Nearest.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace dpc::import;

static std::string describeShape(const onnx::TensorShapeProto &shape) {
  SmallVector<std::string> extents;
  for (const auto &dim : shape.dim())
    extents.push_back(dim.has_dim_value()       ? std::to_string(dim.dim_value())
                      : dim.dim_param().empty() ? "?"
                                                : dim.dim_param());
  return extents.empty() ? "scalar" : llvm::join(extents, "x");
}

FailureOr<SmallVector<RankedTensorType>>
dpc::import::bindInputs(ArrayRef<const onnx::ValueInfoProto *> inputs, const Graph &graph,
                        const ImportOptions &options, MLIRContext *context, Location loc) {
  SmallVector<RankedTensorType> types;
  SmallVector<std::string> open, flags;
  auto note = [](SmallVector<std::string> &list, std::string text) {
    if (!llvm::is_contained(list, text))
      list.push_back(std::move(text));
  };
  LogicalResult result = success();
  // --shape also binds the symbols of the input it names.
  std::map<std::string, int64_t> dims = options.dims;
  auto bind = [&](const std::string &symbol, int64_t extent, StringRef input) {
    auto [it, fresh] = dims.try_emplace(symbol, extent);
    if (!fresh && it->second != extent)
      result = emitError(loc) << "dimension '" << symbol << "' is bound to " << it->second
                              << " and, by --shape " << input << ", to " << extent;
  };
  for (const auto &entry : options.shapes) {
    const std::string &name = entry.first;
    const std::vector<int64_t> &shape = entry.second;
    auto it = llvm::find_if(graph.inputs, [&](const auto *input) { return input->name() == name; });
    if (it == graph.inputs.end()) {
      result = emitError(loc) << "--shape names '" << name << "', but the model has no such input";
      continue;
    }
    const onnx::TensorShapeProto &given = (*it)->type().tensor_type().shape();
    if ((*it)->type().tensor_type().has_shape() &&
        given.dim_size() != static_cast<int>(shape.size())) {
      result = emitError(loc) << "--shape " << name << "=" << toString(shape)
                              << " has another rank than the input, " << describeShape(given);
      continue;
    }
    for (int i = 0; i < given.dim_size(); ++i) {
      const auto &dim = given.dim(i);
      if (dim.has_dim_value() && dim.dim_value() != shape[i])
        result = emitError(loc) << "--shape " << name << "=" << toString(shape)
                                << " contradicts the model, which fixes " << describeShape(given);
      else if (!dim.dim_param().empty())
        bind(dim.dim_param(), shape[i], name);
    }
  }

  for (const onnx::ValueInfoProto *input : inputs) {
    if (!input->type().has_tensor_type()) {
      result = emitError(loc) << "input '" << input->name() << "' is not a tensor";
      continue;
    }
    const onnx::TypeProto_Tensor &type = input->type().tensor_type();
    Type element = getStorageType(type.elem_type(), context);
    if (!element) {
      result = emitError(loc) << "input '" << input->name() << "' holds "
                              << getTypeName(type.elem_type())
                              << ", which dpc does not compute with";
      continue;
    }
    auto given = options.shapes.find(input->name());
    SmallVector<int64_t> shape;
    if (given != options.shapes.end()) {
      shape.assign(given->second.begin(), given->second.end());
    } else if (!type.has_shape()) {
      note(open, "the shape of input '" + input->name() + "'");
      note(flags, "--shape " + input->name() + "=…");
    } else {
      bool unnamed = false;
      for (const auto &dim : type.shape().dim()) {
        if (dim.has_dim_value()) {
          shape.push_back(dim.dim_value());
        } else if (auto it = dims.find(dim.dim_param());
                   it != dims.end() && !dim.dim_param().empty()) {
          shape.push_back(it->second);
        } else if (dim.dim_param().empty()) {
          unnamed = true;
        } else {
          note(open, "'" + dim.dim_param() + "' (input '" + input->name() + "')");
          note(flags, "--dim " + dim.dim_param() + "=N");
        }
      }
      if (unnamed) {
        note(open,
             "unnamed ones of input '" + input->name() + "' (" + describeShape(type.shape()) + ")");
        note(flags, "--shape " + input->name() + "=…");
      }
    }
    for (int64_t extent : shape)
      if (extent < 0)
        result = emitError(loc) << "input '" << input->name() << "' has the extent " << extent
                                << " in " << toString(shape) << "; it must not be negative";
    if (!countElements(shape)) {
      result = emitError(loc) << "input '" << input->name() << "' " << toString(shape)
                              << " has more than 2^40 elements";
      shape.clear();
    }
    types.push_back(RankedTensorType::get(shape, element));
  }
  if (!open.empty())
    return emitError(loc) << "dpc compiles for fixed shapes; these dimensions "
                             "are open: "
                          << llvm::join(open, ", ") << ". Bind them with "
                          << llvm::join(flags, " ");
  for (const auto &entry : options.dims) {
    const std::string &name = entry.first;
    bool known = llvm::any_of(graph.inputs, [&](const auto *input) {
      return llvm::any_of(input->type().tensor_type().shape().dim(),
                          [&](const auto &dim) { return dim.dim_param() == name; });
    });
    if (known)
      continue;
    std::vector<std::string> names;
    for (const auto *input : graph.inputs)
      for (const auto &dim : input->type().tensor_type().shape().dim())
        if (!dim.dim_param().empty() && !llvm::is_contained(names, dim.dim_param()))
          names.push_back(dim.dim_param());
    std::string near = dpcrt::nearest(name, names);
    InFlightDiagnostic diagnostic = emitError(loc);
    diagnostic << "--dim names '" << name << "', but no input has such a dimension";
    if (!near.empty())
      diagnostic << "; did you mean " << near << "?";
    else if (names.empty())
      diagnostic << "; all of this model's are numbers";
    else
      diagnostic << "; there are " << llvm::join(names, ", ");
    result = diagnostic;
  }
  if (failed(result))
    return failure();
  return types;
}
