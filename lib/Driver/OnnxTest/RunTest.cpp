// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// See RunTest.h.
#include "RunTest.h"

#include "../Diagnostics.h"
#include "Compare.h"
#include "dpc/Driver/Compile.h"
#include "dpc/Driver/Registry.h"
#include "session/Client.h"

#include <fstream>
#include <sstream>

using namespace mlir;

namespace dpc::driver {

namespace {

class Runner {
public:
  Runner(TestCase &test, std::string scratch) : test(test), folder(std::move(scratch)) {
    options.evaluationOnly = true;
  }

  Outcome run(const std::map<std::string, onnx::TensorProto> &bound) {
    for (auto &[name, value] : bound)
      bind(name, value);
    for (;;) {
      if (!writeModel())
        return {Outcome::Failed, "cannot write '" + modelPath() + "'"};
      import();
      if (summary.error == import::ImportError::None)
        break;
      // What the import could not know, the test does: each round binds an input.
      bool found = false;
      for (const std::string &name : summary.unknownInputs)
        if (auto given = test.inputs.find(name); given != test.inputs.end())
          found |= bind(name, given->second.proto);
      if (!found)
        return {summary.error == import::ImportError::Internal ? Outcome::Failed : Outcome::Skipped,
                firstLine()};
    }
    std::ostringstream out;
    said.str("");
    CompileOptions compileOptions;
    compileOptions.input = modelPath();
    compileOptions.output = folder + "/model.dpc";
    compileOptions.microBatches = 1;
    compileOptions.optimizer = "sgd";
    compileOptions.force = true;
    compileOptions.import = options;
    if (int status = compile(compileOptions, out, said))
      return {status == int(dpcrt::Code::Artifact) ? Outcome::Skipped : Outcome::Failed,
              firstLine()};
    if (dpcrt::Status status = evaluate(compileOptions.output); !status.ok())
      return {Outcome::Failed, status.message()};
    return {summary.folded ? Outcome::Folded : Outcome::Passed, ""};
  }

private:
  // The model's file without that input. False if it has none of this name.
  bool bind(const std::string &name, const onnx::TensorProto &value) {
    auto &inputs = *test.model.mutable_graph()->mutable_input();
    auto input = std::find_if(inputs.begin(), inputs.end(), [&](const onnx::ValueInfoProto &info) {
      return info.name() == name;
    });
    if (input == inputs.end())
      return false;
    inputs.erase(input);
    onnx::TensorProto *initializer = test.model.mutable_graph()->add_initializer();
    *initializer = value;
    initializer->set_name(name);
    return true;
  }

  std::string modelPath() const { return folder + "/model.onnx"; }
  bool writeModel() const {
    std::ofstream file(modelPath(), std::ios::binary);
    return test.model.SerializeToOstream(&file) && file.flush();
  }

  // What import says is kept.
  void import() {
    said.str("");
    options.shapes.clear();
    for (const onnx::ValueInfoProto &info : test.model.graph().input())
      if (auto given = test.inputs.find(info.name()); given != test.inputs.end() && hasSymbol(info))
        options.shapes[info.name()].assign(given->second.proto.dims().begin(),
                                           given->second.proto.dims().end());
    DialectRegistry registry;
    registerAllDialects(registry);
    MLIRContext context(registry, MLIRContext::Threading::DISABLED);
    Diagnostics diagnostics(&context, said);
    summary = {};
    [[maybe_unused]] auto module = import::importModel(modelPath(), options, &context, summary);
    assert(succeeded(module) == (summary.error == import::ImportError::None));
  }

  static bool hasSymbol(const onnx::ValueInfoProto &info) {
    const auto &type = info.type().tensor_type();
    return !type.has_shape() || std::any_of(type.shape().dim().begin(), type.shape().dim().end(),
                                            [](const auto &dim) { return !dim.has_dim_value(); });
  }

