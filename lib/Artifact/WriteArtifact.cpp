// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Writes the artifact's files in the order docs/Artifact.md gives; see Artifact.h.
#include "dpc/Artifact/Artifact.h"

#include "KernelFiles.h"
#include "WrittenPrograms.h"
#include "cli/Version.h"
#include "data/Hash.h"
#include "data/OutputLock.h"
#include "data/Safetensors.h"
#include "dpc/Dialect/DualPipe/DualPipe.h"
#include "dpc/Dialect/NN/Element.h"
#include "dpc/Dialect/NN/ModelAttrs.h"
#include "dpc/Dialect/NN/Sharding.h"
#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/Parser/Parser.h"
#include "program/format/ArenaSharing.h"
#include "program/format/Reader.h"
#include "session/Artifact.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

#include <chrono>
#include <set>
#include <unistd.h>

using namespace mlir;
namespace fs = llvm::sys::fs;

namespace dpc::artifact {
namespace {

class ArtifactWriter {
public:
  ArtifactWriter(ModuleOp module, const ArtifactOptions &options, ArtifactSummary &summary)
      : module(module), options(options), summary(summary) {}
  ~ArtifactWriter() {
    if (!directory.empty())
      fs::remove_directories(directory);
  }

  int run() {
    if (int status = openDirectory())
      return status;
    context = programContextOf(module);
    context.constantOffsets = &constantOffsets;
    context.constants = &constants;
    describe();
    if (int status = writeDefinition())
      return status;
    if (int status = writeKernels())
      return status;
    if (int status = writePrograms())
      return status;
    if (int status = writeParameters())
      return status;
    if (int status = writeStateDict())
      return status;
    if (!constants.empty()) {
      manifest.constants = "constants.bin";
      if (int status = writeFile("constants.bin", constants))
        return status;
    }
    if (int status = writeFile("module.mlirbc", options.nnModule))
      return status;
    if (int status = writeFile(dpcrt::Manifest::fileName, dpcrt::writeManifest(manifest)))
      return status;
    if (int status = writeChecksums())
      return status;
    return close();
  }

private:
  int fail(int status, const Twine &message) {
    emitError(UnknownLoc::get(module.getContext())) << message;
    return status;
  }
  std::string path(StringRef file) const { return directory + "/" + file.str(); }

  // A name beside the output that nobody else gives.
  std::string hidden(StringRef ending) const {
    StringRef output = StringRef(options.output).rtrim('/');
    SmallString<128> name(llvm::sys::path::parent_path(output));
    llvm::sys::path::append(name, "." + llvm::sys::path::filename(output) + ending);
    return name.str().str();
  }

  int openDirectory() {
    StringRef output = StringRef(options.output).rtrim('/');
    fs::file_status status;
    fs::status(output, status);
    if (fs::exists(status)) {
      if (!options.force)
        return fail(2, "'" + output + "' exists; --force replaces it");
      // Only what looks like an artifact is replaced, never a folder of the user's.
      if (!fs::is_directory(status) || !fs::exists(output + "/" + dpcrt::Manifest::fileName))
        return fail(2, "'" + output +
                           "' is no artifact (it has no manifest.json) and is not replaced; choose "
                           "another name");
    }
    // Two compiles into one name would leave the files of both. Whatever lies beside
    // it under the lock was left by one that was killed.
    if (dpcrt::Status locked = lock.takeFile(output.str()); !locked.ok())
      return fail(locked.exitStatus(), locked.message());
    std::string temporary = hidden(".compiling"), old = hidden(".replaced");
    if (fs::exists(old) && !fs::exists(output))
      fs::rename(old, output);
    for (const std::string &left : {temporary, old})
      if (std::error_code error = fs::remove_directories(left, /*IgnoreErrors=*/false))
        return fail(11, "cannot remove '" + left + "': " + error.message());
    if (std::error_code error = fs::create_directories(temporary + "/kernels"))
      return fail(11, "cannot make '" + temporary + "': " + error.message());
    directory = temporary;
    return 0;
  }

