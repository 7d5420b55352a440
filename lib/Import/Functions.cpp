// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Inlines the model's local functions: a call becomes the nodes of the body,
// with values renamed to `call/value` and attributes that refer to the call's
// attributes replaced by them.
#include "Graph.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace dpc::import;

namespace {

// A hostile file can ask for exponentially many nodes with few functions.
constexpr int kDepthLimit = 64;
constexpr size_t kNodeLimit = 4'000'000;
// Functions without a node of their own never come to that limit: two calls each of
// the next are 2^60 after sixty of them.
constexpr size_t kCallLimit = 1 << 18;

std::string getKey(StringRef domain, StringRef name, StringRef overload) {
  if (domain == "ai.onnx")
    domain = "";
  return (domain + "\x1f" + name + "\x1f" + overload).str();
}

// What names and attributes mean inside one body.
struct Scope {
  std::string prefix;
  llvm::StringMap<std::string> values;
  llvm::StringMap<const onnx::AttributeProto *> attributes;
  llvm::StringMap<int64_t> versions;
  std::string module;
  std::optional<int64_t> stage;
  bool isFunction = false;

  std::string rename(StringRef value) const {
    if (value.empty() || !isFunction)
      return value.str();
    auto it = values.find(value);
    return it == values.end() ? prefix + value.str() : it->second;
  }
};

class Inliner {
public:
  Inliner(const onnx::ModelProto &model, const ConfigurationChoice &configuration,
          std::vector<Node> &nodes, Location loc)
      : configuration(configuration), nodes(nodes), loc(loc) {
    for (const onnx::FunctionProto &function : model.functions())
      functions[getKey(function.domain(), function.name(), function.overload())] = &function;
    addVersions(model.opset_import(), global);
  }

  LogicalResult run(const onnx::GraphProto &graph) { return append(graph.node(), global, 0); }

private:
  template <typename List> static void addVersions(const List &list, Scope &scope) {
    for (const onnx::OperatorSetIdProto &set : list)
      scope.versions[set.domain() == "ai.onnx" ? "" : set.domain()] = set.version();
  }

  template <typename List> LogicalResult append(const List &list, const Scope &scope, int depth) {
    unsigned position = 0;
    for (const onnx::NodeProto &proto : list)
      if (failed(append(proto, position++, scope, depth)))
        return failure();
    return success();
  }

  LogicalResult append(const onnx::NodeProto &proto, unsigned position, const Scope &scope,
                       int depth) {
    Node node;
    node.domain = proto.domain() == "ai.onnx" ? "" : proto.domain();
    node.op = proto.op_type();
    node.name =
        scope.prefix + (proto.name().empty() ? ((scope.isFunction ? "node[" : "graph/node[") +
                                                Twine(position) + "]:" + proto.op_type())
                                                   .str()
                                             : proto.name());
    for (const std::string &value : proto.input())
      node.inputs.push_back(scope.rename(value));
    for (const std::string &value : proto.output())
      node.outputs.push_back(scope.rename(value));
    // Trailing absent operands mean nothing.
    while (!node.inputs.empty() && node.inputs.back().empty())
      node.inputs.pop_back();
    node.module = getRecordedModule(proto.metadata_props());
    if (node.module.empty())
      node.module = scope.module;
    FailureOr<std::optional<int64_t>> stage =
        getPipelineStage(proto, node.name, configuration, loc);
    if (failed(stage))
      return failure();
    node.stage = *stage ? *stage : scope.stage;
    node.call = findMetadata(proto.metadata_props(), "pkg.torch.onnx.fx_node");
    for (const onnx::AttributeProto &attribute : proto.attribute()) {
      const onnx::AttributeProto *resolved = &attribute;
      if (!attribute.ref_attr_name().empty()) {
        resolved = scope.attributes.lookup(attribute.ref_attr_name());
        if (!resolved)
          continue; // absent in the call: the operator's default
      }
      node.attributes.push_back({attribute.name(), resolved});
    }

    auto it = functions.find(getKey(node.domain, node.op, proto.overload()));
    if (it != functions.end())
      return inlineCall(node, proto, *it->second, scope, depth);
    auto version = scope.versions.find(node.domain);
    node.version = version == scope.versions.end() ? 0 : version->second;
    if (nodes.size() >= kNodeLimit)
      return emitError(loc) << "the model's functions expand to more than " << kNodeLimit
                            << " nodes";
    nodes.push_back(std::move(node));
    return success();
  }

  LogicalResult inlineCall(const Node &call, const onnx::NodeProto &proto,
                           const onnx::FunctionProto &function, const Scope &outer, int depth) {
    if (depth >= kDepthLimit)
      return emitError(loc) << "function '" << function.name()
                            << "' calls itself, or functions nest deeper than " << kDepthLimit;
    if (++calls > kCallLimit)
      return emitError(loc) << "the model's functions call each other more than " << kCallLimit
                            << " times, '" << function.name() << "' among them";
    if (call.inputs.size() > static_cast<size_t>(function.input_size()) ||
        call.outputs.size() > static_cast<size_t>(function.output_size()))
      return emitError(loc) << "node '" << call.name << "' calls function '" << function.name()
                            << "' with " << call.inputs.size() << " inputs and "
                            << call.outputs.size() << " outputs, but it has "
                            << function.input_size() << " and " << function.output_size();
    Scope scope;
    scope.isFunction = true;
    scope.prefix = call.name + "/";
    scope.module = call.module;
    scope.stage = call.stage;
    for (int i = 0, e = function.input_size(); i < e; ++i)
      scope.values[function.input(i)] =
          i < static_cast<int>(call.inputs.size()) ? call.inputs[i] : "";
    for (int i = 0, e = call.outputs.size(); i < e; ++i)
      if (!call.outputs[i].empty())
        scope.values[function.output(i)] = call.outputs[i];
    for (const onnx::AttributeProto &attribute : function.attribute_proto())
      scope.attributes[attribute.name()] = &attribute;
    for (const onnx::AttributeProto &attribute : proto.attribute()) {
      const onnx::AttributeProto *resolved = &attribute;
      if (!attribute.ref_attr_name().empty())
        resolved = outer.attributes.lookup(attribute.ref_attr_name());
      if (resolved)
        scope.attributes[attribute.name()] = resolved;
    }
    scope.versions = outer.versions;
    addVersions(function.opset_import(), scope);
    // A result that is an operand under another name still needs a producer.
    for (int i = 0, e = call.outputs.size(); i < e; ++i)
      for (const std::string &input : function.input())
        if (input == function.output(i))
          return emitError(loc) << "function '" << function.name() << "' returns its own input '"
                                << input << "'";
    return append(function.node(), scope, depth + 1);
  }

  const ConfigurationChoice &configuration;
  std::vector<Node> &nodes;
  Location loc;
  size_t calls = 0;
  llvm::StringMap<const onnx::FunctionProto *> functions;
  Scope global;
};

} // namespace

LogicalResult dpc::import::appendNodes(const onnx::ModelProto &model,
                                       const ConfigurationChoice &configuration,
                                       std::vector<Node> &nodes, Location loc) {
  return Inliner(model, configuration, nodes, loc).run(model.graph());
}
