// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// `dpc export`: weights out of a compiled model.
#include "dpc/Driver/Compile.h"

#include "dpc/Export/Export.h"

#include "cli/CommandLine.h"

#include <ostream>

namespace dpc::driver {

int exportCommand(const std::vector<std::string> &args, std::ostream &out, std::ostream &err) {
  exporting::ExportOptions options;
  CLI::App app("Write trained weights into a copy of the model's file, or as a state dict under "
               "the framework's names",
               "dpc export");
  app.add_option("MODEL", options.artifact, "an artifact")->required();
  app.add_option("-o,--output", options.output,
                 "TRAINED.onnx, a copy of the model's file, or WEIGHTS.safetensors, a state dict")
      ->required();
  app.add_option("--checkpoint", options.checkpoint,
                 "a folder of checkpoints, of which the newest complete one is taken, or one of "
                 "them (the initial weights)");
  app.add_flag("--force", options.force, "replace existing files");
  if (auto status = dpcrt::parseCommandLine(app, args, out, err))
    return *status;
  return exporting::exportWeights(options, out, err);
}

} // namespace dpc::driver
