// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The flags of `dpc compile`, `dpc explain` and `dpc check`, and what they mean.
#include "dpc/Driver/Compile.h"

#include "CheckModel.h"
#include "Diagnostics.h"
#include "Explain.h"
#include "MemoryLimit.h"
#include "Summary.h"
#include "dpc/Codegen/CPU/CompileKernels.h"
#include "dpc/Codegen/CUDA/CompileCudaKernels.h"
#include "dpc/Driver/Registry.h"
#include "dpc/Machine/Machine.h"
#include "dpc/Partition/Partition.h"

#include "cli/CommandLine.h"
#include "program/format/Optimizers.h"
#include "session/Manifest.h"
#include "llvm/ADT/StringExtras.h"

#include <filesystem>
#include <ostream>

namespace dpc::driver {
namespace {

// --init seed:N[,normal:S]
bool parseInit(const std::string &text, import::InitOptions &init) {
  llvm::StringRef rest(text);
  if (!rest.consume_front("seed:") || rest.consumeInteger(10, init.seed))
    return false;
  if (rest.empty())
    return true;
  return rest.consume_front(",normal:") && !rest.getAsDouble(init.stddev) && init.stddev >= 0;
}

std::vector<std::string> optimizerKinds() {
  std::vector<std::string> names;
  for (const dpcrt::Optimizer &optimizer : dpcrt::optimizers())
    names.emplace_back(optimizer.name);
  return names;
}

// NAME=N and INPUT=2x128.
bool parseDim(const std::string &text, import::ImportOptions &options) {
  auto [name, value] = llvm::StringRef(text).split('=');
  int64_t size;
  if (name.empty() || value.getAsInteger(10, size) || size < 0)
    return false;
  options.dims[name.str()] = size;
  return true;
}
bool parseShape(const std::string &text, import::ImportOptions &options) {
  auto [name, value] = llvm::StringRef(text).split('=');
  std::vector<int64_t> shape;
  llvm::SmallVector<llvm::StringRef> parts;
  value.split(parts, 'x', -1, /*KeepEmpty=*/true);
  for (llvm::StringRef part : parts) {
    int64_t size;
    if (part.getAsInteger(10, size) || size < 0)
      return false;
    shape.push_back(size);
  }
  if (name.empty() || shape.empty())
    return false;
  options.shapes[name.str()] = shape;
  return true;
}

class ModelFlags {
public:
  ModelFlags(CLI::App &app, import::ImportOptions &options) : options(options) {
    app.add_option("--dim", dims, "bind a symbolic dimension: NAME=N");
    app.add_option("--shape", shapes, "the shape of an input: INPUT=2x128");
    app.add_option("--loss", options.loss, "the graph output that is the loss");
    app.add_option("--loss-op", lossOp,
                   "put a loss behind the graph: softmax_cross_entropy, causal_lm, mse or bce")
        ->check(CLI::IsMember({"softmax_cross_entropy", "causal_lm", "mse", "bce"}));
    app.add_option("--logits", options.logits, "the output that --loss-op reads");
    app.add_option("--labels", options.labels, "the name of the labels that --loss-op reads");
    app.add_option("--ignore-index", ignoreIndex, "the label that does not count");
    app.add_option("--class-axis", classAxis, "the dimension of classes in the logits");
    app.add_option("--label-smoothing", options.labelSmoothing,
                   "of --loss-op softmax_cross_entropy")
        ->check(CLI::Range(0.0, 1.0));
    app.add_option("--loss-reduction", reduction,
                   "how micro-batches join: auto, token-mean (by their denominators), mean or sum")
        ->check(CLI::IsMember({"auto", "token-mean", "mean", "sum"}));
    app.add_option("--train", train,
                   "auto: what the rules choose (the default); GLOB: train what matches, and only "
                   "that unless auto is given, too")
        ->type_name("GLOB")
        ->allow_extra_args(false);
    app.add_option("--freeze", freeze,
                   "do not train what matches a glob; of --train and --freeze the later one wins")
        ->type_name("GLOB")
        ->allow_extra_args(false);
    app.add_flag("--strict", options.strict,
                 "refuse what is only a warning: constants that could be parameters, and what the "
                 "exporter recorded and the graph does not do");
    app.add_option(
           "--padding-row", paddingRows,
           "looking up row N of a table adds nothing to its gradient, as padding_idx: TABLE=N")
        ->type_name("TABLE=N")
        ->allow_extra_args(false);
    app.add_option("--tied", options.tied, "this initializer is shared on purpose");
    app.add_option("--init", init, "draw parameters: seed:N[,normal:0.02]");
  }

