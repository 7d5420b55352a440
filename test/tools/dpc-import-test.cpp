// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Imports one model and prints the module: what the import phase does, alone,
// for FileCheck. `--summary` prints what the driver would say, on stderr.
#include "dpc/Import/Import.h"
#include "dpc/Import/Passes.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OperationSupport.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/CommandLine.h"

using namespace llvm;
using namespace dpc::import;

static cl::opt<std::string> path(cl::Positional, cl::Required);
static cl::list<std::string> dims("dim"), shapes("shape"), train("train"), freeze("freeze"),
    tied("tied"), paddingRows("padding-row");
static cl::opt<std::string> loss("loss"), logits("logits"), labels("labels");
static cl::opt<LossOp>
    lossOp("loss-op",
           cl::values(clEnumValN(LossOp::SoftmaxCrossEntropy, "softmax_cross_entropy", ""),
                      clEnumValN(LossOp::CausalLM, "causal_lm", ""),
                      clEnumValN(LossOp::MSE, "mse", ""), clEnumValN(LossOp::BCE, "bce", "")),
           cl::init(LossOp::None));
static cl::opt<LossReduction>
    reduction("loss-reduction",
              cl::values(clEnumValN(LossReduction::Auto, "auto", ""),
                         clEnumValN(LossReduction::TokenMean, "token-mean", ""),
                         clEnumValN(LossReduction::Mean, "mean", ""),
                         clEnumValN(LossReduction::Sum, "sum", "")),
              cl::init(LossReduction::Auto));
static cl::opt<int64_t> ignoreIndex("ignore-index"), classAxis("class-axis");
static cl::opt<double> smoothing("label-smoothing");
static cl::opt<uint64_t> init("init-seed");
static cl::opt<int64_t> constantLimit("constant-limit", cl::init(1 << 20));
static cl::opt<bool> passes("passes", cl::init(true)), summary("summary"), debugInfo("locations"),
    quiet("quiet");

static std::vector<int64_t> parseShape(StringRef text) {
  SmallVector<StringRef> parts;
  text.split(parts, 'x');
  std::vector<int64_t> shape(parts.size());
  for (auto [part, extent] : zip(parts, shape))
    if (part.getAsInteger(10, extent))
      exit(2);
  return shape;
}

int main(int argc, char **argv) {
  cl::ParseCommandLineOptions(argc, argv);
  ImportOptions options;
  for (StringRef text : dims)
    options.dims[text.split('=').first.str()] = parseShape(text.split('=').second).front();
  for (StringRef text : shapes)
    options.shapes[text.split('=').first.str()] = parseShape(text.split('=').second);
  // In the order of the command line, of which each list has its part.
  std::map<unsigned, Selection> selections;
  for (bool trains : {true, false}) {
    auto &list = trains ? train : freeze;
    for (unsigned i = 0; i < list.size(); ++i)
      selections[list.getPosition(i)] = {trains, list[i]};
  }
  for (auto &[position, selection] : selections)
    options.selections.push_back(selection);
  for (StringRef text : paddingRows)
    options.paddingRows.push_back(
        {text.split('=').first.str(), parseShape(text.split('=').second).front()});
  options.tied = tied;
  options.loss = loss;
  options.lossOp = lossOp;
  options.logits = logits;
  options.labels = labels;
  options.reduction = reduction;
  options.labelSmoothing = smoothing;
  options.constantLimitBytes = constantLimit;
  if (ignoreIndex.getNumOccurrences())
    options.ignoreIndex = ignoreIndex;
  if (classAxis.getNumOccurrences())
    options.classAxis = classAxis;
  if (init.getNumOccurrences())
    options.init = InitOptions{init, 0.02};

  mlir::MLIRContext context;
  ImportSummary info;
  auto module = importModel(path, options, &context, info);
  if (succeeded(module) && passes) {
    mlir::PassManager pm(&context);
    buildImportPipeline(pm, {});
    if (failed(pm.run(**module)))
      return 3;
  }
  if (summary) {
    errs() << "loss: " << info.loss << ", weighting: " << info.weighting
           << ", nodes: " << info.nodes << ", bytes read: " << info.bytesRead << "\n";
    for (const ParameterInfo &parameter : info.parameters)
      errs() << (parameter.trained ? "trained " : "stored ") << parameter.name
             << (parameter.framework.empty() ? "" : " (" + parameter.framework + ")") << ": "
             << parameter.reason << "\n";
    for (const TieInfo &tie : info.ties)
      for (const TieInfo::Copy &copy : tie.copies)
        errs() << "tied " << copy.name << " = " << tie.name
               << (copy.transposed ? ", transposed" : "") << "\n";
    for (const std::string &name : info.constants)
      errs() << "constant " << name << "\n";
    for (const CandidateInfo &candidate : info.candidates)
      errs() << "candidate " << candidate.name << ": " << candidate.reason << "\n";
    for (const std::string &warning : info.warnings)
      errs() << "warning: " << warning << "\n";
    for (const std::string &note : info.notes)
      errs() << "note: " << note << "\n";
  }
  if (failed(module))
    return info.error == ImportError::Usage ? 2 : 3;
  if (quiet)
    return 0;
  mlir::OpPrintingFlags flags;
  if (debugInfo)
    flags.enableDebugInfo();
  (*module)->print(outs(), flags);
  outs() << "\n";
  return 0;
}
