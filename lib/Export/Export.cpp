// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "dpc/Export/Export.h"

#include "ModelCopy.h"
#include "StateDictFile.h"
#include "checkpoint/DefaultFolder.h"

#include <filesystem>
#include <ostream>

using namespace dpcrt;
namespace fs = std::filesystem;

namespace dpc::exporting {
namespace {

void list(std::ostream &out, const std::string &title, const std::vector<std::string> &lines) {
  if (lines.empty())
    return;
  out << title << "\n";
  for (const std::string &line : lines)
    out << "  " << line << "\n";
}

Status run(const ExportOptions &options, std::ostream &out, std::ostream &err) {
  std::string extension = fs::path(options.output).extension().string();
  if (extension != ".onnx" && extension != ".safetensors")
    return error(Code::Usage, "-o '", options.output,
                 "': a copy of the model ends in .onnx, a state dict in .safetensors");
  if (fs::exists(options.output) && !options.force)
    return error(Code::Usage, "'", options.output, "' exists; --force replaces it");
  Artifact artifact;
  if (Status s = openArtifact(options.artifact, artifact); !s.ok())
    return s;
  Weights weights(artifact);
  if (!options.checkpoint.empty())
    if (Status s = weights.openCheckpoint(options.checkpoint, err); !s.ok())
      return s;
  std::vector<std::string> files = {options.output};
  std::string what = " tensors of the framework's state dict";
  size_t count = 0;
  if (extension == ".onnx") {
    if (Status s = copyModel(artifact.manifest, weights, options.output, options.force, files);
        !s.ok())
      return s;
    for (const Manifest::Parameter &p : artifact.manifest.parameters)
      count += p.trained;
    what = " parameters in a copy of " + artifact.manifest.modelFile.path;
  } else {
    StateDictPlan plan = planStateDict(artifact.manifest);
    if (Status s = writeStateDict(plan, weights, options.output); !s.ok())
      return s;
    count = plan.tensors.size();
    if (!plan.recorded)
      err << "note: the model's file does not record the framework's state dict: buffers, and "
             "further names of tied "
             "tensors, are not known; python -m dpc.export records them\n";
    list(err,
         "note: not written, so that a strict load would miss " +
             std::string(plan.missing.size() == 1 ? "it" : "them") + ":",
         plan.missing);
    list(
        err,
        "note: under the graph's own names and in its layout, since the framework's are not known:",
        plan.unnamed);
  }
  out << weights.describe() << ": " << count
      << (count == 1 ? what.replace(what.find("s "), 1, "") : what) << " in";
  for (const std::string &file : files)
    out << " " << file;
  out << "\n";
  std::string folder = defaultCheckpointFolder(options.artifact);
  if (options.checkpoint.empty())
    err << "note: these are the weights that training begins with"
        << (fs::exists(folder) ? "; the trained ones: --checkpoint " + folder : "") << "\n";
  return {};
}

} // namespace

int exportWeights(const ExportOptions &options, std::ostream &out, std::ostream &err) {
  Status status = run(options, out, err);
  if (!status.ok())
    err << "error: " << status.message() << "\n";
  return status.exitStatus();
}

} // namespace dpc::exporting