  std::string firstLine() const {
    std::string text = said.str(), line = text.substr(0, text.find('\n'));
    // A list of operators follows in lines of its own.
    if (!line.empty() && line.back() == ':' && text.size() > line.size())
      line += text.substr(line.size() + 1, text.find('\n', line.size() + 1) - line.size() - 1);
    // The file is this test's own.
    for (const std::string &prefix : {std::string("error: "), "'" + modelPath() + "': "})
      if (line.rfind(prefix, 0) == 0)
        line.erase(0, prefix.size());
    return line;
  }

  dpcrt::Status evaluate(const std::string &path) {
    using namespace dpcrt;
    dpcrt_artifact *a = nullptr;
    if (Status s = fromC(dpcrt_artifact_open(path.c_str(), &a)); !s.ok())
      return s;
    ArtifactHandle artifact(a);
    auto sessionOptions = sized<dpcrt_session_options>();
    sessionOptions.device = "cpu";
    sessionOptions.threads = 1;
    sessionOptions.timeout_s = 60;
    dpcrt_session *session = nullptr;
    if (Status s = fromC(dpcrt_session_create(a, &sessionOptions, &session)); !s.ok())
      return s;
    SessionHandle handle(session);
    std::vector<dpcrt_input> inputs;
    for (const InputSpec &spec : inputSpecs(a)) {
      auto given = test.inputs.find(spec.name);
      if (given == test.inputs.end())
        return error(Code::Data, "input '", spec.name, "' is in no file of the test");
      const onnxwire::TensorValue &value = given->second.value;
      if (value.type != spec.type || value.shape != spec.shape)
        return error(Code::Data, "input '", spec.name, "' is ", nameOf(value.type),
                     shapeText(value.shape), ", the model takes ", nameOf(spec.type),
                     shapeText(spec.shape));
      uint64_t count = value.bytes.size() / sizeOf(spec.type);
      if (uint64_t at = spec.firstOutside(value.bytes.data(), count); at != count)
        return error(Code::Data, "input '", spec.name, "' ", spec.range(), ", and has ",
                     spec.integerAt(value.bytes.data(), at));
      inputs.push_back(
          {sizeof(dpcrt_input), given->first.c_str(), value.bytes.data(), value.bytes.size(), 0});
    }
    auto request = sized<dpcrt_request>();
    request.kind = DPCRT_EVALUATE;
    dpcrt_result result;
    if (Status s = runStep(session, inputs, request, result); !s.ok())
      return s;
    for (auto &[name, wanted] : test.outputs) {
      onnxwire::TensorValue computed;
      if (Status s = readOutput(a, session, name, computed); !s.ok())
        return s;
      if (std::string difference = compareTensors(computed, wanted.value); !difference.empty())
        return error(Code::Difference, "output '", name, "' ", difference);
    }
    return {};
  }

  static dpcrt::Status readOutput(const dpcrt_artifact *artifact, dpcrt_session *session,
                                  const std::string &name, onnxwire::TensorValue &value) {
    for (size_t i = 0; i < dpcrt_artifact_outputs(artifact); ++i) {
      auto output = dpcrt::sized<dpcrt_tensor>();
      dpcrt_artifact_output(artifact, i, &output);
      if (name != output.name)
        continue;
      value.name = name;
      value.type = *dpcrt::elementNamed(output.dtype);
      value.shape.assign(output.shape, output.shape + output.rank);
      value.bytes.resize(output.bytes);
      return dpcrt::fromC(
          dpcrt_session_output(session, name.c_str(), value.bytes.data(), value.bytes.size()));
    }
    return dpcrt::error(dpcrt::Code::Artifact, "output '", name, "' is not in the artifact");
  }

  TestCase &test;
  std::string folder;
  import::ImportOptions options;
  import::ImportSummary summary;
  std::ostringstream said;
};

} // namespace

Outcome runTest(TestCase &test, const std::map<std::string, onnx::TensorProto> &bound,
                const std::string &scratch) {
  return Runner(test, scratch).run(bound);
}

} // namespace dpc::driver
