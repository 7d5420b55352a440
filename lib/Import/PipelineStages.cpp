// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The stages that a model asks for (ONNX IR 11, Multi-Device Configuration): a node
// may name a pipeline stage for each of the model's configurations. They are hints,
// which say nothing about what is computed; the partition phase keeps them.
#include "Graph.h"

#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace dpc::import;

// Configurations for which nodes name stages: those that the model lists first, in
// its order, then others as they are met.
static llvm::SetVector<StringRef> findConfigurations(const onnx::ModelProto &model) {
  llvm::SetVector<StringRef> used, result;
  auto collect = [&](const auto &nodes) {
    for (const onnx::NodeProto &node : nodes)
      for (const auto &configuration : node.device_configurations())
        if (configuration.has_pipeline_stage())
          used.insert(configuration.configuration_id());
  };
  collect(model.graph().node());
  for (const onnx::FunctionProto &function : model.functions())
    collect(function.node());
  for (const onnx::DeviceConfigurationProto &configuration : model.configuration())
    if (used.contains(configuration.name()))
      result.insert(configuration.name());
  result.insert(used.begin(), used.end());
  return result;
}

ConfigurationChoice dpc::import::chooseConfiguration(const onnx::ModelProto &model) {
  llvm::SetVector<StringRef> found = findConfigurations(model);
  ConfigurationChoice choice;
  if (found.empty())
    return choice;
  choice.name = found.front().str();
  choice.note = "cuts keep to the pipeline stages that nodes ask for in "
                "configuration '" +
                choice.name + "'";
  for (StringRef other : found.getArrayRef().drop_front())
    choice.note += (other == found[1] ? "; those of '" : "', '") + other.str();
  if (found.size() > 1)
    choice.note += "' are left aside";
  return choice;
}

FailureOr<std::optional<int64_t>> dpc::import::getPipelineStage(const onnx::NodeProto &node,
                                                                StringRef name,
                                                                const ConfigurationChoice &choice,
                                                                Location loc) {
  std::optional<int64_t> stage;
  for (const auto &configuration : node.device_configurations()) {
    if (!configuration.has_pipeline_stage() || configuration.configuration_id() != choice.name)
      continue;
    int64_t asked = configuration.pipeline_stage();
    if (asked < 0)
      return emitError(loc) << "node '" << name << "' asks for pipeline stage " << asked
                            << "; stages are numbered from 0";
    if (stage && *stage != asked)
      return emitError(loc) << "node '" << name << "' asks for pipeline stages " << *stage
                            << " and " << asked << " in one configuration ('" << choice.name
                            << "'); it can be in one only";
    stage = asked;
  }
  return stage;
}
