// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// All kernels of a module, compiled in groups by several workers. A group is fixed
// by the kernels' order, a worker has contexts of its own, and objects are linked
// in order: the output does not depend on the number of workers.
#include "../LowerKernel.h"
#include "EmitKernel.h"
#include "MachineCode.h"
#include "dpc/Dialect/DualPipe/DualPipe.h"
#include "dpc/Dialect/NN/Location.h"

#include "mlir/Parser/Parser.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"

#include <atomic>
#include <thread>

using namespace mlir;

namespace dpc::codegen {

/// Kernels that are compiled as one LLVM module.
static constexpr size_t kGroupSize = 8;

namespace {
struct GroupError {
  std::string node; // "": not known
  std::string message;
};
struct Group {
  size_t first = 0, count = 0; // kernels
  std::string text;            // their module
  std::string object;
  std::vector<GroupError> errors;
};

void compileGroup(Group &group, const Target &target, std::vector<CompiledKernel> &infos,
                  bool emitsCode) {
  DialectRegistry registry;
  registry.insert<nn::NNDialect, dualpipe::DualPipeDialect>();
  registerLoweringModels(registry);
  registerCodegenDialects(registry);
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    if (diagnostic.getSeverity() == DiagnosticSeverity::Error)
      group.errors.push_back({nn::getNodeName(diagnostic.getLocation()), diagnostic.str()});
    return success();
  });
  auto fail = [&](StringRef message) {
    if (group.errors.empty())
      group.errors.push_back({"", message.str()});
  };
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(group.text, &context);
  if (!module)
    return fail("a kernel cannot be read back");
  size_t next = group.first;
  for (auto kernel : llvm::make_early_inc_range(module->getOps<func::FuncOp>())) {
    CompiledKernel &info = infos[next++];
    measureWork(kernel, info);
    FailureOr<nn::KernelForm> form = lowerToLinalg(kernel);
    if (failed(form) || failed(emitKernelLoops(kernel, *form, target, info)))
      return fail("a kernel cannot be lowered");
  }
  if (failed(expandMath(*module)) || failed(storeBFloatAsBits(*module)) ||
      failed(lowerToLLVM(*module)))
    return fail("a kernel cannot be lowered to LLVM");
  // An error fails the compilation, whatever a pass returned.
  if (!group.errors.empty() || !emitsCode)
    return;
  llvm::Expected<std::string> object = emitObject(*module, target);
  if (!object)
    return fail(llvm::toString(object.takeError()));
  group.object = std::move(*object);
}

// The kernels' modules in groups, with objects if code is emitted.
FailureOr<std::vector<Group>> compileGroups(ModuleOp module, const TargetOptions &options,
                                            bool emitsCode, CompiledKernels &result) {
  llvm::Expected<Target> target = Target::get(options.target);
  if (!target)
    return module.emitError() << llvm::toString(target.takeError());
  std::vector<func::FuncOp> kernels;
  for (auto function : module.getOps<func::FuncOp>())
    if (function->hasAttr(dualpipe::kKernelAttr))
      kernels.push_back(function);

  std::vector<Group> groups;
  for (size_t i = 0; i < kernels.size(); ++i) {
    if (i % kGroupSize == 0)
      groups.push_back({i, 0, {}, {}, {}});
    Group &group = groups.back();
    ++group.count;
    llvm::raw_string_ostream stream(group.text);
    // With locations, which are the nodes that an error names.
    kernels[i]->print(stream, OpPrintingFlags().useLocalScope().enableDebugInfo());
    stream << "\n";
  }
  result.kernels.resize(kernels.size());
  result.cpu = target->cpu;
  result.features = target->required;

  unsigned jobs = options.jobs ? options.jobs : std::max(1u, std::thread::hardware_concurrency());
  std::atomic<size_t> next{0};
  auto work = [&] {
    for (size_t i; (i = next++) < groups.size();)
      compileGroup(groups[i], *target, result.kernels, emitsCode);
  };
  std::vector<std::thread> workers;
  for (unsigned i = 1; i < std::min<size_t>(jobs, groups.size()); ++i)
    workers.emplace_back(work);
  work();
  for (std::thread &worker : workers)
    worker.join();

  bool failed_ = false;
  for (Group &group : groups)
    for (const GroupError &error : group.errors) {
      failed_ = true;
      MLIRContext *context = module.getContext();
      emitError(error.node.empty() ? Location(kernels[group.first].getLoc())
                                   : NameLoc::get(StringAttr::get(context, error.node)))
          << error.message;
    }
  if (failed_)
    return failure();
  return groups;
}
} // namespace

LogicalResult checkKernels(ModuleOp module, const TargetOptions &options) {
  CompiledKernels ignored;
  return compileGroups(module, options, /*emitsCode=*/false, ignored);
}

FailureOr<CompiledKernels> compileKernels(ModuleOp module, const TargetOptions &options,
                                          StringRef output, std::error_code *fileError) {
  CompiledKernels result;
  FailureOr<std::vector<Group>> groups = compileGroups(module, options, /*emitsCode=*/true, result);
  if (failed(groups))
    return failure();
  std::vector<std::string> objects;
  for (Group &group : *groups)
    objects.push_back(std::move(group.object));
  if (llvm::Error error = linkSharedObject(objects, output)) {
    std::error_code code;
    std::string message;
    llvm::handleAllErrors(std::move(error), [&](const llvm::StringError &found) {
      message = found.getMessage();
      code = found.convertToErrorCode();
    });
    if (fileError && code != llvm::inconvertibleErrorCode())
      *fileError = code;
    return module.emitError() << message;
  }
  return result;
}

} // namespace dpc::codegen
