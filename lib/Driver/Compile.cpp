// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Runs the phases on one module, dumps and resumes between them, and says what
// was made; see Compile.h.
#include "dpc/Driver/Compile.h"

#include "Alternatives.h"
#include "AutoSchedule.h"
#include "ChosenSchedule.h"
#include "Diagnostics.h"
#include "MemoryLimit.h"
#include "Mesh.h"
#include "Summary.h"
#include "dpc/Artifact/Artifact.h"
#include "dpc/Dialect/DualPipe/DualPipe.h"
#include "dpc/Driver/Registry.h"
#include "dpc/Partition/Partition.h"
#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

#include <chrono>
#include <ostream>

using namespace mlir;
namespace fs = llvm::sys::fs;

namespace dpc::driver {
namespace {

constexpr int kUsage = 2, kModel = 3, kMemory = 8, kIo = 11;

class Compilation {
public:
  Compilation(CompileOptions &options, std::ostream &out, std::ostream &err)
      : options(options), out(out), err(err), context(makeRegistry()), diagnostics(&context, err) {}

  int run() {
    if (int status = resolve())
      return status;
    if (int status = load())
      return status;
    if (std::string wrong = settleMesh(*module, options, first > numberOf("lower")); !wrong.empty())
      return fail(kUsage, wrong);
    // Types at collectives depend on the mesh.
    if (options.ep && failed(verify(*module)))
      return kModel;
    size_t last = numberOf(options.compileTo), lower = numberOf("lower"), next = first;
    if (options.schedule == kAuto) {
      if (int status = chooseSchedule(next, last))
        return status;
    }
    if (int status = runPhases(next, std::min(last, lower)))
      return status;
    if (options.memoryLimit && last >= lower)
      if (int status = keepWithinLimit())
        return status;
    if (int status = runPhases(std::max(first, lower + 1), last))
      return status;
    return finish();
  }

private:
  static size_t numberOf(StringRef phase) {
    return llvm::find_if(kPhases, [&](const char *p) { return phase == p; }) - std::begin(kPhases);
  }
  int runPhases(size_t from, size_t last) {
    for (size_t p = from; p <= last; ++p)
      if (int status = runPhase(kPhases[p]))
        return status;
    return 0;
  }

  static DialectRegistry makeRegistry() {
    DialectRegistry registry;
    registerAllDialects(registry);
    return registry;
  }
  int fail(int status, const std::string &message) {
    err << "error: " << message << "\n";
    return status;
  }

  // Defaults that depend on other flags; what differs from a request is said.
  int resolve() {
    if (!llvm::is_contained(kPhases, StringRef(options.compileTo))) {
      std::string known;
      for (const char *phase : kPhases)
        known += (known.empty() ? "" : ", ") + std::string(phase);
      return fail(kUsage, "there is no phase '" + options.compileTo + "'; phases are " + known);
    }
    bool isDefault = options.schedule.empty();
    resolveShape(options);
    if (isDefault)
      note("schedule: " + options.schedule);
    if (options.schedule != kAuto)
      if (std::string wrong = readSchedule(options); !wrong.empty())
        return fail(kModel, wrong);
    // Early, before minutes of work: can the output be made at all?
    if (options.compileTo == "artifact" && fs::exists(options.output) && !options.force)
      return fail(kUsage, "'" + options.output + "' exists; --force replaces it");
    return 0;
  }
  void note(const std::string &line) { notes.push_back(line); }

  int load() {
    if (StringRef(options.input).ends_with(".mlir")) {
      if (!fs::exists(options.input))
        return fail(kIo, "cannot read '" + options.input + "': no such file");
      module = parseSourceFile<ModuleOp>(options.input, &context);
      if (!module)
        return kModel;
      if (auto phase = (*module)->getAttrOfType<StringAttr>(kPhaseAttr)) {
        auto it = llvm::find_if(kPhases, [&](const char *p) { return phase == p; });
        if (it == std::end(kPhases))
          return fail(kModel, "'" + options.input + "' says that it has been through phase '" +
                                  phase.str() + "', which is none");
        first = it - std::begin(kPhases) + 1;
        // Decided by then; asked for later, it would only be said.
        auto decided = (*module)->getAttrOfType<StringAttr>(kPrecisionAttr);
        std::string precision = decided ? decided.str() : CompileOptions().precision;
        if (options.precision != precision && options.precision != CompileOptions().precision)
          return fail(kUsage, "--precision " + options.precision + ": '" + options.input +
                                  "' has been through the import phase in " + precision +
                                  "; compile the model itself");
        options.precision = precision;
      } else {
        first = 0; // nn without a mark is written by hand: import's rewritings and checks are for
                   // it, too
      }
      return 0;
    }
    auto begin = std::chrono::steady_clock::now();
    auto imported = import::importModel(options.input, options.import, &context, summary);
    if (failed(imported))
      return int(summary.error);
    if (int status = checkImported(summary, options.import, err))
      return status;
    module = std::move(*imported);
    seconds["import"] = since(begin);
    return 0;
  }
  static double since(std::chrono::steady_clock::time_point begin) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  }