  // Empty, or what is wrong.
  std::string resolve() {
    for (const std::string &text : dims)
      if (!parseDim(text, options))
        return "--dim " + text + ": expected NAME=N with N at least 0";
    for (const std::string &text : shapes)
      if (!parseShape(text, options))
        return "--shape " + text + ": expected INPUT=2x128";
    for (const std::string &text : paddingRows) {
      auto [name, row] = llvm::StringRef(text).rsplit('=');
      int64_t number;
      if (name.empty() || row.getAsInteger(10, number))
        return "--padding-row " + text + ": expected TABLE=N, a stored tensor and one of its rows";
      for (const auto &[other, before] : options.paddingRows)
        if (other == name && before != number)
          return "--padding-row " + text + ": row " + std::to_string(before) +
                 " is given for it, too; a table has one";
      options.paddingRows.push_back({name.str(), number});
    }
    static const std::map<std::string, import::LossOp> lossOps = {
        {"softmax_cross_entropy", import::LossOp::SoftmaxCrossEntropy},
        {"causal_lm", import::LossOp::CausalLM},
        {"mse", import::LossOp::MSE},
        {"bce", import::LossOp::BCE}};
    if (!lossOp.empty())
      options.lossOp = lossOps.at(lossOp);
    static const std::map<std::string, import::LossReduction> reductions = {
        {"auto", import::LossReduction::Auto},
        {"token-mean", import::LossReduction::TokenMean},
        {"mean", import::LossReduction::Mean},
        {"sum", import::LossReduction::Sum}};
    options.reduction = reductions.at(reduction);
    readSelections();
    options.ignoreIndex = ignoreIndex;
    options.classAxis = classAxis;
    if (!init.empty()) {
      import::InitOptions parsed;
      if (!parseInit(init, parsed))
        return "--init " + init + ": expected seed:N or seed:N,normal:S with S at least 0";
      options.init = parsed;
    }
    return "";
  }

  // --train and --freeze are one list, whose order counts and which --print-config
  // must keep: --freeze GLOB is --train '!GLOB', and only a file says `freeze`.
  std::vector<std::string> joinSelections(const std::vector<std::string> &args) {
    std::vector<std::string> joined;
    for (size_t i = 0; i < args.size(); ++i) {
      llvm::StringRef arg = args[i],
                      next = i + 1 < args.size() ? llvm::StringRef(args[i + 1]) : "--";
      isSelected |= arg == "--train" || arg == "--freeze" || arg.starts_with("--train=") ||
                    arg.starts_with("--freeze=");
      if (arg.consume_front("--freeze="))
        joined.push_back("--train=!" + arg.str());
      else if (arg == "--freeze" && !next.starts_with("-"))
        joined.push_back("--train=!" + args[++i]);
      else
        joined.push_back(args[i]);
    }
    return joined;
  }

private:
  // Of a file, `freeze` comes after `train`; what the command line says comes last.
  void readSelections() {
    auto add = [&](llvm::StringRef glob, bool trains) {
      trains &= !glob.consume_front("!");
      options.selections.push_back({trains, glob.str()});
    };
    if (isSelected)
      for (const std::string &glob : freeze)
        add(glob, false);
    for (const std::string &glob : train)
      add(glob, true);
    if (!isSelected)
      for (const std::string &glob : freeze)
        add(glob, false);
  }

