// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Graph.h"

#include "program/format/Element.h"

#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"

#include <queue>

using namespace mlir;
using namespace dpc::import;

const onnx::AttributeProto *Node::find(StringRef name) const {
  for (auto &[key, attribute] : attributes)
    if (name == key)
      return attribute;
  return nullptr;
}

std::string dpc::import::getOperatorName(const Node &node) {
  return node.domain.empty() ? node.op : node.domain + "::" + node.op;
}

StringRef dpc::import::findMetadata(
    const google::protobuf::RepeatedPtrField<onnx::StringStringEntryProto> &metadata,
    StringRef key) {
  for (const onnx::StringStringEntryProto &entry : metadata)
    if (key == entry.key())
      return entry.value();
  return {};
}

// torch writes the enclosing modules and last the operation itself:
//   ['', 'transformer', 'transformer.h.0', 'view_1']            (name_scopes)
//   ': Class/transformer: Class/transformer.h.0: Class/view_1: aten.view' (namespace)
std::string dpc::import::getRecordedModule(
    const google::protobuf::RepeatedPtrField<onnx::StringStringEntryProto> &metadata) {
  StringRef scopes = findMetadata(metadata, "pkg.torch.onnx.name_scopes");
  SmallVector<StringRef> parts;
  if (scopes.consume_front("[") && scopes.consume_back("]")) {
    scopes.split(parts, ", ");
    for (StringRef &part : parts)
      part = part.trim("'\"");
  } else {
    findMetadata(metadata, "namespace").split(parts, '/');
    for (StringRef &part : parts)
      part = part.split(": ").first;
  }
  return parts.size() < 2 ? "" : parts[parts.size() - 2].str();
}

Location dpc::import::getNodeLoc(const Node &node, MLIRContext *context) {
  Location loc = NameLoc::get(StringAttr::get(context, node.name));
  if (node.module.empty())
    return loc;
  return FusedLoc::get({loc}, StringAttr::get(context, node.module), context);
}

void Graph::index() {
  producers.clear();
  uses.clear();
  for (auto [i, node] : llvm::enumerate(nodes)) {
    for (const std::string &value : node.outputs)
      if (!value.empty())
        producers[value] = i;
    for (auto [k, value] : llvm::enumerate(node.inputs))
      if (!value.empty())
        uses[value].push_back({i, k});
  }
}

void Graph::prune(ArrayRef<std::string> values) {
  llvm::BitVector needed(nodes.size());
  SmallVector<StringRef> work(values.begin(), values.end());
  while (!work.empty()) {
    auto it = producers.find(work.pop_back_val());
    if (it == producers.end() || needed.test(it->second))
      continue;
    needed.set(it->second);
    for (const std::string &input : nodes[it->second].inputs)
      work.push_back(input);
  }
  std::vector<Node> kept;
  for (unsigned i : needed.set_bits())
    kept.push_back(std::move(nodes[i]));
  nodes = std::move(kept);
  index();
}

LogicalResult dpc::import::orderNodes(Graph &graph, Location loc) {
  graph.index();
  // Kahn's algorithm; among the nodes that are ready the earliest goes first,
  // so a file in order (as ONNX demands) stays as it is.
  size_t count = graph.nodes.size();
  std::vector<unsigned> missing(count, 0);
  std::priority_queue<unsigned, std::vector<unsigned>, std::greater<>> ready;
  for (auto [i, node] : llvm::enumerate(graph.nodes)) {
    for (const std::string &input : node.inputs)
      missing[i] += graph.producers.contains(input);
    if (!missing[i])
      ready.push(i);
  }
  std::vector<unsigned> order;
  while (!ready.empty()) {
    unsigned i = ready.top();
    ready.pop();
    order.push_back(i);
    for (const std::string &output : graph.nodes[i].outputs) {
      auto uses = graph.uses.find(output);
      if (output.empty() || uses == graph.uses.end())
        continue;
      for (auto [user, operand] : uses->second)
        if (--missing[user] == 0)
          ready.push(user);
    }
  }
  if (order.size() != count) {
    // Walk backwards through nodes that never became ready until one repeats.
    unsigned at = 0;
    while (!missing[at])
      ++at;
    SmallVector<unsigned> path;
    llvm::DenseMap<unsigned, size_t> place;
    while (place.try_emplace(at, path.size()).second) {
      path.push_back(at);
      for (const std::string &input : graph.nodes[at].inputs) {
        auto it = graph.producers.find(input);
        if (it != graph.producers.end() && missing[it->second]) {
          at = it->second;
          break;
        }
      }
    }
    std::string text;
    for (unsigned i : llvm::reverse(ArrayRef(path).drop_front(place[at])))
      text += "'" + graph.nodes[i].name + "' -> ";
    text += "'" + graph.nodes[path.back()].name + "'";
    return emitError(loc) << "the graph has a cycle: " << text;
  }
  if (!llvm::is_sorted(order)) {
    std::vector<Node> nodes;
    for (unsigned i : order)
      nodes.push_back(std::move(graph.nodes[i]));
    graph.nodes = std::move(nodes);
    graph.index();
  }
  return success();
}