  int runPhase(StringRef phase) {
    auto begin = std::chrono::steady_clock::now();
    if (phase == "partition")
      if (int status = keepSource())
        return status;
    if (phase == "artifact")
      return writeArtifact();
    if (phase != "codegen") { // which the artifact's writer does, where the object goes
      // The IR is verified once a phase and not after each pass, as dpc-opt does:
      // most of a phase's time would go there.
      PassManager pm(&context);
      pm.enableVerifier(false);
      buildPhase(phase, pm, options);
      if (failed(pm.run(*module)) || failed(verify(*module)) || diagnostics.errors())
        return kModel;
      (*module)->setAttr(kPhaseAttr, StringAttr::get(&context, phase));
      if (phase == "import" && options.precision != CompileOptions().precision)
        (*module)->setAttr(kPrecisionAttr, StringAttr::get(&context, options.precision));
      if (phase == "kernels" && options.compileTo == "artifact" && !automatic)
        planned = module->clone();
      // While the bodies are still operations: what is grouped later no longer says
      // what it does. Times are those of the kernels phase, once there are some.
      if (phase == "partition")
        stages = partition::summarizeStages(*module, machineOf(options));
      if (phase == "kernels")
        takeStageTimes();
    }
    seconds[phase.str()] += since(begin);
    return dump(phase);
  }

  void takeStageTimes() {
    if (stages.empty()) // the module came from a later phase
      stages = partition::summarizeStages(*module, machineOf(options));
    for (auto [summary, stage] : llvm::zip(stages, module->getOps<dualpipe::StageOp>()))
      if (auto cost = stage.getCost())
        summary.seconds = cost->getForward().getValueAsDouble() +
                          cost->getInput().getValueAsDouble() +
                          cost->getWeight().getValueAsDouble();
  }

  // --schedule auto, once the model is there and before it is cut: how many stages it
  // is cut into depends on the choice. `next` is the phase to go on with.
  int chooseSchedule(size_t &next, size_t last) {
    size_t partition = numberOf("partition");
    if (first > partition)
      return fail(kUsage, "--schedule auto chooses before the model is cut, and '" + options.input +
                              "' has been; name a schedule");
    if (int status = runPhases(first, std::min(last, partition - 1)))
      return status;
    next = std::max(first, partition);
    if (last < partition)
      return 0;
    auto begin = std::chrono::steady_clock::now();
    std::string nn;
    if (int status = writeBytes(nn))
      return status;
    AutoChoice choice;
    // As in keepWithinLimit, what may be given up is, before the limit.
    std::optional<uint64_t> before;
    for (std::string saving;;) {
      Alternatives alternatives(nn, options, options.cuts.empty() ? options.ranks : 0,
                                machineOf(options), &context);
      choice = driver::chooseSchedule(alternatives, options);
      if (!choice.best)
        return fail(kModel, choice.error);
      const uint64_t bytes = choice.candidates[*choice.best].bytes;
      if (before && bytes < *before)
        note(saving + ": else no schedule stays within --memory-limit");
      else if (before && options.recompute == CompileOptions().recompute)
        options.shardOptimizer = "off"; // nothing is held twice
      bool fits = !options.memoryLimit || bytes <= options.memoryLimit;
      saving = fits ? "" : saveMemory(options);
      if (saving.empty())
        break;
      before = bytes;
    }
    adoptChoice(options, choice);
    notes.insert(notes.end(), choice.lines.begin(), choice.lines.end());
    automatic =
        lowering::advise(choice.candidates[*choice.best], choice.others(options.memoryLimit));
    seconds["auto"] = since(begin);
    return 0;
  }

  int writeBytes(std::string &bytes) {
    llvm::raw_string_ostream stream(bytes);
    return failed(writeBytecodeToFile(*module, stream))
               ? fail(70, "the nn module cannot be written")
               : 0;
  }
  int keepSource() {
    std::string bytes;
    if (int status = writeBytes(bytes))
      return status;
    auto type = RankedTensorType::get({int64_t(bytes.size())}, IntegerType::get(&context, 8));
    (*module)->setAttr(
        kSourceAttr, DenseResourceElementsAttr::get(type, "nn_module",
                                                    HeapAsmResourceBlob::allocateAndCopyInferAlign(
                                                        ArrayRef(bytes.data(), bytes.size()))));
    return 0;
  }
  std::string source() const {
    auto attr = (*module)->getAttrOfType<DenseResourceElementsAttr>(kSourceAttr);
    AsmResourceBlob *blob = attr ? attr.getRawHandle().getBlob() : nullptr;
    return blob ? std::string(blob->getData().data(), blob->getData().size()) : "";
  }

