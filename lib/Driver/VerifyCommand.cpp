// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// `dpc verify`: does this artifact compute what its model says?
#include "dpc/Driver/Compile.h"

#include "Diagnostics.h"
#include "dpc/Driver/Registry.h"
#include "dpc/Driver/Verify/Verify.h"

#include "cli/CommandLine.h"

#include <ostream>

namespace dpc::driver {

int verifyCommand(const std::vector<std::string> &args, std::ostream &out, std::ostream &err) {
  verify::VerifyOptions options;
  CLI::App app("Compare an artifact's steps with its sequential replay, bit for bit, and with the "
               "float64 interpreter",
               "dpc verify");
  app.add_option("MODEL", options.artifact, "an artifact")->required();
  app.add_option("--data", options.data, "as for dpc run; synthetic:SEED draws inputs")
      ->capture_default_str();
  app.add_option("--steps", options.steps, "steps to compare")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--lr", options.lr, "learning rate of these steps")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--threads", options.threads,
                 "threads of this process that compute at one time; 0: its cores")
      ->capture_default_str();
  if (auto status = dpcrt::parseCommandLine(app, args, out, err))
    return *status;
  mlir::DialectRegistry registry;
  registerAllDialects(registry);
  mlir::MLIRContext context(registry);
  Diagnostics diagnostics(&context, err);
  return verify::verify(options, &context, out, err);
}

} // namespace dpc::driver