  int writeFile(StringRef name, StringRef bytes) {
    std::error_code error;
    llvm::raw_fd_ostream stream(path(name), error, fs::OF_None);
    if (!error) {
      stream << bytes;
      stream.close();
      error = stream.error();
      stream.clear_error();
    }
    if (error)
      return fail(11, "cannot write '" + path(name) + "': " + error.message());
    files.push_back(name.str());
    return 0;
  }

  void describe() {
    manifest.producer = std::string("dpc ") + dpcrt::versionText();
    manifest.modelName = llvm::sys::path::filename(options.modelPath).str();
    manifest.modelHash =
        "xxh128:" + dpcrt::hashHex(options.nnModule.data(), options.nnModule.size());
    manifest.mesh.pp = context.ranks;
    manifest.mesh.mirror = context.mirror;
    manifest.mesh.dp = context.dp;
    manifest.mesh.ep = context.ep;
    manifest.config = nlohmann::ordered_json::parse(options.config, nullptr, false);
    for (dualpipe::ScheduleOp schedule : module.getOps<dualpipe::ScheduleOp>())
      manifest.schedule = schedule.getText().str();
    manifest.lossName = "loss";
    if (auto divisions = module->getAttrOfType<ArrayAttr>(nn::kDivisionsAttr))
      for (auto division : divisions.getAsRange<DictionaryAttr>()) {
        auto shape = division.getAs<DenseI64ArrayAttr>("shape").asArrayRef();
        manifest.divisions.push_back(
            {division.getAs<StringAttr>("node").str(), {shape.begin(), shape.end()}});
      }
    for (dualpipe::TrainingOp training : module.getOps<dualpipe::TrainingOp>()) {
      manifest.optimizer = training.getOptimizer().str();
      manifest.lossWeighting = training.getWeighting().str();
    }
  }

  // The step without its programs: what these are held against, by `dpc verify` again.
  int writeDefinition() {
    if (module.getOps<dualpipe::ScheduleOp>().empty())
      return 0;
    OwningOpRef<ModuleOp> definition(module.clone());
    for (prog::ProgramOp program :
         llvm::make_early_inc_range(definition->getOps<prog::ProgramOp>()))
      program.erase();
    for (NamedAttribute attr : module->getAttrs())
      if (attr.getName().strref().starts_with("dpc."))
        (*definition)->removeAttr(attr.getName());
    std::string bytes;
    llvm::raw_string_ostream stream(bytes);
    if (failed(writeBytecodeToFile(*definition, stream)))
      return fail(70, "the definition of the step cannot be written");
    return writeFile("step.mlirbc", bytes);
  }

  int writeKernels() {
    auto begin = std::chrono::steady_clock::now();
    KernelFiles kernels;
    if (int status = compileTargets(module, options.targets, directory, !options.deviceCode.empty(),
                                    kernels))
      return status;
    files.insert(files.end(), kernels.written.begin(), kernels.written.end());
    for (auto &[name, content] : kernels.contents)
      if (int status = writeFile(name, content))
        return status;
    for (const auto &[image, bitcode] : kernels.deviceCode)
      if (int status = writeDeviceCode(image, bitcode))
        return status;
    for (auto &[symbol, work] : kernels.work)
      context.kernels[symbol] = {work.first, work.second};
    manifest.targets = std::move(kernels.targets);
    summary.kernels = kernels.kernels;
    summary.kernelNote = kernels.note;
    summary.kernelSeconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    return 0;
  }

  // Not into the artifact: nobody who runs it wants it.
  int writeDeviceCode(StringRef image, StringRef bitcode) {
    if (std::error_code error = fs::create_directories(options.deviceCode))
      return fail(11, "cannot make '" + options.deviceCode + "': " + error.message());
    std::string file = options.deviceCode + "/" + image.str() + ".bc";
    std::error_code error;
    llvm::raw_fd_ostream stream(file, error);
    if (!error) {
      stream << bitcode;
      stream.close();
      error = stream.error();
    }
    stream.clear_error();
    return error ? fail(11, "cannot write '" + file + "': " + error.message()) : 0;
  }