  import::ImportOptions &options;
  std::vector<std::string> dims, shapes, paddingRows, train, freeze;
  bool isSelected = false; ///< by the command line itself
  std::string lossOp, reduction = "auto", init;
  std::optional<int64_t> ignoreIndex, classAxis;
};

// Parses; an exit status if that ends the command.
std::optional<int> parse(CLI::App &app, ModelFlags &model, const std::vector<std::string> &args,
                         std::ostream &out, std::ostream &err) {
  if (auto status = dpcrt::parseCommandLine(app, model.joinSelections(args), out, err))
    return status;
  if (std::string wrong = model.resolve(); !wrong.empty()) {
    err << "error: " << wrong << "\n";
    return 2;
  }
  return std::nullopt;
}

// What shapes a step, for compile and explain.
void addShapeFlags(CLI::App &app, CompileOptions &options, std::string &memoryLimit) {
  app.add_option("--pp", options.ranks, "ranks of the pipeline")->check(CLI::Range(1u, 65536u));
  app.add_option("--micro-batches", options.microBatches,
                 "micro-batches of a step, for each of --dp replicas (4 x ranks of the pipeline)")
      ->check(CLI::Range(1u, 1048576u));
  app.add_option("--dp", options.dp,
                 "data parallelism: replicas of the pipeline, whose gradients are summed (1)")
      ->check(CLI::Range(1u, dpcrt::Manifest::maxRanks));
  app.add_option("--ep", options.ep,
                 "expert ranks at each place of the pipeline, for IR with collectives over ep (1)")
      ->check(CLI::Range(1u, dpcrt::Manifest::maxRanks));
  app.add_option("--schedule", options.schedule,
                 "NAME[,option=number], a file, or auto: the one with the shortest forecast step");
  app.add_option("--cuts", options.cuts, "where to cut: after:PATH,... or a file of such lines");
  app.add_option("--optimizer", options.optimizer, dpcrt::optimizerNames())
      ->check(CLI::IsMember(optimizerKinds()));
  app.add_option("--shard-optimizer", options.shardOptimizer,
                 "each of the ranks that hold a parameter keeps moments and masters of a part of "
                 "it and updates that: on, off, or auto, where --memory-limit asks for it (auto)")
      ->check(CLI::IsMember({"auto", "on", "off"}));
  app.add_option("--machine", options.machine, "machine description: a JSON file, or hopper");
  app.add_option("--memory-limit", memoryLimit, "most memory that a rank may need, as in 24GiB");
}

// How the model is computed: decided where it is read, as what the model's flags say.
void addPrecisionFlag(CLI::App &app, CompileOptions &options) {
  app.add_option("--precision", options.precision,
                 "f32: as the graph says; bf16: mixed precision, trained in f32")
      ->check(CLI::IsMember({"f32", "bf16"}));
}

llvm::StringRef kindOf(llvm::StringRef target) { return target.split(':').first; }

std::vector<std::string> knownTargets() {
  std::vector<std::string> names = codegen::targetNames();
  for (const std::string &architecture : codegen::cudaArchitectures())
    names.push_back("cuda:" + architecture);
  return names;
}

// An artifact's programs are for one kind of device, of which it may have code for several. What
// steps cost is forecast for that kind, unless a machine is named.
bool checkTargets(CompileOptions &options, std::ostream &err) {
  std::set<std::string> seen;
  for (const std::string &target : options.targets) {
    if (kindOf(target) != kindOf(options.targets.front())) {
      err << "error: --target " << options.targets.front() << " and --target " << target
          << ": an artifact is for one kind of device; compile one for each\n";
      return false;
    }
    if (!seen.insert(target).second) {
      err << "error: --target " << target << " is given twice\n";
      return false;
    }
    if (std::vector<std::string> known = knownTargets(); !llvm::is_contained(known, target)) {
      err << "error: --target " << target << ": this build compiles for " << llvm::join(known, ", ")
          << "\n";
      return false;
    }
  }
  if (options.machine.empty())
    options.machine = getMachineName(kindOf(options.targets.front())).str();
  return true;
}

bool readMemoryLimit(const std::string &text, CompileOptions &options, std::ostream &err) {
  if (text.empty() || parseBytes(text, options.memoryLimit))
    return true;
  err << "error: --memory-limit " << text
      << ": expected a size above 0, as in 24GiB, 800MB or 1073741824\n";
  return false;
}

} // namespace

int compileCommand(const std::vector<std::string> &args, std::ostream &out, std::ostream &err) {
  CompileOptions options;
  std::string memoryLimit;
  CLI::App app("Compile a model to a pipeline-parallel training program", "dpc compile");
  app.add_option("MODEL", options.input,
                 "an ONNX file (.onnx, .onnxtxt), or a phase's dump (.mlir)")
      ->required();
  app.add_option("-o,--output", options.output, "the artifact to make (a directory)");
  addShapeFlags(app, options, memoryLimit);
  app.add_option("--target", options.targets,
                 "what kernels are compiled for, of one kind of device: " +
                     llvm::join(knownTargets(), ", "))
      ->allow_extra_args(false);
  app.add_option("--compile-to", options.compileTo, "stop after this phase");
  app.add_option("--dump-phases", options.dumpPhases, "folder for the module after each phase");
  app.add_option("--dump-device-code", options.dumpDeviceCode,
                 "folder for the LLVM module of each image for GPUs, kernels/NAME.cubin or .ptx as "
                 "NAME.bc: what tests without a GPU execute instead");
  app.add_option("--report", options.report, "write a JSON report");
  app.add_flag("--force", options.force, "replace an existing artifact");
  addPrecisionFlag(app, options);
  ModelFlags model(app, options.import);
  if (auto status = parse(app, model, args, out, err))
    return *status;
  if (!readMemoryLimit(memoryLimit, options, err) || !checkTargets(options, err))
    return 2;
  if (!options.dumpDeviceCode.empty() && kindOf(options.targets.front()) != "cuda") {
    err << "error: --dump-device-code: no --target is a GPU\n";
    return 2;
  }
  if (options.output.empty() && options.compileTo == "artifact") {
    err << "error: -o is missing: where should the artifact go?\n";
    return 2;
  }
  return compile(options, out, err);
}

int explainCommand(const std::vector<std::string> &args, std::ostream &out, std::ostream &err) {
  CompileOptions options;
  std::string memoryLimit;
  CLI::App app("What a step costs, where its time goes, and what would be faster or smaller",
               "dpc explain");
  app.add_option("MODEL", options.input, "an artifact, or an ONNX file (.onnx, .onnxtxt)")
      ->required();
  addShapeFlags(app, options, memoryLimit);
  size_t own = app.get_options().size();
  addPrecisionFlag(app, options);
  ModelFlags model(app, options.import);
  if (auto status = parse(app, model, args, out, err))
    return *status;
  if (!readMemoryLimit(memoryLimit, options, err))
    return 2;
  if (!std::filesystem::is_directory(options.input))
    return explainModel(options, out, err);
  // An artifact says how it was compiled; flags ask what would be otherwise.
  std::set<std::string> given;
  auto all = app.get_options();
  for (size_t i = 0; i < all.size(); ++i) {
    if (!all[i]->count())
      continue;
    if (i >= own) {
      err << "error: " << all[i]->get_name()
          << ": the artifact's model was read with its flags already; explain the ONNX file to "
             "change them\n";
      return 2;
    }
    given.insert(all[i]->get_name());
  }
  return explainArtifact(options, given, out, err);
}

int checkCommand(const std::vector<std::string> &args, std::ostream &out, std::ostream &err) {
  CompileOptions options;
  CLI::App app("Can this model be trained?", "dpc check");
  app.add_option("MODEL", options.input, "an ONNX file")->required();
  ModelFlags model(app, options.import);
  if (auto status = parse(app, model, args, out, err))
    return *status;
  mlir::DialectRegistry registry;
  registerAllDialects(registry);
  mlir::MLIRContext context(registry);
  Diagnostics diagnostics(&context, err);
  import::ImportSummary summary;
  auto module = import::importModel(options.input, options.import, &context, summary);
  if (failed(module) || diagnostics.errors())
    return int(summary.error);
  if (int status = checkImported(summary, options.import, err))
    return status;
  for (const std::string &warning : summary.warnings)
    out << "warning: " << warning << "\n";
  for (const std::string &note : summary.notes)
    out << "note: " << note << "\n";
  printLoss(summary, out);
  out << summary.parameters.size() << " parameters:\n";
  for (const import::ParameterInfo &parameter : summary.parameters)
    out << "  " << describeParameter(parameter) << "\n";
  printTies(summary, out);
  printCandidates(summary, out);
  auto most = checkPhases(**module, options);
  if (failed(most) || diagnostics.errors())
    return 3;
  out << "can be trained; --pp 1 to " << *most << " (dualpipev: to " << *most / 2 << ")\n";
  return 0;
}

} // namespace dpc::driver