// The nodes that an exporter's own rewrites made carry no module path. Such a
// node belongs where its operands and its readers meet: the longest common
// prefix of their paths.
static void inferModules(Graph &graph) {
  auto join = [](std::optional<std::string> &path, StringRef other) {
    if (!path) {
      path = other.str();
      return;
    }
    SmallVector<StringRef> a, b;
    StringRef(*path).split(a, '.');
    other.split(b, '.');
    size_t common = 0;
    while (common < std::min(a.size(), b.size()) && a[common] == b[common])
      ++common;
    path = llvm::join(ArrayRef(a).take_front(common), ".");
  };
  for (Node &node : graph.nodes) {
    if (!node.module.empty())
      continue;
    std::optional<std::string> path;
    for (const std::string &input : node.inputs)
      if (auto it = graph.producers.find(input); it != graph.producers.end())
        if (!graph.nodes[it->second].module.empty())
          join(path, graph.nodes[it->second].module);
    for (const std::string &output : node.outputs)
      if (auto it = graph.uses.find(output); it != graph.uses.end())
        for (auto [user, operand] : it->second)
          if (!graph.nodes[user].module.empty())
            join(path, graph.nodes[user].module);
    if (path)
      node.module = *path;
  }
}

static bool isFloating(const onnx::TensorProto &tensor) {
  std::optional<dpcrt::Element> element = dpcrt::elementOfOnnx(tensor.data_type());
  return element && dpcrt::isFloat(*element);
}

// Constant nodes that could be parameters become stored tensors. Nodes of functions
// stay: every call has one of its own, of the same bytes.
static void liftConstants(const onnx::GraphProto &proto, Graph &graph) {
  for (const onnx::NodeProto &node : proto.node()) {
    if (node.op_type() != "Constant" || node.output_size() != 1 ||
        !(node.domain().empty() || node.domain() == "ai.onnx"))
      continue;
    for (const onnx::AttributeProto &attribute : node.attribute()) {
      const onnx::TensorProto &tensor = attribute.t();
      int64_t count = 1;
      for (int64_t extent : tensor.dims()) // any above 1, none of 0
        count = extent < 1 ? 0 : count && extent > 1 ? 2 : count;
      if (attribute.name() != "value" || !isFloating(tensor) || count < 2 ||
          graph.initializers.contains(node.output(0)))
        continue;
      graph.initializers.insert({node.output(0), &tensor});
      graph.fromNodes.insert(node.output(0));
    }
  }
  llvm::erase_if(graph.nodes, [&](const Node &node) {
    return node.op == "Constant" && node.outputs.size() == 1 &&
           graph.fromNodes.contains(node.outputs[0]);
  });
}

FailureOr<Graph> dpc::import::buildGraph(const ModelFile &file, Location loc) {
  const onnx::ModelProto &model = file.getProto();
  const onnx::GraphProto &proto = model.graph();
  Graph graph;
  ConfigurationChoice configuration = chooseConfiguration(model);
  graph.stagesNote = configuration.note;
  if (failed(appendNodes(model, configuration, graph.nodes, loc)))
    return failure();

  llvm::StringSet<> defined;
  LogicalResult result = success();
  auto define = [&](StringRef value, StringRef what) {
    if (value.empty())
      return;
    if (!defined.insert(value).second)
      result = emitError(loc) << "value '" << value << "' is defined twice (" << what << ")";
  };
  for (const onnx::TensorProto &tensor : proto.initializer()) {
    define(tensor.name(), "as an initializer");
    graph.initializers.insert({tensor.name(), &tensor});
  }
  if (proto.sparse_initializer_size())
    return emitError(loc) << "sparse initializer '" << proto.sparse_initializer(0).values().name()
                          << "': dpc trains dense tensors only; store it dense";
  for (const onnx::ValueInfoProto &input : proto.input()) {
    // An input with an initializer is an overridable default.
    if (graph.initializers.contains(input.name()))
      continue;
    define(input.name(), "as a graph input");
    graph.inputs.push_back(&input);
  }
  for (const Node &node : graph.nodes)
    for (const std::string &output : node.outputs)
      define(output, "by node '" + node.name + "'");
  for (const Node &node : graph.nodes)
    for (const std::string &input : node.inputs)
      if (!input.empty() && !defined.contains(input))
        result = emitError(loc) << "node '" << node.name << "' reads '" << input
                                << "', which nothing defines";
  for (const onnx::ValueInfoProto &output : proto.output()) {
    if (!defined.contains(output.name()))
      result = emitError(loc) << "output '" << output.name() << "' is defined by no node";
    graph.outputs.push_back(output.name());
  }
  if (failed(result))
    return failure();
  liftConstants(proto, graph);
  if (failed(orderNodes(graph, loc)))
    return failure();
  inferModules(graph);
  return graph;
}