  int writePrograms() {
    // In the module's order: the training step comes first.
    llvm::MapVector<StringRef, dpcrt::Manifest::EntryPoint> entries;
    std::map<std::string, RankedTensorType> inputs;
    std::vector<std::vector<dpcrt::ProgramFile>> written; // per coordinate
    for (prog::ProgramOp program : module.getOps<prog::ProgramOp>()) {
      std::string name =
          program.getEntry().str() + ".rank" + std::to_string(program.getCoordinate()) + ".prog";
      std::string bytes = writeProgram(program, context);
      if (int status = writeFile(name, bytes))
        return status;
      auto file = dpcrt::readProgram({bytes.begin(), bytes.end()}, name);
      if (!file.ok())
        return fail(70, file.status().message());
      written.resize(std::max<size_t>(written.size(), program.getCoordinate() + 1));
      written[program.getCoordinate()].push_back(std::move(*file));
      auto &entry = entries[program.getEntry()];
      entry.name = program.getEntry().str();
      entry.microBatches = program.getMicroBatches();
      entry.programs.push_back(name);
      for (Operation &op : program.getBody().front()) {
        if (auto tensor = dyn_cast<prog::TensorOp>(op); tensor && !tensor.getOutput())
          inputs[tensor.getName().str()] = cast<RankedTensorType>(tensor.getType());
        if (auto parameter = dyn_cast<prog::ParameterOp>(op))
          holders[parameter.getName().str()].insert(program.getCoordinate());
      }
    }
    for (const auto &files : written) {
      std::vector<const dpcrt::fb::Program *> programs;
      for (const dpcrt::ProgramFile &file : files)
        programs.push_back(&file.program());
      summary.arenaBytes.push_back(dpcrt::bytesOfRank(programs));
    }
    for (auto &[name, entry] : entries)
      manifest.entryPoints.push_back(entry);
    std::map<std::string, dpcrt::Manifest::Input> bounds = inputBounds();
    for (auto &[name, type] : inputs) {
      dpcrt::Manifest::Input input = bounds[name];
      input.name = name;
      input.type = *nn::getElement(type.getElementType());
      input.shape.assign(type.getShape().begin(), type.getShape().end());
      input.split = context.ep > 1 ? dpcrt::fb::Axes::Ep : dpcrt::fb::Axes::NONE;
      manifest.inputs.push_back(std::move(input));
    }
    countSamplesAndTokens();
    nlohmann::ordered_json forecast = nlohmann::ordered_json::object();
    if (auto seconds = module->getAttrOfType<FloatAttr>("dpc.forecast_seconds"))
      forecast["step_s"] = seconds.getValueAsDouble();
    if (auto bubble = module->getAttrOfType<FloatAttr>("dpc.forecast_bubble"))
      forecast["bubble"] = bubble.getValueAsDouble();
    forecast["arena_bytes"] = summary.arenaBytes;
    nlohmann::ordered_json timeline = readJson("dpc.forecast_timeline"),
                           costs = readJson("dpc.costs");
    if (!timeline.is_null() && !timeline.is_array())
      return fail(3, "the module's dpc.forecast_timeline is no list in JSON");
    if (!timeline.is_null())
      forecast["timeline"] = timeline;
    if (!costs.is_null() && !costs.is_object())
      return fail(3, "the module's dpc.costs is no object in JSON");
    if (!costs.is_null())
      forecast["costs"] = costs;
    manifest.forecast = forecast;
    return 0;
  }

