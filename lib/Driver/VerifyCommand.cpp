// `dpc verify`: does this artifact compute what its model says?
#include "dpc/Driver/Compile.h"

#include "Diagnostics.h"
#include "dpc/Driver/Registry.h"
#include "dpc/Verify/Verify.h"

#include <CLI/CLI.hpp>
#include <ostream>

namespace dpc::driver {

int verifyCommand(const std::vector<std::string> &args, std::ostream &out, std::ostream &err) {
  verify::VerifyOptions options;
  CLI::App app("Compare an artifact's steps with its sequential replay, bit for bit, and with the float64 interpreter", "dpc verify");
  app.add_option("MODEL.dpc", options.artifact, "an artifact")->required();
  app.add_option("--data", options.data, "as for dpc run; synthetic:SEED draws inputs")->capture_default_str();
  app.add_option("--steps", options.steps, "steps to compare")->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--lr", options.lr, "learning rate of these steps")->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--threads", options.threads, "threads of this process that compute at one time; 0: its cores")->capture_default_str();
  std::vector<std::string> reversed(args.rbegin(), args.rend());
  try {
    app.parse(reversed);
  } catch (const CLI::CallForHelp &) {
    out << app.help();
    return 0;
  } catch (const CLI::ParseError &error) {
    err << "error: " << error.what() << "\n";
    return 2;
  }
  mlir::DialectRegistry registry;
  registerAllDialects(registry);
  mlir::MLIRContext context(registry);
  Diagnostics diagnostics(&context, err);
  return verify::verify(options, &context, out, err);
}

} // namespace dpc::driver
