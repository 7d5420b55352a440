// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// All kernels of a module as one module of device functions, which becomes an image for
// each architecture. Architectures are compiled by several workers, each with an LLVM
// context of its own; MLIR's part is done once, in a context of its own too.
#include "../LowerKernel.h"
#include "DeviceCode.h"
#include "DeviceLoops.h"
#include "SumFunctions.h"
#include "dpc/Dialect/DualPipe/DualPipe.h"
#include "dpc/Dialect/NN/Location.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/GPU/GPUToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/NVVM/NVVMToLLVMIRTranslation.h"

#include <atomic>
#include <thread>

using namespace mlir;

namespace dpc::codegen {

namespace {
struct KernelError {
  std::string node; // "": not known
  std::string message;
};

// The module of device functions, as bitcode.
struct DeviceModule {
  std::string bitcode;
  std::vector<KernelError> errors;
};

DeviceModule buildModule(StringRef text, std::vector<CudaKernel> &infos,
                         std::vector<CudaSum> &sums) {
  DeviceModule result;
  DialectRegistry registry;
  registry.insert<nn::NNDialect, dualpipe::DualPipeDialect, gpu::GPUDialect, NVVM::NVVMDialect>();
  registerLoweringModels(registry);
  registerDeviceLoops(registry);
  registerCodegenDialects(registry);
  registerBuiltinDialectTranslation(registry);
  registerGPUDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  registerNVVMDialectTranslation(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    if (diagnostic.getSeverity() == DiagnosticSeverity::Error)
      result.errors.push_back({nn::getNodeName(diagnostic.getLocation()), diagnostic.str()});
    return success();
  });
  auto note = [&](StringRef message) {
    if (result.errors.empty())
      result.errors.push_back({"", message.str()});
  };
  auto fail = [&](StringRef message) {
    note(message);
    return std::move(result);
  };
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context);
  if (!module)
    return fail("a kernel cannot be read back");
  OpBuilder builder = OpBuilder::atBlockEnd(module->getBody());
  auto device = gpu::GPUModuleOp::create(builder, module->getLoc(), "kernels");
  size_t next = 0;
  for (auto kernel : llvm::make_early_inc_range(module->getOps<func::FuncOp>())) {
    CudaKernel &info = infos[next++];
    CompiledKernel work;
    measureWork(kernel, work);
    info.flops = work.flops;
    info.bytes = work.bytes;
    // What is refused is told of all kernels at once.
    FailureOr<nn::KernelForm> form = lowerToLinalg(kernel);
    if (failed(form) || failed(mapKernel(kernel, *form, device, info)))
      note("a kernel cannot be lowered");
  }
  for (CudaSum &sum : sums)
    addSumFunction(sum, device);
  // An error fails the compilation, whatever a function returned.
  if (!result.errors.empty())
    return result;
  if (failed(expandFunctions(*module)) || failed(lowerToNVVM(device)))
    return fail("a kernel cannot be lowered to NVVM");
  if (!result.errors.empty())
    return result;
  llvm::Expected<std::string> bitcode = translateToBitcode(device);
  if (!bitcode)
    return fail(llvm::toString(bitcode.takeError()));
  result.bitcode = std::move(*bitcode);
  return result;
}

// PTX and, with ptxas, a cubin.
llvm::Error buildImage(StringRef bitcode, const Architecture &architecture, StringRef ptxas,
                       ArrayRef<std::string> symbols, const CudaOptions &options,
                       CudaImage &image) {
  image.architecture = architecture.name;
  image.ptxVersion = architecture.ptxVersion;
  if (llvm::Error error = emitPtx(bitcode, architecture, options.keepsModules, image))
    return error;
  if (ptxas.empty())
    return llvm::Error::success();
  return assemble(ptxas, options.folder, symbols, image);
}
} // namespace

FailureOr<CompiledCudaKernels> compileCudaKernels(ModuleOp module, const CudaOptions &options) {
  auto fail = [&](llvm::Error error) -> LogicalResult {
    return module.emitError() << llvm::toString(std::move(error));
  };
  std::vector<Architecture> architectures;
  for (const std::string &name : options.architectures) {
    llvm::Expected<Architecture> architecture = Architecture::get(name);
    if (!architecture)
      return fail(architecture.takeError());
    architectures.push_back(*architecture);
  }
  CompiledCudaKernels result;
  if (options.cubins) {
    llvm::Expected<std::string> ptxas = findPtxas();
    if (!ptxas)
      return fail(ptxas.takeError());
    result.ptxas = *ptxas;
  }
  result.sums = options.sums;
  std::string text;
  llvm::raw_string_ostream stream(text);
  for (auto function : module.getOps<func::FuncOp>()) {
    if (!function->hasAttr(dualpipe::kKernelAttr))
      continue;
    result.kernels.emplace_back();
    // With locations, which are the nodes that an error names.
    function->print(stream, OpPrintingFlags().useLocalScope().enableDebugInfo());
    stream << "\n";
  }
  DeviceModule device = buildModule(text, result.kernels, result.sums);
  for (const KernelError &error : device.errors)
    emitError(error.node.empty() ? module.getLoc()
                                 : NameLoc::get(StringAttr::get(module.getContext(), error.node)))
        << error.message;
  if (!device.errors.empty())
    return failure();

  std::vector<std::string> symbols;
  for (const CudaKernel &kernel : result.kernels)
    for (const DeviceLaunch &launch : kernel.launches)
      symbols.push_back(launch.symbol);
  for (const CudaSum &sum : result.sums)
    symbols.push_back(sum.launch.symbol);
  size_t count = architectures.size();
  result.images.resize(count);
  std::vector<std::string> errors(count);
  std::atomic<size_t> next{0};
  auto work = [&] {
    for (size_t i; (i = next++) < count;)
      if (llvm::Error error = buildImage(device.bitcode, architectures[i], result.ptxas, symbols,
                                         options, result.images[i]))
        errors[i] = llvm::toString(std::move(error));
  };
  unsigned jobs = options.jobs ? options.jobs : std::max(1u, std::thread::hardware_concurrency());
  std::vector<std::thread> workers;
  for (size_t i = 1; i < std::min<size_t>(jobs, count); ++i)
    workers.emplace_back(work);
  work();
  for (std::thread &worker : workers)
    worker.join();
  bool failed_ = false;
  for (const std::string &error : errors)
    if (!error.empty()) {
      failed_ = true;
      module.emitError() << error;
    }
  if (failed_)
    return failure();
  return result;
}

} // namespace dpc::codegen