  // Samples: the leading dimension that most inputs have (a mask or a table that all
  // samples share may have another). Tokens: the elements of the largest integer input
  // [samples, length] that looks something up, a table or a class: the source of a
  // translation counts, its shorter labels and a padding mask do not.
  void countSamplesAndTokens() {
    std::map<uint64_t, unsigned> inputsWith;
    for (const auto &input : manifest.inputs)
      if (!input.shape.empty())
        ++inputsWith[input.shape.front()];
    unsigned most = 0;
    for (const auto &input : manifest.inputs)
      if (!input.shape.empty() && inputsWith[input.shape.front()] > most) {
        most = inputsWith[input.shape.front()];
        manifest.samplesPerMicroBatch = input.shape.front();
      }
    for (const auto &input : manifest.inputs)
      if (dpcrt::isInteger(input.type) && input.shape.size() == 2 && input.limit &&
          input.shape.front() == manifest.samplesPerMicroBatch)
        manifest.tokensPerMicroBatch =
            std::max(manifest.tokensPerMicroBatch, input.shape[0] * input.shape[1]);
  }

  // The text of a resource on the module; null if there is none.
  nlohmann::ordered_json readJson(StringRef name) {
    auto resource = module->getAttrOfType<DenseResourceElementsAttr>(name);
    if (!resource)
      return nullptr;
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    ArrayRef<char> text = blob ? blob->getData() : ArrayRef<char>();
    return nlohmann::ordered_json::parse(text.begin(), text.end(), nullptr, false);
  }

  /// What import found of the graph's inputs; programs do not say it.
  std::map<std::string, dpcrt::Manifest::Input> inputBounds() {
    std::map<std::string, dpcrt::Manifest::Input> bounds;
    if (options.nnModule.empty())
      return bounds;
    OwningOpRef<ModuleOp> source =
        parseSourceString<ModuleOp>(options.nnModule, module.getContext());
    if (!source)
      return bounds;
    for (func::FuncOp function : source->getOps<func::FuncOp>()) {
      auto known = function->getAttrOfType<DictionaryAttr>(nn::kBoundsAttr);
      for (unsigned i = 0; i < function.getNumArguments(); ++i) {
        auto name = function.getArgAttrOfType<StringAttr>(i, nn::kNameAttr);
        auto limit = function.getArgAttrOfType<IntegerAttr>(i, nn::kLimitAttr);
        if (!name || !limit)
          continue;
        dpcrt::Manifest::Input &input = bounds[name.str()];
        input.limit = limit.getInt();
        auto parts = known ? known.getAs<DictionaryAttr>(name) : DictionaryAttr();
        if (auto minimum = parts ? parts.getAs<IntegerAttr>(nn::kMinimumAttr) : IntegerAttr())
          input.minimum = minimum.getInt();
        if (auto ignored =
                parts ? parts.getAs<DenseI64ArrayAttr>(nn::kIgnoredAttr) : DenseI64ArrayAttr())
          input.ignored.assign(ignored.asArrayRef().begin(), ignored.asArrayRef().end());
      }
    }
    return bounds;
  }