  // The forecast of every rank must fit. Who keeps moments, and what is computed again
  // instead of kept, is chosen once more where that helps; the results are the same, bit for
  // bit.
  int keepWithinLimit() {
    MemoryExcess excess = findExcess(*module, options.memoryLimit);
    if (!excess)
      return 0;
    size_t partition = numberOf("partition"), lower = numberOf("lower");
    std::string nn = source();
    bool canRepeat = first <= partition && !nn.empty();
    const std::string before = describeExcess(excess, options.memoryLimit);
    std::vector<std::string> saved;
    while (canRepeat) {
      std::string saving = saveMemory(options);
      if (saving.empty())
        break;
      module = parseSourceString<ModuleOp>(nn, &context);
      if (int status = runPhases(partition, lower))
        return status;
      const MemoryExcess left = findExcess(*module, options.memoryLimit);
      if (left.bytes != excess.bytes)
        saved.push_back(saving);
      else if (options.recompute == CompileOptions().recompute)
        options.shardOptimizer = "off"; // nothing is held twice
      excess = left;
      if (!excess) {
        note(llvm::join(saved, " and ") + ", to stay within --memory-limit; without that, " +
             before);
        return 0;
      }
    }
    err << "error: out of memory: " << describeExcess(excess, options.memoryLimit)
        << (options.recompute == "full"
                ? ", although all that costs no message is recomputed in the backward"
                : "")
        << "\n";
    if (canRepeat) {
      Alternatives alternatives = makeAlternatives(nn);
      for (const std::string &line : findWhatFits(alternatives, options))
        err << "note: " << line << "\n";
    }
    return kMemory;
  }
  Alternatives makeAlternatives(std::string nn) {
    unsigned stages = std::distance(module->getOps<dualpipe::StageOp>().begin(),
                                    module->getOps<dualpipe::StageOp>().end());
    return Alternatives(std::move(nn), options, stages, machineOf(options), &context);
  }
  // Beside what was made, in one line; nothing of a module that went on from a later
  // phase, which may be another than the model it came from.
  std::string advice() {
    if (options.ranks == 1) // no schedule of one rank is faster than another
      return "";
    if (automatic)
      return *automatic;
    std::string nn = source();
    if (first > numberOf("partition") || nn.empty())
      return "";
    Alternatives alternatives = makeAlternatives(std::move(nn));
    alternatives.adopt(std::move(planned));
    Candidate chosen = alternatives.planChosen(options);
    if (!chosen.step)
      return "";
    return lowering::advise(chosen, withoutPlans(alternatives.planOthers(options)));
  }

  int dump(StringRef phase) {
    if (options.dumpPhases.empty() || phase == "codegen")
      return 0;
    if (std::error_code error = fs::create_directories(options.dumpPhases))
      return fail(kIo, "cannot make '" + options.dumpPhases + "': " + error.message());
    size_t number =
        llvm::find_if(kPhases, [&](const char *p) { return phase == p; }) - std::begin(kPhases);
    std::string path =
        options.dumpPhases + "/" + std::to_string(number) + "-" + phase.str() + ".mlir";
    std::error_code error;
    llvm::raw_fd_ostream stream(path, error);
    if (!error) {
      module->print(stream, OpPrintingFlags().enableDebugInfo());
      stream << "\n";
      stream.close();
      error = stream.error();
      stream.clear_error();
    }
    return error ? fail(kIo, "cannot write '" + path + "': " + error.message()) : 0;
  }

  int writeArtifact() {
    auto begin = std::chrono::steady_clock::now();
    artifact::ArtifactOptions write;
    write.output = options.output;
    write.force = options.force;
    write.modelPath = options.input;
    write.targets = options.targets;
    write.deviceCode = options.dumpDeviceCode;
    write.nnModule = source();
    write.config = configJson(options);
    if (int status = artifact::writeArtifact(*module, write, written))
      return status;
    written.areValuesProven = first <= numberOf("lower");
    if (diagnostics.errors())
      return kModel;
    seconds["codegen"] = written.kernelSeconds;
    seconds["artifact"] = since(begin) - written.kernelSeconds;
    return 0;
  }

  int finish() {
    if (stages.empty())
      stages = partition::summarizeStages(*module, machineOf(options));
    if (options.compileTo == "artifact")
      printSummary(out, *module, options, summary, stages, written, notes, advice(), seconds);
    if (!options.report.empty())
      if (std::string error =
              writeReport(options.report, *module, options, stages, written, seconds);
          !error.empty())
        return fail(kIo, error);
    return 0;
  }

  CompileOptions &options;
  std::ostream &out, &err;
  MLIRContext context;
  Diagnostics diagnostics;
  OwningOpRef<ModuleOp> module;
  std::vector<partition::StageSummary> stages;
  std::optional<std::string>
      automatic; ///< the advice, where auto has held all schedules beside each other
  OwningOpRef<ModuleOp> planned; ///< as it was after the kernels phase, for the advice
  size_t first = 0;              // of kPhases
  import::ImportSummary summary;
  artifact::ArtifactSummary written;
  std::vector<std::string> notes;
  std::map<std::string, double> seconds;
};

} // namespace

int compile(CompileOptions options, std::ostream &out, std::ostream &err) {
  return Compilation(options, out, err).run();
}

} // namespace dpc::driver