  // Parameters inside the model's own file move into the artifact, so that it can
  // be taken elsewhere alone; those in files of their own (large ones) are read
  // from there at load.
  int writeParameters() {
    std::vector<std::vector<char>> bytes;
    std::vector<dpcrt::TensorToWrite> tensors;
    for (nn::ParameterOp op : module.getOps<nn::ParameterOp>()) {
      auto held = holders.find(op.getSymName().str());
      if (held == holders.end())
        continue;
      RankedTensorType type = nn::getKeptType(op);
      dpcrt::Manifest::Parameter parameter;
      parameter.name = op.getSymName().str();
      parameter.shape.assign(type.getShape().begin(), type.getShape().end());
      parameter.type = *nn::getElement(type.getElementType());
      if (op.getStorage())
        parameter.storage = *nn::getElement(*op.getStorage());
      parameter.trained = op.getTrained();
      parameter.holders.assign(held->second.begin(), held->second.end());
      describeNames(op, parameter);
      if (auto init = dyn_cast<nn::InitAttr>(op.getSource())) {
        dpcrt::InitKind kind = init.getKind() == nn::InitKind::Ones    ? dpcrt::InitKind::Ones
                               : init.getKind() == nn::InitKind::Zeros ? dpcrt::InitKind::Zeros
                                                                       : dpcrt::InitKind::Normal;
        parameter.source =
            dpcrt::Manifest::InitSource{init.getSeed(), kind, init.getStddev().getValueAsDouble()};
      } else {
        auto file = cast<nn::FileAttr>(op.getSource());
        if (!isInsideModel(file)) {
          parameter.source = fileSource(file);
        } else {
          if (int status = readModel(file, bytes.emplace_back()))
            return status;
          parameter.source = dpcrt::Manifest::WeightsSource{parameter.name};
          tensors.push_back({parameter.name, parameter.storageType(), parameter.shape, nullptr});
        }
      }
      manifest.parameters.push_back(std::move(parameter));
    }
    if (tensors.empty())
      return 0;
    for (auto [tensor, data] : llvm::zip(tensors, bytes))
      tensor.data = data.data();
    if (dpcrt::Status status = dpcrt::writeSafetensors(path("weights.safetensors"), tensors);
        !status.ok())
      return fail(status.exitStatus(), status.message());
    manifest.weights = "weights.safetensors";
    files.push_back("weights.safetensors");
    return 0;
  }

  static dpcrt::Manifest::FileSource fileSource(nn::FileAttr file) {
    return {file.getPath().str(), file.getOffset(), file.getLength(), file.getSize(),
            (int64_t)file.getTime()};
  }

  // Whether the bytes are in the model's own file.
  bool isInsideModel(nn::FileAttr file) {
    SmallString<256> modelPath, real;
    fs::real_path(options.modelPath, modelPath);
    fs::real_path(file.getPath(), real);
    return !real.empty() && real == modelPath;
  }

  int readModel(nn::FileAttr file, std::vector<char> &bytes) {
    if (model.path().empty())
      if (dpcrt::Status status =
              dpcrt::InputFile::open(file.getPath().str(), dpcrt::Code::Artifact, model);
          !status.ok())
        return fail(status.exitStatus(), status.message());
    bytes.resize(file.getLength());
    dpcrt::Status status = model.read(file.getOffset(), bytes.data(), bytes.size());
    return status.ok() ? 0 : fail(status.exitStatus(), status.message());
  }

  // What the import found of a parameter's names elsewhere.
  void describeNames(nn::ParameterOp op, dpcrt::Manifest::Parameter &parameter) {
    if (auto name = op->getAttrOfType<StringAttr>("storage_name"))
      parameter.initializer = name.str();
    if (auto names = op->getAttrOfType<ArrayAttr>(nn::kFrameworkNamesAttr))
      for (auto name : names.getAsRange<StringAttr>())
        parameter.framework.push_back(name.str());
    parameter.transposed = op->hasAttr(nn::kFrameworkTransposedAttr);
    if (auto folding = op->getAttrOfType<StringAttr>(nn::kPartialAttr)) {
      parameter.partial = true;
      parameter.folding = folding.str();
    }
    if (auto copies = op->getAttrOfType<ArrayAttr>(nn::kCopiesAttr))
      for (auto copy : copies.getAsRange<DictionaryAttr>())
        if (auto name = copy.getAs<StringAttr>("initializer"))
          parameter.copies.push_back({name.str(), copy.getAs<BoolAttr>("transposed") ==
                                                      BoolAttr::get(op.getContext(), true)});
  }

  // The framework's state dict. Values that are no parameters and lie in the model's
  // own file move into the artifact, as parameters do.
  int writeStateDict() {
    if (auto file = module->getAttrOfType<nn::FileAttr>(nn::kModelFileAttr))
      manifest.modelFile = {file.getPath().str(), file.getSize(), (int64_t)file.getTime()};
    auto entries = module->getAttrOfType<ArrayAttr>(nn::kStateDictAttr);
    if (!entries)
      return 0;
    std::vector<std::vector<char>> bytes;
    std::vector<dpcrt::TensorToWrite> tensors;
    for (auto entry : entries.getAsRange<DictionaryAttr>()) {
      dpcrt::Manifest::StateEntry state;
      state.key = entry.getAs<StringAttr>("key").str();
      state.buffer = entry.contains("buffer");
      if (auto parameter = entry.getAs<StringAttr>("parameter"))
        state.parameter = manifest.parameter(parameter.str()) ? parameter.str() : "";
      state.used = entry.contains("used");
      state.transposed = entry.contains("transposed");
      auto file = entry.getAs<nn::FileAttr>("source");
      auto type = entry.getAs<TypeAttr>("type");
      if (file && type) {
        auto tensor = cast<RankedTensorType>(type.getValue());
        state.type = *nn::getElement(tensor.getElementType());
        state.shape.assign(tensor.getShape().begin(), tensor.getShape().end());
        if (isInsideModel(file)) {
          if (int status = readModel(file, bytes.emplace_back()))
            return status;
          state.source = dpcrt::Manifest::WeightsSource{state.key};
          tensors.push_back({state.key, state.type, state.shape, nullptr});
        } else {
          state.source = fileSource(file);
        }
      }
      manifest.stateDict.push_back(std::move(state));
    }
    if (tensors.empty())
      return 0;
    for (auto [tensor, data] : llvm::zip(tensors, bytes))
      tensor.data = data.data();
    if (dpcrt::Status status = dpcrt::writeSafetensors(path("state.safetensors"), tensors);
        !status.ok())
      return fail(status.exitStatus(), status.message());
    manifest.stateFile = "state.safetensors";
    files.push_back("state.safetensors");
    return 0;
  }

  int writeChecksums() {
    std::map<std::string, std::string> sums;
    for (const std::string &file : files) {
      if (dpcrt::Status status = dpcrt::hashFile(path(file), dpcrt::Code::Io, sums[file]);
          !status.ok())
        return fail(status.exitStatus(), status.message());
    }
    return writeFile(dpcrt::Manifest::checksumsName, dpcrt::writeChecksums(sums));
  }

  // The runtime's loader has the last word.
  int close() {
    dpcrt::Artifact artifact;
    if (dpcrt::Status status = dpcrt::openArtifact(directory, artifact); !status.ok())
      return fail(70, "the artifact just written is refused by the runtime: " + status.message());
    for (auto &[entry, check] : artifact.checks) {
      summary.messages += check.messages;
      summary.messageBytes += check.messageBytes;
      summary.collectives += check.collectives;
    }
    std::string output = StringRef(options.output).rtrim('/').str(), old;
    if (fs::exists(output)) {
      old = hidden(".replaced");
      if (std::error_code error = fs::rename(output, old))
        return fail(11, "cannot replace '" + output + "': " + error.message());
    }
    if (std::error_code error = fs::rename(directory, output)) {
      if (!old.empty())
        fs::rename(old, output);
      return fail(11, "cannot make '" + output + "': " + error.message());
    }
    directory.clear();
    if (!old.empty())
      fs::remove_directories(old);
    return 0;
  }

  ModuleOp module;
  const ArtifactOptions &options;
  ArtifactSummary &summary;
  ProgramContext context;
  dpcrt::Manifest manifest;
  dpcrt::OutputLock lock;
  std::string directory; // the temporary one, until it is renamed
  std::vector<std::string> files;
  dpcrt::InputFile model; // the model's file, once it is read
  std::map<std::string, std::set<uint32_t>> holders;
  std::map<std::string, uint64_t> constantOffsets;
  std::string constants;
};

} // namespace

int writeArtifact(ModuleOp module, const ArtifactOptions &options, ArtifactSummary &summary) {
  return ArtifactWriter(module, options, summary).run();
}

} // namespace dpc::artifact
